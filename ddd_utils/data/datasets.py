"""Data sets with a training part: images, labels, class names, and how a network gets them."""

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ddd_utils import files, paths
from ddd_utils.config import image_sets
from ddd_utils.data import fashion_mnist
from ddd_utils.data.gaussian import Noise, NoiseIds
from ddd_utils.data.photographs import Files, Photographs, read_npz
from ddd_utils.data.views import central_crop, resize_short_side
from ddd_utils.errors import InputError, nearest, needs_extra
from ddd_utils.files import PHOTOGRAPHS, atomic, class_folders, photographs, read_array, write_array
from ddd_utils.machine import cores, lock

AS_IMAGENET = IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Files of photographs that were decoded and shrunk once.
PIXELS, SHAPES = "pixels.bin", "shapes.npy"
# Names how files are decoded, so that what an older rule made is not taken for the same.
RULE = "upright"
# Files are decoded in chunks, so that no more than these many results wait to be written.
CHUNK = 1_000


@dataclass(frozen=True)
class Images:
    """One split of a data set."""

    pixels: np.ndarray | Noise | Photographs  # uint8 (images, 3, height, width), or what makes or decodes them
    labels: np.ndarray  # int16 (images,)
    ids: Sequence[str]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """A data set: two splits, and how their images become a network's input."""

    train: Images
    test: Images
    classes: tuple[str, ...]  # names by label
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of each channel, for pixels in [0, 1]
    sd: tuple[float, float, float] = (1.0, 1.0, 1.0)
    augmentation: str = "none"  # of training images: "none", "flip_and_shift" or "random_resized"
    image_size: int = 32  # height and width of the input, pixels
    resize_test: bool = False  # test images are cropped at random too, as in the published Gaussian pipeline


def load(config: image_sets.Dataset) -> Data:
    """Load or make a data set; the last two stay in memory until their files change."""
    return _load(config, fingerprint(config))


@functools.lru_cache(maxsize=2)
def _load(config: image_sets.Dataset, state: str | None) -> Data:
    makers: dict[type, Callable[[Any], Data]] = {
        image_sets.Gaussian: _gaussian,
        image_sets.Digits: _digits,
        image_sets.FashionMnist: _fashion_mnist,
        image_sets.Cifar: _cifar,
        image_sets.Npz: _npz,
        image_sets.Folder: _folder,
    }
    return makers[type(config)](config)


def fingerprint(config: image_sets.Dataset) -> str | None:
    """Return one SHA-256 over the two ``.npz`` files, which tells files of the same name apart; None for other sets."""
    if not isinstance(config, image_sets.Npz):
        return None
    digests = [files.digest(files.find(name, "file")) for name in (config.train, config.test)]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def test_pixels(config: image_sets.Dataset, indices: np.ndarray) -> np.ndarray:
    """Return some test images, uint8 (images, 3, size, size), without loading more than needed."""
    data = load(config)
    test = data.test.pixels
    if isinstance(test, Photographs):
        return np.stack([central_crop(test.image(index), data.image_size) for index in indices]).transpose(0, 3, 1, 2)
    return test.images(indices) if isinstance(test, Noise) else test[indices]


def _gaussian(config: image_sets.Gaussian) -> Data:
    def split(name: str, per_class: int) -> Images:
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
    needs_extra("models", "the data set 'digits'")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # The set counts ink from 0 to 16.
    ink = np.rint(bunch.images * (255 / 16))
    noise = np.random.Generator(np.random.Philox(key=config.seed)).standard_normal(ink.shape) * config.noise
    small = np.clip(np.rint(ink + noise), 0, 255).astype(np.uint8)
    # The nearest pixel is repeated: noise stays as coarse as the strokes.
    nearest_pixel = np.arange(config.image_size) * small.shape[1] // config.image_size
    images = np.repeat(small[:, nearest_pixel][:, :, nearest_pixel][:, None], 3, axis=1)
    order = np.random.Generator(np.random.Philox(config.seed)).permutation(len(images))
    parts = np.sort(order[: config.train_images]), np.sort(order[config.train_images :])
    train, test = (Images(images[p], bunch.target[p].astype(np.int16), [f"digit-{i}" for i in p]) for p in parts)
    classes = tuple(str(name) for name in bunch.target_names)
    return Data(train, test, classes, (0.5,) * 3, (0.5,) * 3, image_size=config.image_size)


def _fashion_mnist(config: image_sets.FashionMnist) -> Data:
    train, test = fashion_mnist.drawn(config)
    return _npz(image_sets.Npz(train=str(train), test=str(test), classes=fashion_mnist.CLASSES))


def _cifar(config: image_sets.Cifar) -> Data:
    needs_extra("models", f"the data set '{config.name}'")
    import torchvision

    maker, root, splits = getattr(torchvision.datasets, config.name.upper()), paths.ROOT / config.root, []
    for name in ("train", "test"):
        try:
            data = maker(root, train=name == "train", download=True)
        except (OSError, RuntimeError) as error:
            raise InputError(f"{config.name} is not in {root} and cannot be downloaded: {error}") from None
        pixels, labels = np.ascontiguousarray(data.data.transpose(0, 3, 1, 2)), np.asarray(data.targets, np.int16)
        splits.append(_numbered(name, pixels, labels))
    return Data(*splits, tuple(data.classes), *AS_IMAGENET, "flip_and_shift", 32)


