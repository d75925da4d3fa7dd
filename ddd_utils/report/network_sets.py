"""A set of networks and the images that it calls in-between."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ddd_utils.analysis import difficulty
from ddd_utils.charts.names_and_colours import dataset_name, network_names
from ddd_utils.responses import Responses


@dataclass(frozen=True, eq=False)
class NetworkSet:
    """
    A set of networks of which one for each condition sorts the images.

    Parameters
    ----------
    title : str
        Such as "variants" or "models".
    answers : Responses
    wanted : int
        The tolerance asked for.

    Attributes
    ----------
    correct : ndarray of bool, shape (networks, images)
    chosen : ndarray of int, shape (M,)
        Rows of the networks that sort the images.
    one_each : ndarray of bool, shape (M, images)
        Their decisions.
    tolerance : int
        Lowered to what M networks allow.
    between : ndarray of bool, shape (images,)
        Whether an image is in-between.
    """

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
