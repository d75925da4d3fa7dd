"""Architectures by name: our scalable ResNet, any timm or torchvision model, or one of their classes with arguments."""

import functools
import importlib
import inspect
import re
import warnings
from collections import Counter
from collections.abc import Callable

import timm
import torch
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


# Arguments that bring weights, from files or the network, into what is to be trained here or filled from a file.
DOORS = ("pretrained", "checkpoint_path", "weights", "cache_dir", "num_classes", "load_weights")


def refuse_doors(arguments: dict, model: str) -> None:
    """Raise :class:`InputError` for arguments that would bring in weights, or change what has its own key."""
    for name in arguments:
        if name in DOORS or name.startswith(("pretrained_", "weights_")):
            raise InputError(
                f"model '{model}': arguments.{name} is not taken; `pretrained` says whose weights, `classes` what "
                "outputs mean"
            )


def rehearse(model: str, classes: int, arguments: dict, size: int) -> nn.Module:
    """Build a network that is to be trained, and have it answer two images of some size (px), as in training."""
    if "." in model and not model.startswith(("timm.", "torchvision.")):
        name, _, tag = model.partition(".")
        raise InputError(
            f"model '{model}': the tag '{tag}' names weights, but these images train the model from scratch; write "
            f"'{name}', or give test images"
        )
    with torch.random.fork_rng(devices=[]), torch.no_grad(), warnings.catch_warnings(action="ignore"):
        network = create(model, classes, arguments).train()
        outputs = passed(network, torch.rand(2, 3, size, size), f"model '{model}'")
    if outputs.shape != (2, classes):
        raise InputError(f"model '{model}' returns {tuple(outputs.shape)} numbers for 2 images of {classes} classes")
    return network


def passed(network: nn.Module, images: torch.Tensor, name: str) -> torch.Tensor:
    """Have a network answer, (images, outputs); what it cannot do is one line."""
    try:
        outputs = network(images)
    except Exception as error:  # Whatever a network stumbles over, it cannot take such images.
        raise InputError(f"{name} cannot take images of {images.shape[-1]} px: {brief(error)}") from None
    if not isinstance(outputs, torch.Tensor) or outputs.ndim != 2:
        several = (
            "; arguments: {aux_logits: false} may mend that"
            if "aux" in " ".join(getattr(outputs, "_fields", ()))
            else ""
        )
        raise InputError(f"{name} does not return one number a class, but {_form(outputs)}{several}")
    if not torch.isfinite(outputs).all():
        raise InputError(f"{name} puts out numbers that are not finite")
    return outputs


def _form(outputs: object) -> str:
    return f"numbers of shape {tuple(outputs.shape)}" if isinstance(outputs, torch.Tensor) else type(outputs).__name__


def brief(error: BaseException) -> str:
    """Return an error's first sentence; libraries write paragraphs, some in colour."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip() or type(error).__name__
    return re.split(r"\.\s|\n", re.sub(r":\s*\n\s*", ": ", text))[0][:200].rstrip(".")


def activations(network: nn.Module) -> str:
    """Name the activations that are modules of a network, the commonest first; gates and softmax are none."""
    kinds = (type(each) for each in network.modules())
    names = [kind.__name__ for kind in kinds if "activation" in kind.__module__ or kind.__name__ == "QuickGELU"]
    counts = Counter(name for name in names if not re.search("igmoid|oftmax|Attention", name))
    return ", ".join(name for name, _ in counts.most_common())


def new_name(model: str) -> str | None:
    """Return timm's present name of a model that it once called otherwise."""
    return timm.models._registry._deprecated_models.get(model)


def create(model: str, classes: int, arguments: dict | None = None) -> nn.Module:
    """Build a network with some number of outputs; unknown names and arguments raise :class:`InputError`."""
    arguments = dict(arguments or {})
    refuse_doors(arguments, model)
    maker = find(model)
    try:
        if model in OURS:
            return maker(classes, **arguments)
        if maker in (timm.create_model, torchvision.models.get_model):
            return maker(model, num_classes=classes, **arguments)
        return maker(num_classes=classes, **arguments)
    except InputError:
        raise
    except Exception as error:  # Libraries check few arguments, each in its own way.
        given = f"{arguments}"[:200]
        raise InputError(f"model '{model}' cannot be built with arguments {given}: {brief(error)}") from None


def find(model: str) -> Callable[..., nn.Module]:
    """Find what builds a model: one of ours, of timm, of torchvision, or a class of the two by its dotted name."""
    if model in OURS:
        return OURS[model]
    if model.startswith(("timm.", "torchvision.")):
        return _find_class(model)
    if new := new_name(model):
        raise InputError(f"'{model}' is an old name: timm now calls it '{new}'")
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