def _numbered(split: str, pixels: np.ndarray, labels: np.ndarray) -> Images:
    return Images(pixels, labels, [f"{split}-{index}" for index in range(len(labels))])


def _npz(config: image_sets.Npz) -> Data:
    found = {name: files.find(getattr(config, name), "file") for name in ("train", "test")}
    (train, train_labels), (test, test_labels) = (read_npz(path) for path in found.values())
    if train.shape[2:] != test.shape[2:]:
        raise InputError(
            f"{found['test']}: images of {test.shape[2]} pixels a side, but {train.shape[2]} in {found['train']}"
        )
    classes = _class_names([(found["train"], train_labels), (found["test"], test_labels)], config.classes)
    splits = _numbered("train", train, train_labels), _numbered("test", test, test_labels)
    return Data(*splits, classes, *AS_IMAGENET, config.augmentation, train.shape[2])


def _folder(config: image_sets.Folder) -> Data:
    train, test = (files.find(name, "folder") for name in (config.train, config.test))
    classes = tuple(folder.name for folder in class_folders(train))
    for folder in class_folders(test):
        if folder.name not in classes:
            raise InputError(f"{folder}: no such class in {train}{nearest(folder.name, classes)}")
    splits = []
    for folder in (train, test):
        names, labels = _photographs_of(folder, classes)
        listed, side = Files(folder, names), config.cache_short_side
        splits.append(Images(listed if side is None else cached(listed, side), labels, names))
    return Data(*splits, classes, *AS_IMAGENET, "random_resized", config.image_size)


def _class_names(labels: Sequence[tuple[Path, np.ndarray]], names: tuple[str, ...] | None) -> tuple[str, ...]:
    """Name the classes and check that the labels of both splits fit."""
    (train, known), (test, asked) = ((path, np.unique(each)) for path, each in labels)
    for path, found in ((train, known), (test, asked)):
        if names is not None and found[-1] >= len(names):
            raise InputError(f"{path}: y runs from {found[0]} to {found[-1]}, but only {len(names)} classes are named")
    if names is None and len(known) <= known[-1]:
        absent = np.setdiff1d(np.arange(known[-1]), known)[0]
        raise InputError(
            f"{train}: y runs from {known[0]} to {known[-1]} without {absent}; labels count from 0, or name the "
            "`classes`"
        )
    if len(untrained := np.setdiff1d(asked, known)):
        raise InputError(f"{test}: label {untrained[0]} is not in {train}")
    return names or tuple(str(label) for label in known)


def _photographs_of(folder: Path, classes: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """List a split's files class after class, and their labels, int16 (images,)."""
    names: list[str] = []
    labels: list[int] = []
    for each in class_folders(folder):
        found = photographs(each)
        if not found:
            raise InputError(f"{each}: an empty class, no images ({', '.join(PHOTOGRAPHS)})")
        names += [f"{each.name}/{name}" for name in found]
        labels += [classes.index(each.name)] * len(found)
    if not names:
        raise InputError(f"{folder}: no sub-folders, but images are sorted into one folder a class")
    return names, np.asarray(labels, np.int16)


@dataclass(frozen=True)
class Cached(Photographs):
    """Photographs in a folder: ``pixels.bin``, the bytes of all, and ``shapes.npy``, their heights and widths."""

    folder: Path

    def image(self, index: int) -> Image.Image:
        """Take one out."""
        pixels, shapes, ends = _opened(self.folder)
        height, width = (int(side) for side in shapes[index])
        end = int(ends[index])
        return Image.fromarray(np.array(pixels[end - 3 * height * width : end]).reshape(height, width, 3))


@functools.lru_cache(maxsize=4)
def _opened(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Map the files, once a process: a map sent to another process arrives as a copy of everything."""
    shapes = read_array(folder / SHAPES)
    return np.memmap(folder / PIXELS, mode="r"), shapes, np.cumsum(3 * shapes.astype(np.int64).prod(axis=1))


def cached(files: Files, short: int) -> Cached:
    """Decode and shrink photographs into ``build/data/photographs-<hash of files>``, unless that was done before."""
    folder = paths.build() / "data" / f"photographs-{_state(files, short)}"
    if not (folder / SHAPES).exists():
        with lock(folder.with_suffix(".lock"), "decodes the photographs"):
            if not (folder / SHAPES).exists():
                _fill(folder, files, short)
    return Cached(folder)


def _state(files: Files, short: int) -> str:
    state = hashlib.sha256(json.dumps([str(files.folder), short, RULE]).encode())
    for name in files.names:
        stat = (files.folder / name).stat()
        state.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return state.hexdigest()[:8]


def _fill(folder: Path, files: Files, short: int) -> None:
    def small(index: int) -> Image.Image:
        return resize_short_side(files.image(index), short)

    shapes = np.empty((len(files), 2), np.int32)
    with ThreadPoolExecutor(cores()) as pool, atomic(folder / PIXELS) as partial, partial.open("wb") as file:
        for start in range(0, len(files), CHUNK):
            chunk = range(start, min(start + CHUNK, len(files)))
            for index, image in zip(chunk, pool.map(small, chunk), strict=True):
                shapes[index] = image.height, image.width
                file.write(image.tobytes())
    # Its presence says that both are whole.
    write_array(folder / SHAPES, shapes)
