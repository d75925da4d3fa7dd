"""Data sets as plain arrays: training and test images, labels, class names, and how they are fed to a network."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddd_utils import paths, schema
from ddd_utils.errors import InputError
from ddd_utils.experiments.gaussian import noise_images, noise_split
from ddd_utils.experiments.photographs import central_crop

IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Images:
    """
    One split of a data set.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (images, 3, height, width), or list of Path
        The images, or the files that hold them.
    labels : ndarray of int16, shape (images,)
    ids : sequence of str
        A name for each image.
    """

    pixels: np.ndarray | list[Path]
    labels: np.ndarray
    ids: Sequence[str]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """
    A data set.

    Attributes
    ----------
    train, test : Images
    classes : tuple of str
        Class names by label.
    mean, sd : tuple of float
        Normalisation of each channel, for pixels in [0, 1].
    augmentation : {"none", "flip_and_shift", "random_resized"}
        What is done to training images.
    image_size : int
        Height and width in pixels as the network sees them.
    resize_test : bool
        Whether test images are cropped at random too (the published Gaussian pipeline).
    """

    train: Images
    test: Images
    classes: tuple[str, ...]
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sd: tuple[float, float, float] = (1.0, 1.0, 1.0)
    augmentation: str = "none"
    image_size: int = 32
    resize_test: bool = False


@functools.lru_cache(maxsize=2)
def load(config: schema.Dataset) -> Data:
    """
    Load or make a data set.

    Parameters
    ----------
    config : Gaussian, Digits, Cifar or Folder
        Its block of a preset.

    Returns
    -------
    Data

    Raises
    ------
    InputError
        If files are missing.
    """
    makers = {schema.Gaussian: _gaussian, schema.Digits: _digits, schema.Cifar: _cifar, schema.Folder: _folder}
    return makers[type(config)](config)


def test_pixels(config: schema.Dataset, indices: np.ndarray) -> np.ndarray:
    """
    Return some test images without loading more than needed.

    Parameters
    ----------
    config : Gaussian, Digits, Cifar or Folder
        The data set.
    indices : ndarray of int, shape (images,)
        Which test images.

    Returns
    -------
    ndarray of uint8, shape (images, 3, size, size)
    """
    if config.name == "gaussian":
        images = [
            noise_images(index // config.test_per_class + 1, [index], "test", config.image_size, config.seed)
            for index in indices
        ]
        return np.concatenate(images)
    test = load(config).test.pixels
    if isinstance(test, np.ndarray):
        return test[indices]
    return np.stack([central_crop(test[index], config.image_size) for index in indices]).transpose(0, 3, 1, 2)


def _gaussian(config: schema.Gaussian) -> Data:
    def split(name, per_class):
        images, labels = noise_split(config.classes, per_class, name, config.image_size, config.seed)
        ids = [f"sigma{label + 1}-{index % per_class}" for index, label in enumerate(labels)]
        return Images(images, labels, ids)

    resized = config.crop == "random_resized"
    return Data(
        train=split("train", config.train_per_class),
        test=split("test", config.test_per_class),
        classes=tuple(f"standard deviation {sigma}" for sigma in range(1, config.classes + 1)),
        augmentation="random_resized" if resized else "none",
        image_size=config.image_size,
        resize_test=resized,
    )


def _digits(config: schema.Digits) -> Data:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # The set counts ink from 0 to 16.
    ink = np.rint(bunch.images * (255 / 16))
    noise = _standard_normal(ink.shape, config.seed) * config.noise
    small = np.clip(np.rint(ink + noise), 0, 255).astype(np.uint8)
    images = np.repeat(_enlarge(small, config.image_size)[:, None], 3, axis=1)
    order = np.random.Generator(np.random.Philox(config.seed)).permutation(len(images))
    parts = np.sort(order[: config.train_images]), np.sort(order[config.train_images :])
    train, test = (Images(images[p], bunch.target[p].astype(np.int16), [f"digit-{i}" for i in p]) for p in parts)
    classes = tuple(str(name) for name in bunch.target_names)
    return Data(train, test, classes, (0.5,) * 3, (0.5,) * 3, image_size=config.image_size)


def _standard_normal(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(key=seed)).standard_normal(shape)


def _enlarge(images: np.ndarray, size: int) -> np.ndarray:
    """Enlarge square images to ``size`` pixels by repeating the nearest pixel: noise stays as coarse as the strokes."""
    source = np.arange(size) * images.shape[1] // size
    return images[:, source][:, :, source]


def _cifar(config: schema.Cifar) -> Data:
    import torchvision

    maker = {"cifar10": torchvision.datasets.CIFAR10, "cifar100": torchvision.datasets.CIFAR100}[config.name]
    root = paths.ROOT / config.root

    def split(train):
        try:
            data = maker(root, train=train, download=True)
        except (OSError, RuntimeError) as error:
            raise InputError(f"{config.name} is not in {root} and cannot be downloaded: {error}") from None
        pixels = np.ascontiguousarray(data.data.transpose(0, 3, 1, 2))
        name = "train" if train else "test"
        return Images(pixels, np.asarray(data.targets, np.int16), [f"{name}-{i}" for i in range(len(pixels))]), data

    (train, _), (test, data) = split(True), split(False)
    return Data(train, test, tuple(data.classes), IMAGENET_MEAN, IMAGENET_SD, "flip_and_shift", 32)


def _folder(config: schema.Folder) -> Data:
    classes = sorted(path.name for path in _existing(config.train).iterdir() if path.is_dir())

    def split(folder):
        found = [(path, label) for label, name in enumerate(classes) for path in sorted((folder / name).glob("*.*"))]
        if not found:
            raise InputError(f"{folder}: no images in sub-folders named like those of {config.train}")
        files, labels = zip(*found, strict=True)
        return Images(list(files), np.asarray(labels, np.int16), [f"{path.parent.name}/{path.name}" for path in files])

    train, test = split(_existing(config.train)), split(_existing(config.test))
    return Data(train, test, tuple(classes), IMAGENET_MEAN, IMAGENET_SD, "random_resized", config.image_size)


def _existing(folder: str) -> Path:
    path = Path(folder)
    if not path.is_dir():
        raise InputError(f"there is no image folder '{folder}'")
    return path
