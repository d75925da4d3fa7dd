"""What a preset may say: every key with its type, default, unit and bound, in one place."""

import ast
import copy
import re
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ddd_utils import files, paths
from ddd_utils.config.blocks import Arguments, Strict, explain, later
from ddd_utils.config.image_sets import AnyImages, Count, Dataset, Epochs, TestImages, read_images
from ddd_utils.config.model_sets import Entries, Model, Models, Positive, Published, Training
from ddd_utils.errors import InputError, nearest
from ddd_utils.files import write_yaml

Tolerance = Annotated[int, Field(ge=0)]
Repeats = Annotated[int, Field(ge=1, le=1_000)]


class Architecture(Strict):
    """A network by name or class (ours, timm, torchvision), with its own batch size where memory asks for it."""

    model: str
    arguments: Arguments = Field(default={})
    batch_size: Count | None = None


class Instances(Strict):
    """How many networks are trained for the conditions that the paper repeats."""

    initialisation: Repeats = 5
    learning_rate: Repeats = 5
    cuda_nondeterministic: Repeats = 5
    data_order: Repeats = 5
    combined: Repeats = 5


class Variants(Strict):
    """The paper's main experiment: one base network and 12 ways to differ from it."""

    dataset: Dataset
    base: Architecture = Architecture(model="resnet18")
    other: Architecture = Architecture(model="densenet121", batch_size=64)
    epochs: Epochs = 90  # of the base network; "plus k" continues it
    learning_rate: Positive = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    batch_size: Annotated[int, Field(ge=4, le=1_000_000)] = 256
    stratified_batches: bool = False  # classes in equal shares in every batch; off = as published
    bn_recalibration: Annotated[int, Field(ge=0)] = 0  # training images; 0 = off, as published
    seed: Annotated[int, Field(ge=0)] = 1312
    representation_images: Annotated[int, Field(ge=3)] = 500
    instances: Instances = Instances()


class ModelSet(Strict):
    """A set of different models, trained on one data set."""

    models: Models
    images: Dataset
    training: Training = Training()


class PretrainedSet(Strict):
    """A set of different models with weights of their own, all tested with the same photographs."""

    models: Models
    images: TestImages
    published: Published | None = later(None)  # answers to the same images that join theirs


Missing = Literal["refuse", "wrong", "leave_out"]


class Table(Strict):
    """Anyone's responses, in a file, and what becomes of answers that are missing there."""

    path: str
    missing: Missing = later("refuse")


Config = Variants | ModelSet | PretrainedSet | Published | Table


def find_table(name: str) -> Path:
    """Find a user's table of responses, as :func:`files.find` does; a missing one raises InputError."""
    try:
        return files.find(name, "table")
    except InputError as error:
        raise InputError(f"sota_comparison.responses: {error}") from None


class TrainingVariants(Strict):
    """Section 3.1 of the paper."""

    experiment: Variants
    tolerance: Tolerance = 0


class SotaComparison(Strict):
    """
    Section 3.2 of the paper: `models` and `images`, unless `responses` says where predictions already are.

    Images with a training part (digits, CIFAR, ...) train the models; pretrained models are tested with photographs.
    `published: imagenet` among the models sets those beside them whose answers to ImageNet's images are published.
    """

    responses: str | Published | None = None
    missing: Missing = later("refuse")
    models: Entries | None = None
    images: Annotated[AnyImages | None, BeforeValidator(read_images)] = None
    training: Training = Training()
    tolerance: Tolerance = 1
    answers_in_page: bool = True  # who is right on which image, so that readers can compare a model of their own

    @model_validator(mode="after")
    def _has_responses(self) -> "SotaComparison":
        if isinstance(self.responses, str):
            find_table(self.responses)
        elif self.responses is None:
            for key in ("models", "images"):
                if getattr(self, key) is None:
                    raise ValueError(f"sota_comparison.{key}: this key is needed, or else `responses`")
            self._check_weights(self.models or [], getattr(self.images, "name", ""))
        return self

    def _check_weights(self, models: list[Model | Published], images: str) -> None:
        """Check that the whole set is trained here or pretrained; the images decide which of the two."""
        pretrained = isinstance(self.images, TestImages)
        untrained = f"'{images}' has no training part"
        trains = f"'{images}' is for training; give images as a path, or as a data set of torchvision"
        for model in models:
            if isinstance(model, Published):
                wrong = not pretrained and f"published answers are to ImageNet's images, not '{images}'"
            elif pretrained:
                wrong = model.pretrained is False and f"'{model.label}' is to be trained here, but {untrained}"
            else:
                wrong = bool(model.pretrained) and f"'{model.label}' is pretrained, but {trains}"
            if wrong:
                raise ValueError(f"sota_comparison.models: {wrong}")

    @property
    def experiment(self) -> ModelSet | PretrainedSet | Published | Table:
        """Where this section's responses come from."""
        if isinstance(self.responses, str):
            return Table(path=str(find_table(self.responses)), missing=self.missing)
        if self.responses:
            return self.responses
        assert self.models and self.images  # checked when the block was read
        models = [entry for entry in self.models if isinstance(entry, Model)]
        if not isinstance(self.images, TestImages):
            return ModelSet(models=models, images=self.images, training=self.training)
        beside = next((entry for entry in self.models if isinstance(entry, Published)), None)
        # Published models choose from all classes, so these do as well.
        images = self.images.model_copy(update={"among": "all"}) if beside else self.images
        return PretrainedSet(models=models, images=images, published=beside)


