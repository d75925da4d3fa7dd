"""Architectures by name: our scalable ResNet, any timm or torchvision model, or one of their classes with arguments."""

import difflib
import functools
import importlib
import inspect
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import timm
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from ddd_utils.errors import NEAR, InputError, nearest, needs_extra
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
            meant = "`pretrained` says whose weights, `classes` what outputs mean"
            raise InputError(f"model '{model}': arguments.{name} is not taken; {meant}")


def rehearse(model: str, classes: int, arguments: dict, size: int) -> nn.Module:
    """Build a network that is to be trained, and have it answer two images of some size (px), as in training."""
    if "." in model and not model.startswith(("timm.", "torchvision.")):
        name, _, tag = model.partition(".")
        scratch = f"but these images train the model from scratch; write '{name}', or give test images"
        raise InputError(f"model '{model}': the tag '{tag}' names weights, {scratch}")
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
        shape = getattr(outputs, "shape", None)
        form = type(outputs).__name__ if shape is None else f"numbers of shape {tuple(shape)}"
        if "aux" in " ".join(getattr(outputs, "_fields", ())):
            form += "; arguments: {aux_logits: false} may mend that"
        raise InputError(f"{name} does not return one number a class, but {form}")
    if not torch.isfinite(outputs).all():
        raise InputError(f"{name} puts out numbers that are not finite")
    return outputs


def brief(error: BaseException) -> str:
    """Return an error's first sentence; libraries write paragraphs, some in colour."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip() or type(error).__name__
    return re.split(r"\.\s|\n", re.sub(r":\s*\n\s*", ": ", text))[0][:200].rstrip(".")


# What presets may say where a library asks for plain values; a number may stand for another kind of number.
NUMBER = (bool, int, float)
KINDS: dict[Any, tuple[str, Any]] = {
    str: ("a text", (str,)),
    bool: ("true or false", NUMBER),
    int: ("a whole number", NUMBER),
    float: ("a number", NUMBER),
    **dict.fromkeys((list, tuple), ("a list", (list,))),
    dict: ("a block of keys", (dict,)),
}


def check_kinds(network: nn.Module, maker: Callable[..., Any], arguments: dict[str, Any], name: str) -> None:
    """Refuse arguments of another kind than they are declared: a network may look into an empty block for a word."""
    declared: dict[str, Any] = {}
    for each in (*(kind.__init__ for kind in reversed(type(network).__mro__)), maker):
        with suppress(TypeError, NameError):  # partial functions and names that are known to type checkers alone
            declared |= get_type_hints(each)
    for argument, value in arguments.items():
        asked = declared.get(argument, Any)
        either = set(get_args(asked) if get_origin(asked) in (Union, UnionType) else (asked,)) - {type(None)}
        kinds = [KINDS.get(get_origin(each) or each, ("", object)) for each in either]  # whatever else: may be anything
        if value is None or isinstance(value, tuple(kind for _, kind in kinds)):
            continue
        words = " or ".join(sorted({word for word, _ in kinds}))
        raise InputError(f"{name}: arguments.{argument}: {words} is needed, not {f'{value!r}'[:60]}")


def check_words(network: nn.Module, build: Callable[..., nn.Module], arguments: dict[str, Any], name: str) -> None:
    """Refuse words that are as good as any other: libraries look for those that they know, and pass over the rest."""
    for argument, word in arguments.items():
        library = inspect.getmodule(type(network)) or type(network)
        # A word of the source may be what the library takes all others for, as "bias" is where it asks for "mlp" alone.
        if not isinstance(word, str) or re.search(rf"\b{re.escape(word)}\b", inspect.getsource(library)):
            continue
        other = None
        with suppress(Exception), torch.random.fork_rng(devices=[]):  # who checks words refuses this one
            other = build(**{**arguments, argument: "?"})
        if repr(other) == repr(network):
            useless = f"{word!r} means nothing to it: any other word does the same"
            raise InputError(f"{name}: arguments.{argument}: {useless}")


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
        by_library = maker in (timm.create_model, torchvision.models.get_model)
        named = (model,) if by_library else ()
        build = functools.partial(maker, *named, **{"classes" if model in OURS else "num_classes": classes})
        network = build(**arguments)
        check_kinds(network, maker, arguments, f"model '{model}'")
        check_words(network, build, arguments, f"model '{model}'")
        return network
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
    raise unknown(model, [*OURS, *timm.list_models(), *TORCHVISION])


def unknown(model: str, known: Iterable[str]) -> InputError:
    """Say what is near an unknown name; of a name that open_clip has, or only open_clip has near, how it is written."""
    near, told = nearest(model, known), f"unknown model '{model}'"
    if not near:
        needs_extra("clip", f"{told}; if it is open_clip's, it")
    names, offer = clip_offer(model, "open_clip")
    return InputError(told + (offer if model in names or not near else near))


def clip_offer(model: str, whose: str) -> tuple[list[str], str]:
    """List open_clip's names nearest to one, and say how they are written: with one of the weights there are."""
    try:
        import open_clip
    except ImportError:
        return [], ""
    weights = open_clip.list_pretrained()
    names = difflib.get_close_matches(model, dict(weights), cutoff=NEAR)
    if not names:
        return [], ""
    first, *others = [tag for name, tag in weights if name == names[0]]
    write = f"write model: {names[0]}, pretrained: {{open_clip: {first}}}"
    more = f" (or {', '.join(others)})" if others else ""
    return names, f"; {whose} has {', '.join(names)}: {write}{more}"


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
