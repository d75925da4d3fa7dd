"""Data sets as plain arrays: training and test images, labels, class names, and how they are fed to a network."""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ddd_utils import image_sets, local_files, paths
from ddd_utils.errors import InputError
from ddd_utils.experiments.data import image_folders, photograph_cache
from ddd_utils.experiments.data.gaussian import Noise, NoiseIds
from ddd_utils.experiments.images import arrays
from ddd_utils.experiments.images.photographs import Files, Photographs, central_crop

IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Images:
    """One split of a data set."""

    pixels: np.ndarray | Noise | Photographs
    labels: np.ndarray  # int16 (images,)
    ids: Sequence[str]  # A name for each image

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """A data set."""

    train: Images
    test: Images
    classes: tuple[str, ...]  # Class names by label
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)  # Normalisation of each channel, for pixels in [0, 1]
    sd: tuple[float, float, float] = (1.0, 1.0, 1.0)  # Normalisation of each channel, for pixels in [0, 1]
    augmentation: str = "none"  # {"none", "flip_and_shift", "random_resized"}: What is done to training images
    image_size: int = 32  # Height and width in pixels as the network sees them
    resize_test: bool = False  # Whether test images are cropped at random too (the published Gaussian pipeline)


def load(config: image_sets.Dataset) -> Data:
    """Load or make a data set; the last two stay in memory until their files change."""
    return _load(config, fingerprint(config))


@functools.lru_cache(maxsize=2)
def _load(config: image_sets.Dataset, state: str | None) -> Data:
    makers = {
        image_sets.Gaussian: _gaussian,
        image_sets.Digits: _digits,
        image_sets.Cifar: _cifar,
        image_sets.Npz: _npz,
        image_sets.Folder: _folder,
    }
    return makers[type(config)](config)


def fingerprint(config: image_sets.Dataset) -> str | None:
    """Tell apart files of the same name, so that results of one are never taken for those of another."""
    if not isinstance(config, image_sets.Npz):
        return None
    digests = [local_files.digest(local_files.find(name, "file")) for name in (config.train, config.test)]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def test_pixels(config: image_sets.Dataset, indices: np.ndarray) -> np.ndarray:
    """Return some test images without loading more than needed."""
    test = load(config).test.pixels
    if isinstance(test, Photographs):
        return np.stack([central_crop(test.image(index), config.image_size) for index in indices]).transpose(0, 3, 1, 2)
    return test.images(indices) if isinstance(test, Noise) else test[indices]


def _gaussian(config: image_sets.Gaussian) -> Data:
    def split(name, per_class):
        noise = Noise(config.classes, per_class, name, config.image_size, config.seed)
        return Images(noise, noise.labels, NoiseIds(noise))

    resized = config.crop == "random_resized"
    return Data(
        train=split("train", config.train_per_class),
        test=split("test", config.test_per_class),
        classes=tuple(f"standard deviation {sigma}" for sigma in range(1, config.classes + 1)),
        augmentation="random_resized" if resized else "none",
        image_size=config.image_size,
        resize_test=resized,
    )


def _digits(config: image_sets.Digits) -> Data:
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


def _cifar(config: image_sets.Cifar) -> Data:
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


def _npz(config: image_sets.Npz) -> Data:
    files = {name: local_files.find(getattr(config, name), "file") for name in ("train", "test")}
    (train, train_labels), (test, test_labels) = (arrays.read(path) for path in files.values())
    if train.shape[2:] != test.shape[2:]:
        raise InputError(
            f"{files['test']}: images of {test.shape[2]} pixels a side, but {train.shape[2]} in {files['train']}"
        )
    classes = arrays.class_names([(files["train"], train_labels), (files["test"], test_labels)], config.classes)
    splits = (
        Images(pixels, labels, [f"{name}-{i}" for i in range(len(labels))])
        for name, pixels, labels in (("train", train, train_labels), ("test", test, test_labels))
    )
    return Data(*splits, classes, IMAGENET_MEAN, IMAGENET_SD, config.augmentation, train.shape[2])


def _folder(config: image_sets.Folder) -> Data:
    folders = {name: local_files.find(getattr(config, name), "folder") for name in ("train", "test")}
    classes, train, test = image_folders.scan(folders["train"], folders["test"])
    splits = []
    for name, found in (("train", train), ("test", test)):
        files = Files(folders[name], found.names)
        side = config.cache_short_side
        splits.append(
            Images(files if side is None else photograph_cache.cached(files, side), found.labels, found.names)
        )
    return Data(*splits, classes, IMAGENET_MEAN, IMAGENET_SD, "random_resized", config.image_size)
