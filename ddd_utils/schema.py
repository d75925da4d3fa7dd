"""What a preset may say: every key with its type, default, unit and bound, in one place."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ddd_utils import local_files, paths
from ddd_utils.errors import InputError, nearest
from ddd_utils.yaml_files import read_models

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Tolerance = Annotated[int, Field(ge=0)]


class Strict(BaseModel):
    """A block of a preset: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Gaussian(Strict):
    """Noise images: class i has independent pixels of mean 128 and standard deviation i (paper, section 2)."""

    name: Literal["gaussian"] = "gaussian"
    classes: Annotated[int, Field(ge=2, le=127)] = 100
    train_per_class: Count = 20_000
    test_per_class: Count = 50
    image_size: Annotated[int, Field(ge=8)] = 224
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
    image_size: Annotated[int, Field(ge=8)] = 32
    noise: Annotated[float, Field(ge=0)] = 0.0
    seed: int = 1312

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of training and test images."""
        return self.train_images, 1_797 - self.train_images


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
    train: str
    test: str
    classes: Annotated[
        tuple[str, ...] | None, Field(strict=False, description="class names by label; none = the numbers")
    ] = None
    augmentation: Literal["none", "flip_and_shift"] = "none"

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of training and test images, from the files' headers."""
        train, test = (local_files.find(each, "file") for each in (self.train, self.test))
        return local_files.array_shape(train, "y")[0], local_files.array_shape(test, "y")[0]


class Folder(Strict):
    """
    Photographs in an ImageNet-style pair of folders, one sub-folder a class; found like the files of :class:`Npz`.

    With `cache_short_side` they are decoded once, the shorter side resized to so many pixels, and cropped from there.
    That is faster and changes the images a little: training crops are resized twice, small ones become coarser (with
    256 for 224, pixels of ImageNet's differ by 5 gray levels on average). Test images stay as they are at 8/7 of
    `image_size` (256 for 224).
    """

    name: Literal["imagenet", "folder"]
    train: str
    test: str
    image_size: Count = 224
    cache_short_side: Annotated[int, Field(ge=8)] | None = None

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of training and test images; ImageNet's where the folders are not on this machine."""
        try:
            train, test = (local_files.find(each, "folder") for each in (self.train, self.test))
        except InputError:
            return 1_281_167, 50_000
        return local_files.count_photographs(train), local_files.count_photographs(test)


Dataset = Annotated[Gaussian | Digits | Cifar | Npz | Folder, Field(discriminator="name")]


class Architecture(Strict):
    """A network by name or class (ours, timm, torchvision), with its own batch size where memory asks for it."""

    model: str
    arguments: dict[str, Any] = {}
    batch_size: Count | None = None


class Instances(Strict):
    """How many networks are trained for the conditions that the paper repeats."""

    initialisation: Count = 5
    learning_rate: Count = 5
    cuda_nondeterministic: Count = 5
    data_order: Count = 5
    combined: Count = 5


class Variants(Strict):
    """The paper's main experiment: one base network and 12 ways to differ from it."""

    dataset: Dataset
    base: Architecture = Architecture(model="resnet18")
    other: Architecture = Architecture(model="densenet121", batch_size=64)
    epochs: Annotated[int, Field(ge=1, description="of the base network; 'plus k' continues it")] = 90
    learning_rate: Positive = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    batch_size: Annotated[int, Field(ge=4)] = 256
    stratified_batches: Annotated[
        bool, Field(description="classes in equal shares in every batch; off = as published")
    ] = False
    bn_recalibration: Annotated[int, Field(ge=0, description="training images; 0 = off, as published")] = 0
    seed: Annotated[int, Field(ge=0)] = 1312
    representation_images: Annotated[int, Field(ge=3)] = 500
    instances: Instances = Instances()


class Model(Strict):
    """One entry of a model set."""

    model: str
    name: str | None = None
    arguments: dict[str, Any] = {}
    optimizer: Literal["sgd", "adamw"] = "adamw"
    learning_rate: Positive = 2e-3

    @property
    def label(self) -> str:
        """The name shown: the entry's own, or the last part of the model's."""
        return self.name or self.model.rpartition(".")[2]


class Training(Strict):
    """How the models of a set are trained from scratch."""

    epochs: Count = 20
    batch_size: Annotated[int, Field(ge=4)] = 32
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    seed: Annotated[int, Field(ge=0)] = 1312
    representation_images: Annotated[int, Field(ge=3)] = 500


