"""Simulated worlds: decisions of networks about images of which it is known how difficulty and agreement come about."""

import numpy as np
from scipy.special import expit


def independent(networks, images, seed=0, accuracy=0.75):
    """All images are equally hard; networks differ a little in accuracy."""
    rng = np.random.default_rng(seed)
    return rng.random((networks, images)) < accuracy + np.linspace(-0.05, 0.05, networks)[:, None]


def smooth(networks, images, seed=0, tail="normal", centre=1.5, width=2.5, abilities=0.0, discrimination=0.0, shared=0):
    """
    Easiness varies without a gap, in log odds, and networks are independent given it.

    Its tail is "normal", "t" (3 degrees of freedom), "uniform" or "skew" (many very hard images).
    Abilities and discrimination (2PL: log-normal, image by image) are standard deviations. Families of `shared`
    networks also share a peculiar easiness of the images, of standard deviation 1.5.
    """
    rng = np.random.default_rng(seed)
    draw = {
        "normal": rng.standard_normal,
        "t": lambda n: rng.standard_t(3, n) * 0.6,
        "uniform": lambda n: rng.uniform(-1.5, 1.5, n),
        "skew": lambda n: (2 - rng.gamma(2, 1, n)) / np.sqrt(2),
    }[tail](images)
    ability = abilities * np.linspace(-1.5, 1.5, networks)[:, None]
    odds = np.exp(discrimination * rng.standard_normal(images)) * (centre + width * draw + ability)
    if shared:
        odds = odds + 1.5 * np.repeat(rng.standard_normal((-(-networks // shared), images)), shared, axis=0)[:networks]
    return rng.random((networks, images)) < expit(odds)


def two_kinds(networks, images, seed=0, trivial=0.5, impossible=0.15, error=0.0, accuracy=0.6, abilities=0.0):
    """Networks get trivial images right, impossible ones wrong, but for errors; they toss coins about the others."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, images, p=[impossible, trivial, 1 - trivial - impossible])
    by_chance = expit(np.log(accuracy / (1 - accuracy)) + abilities * np.linspace(-1.5, 1.5, networks)[:, None])
    chance = np.where(kind == 0, error, np.where(kind == 1, 1 - error, by_chance))
    return rng.random((networks, images)) < chance


def two_humps(networks, images, seed=0, apart=3.0, width=1.5, easy=0.7):
    """Easiness is smooth, but has two humps, in log odds: neither one family of difficulty nor two kinds of images."""
    rng = np.random.default_rng(seed)
    odds = np.where(rng.random(images) < easy, apart, -apart) + width * rng.standard_normal(images)
    return rng.random((networks, images)) < expit(odds)
