"""The blocks of a preset that say which images: one class a kind of data set."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from ddd_utils import files
from ddd_utils.config.blocks import Arguments, Strict, later
from ddd_utils.errors import InputError

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Epochs = Annotated[int, Field(ge=1, le=100_000)]
Side = Annotated[int, Field(ge=8, le=4_096)]  # px
Name = Annotated[str, Field(min_length=1)]
ClassNames = Annotated[tuple[str, ...] | None, Field(strict=False)]  # by label


class Gaussian(Strict):
    """Noise images: class i has independent pixels of mean 128 and standard deviation i (paper, section 2)."""

    name: Literal["gaussian"] = "gaussian"
    classes: Annotated[int, Field(ge=2, le=127)] = 100
    train_per_class: Count = 20_000
    test_per_class: Count = 50
    image_size: Side = 224
    crop: Literal["none", "random_resized"] = "none"
    seed: int = 1312

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of training and test images."""
        return self.classes * self.train_per_class, self.classes * self.test_per_class


class Digits(Strict):
    """scikit-learn's 1,797 handwritten digits, enlarged; `noise` (gray levels) makes them hard enough."""

    name: Literal["digits"] = "digits"
    train_images: Annotated[int, Field(ge=20, le=1_700)] = 300
    image_size: Side = 32
    noise: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    seed: int = 1312

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of training and test images."""
        return self.train_images, 1_797 - self.train_images


class FashionMnist(Strict):
    """The first of Fashion-MNIST's 60,000 training and 10,000 test photographs of clothing, gray, 28 px, in margins."""

    origin: ClassVar[str] = "https://github.com/zalandoresearch/fashion-mnist (licence: MIT)"  # to be shown

    name: Literal["fashion_mnist"] = "fashion_mnist"
    train_images: Annotated[int, Field(ge=100, le=60_000)] = 1_000
    test_images: Annotated[int, Field(ge=100, le=10_000)] = 2_000
    image_size: Annotated[int, Field(ge=28, le=4_096)] = 32

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of training and test images."""
        return self.train_images, self.test_images


class Cifar(Strict):
    """CIFAR-10 or CIFAR-100 through torchvision, which downloads it once into `root`."""

    name: Literal["cifar10", "cifar100"]
    root: str = "build/data"

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of training and test images."""
        return 50_000, 10_000


class Npz(Strict):
    """
    Square images in two `.npz` files: x, uint8 (n, h, w, 3) or (n, h, w), and y, whole numbers counted from 0.

    Paths are relative to the working folder, the repository or the folder that `DDD_DATA` names.
    """

    name: Literal["npz"] = "npz"
    train: Name
    test: Name
    classes: ClassNames = None  # none = the numbers
    augmentation: Literal["none", "flip_and_shift"] = "none"

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of training and test images, from the files' headers."""
        train, test = (files.find(each, "file") for each in (self.train, self.test))
        return files.array_shape(train, "y")[0], files.array_shape(test, "y")[0]


class Folder(Strict):
    """
    Photographs in an ImageNet-style pair of folders, one sub-folder a class; found like the files of :class:`Npz`.

    With `cache_short_side` each is decoded once, and its shorter side resized to so many pixels; crops are cut from
    that. This is faster and changes training crops a little: they are resized twice (with 256 for 224, ImageNet's
    pixels differ by 5 gray levels on average). At 8/7 of `image_size` (256 for 224) test images do not change.
    """

    name: Literal["imagenet", "folder"]
    train: Name
    test: Name
    image_size: Annotated[int, Field(ge=1, le=4_096)] = 224
    cache_short_side: Side | None = None

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of training and test images; ImageNet's where the folders are not on this machine."""
        try:
            train, test = (files.find(each, "folder") for each in (self.train, self.test))
        except InputError:
            return 1_281_167, 50_000
        return files.count_photographs(train), files.count_photographs(test)


def _listed(given: Any) -> Any:
    """Read one value as a list of it."""
    return given if given is None or isinstance(given, list) else [given]


class _TestOnly(Strict):
    """
    Images without a training part, for pretrained models.

    `mapping` gives the ImageNet class or classes (WordNet id, name or index) that a class of the images stands for;
    "indices" = the classes are ImageNet's indices, counted from 0.
    `among` says what models choose from: the classes that are `present` in the images, or `all` that they know. Both
    decisions are stored, and this one goes into the figures.
    """

    mapping: dict[str, str | list[str]] | Literal["indices"] | None = None  # of classes that ImageNet knows otherwise
    among: Literal["present", "all"] = "present"


class Photographs(_TestOnly):
    """
    Images at `path`, found like the files of :class:`Npz`.

    A folder or a tar with one sub-folder a class (WordNet ids, or names of classes); a folder or a tar with all images
    and `labels`, a table of file and class; shards of webdataset or Parquet (`val-{000..003}.tar`, `val-*.parquet`), of
    which `labels` may name the field or column; or an `.npz` file with x and y. `classes` names numbered ones.

    Of ImageNet-C, whose folders are corruptions with severities in them, all are read that `corruption` and `severity`
    name; where only one of the two is given, all of the other.
    """

    name: Literal["photographs"] = "photographs"
    path: Name
    labels: str | None = None  # file, in the folder or tar, beside it or anywhere; or a field or column
    classes: ClassNames = None  # of an .npz file, a table, or shards
    corruption: Annotated[list[Name] | None, BeforeValidator(_listed)] = later(None)
    severity: Annotated[list[Annotated[int, Field(ge=1, le=5)]] | None, BeforeValidator(_listed)] = later(None)

    @property
    def where(self) -> str:
        """Where the images are: `path`, or the folders of ImageNet-C in it, as a pattern."""
        if self.corruption is None and self.severity is None:
            return self.path
        parts = [self.corruption or ["*"], self.severity or range(1, 6)]
        written = (f"{{{','.join(map(str, part))}}}" if len(part) > 1 else str(part[0]) for part in parts)
        return "/".join([self.path, *written])


class Torchvision(_TestOnly):
    """A data set of torchvision by the name of its class, such as STL10 or Food101; `arguments` go to the class."""

    name: Literal["torchvision"]
    dataset: Name
    root: str = "build/data"
    arguments: Arguments = Field(default={})


TrainingImages = Gaussian | Digits | FashionMnist | Cifar | Npz | Folder
TestImages = Photographs | Torchvision
Dataset = Annotated[TrainingImages, Field(discriminator="name")]
AnyImages = Annotated[TrainingImages | TestImages, Field(discriminator="name")]


def read_images(images: Any) -> Any:
    """Read a path, or a block with a path, as a block of photographs."""
    if isinstance(images, str):
        images = {"path": images}
    return {"name": "photographs", **images} if isinstance(images, dict) and "path" in images else images
