import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from ddd_utils.analysis import noise
from ddd_utils.errors import InputError

SIGMAS = np.arange(1, 101)
PIXELS_32 = 3 * 32 * 32


@pytest.mark.parametrize(("p", "q"), [(1, 2), (2, 1), (50, 51), (3.0, 3.0)])
def test_kl_divergence_equals_its_integral(p, q):
    def integrand(x):
        return norm.pdf(x, scale=p) * (norm.logpdf(x, scale=p) - norm.logpdf(x, scale=q))

    assert noise.kl_divergence(p, q) == pytest.approx(quad(integrand, -12 * p, 12 * p)[0], abs=1e-9)


def test_kl_divergence_between_neighbours_decreases():
    divergences = noise.kl_divergence(SIGMAS[:-1], SIGMAS[1:])
    assert divergences.shape == (99,) and (np.diff(divergences) < 0).all()


@pytest.mark.parametrize("sigma", [1, 7.5, 64, 100])
def test_class_distribution_is_that_of_rounded_and_clipped_noise(sigma):
    levels = np.random.default_rng(0).normal(128, sigma, size=400_000)
    counted = np.bincount(np.clip(np.rint(levels), 0, 255).astype(int), minlength=256) / levels.size
    expected = noise.class_distribution(sigma)
    assert expected.shape == (256,) and expected.sum() == pytest.approx(1, abs=1e-12)
    assert (np.abs(counted - expected) < 5 * np.sqrt(expected / levels.size) + 1e-5).all()


def test_far_tails_keep_their_precision():
    density = noise.class_distribution(4)
    np.testing.assert_array_equal(density[129:255], density[127:1:-1])
    # 30 standard deviations out, where 1 - cdf would be zero.
    assert density[248] == pytest.approx(norm.sf(119.5 / 4) - norm.sf(120.5 / 4), rel=1e-9) and density[248] > 0


@pytest.mark.parametrize("sigma", [0, -1, np.nan])
def test_a_standard_deviation_is_positive(sigma):
    with pytest.raises(InputError, match="positive"):
        noise.class_distribution(sigma)


def monte_carlo(sigmas, dimensions, images):
    """Accuracy of the exact rule on simulated images, each as its counts of the 256 levels."""
    densities = np.array([noise.class_distribution(sigma) for sigma in sigmas])
    logs = np.log(np.maximum(densities, 1e-300))
    rng = np.random.default_rng(0)
    choices = [np.argmax(rng.multinomial(dimensions, density, size=images) @ logs.T, axis=1) for density in densities]
    return np.array([(choice == true).mean() for true, choice in enumerate(choices)])


@pytest.mark.parametrize(("sigmas", "dimensions"), [(np.arange(1, 101, 3), 400), (SIGMAS[60:], PIXELS_32)])
def test_bayes_accuracy_equals_that_of_simulated_images(sigmas, dimensions):
    images = 500
    expected = monte_carlo(sigmas, dimensions, images)
    found = noise.bayes_accuracy(sigmas, dimensions)
    # 4.5 standard errors for the simulation, .01 for the normal approximation.
    assert (np.abs(found - expected) < 4.5 * np.sqrt(found * (1 - found) / images) + 0.01).all()
    assert found.mean() == pytest.approx(expected.mean(), abs=0.01)


def test_bayes_accuracy_of_the_papers_classes():
    assert noise.bayes_accuracy(SIGMAS, PIXELS_32).mean() == pytest.approx(0.61, abs=0.005)
    assert noise.bayes_accuracy(SIGMAS, 3 * 224 * 224).mean() == pytest.approx(0.998, abs=0.0005)


def test_bayes_accuracy_follows_the_order_of_the_classes():
    order = np.random.default_rng(0).permutation(len(SIGMAS))
    np.testing.assert_array_equal(
        noise.bayes_accuracy(SIGMAS[order], PIXELS_32), noise.bayes_accuracy(SIGMAS, PIXELS_32)[order]
    )


def test_bayes_accuracy_of_few_classes():
    assert noise.bayes_accuracy([50], PIXELS_32).tolist() == [1]
    assert (noise.bayes_accuracy([50, 51], 1) > 0.4).all()
    with pytest.raises(InputError, match="differ"):
        noise.bayes_accuracy([50, 50], PIXELS_32)


def test_string_sorting_puts_the_single_digits_where_figure_8_has_its_spikes():
    positions = noise.string_sorted_positions()
    assert positions[4:10].tolist() == [35, 46, 57, 68, 79, 90]
    assert sorted(positions) == list(range(1, 101))