class WhyImpossible(Strict):
    """Section 4's guesses: `models` names the section whose models are asked about, `marks` a table of factors."""

    models: Literal["sota_comparison"] = "sota_comparison"
    marks: str | None = None  # columns image, factor, ...; none = those of ImageNet-X, for ImageNet's images


class Subsetting(Strict):
    """Section 3.3: `variants` and `models` name the sections whose networks are compared."""

    variants: Literal["training_variants"] | None = "training_variants"
    models: Literal["sota_comparison"] = "sota_comparison"
    tolerance: Tolerance = 1


class HowManyOpinions(Strict):
    """Beyond the paper: whether families of models fail on other images, and how many independent models there are."""

    models: Literal["sota_comparison"] = "sota_comparison"
    tolerance: Tolerance = 1


class Controls(Strict):
    """The appendix: other data, other base networks."""

    natural: Literal["training_variants"] | Variants
    noise: Literal["training_variants"] | Variants = "training_variants"
    other_bases: list[Variants] = Field(default=[])
    tolerance: Tolerance = 0


class KlDivergence(Strict):
    """Appendix A.5."""

    experiment: Literal["training_variants"] | Variants = "training_variants"


class HumanResults(Strict):
    """Section 3.4: `observers` is a folder of CSV files, relative to `build/` unless absolute."""

    observers: str = "observers"
    simulated: Annotated[int, Field(ge=0)] = 0  # observers to simulate, labelled as such
    published: bool = False  # also people's published answers on CIFAR-10 and ImageNet


class People(Strict):
    """People as deciders: `tables` are of networks' answers to the same images, one a set of images."""

    tables: list[str] = Field(default=[])


class Summary(Strict):
    """Every claim as a row."""


# A script for sbatch is made of these. Nothing in them may end its line, and no option may name a file, set a variable
# or run a program: a preset from somebody else runs no code.
SBATCH = """
account begin clusters comment constraint cores_per_socket cpu_freq cpus_per_gpu deadline exclude exclusive gpu_bind
gpu_freq gpus gpus_per_socket gpus_per_task gres gres_flags hint licenses mail_type mail_user mem_per_cpu mem_per_gpu
mincpus nice nodelist oversubscribe power prefer priority qos reservation sockets_per_node switches threads_per_core
time_min tmp wckey
"""
_WORD = re.compile(r"[\w.,:;@%+=/&|*()\[\] -]*")


def _plain(word: str) -> str:
    if not _WORD.fullmatch(word):
        allowed = "letters, digits, spaces and .,:;@%+=/&|*()[]- may reach SLURM"
        raise ValueError(f"cluster: {word[:60]!r} is not plain: {allowed}")
    return word


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Check options and write their names with underscores, as submitit takes them: `mail-type` is `mail_type`."""
    options = {key.replace("-", "_"): value for key, value in given.items()}
    known = SBATCH.split()
    for key, value in options.items():
        if key not in known:
            raise ValueError(f"cluster.extra.{key}: not among the options that say where and when{nearest(key, known)}")
        if not isinstance(value, str | int):
            raise ValueError(f"cluster.extra.{key}: a word or a whole number is needed, not {value!r:.60}")
        _plain(str(value))
    return options


class Cluster(Strict):
    """What a SLURM job asks for; each trains one group of networks that share their batches."""

    partition: Annotated[str, AfterValidator(_plain)] | None = None  # none = the cluster's default
    timeout_min: Annotated[int, Field(ge=3)] = 1_440  # submitit signals 90 s before
    timeouts: Annotated[int, Field(ge=0)] = 20  # how often a job may run into its time limit and go on
    gpus_per_node: Annotated[int, Field(ge=0)] = 1
    cpus_per_task: Count = 4
    mem_gb: Positive = 32
    array_parallelism: Count = 64  # jobs at a time
    # Further options of sbatch that say where and when, such as account.
    extra: Annotated[dict[str, Any], AfterValidator(_options)] = Field(default={})


class OwnSection(Strict):
    """A section that has no class here: its notebook's parameters cell says which keys there are."""

    model_config = ConfigDict(extra="allow")


# What else is in build/: no report goes there.
TAKEN = ("cache", "compare", "data", "docs", "errors", "fire", "lab", "observers", "results")


def _own_folder(name: str) -> str:
    """Refuse a name of a preset that names no folder of its own in build/."""
    if not name.strip(".") or not name.isprintable() or name.casefold() in TAKEN:
        raise ValueError(f"a report goes to build/ under its preset's name, and {name!r} cannot be a folder of its own")
    return name


