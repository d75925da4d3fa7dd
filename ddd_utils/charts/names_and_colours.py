"""How the report names, colours and writes things: charts, cards, tables and prose take it from here."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

# Chosen to stay apart for red-green and blue-yellow blind readers and to keep a contrast of 3 with a white and with a
# nearly black page (a test holds both). They stand for the paper's three classes of images and for nothing else.
CLASS_COLOURS = {"trivial": "#3B82C4", "in-between": "#C08A00", "impossible": "#B8405E"}
ACCENT = "#1C8568"  # what was measured, in networks and in people
SECOND = "#C05A1A"  # what it is compared with: the paper's value, an expectation, a bound, chance
MUTED = "#8C8C8C"
NOTE = "#777777"  # words inside a plot: no renderer has a setting for them that holds on light and dark pages
SERIES = [ACCENT, SECOND, "#8A63D2", "#1286B0", "#D6409F", MUTED]  # where a chart does not choose its colours

CONDITION_NAMES = {
    "base": "base",
    "plus_1_epoch": "plus 1 epoch",
    "plus_10_epochs": "plus 10 epochs",
    "optimizer": "optimiser (Nesterov)",
    "batch_size": "batch size halved",
    "initialisation": "initialisation",
    "learning_rate": "learning rate",
    "cuda_nondeterministic": "CUDA non-determinism",
    "data_order": "data order",
    "architecture": "architecture",
    "half_data": "half of the data",
    "combined": "combined",
    "different_data": "different data",
}
# Stems of architectures' names in torchvision, timm and older collections, as their papers spell them.
AS_THEY_ARE = """
AlexNet BN ByobNet ConViT ConvMixer ConvNeXt ConvNet DPN DeiT DenseNet EfficientNet GoogLeNet Inception MambaOut
MobileNet PolyNet ResNeXt ResNet SE SENet SqueezeNet Swin TF VGG ViT Xception
"""
SPELLED = {
    **{name.lower(): name for name in AS_THEY_ARE.split()},
    "bninception": "BN-Inception",
    "cafferesnet": "Caffe ResNet",
    "fbresnet": "Facebook ResNet",
    "inceptionresnet": "Inception-ResNet",
    "nasnetalarge": "NASNet-A large",
    "nasnetamobile": "NASNet-A mobile",
    "pnasnet5large": "PNASNet-5 large",
}
# Families of models on CIFAR-10 whose answers are published, as their files begin.
PUBLISHED = {
    "akamaster resnet": "ResNet-",
    "densenet BC ": "DenseNet-BC-",
    "pyramidnet basic ": "PyramidNet-",
    "resnet basic ": "ResNet-",
    "resnet preact bottleneck ": "pre-activation ResNet-",
    "resnext ": "ResNeXt-",
    "shake shake ": "Shake-Shake-",
    "vgg ": "VGG-",
    "wrn ": "Wide ResNet-",
}
STEM = re.compile(rf"({'|'.join(sorted(SPELLED, key=len, reverse=True))})(v?\d[\w·]*)?")
DATASET_NAMES = {
    "gaussian": "Gaussian noise",
    "digits": "digits",
    "fashion_mnist": "Fashion-MNIST (clothing)",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "imagenet": "ImageNet",
    "folder": "the image folder",
    "npz": "the images from npz files",
    "table": "your table",
    "any": "",  # arithmetic on the paper's figures rests on none
}


def css() -> str:
    """Return the colours as CSS variables: ``--trivial``, ``--in-between``, ``--impossible`` and ``--series``."""
    classes = "".join(f" --{name}: {colour};" for name, colour in CLASS_COLOURS.items())
    return f":root {{{classes} --series: {' '.join(SERIES)}; }}"


def condition_name(condition: str) -> str:
    """Return the name that readers see for a condition or for an architecture; any other comes back unchanged."""
    return CONDITION_NAMES.get(condition) or model_name(condition)


def model_name(name: str) -> str:
    """Spell the identifier of an architecture (``vgg16_bn``) as readers know it (``VGG-16 BN``)."""
    if name.startswith("test_"):  # timm's smallest, made for tests
        return f"tiny {model_name(name.removeprefix('test_'))}"
    for start, family in PUBLISHED.items():
        if name.startswith(start):
            return family + name.removeprefix(start).replace(" ", "-")
    words = re.split("[_.]", re.sub(r"(?<=\d)_(?=\d$)", "·", name))
    if not re.fullmatch(r"[a-z][a-z0-9_.]*", name) or not any(map(STEM.fullmatch, words)):
        return name
    return " ".join(map(_spelled, words)).replace("·", ".")


def _spelled(word: str) -> str:
    found = STEM.fullmatch(word)
    if not found:
        return word
    stem, number = SPELLED[found[1]], found[2] or ""
    return stem + (number and ("-" if number[0].isdigit() else " ") + number)


def dataset_name(dataset: str) -> str:
    """Return the name that readers see for a data set; an unknown one comes back unchanged."""
    return DATASET_NAMES.get(dataset, dataset)


def network_names(networks: pd.DataFrame) -> list[str]:
    """Name networks by their condition, and by their instance too where a condition has several of them."""
    several = networks.duplicated("condition", keep=False)
    names = networks["condition"].map(condition_name)
    return names.where(~several, names + " " + networks["instance"].astype(str)).tolist()


def with_names(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a table with a further column: the readable name of each row's condition."""
    return table.assign(name=[condition_name(condition) for condition in table["condition"]])


def range_in_words(values: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> str:
    """Say which of several named values is the highest and which the lowest; undefined ones do not count."""
    known = {name: value for name, value in dict(values).items() if pd.notna(value)}
    if not known:
        return "all undefined"
    high, low = max(known, key=lambda name: known[name]), min(known, key=lambda name: known[name])
    return minus(f"highest: {high} ({known[high]:z.2f}); lowest: {low} ({known[low]:z.2f})")


def minus(text: str) -> str:
    """Give the negative numbers of a text the sign that they have on all of the page."""
    return re.sub(r"(?<![\w.)])-(?=\.?\d)", "−", text)


def bracketed(values: ArrayLike, lower: ArrayLike, upper: ArrayLike, form: str = ".3f") -> np.ndarray:
    """Write numbers with their limits for a tooltip; a number without limits stands alone, NaN is "undefined"."""
    value, low, high = (_written(np.asarray(part, float), form) for part in (values, lower, upper))
    return np.where(np.isfinite(np.asarray(lower, float)), value + " [" + low + ", " + high + "]", value)


def _written(values: np.ndarray, form: str) -> np.ndarray:
    texts = [minus(format(value + 0.0, form)) if np.isfinite(value) else "undefined" for value in values.ravel()]
    return np.array(texts, object).reshape(values.shape)
