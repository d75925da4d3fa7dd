"""What every kind of pretrained model has: a check by name, a preparation of images, and a network on demand."""

import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ddd_utils.config.model_sets import Model
from ddd_utils.data import views
from ddd_utils.data.class_spaces import ClassSpace
from ddd_utils.data.views import Preparation
from ddd_utils.errors import InputError, nearest
from ddd_utils.machine import environment
from ddd_utils.models.by_name import activations, brief, passed


@dataclass(frozen=True)
class Recipe(ABC):
    """How to make a pretrained model."""

    entry: Model

    @property
    def weights(self) -> Any:
        """The block of the entry that says whose weights; each kind of recipe has its own."""
        return self.entry.pretrained

    @abstractmethod
    def check(self) -> None:
        """Raise :class:`InputError`, with the nearest right name, for what does not exist; nothing is loaded."""

    @abstractmethod
    def usual(self) -> dict[str, Any]:
        """Say how the model's own configuration prepares images: arguments of :func:`views.preparation`."""

    @abstractmethod
    def build(self, space: ClassSpace) -> nn.Module:
        """Build the network with its weights, downloading them if need be."""

    @abstractmethod
    def rehearse(self, space: ClassSpace) -> None:
        """Check, as far as that takes seconds and no download, that the network can be made and fits the images."""

    @property
    @abstractmethod
    def origin(self) -> str:
        """Where the weights come from, in words."""

    def about(self, network: nn.Module, space: ClassSpace) -> dict[str, Any]:
        """Say what else is known of a network that was made: activations, normalisation, published accuracy."""
        prepared = self.preparation
        return {"activation": activations(network), "mean": prepared.mean, "sd": prepared.sd, **self.expected()}

    def expected(self) -> dict[str, Any]:
        """Say which share of ImageNet's validation images is right by the weights' authors; nothing if not known."""
        return {}

    @property
    def preparation(self) -> Preparation:
        """How images are prepared: as usual, but for what the entry says."""
        usual, asked = self.usual(), self.entry.preprocessing.model_dump(exclude_none=True)
        if "resized" in usual and {"size", "crop_fraction"} & set(asked):
            usual["crop_fraction"] = usual["size"] / usual.pop("resized")
        return views.preparation(**{**usual, **asked})

    def network(self, space: ClassSpace) -> tuple[nn.Module, np.ndarray]:
        """Make the network in evaluation mode and try it on two images; also return the answer of each output."""
        with loading_safely():
            network = self.build(space)
        return self.tried(network, space)

    def tried(self, network: nn.Module, space: ClassSpace) -> tuple[nn.Module, np.ndarray]:
        """Try a network on two images, as :meth:`network` does."""
        try:
            return network, space.answers_of(self.passed(network).shape[1], self.entry.classes)
        except InputError as error:
            raise InputError(f"'{self.entry.label}' {error}") from None

    def passed(self, network: nn.Module) -> torch.Tensor:
        """Return what a network puts out for two images, (2, outputs)."""
        size = self.preparation.view.size
        with torch.inference_mode():
            return passed(network.eval().requires_grad_(False), torch.zeros(2, 3, size, size), f"'{self.entry.label}'")


@contextmanager
def loading_safely() -> Iterator[None]:
    """Let no library unpickle more than weights, or write to the terminal about its attempts to download them."""
    # Our own logger has a level of its own and still speaks.
    loud = {logger: logger.level for logger in map(logging.getLogger, (None, "huggingface_hub"))}
    for logger in loud:
        logger.setLevel(logging.CRITICAL)
    if not sys.stderr.isatty():
        from huggingface_hub.utils import disable_progress_bars

        disable_progress_bars()
    try:
        with environment({"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1"}):
            yield
    finally:
        for logger, level in loud.items():
            logger.setLevel(level)


def unbuildable(entry: Model, error: BaseException) -> InputError:
    """Say that a model does not take the arguments of its entry."""
    reason = f"{type(error).__name__}: {brief(error)}"
    return InputError(f"'{entry.label}' cannot be built with {entry.arguments}: {reason}")


def unavailable(label: str, origin: str, error: BaseException, beside: str = "") -> InputError:
    """Say that weights cannot be loaded, and what helps without a network."""
    return InputError(
        f"the weights of '{label}' ({origin}) cannot be loaded: {brief(error)}; without a network, give a file of "
        f"them as pretrained: {{{beside}file: ...}}"
    )


def require(name: str, known: Iterable[str], complaint: str, model: str = "") -> None:
    """Raise :class:`InputError` with the nearest right name where one is not known; of a model's own, with all."""
    if name not in (known := list(known)):
        of, has = (f" for '{model}'", f"; it has {', '.join(known) or 'none'}") if model else ("", "")
        raise InputError(f"{complaint} '{name}'{of}{nearest(name, known)}{has}")