def _names_differ(models: list[Model]) -> list[Model]:
    labels = [model.label for model in models]
    if double := sorted({label for label in labels if labels.count(label) > 1}):
        raise ValueError(f"two models are called '{double[0]}': give one another `name`")
    return models


Models = Annotated[list[Model], Field(min_length=2), BeforeValidator(read_models), AfterValidator(_names_differ)]


class ModelSet(Strict):
    """A set of different models, trained on one data set."""

    models: Models
    images: Dataset
    training: Training = Training()


class Published(Strict):
    """Predictions that others have published; `models` are their names there."""

    published: Literal["imagenet"]
    models: Annotated[list[str], Field(min_length=2)] | Literal["all"] = "all"
    top: Annotated[Literal[1, 5], Field(description="right if the label is among so many first answers")] = 1


class Table(Strict):
    """Anyone's responses, in a CSV or Parquet file."""

    path: str


def find_table(name: str) -> Path:
    """
    Find a user's table.

    Parameters
    ----------
    name : str
        A path, relative to the working folder or to the repository.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    InputError
        If there is no such file; names the nearest one.
    """
    candidates = [folder / name for folder in (Path(), paths.ROOT)]
    for path in candidates:
        if path.is_file():
            return path.parent.resolve() / path.name
    beside = {found.name for path in candidates for found in path.parent.glob("*") if found.suffix in TABLES}
    known = [str(Path(name).parent / found) for found in sorted(beside)]
    raise InputError(f"sota_comparison.responses: there is no table '{name}'{nearest(name, known)}")


TABLES = (".csv", ".gz", ".parquet")


class TrainingVariants(Strict):
    """Section 3.1 of the paper."""

    experiment: Variants
    tolerance: Tolerance = 0


class SotaComparison(Strict):
    """Section 3.2 of the paper: `models` trained on `images`, unless `responses` says where answers already are."""

    responses: str | Published | None = None
    models: Models | None = None
    images: Dataset | None = None
    training: Training = Training()
    tolerance: Tolerance = 1

    @model_validator(mode="after")
    def _has_responses(self):
        if isinstance(self.responses, str):
            find_table(self.responses)
        elif self.responses is None:
            for key in ("models", "images"):
                if getattr(self, key) is None:
                    raise ValueError(f"sota_comparison.{key}: this key is needed, or else `responses`")
        return self

    @property
    def experiment(self) -> ModelSet | Published | Table:
        """Where this section's responses come from."""
        if isinstance(self.responses, str):
            return Table(path=str(find_table(self.responses)))
        return self.responses or ModelSet(models=self.models, images=self.images, training=self.training)


class Subsetting(Strict):
    """Section 3.3: `variants` and `models` name the sections whose networks are compared."""

    variants: Literal["training_variants"] | None = "training_variants"
    models: Literal["sota_comparison"] = "sota_comparison"
    tolerance: Tolerance = 1


class Controls(Strict):
    """The appendix: other data, other base networks."""

    natural: Variants
    noise: Literal["training_variants"] | Variants = "training_variants"
    other_bases: list[Variants] = []
    tolerance: Tolerance = 0


class KlDivergence(Strict):
    """Appendix A.5."""

    experiment: Literal["training_variants"] | Variants = "training_variants"


class HumanResults(Strict):
    """Section 3.4: `observers` is a folder of CSV files, relative to `build/` unless absolute."""

    observers: str = "observers"
    simulated: Annotated[int, Field(ge=0, description="observers to simulate, labelled as such")] = 0
    published: Annotated[bool, Field(description="also people's published answers on CIFAR-10 and ImageNet")] = False


class Summary(Strict):
    """Every claim as a row."""


class Cluster(Strict):
    """What a SLURM job asks for; each trains one group of networks that share their batches."""

    partition: Annotated[str | None, Field(description="the cluster's default if none")] = None
    timeout_min: Annotated[int, Field(ge=3, description="submitit signals 90 s before")] = 1_440
    timeouts: Annotated[int, Field(ge=0, description="how often a job may run into its time limit and go on")] = 20
    gpus_per_node: Annotated[int, Field(ge=0)] = 1
    cpus_per_task: Count = 4
    mem_gb: Positive = 32
    array_parallelism: Annotated[int, Field(ge=1, description="jobs at a time")] = 64
    extra: Annotated[dict[str, Any], Field(description="further options of sbatch, such as account")] = {}
