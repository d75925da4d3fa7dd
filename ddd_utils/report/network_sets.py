"""A set of networks, the images that it calls in-between, and what its configuration is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ddd_utils.analysis import difficulty
from ddd_utils.charts.names_and_colours import dataset_name, network_names
from ddd_utils.config.schema import Variants
from ddd_utils.report.claims import Book
from ddd_utils.responses import Responses


@dataclass(frozen=True, eq=False)
class NetworkSet:
    """A set of networks of which one for each condition sorts the images; ``wanted`` is the tolerance asked for."""

    title: str
    answers: Responses
    wanted: int

    @cached_property
    def correct(self) -> np.ndarray:
        """Who was right."""
        return self.answers.correct()

    @cached_property
    def chosen(self) -> np.ndarray:
        """Rows of the networks that sort the images."""
        return difficulty.one_per_condition(self.answers.networks)

    @property
    def M(self) -> int:
        """How many networks sort the images."""
        return len(self.chosen)

    @cached_property
    def one_each(self) -> np.ndarray:
        """Their decisions."""
        return self.correct[self.chosen]

    @property
    def tolerance(self) -> int:
        """The tolerance, lowered to what M networks allow."""
        return difficulty.fitting_tolerance(self.wanted, self.M)

    @cached_property
    def between(self) -> np.ndarray:
        """Mark the in-between images."""
        return difficulty.classify(self.one_each, self.tolerance) == "in-between"

    @property
    def names(self) -> list[str]:
        """Names of the networks that sort the images."""
        return network_names(self.answers.networks.iloc[self.chosen])

    @property
    def dataset(self) -> str:
        """What its images are called."""
        return dataset_name(self.answers.info["dataset"])

    @property
    def heading(self) -> str:
        """What the set is called in titles."""
        return f"{self.title}, {self.dataset}"

    @property
    def order(self) -> str:
        """The order in which matrices show its conditions at first."""
        return "name" if self.title == "variants" else "cluster"

    @property
    def accuracies(self) -> list[float]:
        """Mean accuracy of each condition."""
        conditions = self.answers.networks["condition"]
        return [self.correct[conditions == name].mean() for name in conditions.unique()]

    def record(self, book: Book, means: pd.DataFrame) -> None:
        """Record the scores, mean kappa on all images and in between, and the drop (`nulls.subset_consistency`)."""
        book.record_scores(self.title, self.answers, self.chosen, self.tolerance)
        prefix, between = "variants" if self.title == "variants" else "sota", self.answers.select(images=self.between)
        figures = {"all images": "kappa_all", "subset": "kappa_in_between", "drop": "kappa_drop"}
        for row, key in figures.items():
            value, lower, upper = (float(means[column][row]) for column in ("kappa", "lower", "upper"))
            basis = self.answers if row == "all images" else between
            book.record(f"{prefix}_{key}", value, (lower, upper), basis, f"tolerance {self.tolerance}")


def variants(answers: Responses) -> Variants:
    """Return the configuration of training variants."""
    assert isinstance(answers.config, Variants)
    return answers.config
