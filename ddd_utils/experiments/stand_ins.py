"""Images that stand in for a data set that is not to be had, so that the default report can always be made."""

import logging
from collections.abc import Sequence

from ddd_utils.config import params
from ddd_utils.config.image_sets import Digits, FashionMnist
from ddd_utils.config.params import Preset
from ddd_utils.data import fashion_mnist
from ddd_utils.data.downloads import Unavailable
from ddd_utils.experiments import sources
from ddd_utils.experiments.store import Experiment

log = logging.getLogger(__name__)

DIGITS = Digits(train_images=400, noise=96)


def with_images(preset: Preset, sections: Sequence[str]) -> Preset:
    """
    Have the photographs of clothing that sections need at hand, or let digits stand in for them everywhere.

    Then the preset has a notice that says so, and why; it is logged, written with the preset, and heads the report.
    """
    try:
        for source, _ in sources.needed(preset, sections):
            if isinstance(source, Experiment) and isinstance(source.dataset, FashionMnist):
                fashion_mnist.drawn(source.dataset)
    except Unavailable as error:
        notice = f"Handwritten digits stand in for the photographs of clothing. {error}"
        log.info("%s", notice)
        return params.with_stand_in(preset, FashionMnist().name, DIGITS, notice)
    return preset