class Preset(Strict):
    """A whole preset: one block a notebook, and what SLURM is asked for. A section that is left out is not run."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, OwnSection]

    name: Annotated[str, AfterValidator(_own_folder)]
    notices: list[str] = Field(default=[])  # what whoever reads the report must know first
    summary: Summary | None = Summary()
    training_variants: TrainingVariants | None = None
    sota_comparison: SotaComparison | None = None
    why_impossible: WhyImpossible | None = None
    subsetting: Subsetting | None = None
    how_many_opinions: HowManyOpinions | None = None
    controls: Controls | None = None
    kl_divergence: KlDivergence | None = None
    human_results: HumanResults | None = None
    people: People | None = None
    cluster: Cluster = Cluster()
    raw: dict[str, Any] = Field(default={}, exclude=True, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _read_own_sections(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {key: block if key in cls.model_fields else own_section(key, block) for key, block in given.items()}

    @model_validator(mode="after")
    def _references_exist(self) -> "Preset":
        for section, block in self._blocks():
            for key, value in block:
                if isinstance(value, str) and value in SECTIONS and getattr(self, value) is None:
                    raise ValueError(f"{section}.{key}: the preset has no section '{value}'")
        return self

    def _blocks(self) -> list[tuple[str, Strict]]:
        names = [*SECTIONS, *(self.__pydantic_extra__ or ())]
        return [(section, block) for section in names if (block := getattr(self, section)) is not None]

    @property
    def sections(self) -> list[str]:
        """The sections this preset runs, in page order: those of the paper, then one's own as the preset has them."""
        return [section for section, _ in self._blocks()]

    @property
    def folder(self) -> Path:
        """Where this preset's notebooks, claims and report go."""
        return paths.build() / self.name

    def parameters(self, section: str) -> dict[str, Any]:
        """Return what the section's notebook is given: its block as written, and the preset's resolved file."""
        return {"preset": str(self.folder / f"{self.name}.yaml"), **copy.deepcopy(self.raw.get(section, {}))}

    def write(self, heading: str = "") -> Path:
        """Write the resolved preset, overrides included, to where its notebooks look for it."""
        return write_yaml(self.raw, self.folder / f"{self.name}.yaml", heading)


SECTIONS = tuple(name for name in Preset.model_fields if name not in ("name", "notices", "cluster", "raw"))


def section_keys(section: str) -> list[str]:
    """List the parameters that a section may be given; an unknown section raises InputError with the nearest."""
    if section in SECTIONS:
        kind = next(kind for kind in get_args(Preset.model_fields[section].annotation) if kind is not NoneType)
        return list(kind.model_fields)
    notebook = paths.NOTEBOOKS / f"{section}.py"
    if not notebook.is_file() or hasattr(Preset, section):
        known = {*SECTIONS, *(path.stem for path in paths.NOTEBOOKS.glob("*.py"))}
        raise InputError(f"there is no section '{section}'{nearest(section, sorted(known))}")
    return [name for name in declared_parameters(notebook) if name != "preset"]


def declared_parameters(notebook: Path) -> list[str]:
    """List the names that a notebook's cell tagged ``parameters`` assigns, in order."""
    import jupytext

    for cell in jupytext.read(notebook).cells:
        if "parameters" in cell.metadata.get("tags", []):
            return [
                target.id
                for line in ast.parse(cell.source).body
                for target in (line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)])
                if isinstance(target, ast.Name)
            ]
    raise InputError(f"{notebook.name} has no cell tagged 'parameters'")


def own_section(section: str, block: Any) -> OwnSection:
    """Check the keys of a section that has no class here, and the experiments among its values."""
    try:
        keys = section_keys(section)
    except InputError:
        known = [*SECTIONS, "cluster", *(path.stem for path in paths.NOTEBOOKS.glob("*.py"))]
        raise ValueError(f"{section}: unknown key{nearest(section, known)}") from None
    if not isinstance(block, Mapping):
        raise ValueError(f"{section}: a section is a mapping of its notebook's parameters")
    for key in block:
        if key not in keys:
            raise ValueError(f"{section}.{key}: unknown key{nearest(key, keys)}")
    return OwnSection(**{key: _own_value(f"{section}.{key}", value) for key, value in block.items()})


def _own_value(key: str, value: Any) -> Any:
    """Read an experiment where there is one; any other value stays as it is."""
    if isinstance(value, list):
        return [_own_value(f"{key}.{index}", each) for index, each in enumerate(value)]
    if not isinstance(value, dict) or not {"dataset", "models", "responses"} & set(value):
        return value
    try:
        return read_experiment(value)
    except InputError as error:
        raise ValueError(f"{key}.{error}") from None


def read_experiment(block: Mapping[str, Any]) -> Config:
    """Check an experiment: a block with ``models`` or ``responses`` is one of models, any other of variants."""
    root = SotaComparison if {"models", "responses"} & set(block) else Variants
    try:
        found = root.model_validate(block)
    except ValidationError as error:
        raise InputError(explain(error, root)) from None
    return found.experiment if isinstance(found, SotaComparison) else found
