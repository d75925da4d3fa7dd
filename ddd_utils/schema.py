"""What a preset may say: every key with its type, default, unit and bound, in one place."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ddd_utils import local_files
from ddd_utils.blocks import Strict
from ddd_utils.errors import InputError
from ddd_utils.image_sets import AnyImages, Count, Dataset, TestImages, read_images
from ddd_utils.model_sets import Models, Positive, Training

Tolerance = Annotated[int, Field(ge=0)]


class Architecture(Strict):
    """A network by name or class (ours, timm, torchvision), with its own batch size where memory asks for it."""

    model: str
    arguments: dict[str, Any] = Field({})
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


class ModelSet(Strict):
    """A set of different models, trained on one data set."""

    models: Models
    images: Dataset
    training: Training = Training()


class PretrainedSet(Strict):
    """A set of different models with weights of their own, all shown the same photographs."""

    models: Models
    images: TestImages


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
        A path, see :func:`ddd_utils.local_files.find`.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    InputError
        If there is no such file; names the nearest one.
    """
    try:
        return local_files.find(name, "table")
    except InputError as error:
        raise InputError(f"sota_comparison.responses: {error}") from None


class TrainingVariants(Strict):
    """Section 3.1 of the paper."""

    experiment: Variants
    tolerance: Tolerance = 0


class SotaComparison(Strict):
    """
    Section 3.2 of the paper: `models` and `images`, unless `responses` says where answers already are.

    Images with a training part (digits, CIFAR, ...) train the models; photographs are shown to pretrained ones.
    """

    responses: str | Published | None = None
    models: Models | None = None
    images: Annotated[AnyImages | None, BeforeValidator(read_images)] = None
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
            self._check_weights()
        return self

    def _check_weights(self) -> None:
        """See that the set as a whole is trained here or pretrained; which of the two, the images decide."""
        shown = isinstance(self.images, TestImages)
        for model in self.models:
            if shown and model.pretrained is False:
                what = f"'{self.images.name}' has no training part"
                raise ValueError(f"sota_comparison.models: '{model.label}' is to be trained here, but {what}")
            if not shown and model.pretrained:
                what = f"'{self.images.name}' is for training; give images as a path, or as a data set of torchvision"
                raise ValueError(f"sota_comparison.models: '{model.label}' is pretrained, but {what}")

    @property
    def experiment(self) -> ModelSet | PretrainedSet | Published | Table:
        """Where this section's responses come from."""
        if isinstance(self.responses, str):
            return Table(path=str(find_table(self.responses)))
        if self.responses:
            return self.responses
        if isinstance(self.images, TestImages):
            return PretrainedSet(models=self.models, images=self.images)
        return ModelSet(models=self.models, images=self.images, training=self.training)


class Subsetting(Strict):
    """Section 3.3: `variants` and `models` name the sections whose networks are compared."""

    variants: Literal["training_variants"] | None = "training_variants"
    models: Literal["sota_comparison"] = "sota_comparison"
    tolerance: Tolerance = 1


class Controls(Strict):
    """The appendix: other data, other base networks."""

    natural: Variants
    noise: Literal["training_variants"] | Variants = "training_variants"
    other_bases: list[Variants] = Field([])
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
    extra: dict[str, Any] = Field({}, description="further options of sbatch, such as account")
