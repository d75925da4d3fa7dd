"""Architectures by name: our scalable ResNet, any timm or torchvision model, or one of their classes with arguments."""

import functools
import importlib
import inspect
from collections.abc import Callable

import timm
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from ddd_utils.errors import InputError, nearest
from ddd_utils.models.ours import BagNet33, CORnetRT, PlainConvNet, ResNet, densenet121

OURS: dict[str, Callable[..., nn.Module]] = {
    "bagnet33": BagNet33,
    "cornet_rt": CORnetRT,
    "densenet121": densenet121,
    "resnet18": functools.partial(ResNet, block=BasicBlock, layers=(2, 2, 2, 2)),
    "resnet34": functools.partial(ResNet, block=BasicBlock, layers=(3, 4, 6, 3)),
    "resnet50": functools.partial(ResNet, block=Bottleneck, layers=(3, 4, 6, 3)),
    "plain_convnet": PlainConvNet,
}

TORCHVISION = torchvision.models.list_models(module=torchvision.models)


def create(model: str, classes: int, arguments: dict | None = None) -> nn.Module:
    """Build a network with some number of outputs; unknown names and arguments raise :class:`InputError`."""
    arguments = dict(arguments or {})
    maker = find(model)
    try:
        if model in OURS:
            return maker(classes, **arguments)
        if maker in (timm.create_model, torchvision.models.get_model):
            return maker(model, num_classes=classes, **arguments)
        return maker(num_classes=classes, **arguments)
    except Exception as error:  # whatever a factory trips over, these arguments led there
        raise InputError(
            f"model '{model}' cannot be built with arguments {arguments}: {type(error).__name__}: {error}"
        ) from None


def find(model: str) -> Callable[..., nn.Module]:
    """Find what builds a model: one of ours, of timm, of torchvision, or a class of the two by its dotted name."""
    if model in OURS:
        return OURS[model]
    if model.startswith(("timm.", "torchvision.")):
        return _find_class(model)
    if timm.is_model(model):
        return timm.create_model
    if model in TORCHVISION:
        return torchvision.models.get_model
    raise InputError(f"unknown model '{model}'{nearest(model, [*OURS, *timm.list_models(), *TORCHVISION])}")


def _find_class(dotted: str) -> type[nn.Module]:
    module, _, name = dotted.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        raise InputError(f"unknown model class '{dotted}': there is no module '{error.name}'") from None
    if not (inspect.isclass(found) and issubclass(found, nn.Module)):
        classes = [key for key, value in vars(importlib.import_module(module)).items() if inspect.isclass(value)]
        raise InputError(f"unknown model class '{dotted}'{nearest(name, classes)}")
    return found
