"""The entries of a model set: which architecture, whose weights, and how images reach it."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from ddd_utils import paths
from ddd_utils.config.blocks import Arguments, Strict, later
from ddd_utils.config.image_sets import Epochs, Side
from ddd_utils.errors import InputError, nearest
from ddd_utils.files import read_yaml

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _of_one(most: str) -> AfterValidator:
    """Check means or standard deviations of pixels from 0 to 1."""

    def check(channels: tuple[float, ...]) -> tuple[float, ...]:
        good = (0 <= each <= 1 if most == "mean" else 0 < each <= 1 for each in channels)
        if not all(good):
            what = "a mean is from 0 to 1" if most == "mean" else "a standard deviation is above 0 and at most 1"
            hint = "; divide by 255" if max(channels) > 1 else ""
            raise ValueError(f"preprocessing.{most}: {list(channels)}, but pixels are from 0 to 1, so {what}{hint}")
        return channels

    return AfterValidator(check)


Means = Annotated[tuple[float, float, float], Field(strict=False), _of_one("mean")]
Sds = Annotated[tuple[float, float, float], Field(strict=False), _of_one("sd")]
Names = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class Preprocessing(Strict):
    """How an image becomes a model's input; what is not given is as the model's own configuration says."""

    size: Side | None = None  # height and width of the input in pixels
    crop_fraction: Annotated[float, Field(gt=0, le=1)] | None = None  # input size / size after resizing
    crop: Literal["center", "squash", "border"] | None = None
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] | None = None
    mean: Means | None = None
    sd: Sds | None = None


class TorchvisionWeights(Strict):
    """Weights by their name in torchvision, such as IMAGENET1K_V2."""

    torchvision: str


class OpenClip(Strict):
    """
    Weights of an open_clip model by their tag; it answers zero-shot, with the class whose prompts are nearest.

    `file` holds them where they cannot be downloaded; how images are prepared is as the tag says. `class_names` gives
    other names for the prompts, by WordNet id or by the images' own name of a class. `templates` have one `{}` each;
    none = the 80 of Radford et al. (2021), as in open_clip.
    """

    open_clip: Annotated[str, BeforeValidator(lambda tag: "" if tag is None else tag)]  # none: told which there are
    class_names: dict[str, str] = Field(default={})
    templates: Names | None = None
    file: str | None = later(None)

    @model_validator(mode="after")
    def _templates_have_one_slot(self) -> "OpenClip":
        for template in self.templates or ():
            if template.count("{}") != 1 or set("{}") & set(template.replace("{}", "")):
                raise ValueError(f"pretrained.templates: '{template}' needs one {{}}, where the class goes")
        return self


class Checkpoint(Strict):
    """
    Weights in a file, `.safetensors` or what torch.load reads without running code (`weights_only`).

    `file` is found like the files of :class:`Npz`, a copy of what is at `url` in `weights/` below `DDD_DATA`. Only a
    URL with its SHA-256 is downloaded.
    """

    file: str | None = None
    url: Annotated[str, Field(pattern=r"^https://[^\s]+$")] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    key: str | None = None  # of the state dictionary in the file, dots between levels
    strip: str = ""  # prefix taken off the names of weights
    names: Literal["exact", "position"] = "exact"  # weights belong together by name, or by order and shape

    @property
    def place(self) -> str:
        """Where a copy of what is at the URL is looked for, below `DDD_DATA`."""
        return f"weights/{(self.url or '').partition('?')[0].rpartition('/')[2]}"

    @model_validator(mode="after")
    def _has_one_source(self) -> "Checkpoint":
        if (self.file is None) == (self.url is None):
            raise ValueError("pretrained: a checkpoint needs either `file` or `url`")
        return self


def _no_text(given: Any) -> Any:
    if isinstance(given, str):
        key = "file" if "." in given or "/" in given else "torchvision"
        raise ValueError(f"pretrained: true, false or a block is needed, not '{given}': write {{{key}: {given}}}")
    return given


def _kind_of_weights(given: Any) -> str:
    """Tell by its key which block was meant, so that the right one explains a mistake in it."""
    if not isinstance(given, dict | Strict):
        return "bool"
    keys = given if isinstance(given, dict) else type(given).model_fields
    kinds = {"torchvision": "TorchvisionWeights", "open_clip": "OpenClip"}
    return next((kind for key, kind in kinds.items() if key in keys), "Checkpoint")


Weights = Annotated[
    Annotated[bool, Tag("bool")]
    | Annotated[TorchvisionWeights, Tag("TorchvisionWeights")]
    | Annotated[OpenClip, Tag("OpenClip")]
    | Annotated[Checkpoint, Tag("Checkpoint")],
    Discriminator(_kind_of_weights),
    BeforeValidator(_no_text),
]


Outputs = Annotated[
    Annotated[Names, Tag("Names")] | Annotated[Literal["imagenet", "images", "numbers"], Tag("Literal")],
    Discriminator(lambda given: "Literal" if isinstance(given, str) else "Names"),
]


class Model(Strict):
    """
    One entry of a model set.

    `pretrained` says whose weights: false = trained here; true = timm's for this name and tag; or a block for
    torchvision's, open_clip's or a file's. By default images with a training part train the model, others test a
    pretrained one.
    """

    model: str
    name: str | None = None
    arguments: Arguments = Field(default={})
    pretrained: Weights | None = None
    preprocessing: Preprocessing = Preprocessing()
    # What the outputs mean; none = ImageNet's 1,000, or as many as the images have. "images" = their classes in the
    # order of text, "numbers" = in the order of the numbers that the classes are called by.
    classes: Outputs | None = None
    optimizer: Literal["sgd", "adamw"] = "adamw"
    learning_rate: Positive = 2e-3

    @property
    def label(self) -> str:
        """The name shown: the entry's own, or the last part of the model's."""
        if self.name:
            return self.name
        # A tag's dot is part of a timm name; a class is called by its last part.
        return self.model.rpartition(".")[2] if self.model.startswith(("timm.", "torchvision.")) else self.model


class Training(Strict):
    """How the models of a set are trained from scratch."""

    epochs: Epochs = 20
    batch_size: Annotated[int, Field(ge=4, le=1_000_000)] = 32
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    seed: Annotated[int, Field(ge=0)] = 1312
    representation_images: Annotated[int, Field(ge=3)] = 500


def read_models(models: Any) -> Any:
    """Make a list of entries of a model set: a YAML file's name, or a list of names and entries."""
    if isinstance(models, str):
        places = [Path(models), paths.ROOT / models, paths.PARAMS / models]
        found = [path for path in places if path.is_file()]
        if any(path.is_dir() for path in places) and not found:
            raise InputError(f"models: '{models}' is a folder; name a file that lists models")
        if not found:
            known = [f"models/{path.name}" for path in sorted((paths.PARAMS / "models").glob("*.yaml"))]
            raise InputError(f"models: there is no file '{models}'{nearest(models, known)}")
        return _entries(read_yaml(found[0]), found[0].parent.resolve())
    return _entries(models, Path().resolve())


def _entries(models: Any, folder: Path) -> list:
    """Write names as entries, and weights that lie beside the set's file with their full path."""
    if not isinstance(models, list):
        raise InputError("models: a model set is a list of names or entries")
    entries = [{"model": entry} if isinstance(entry, str) else entry for entry in models]
    return [located(entry, folder) for entry in entries]


def located(entry: Any, folder: Path) -> Any:
    """Give an entry's file of weights its full path where it lies in a folder."""
    weights = entry.get("pretrained") if isinstance(entry, dict) else None
    if not isinstance(weights, dict) or not isinstance(file := weights.get("file"), str):
        return entry
    if not (folder / file).is_file():
        return entry
    return {**entry, "pretrained": {**weights, "file": str(folder / file)}}


class Published(Strict):
    """Predictions that others have published; `models` are their names there, their sources or their families."""

    published: Literal["imagenet"]
    models: Annotated[list[str], Field(min_length=1)] | Literal["all"] = "all"
    top: Literal[1, 5] = 1  # right if the label is among so many first answers


def _names_differ(models: list[Model]) -> list[Model]:
    labels = [model.label for model in models]
    if double := sorted({label for label in labels if labels.count(label) > 1}):
        raise ValueError(f"two models are called '{double[0]}': give one another `name`")
    urls: dict[str, str] = {}
    for weights in (model.pretrained for model in models if isinstance(model.pretrained, Checkpoint)):
        url = weights.url
        if url and urls.setdefault(weights.place, url) != url:
            raise ValueError(f"two URLs end in the same file name, {weights.place}: name one as `file`")
    return models


def _worth_comparing(entries: list[Model | Published]) -> list[Model | Published]:
    """Check that there is something to compare: two models, or one beside published ones."""
    models = _names_differ([entry for entry in entries if isinstance(entry, Model)])
    beside = [entry for entry in entries if isinstance(entry, Published)]
    if not beside and len(models) < 2:
        alone = "one alone is compared with published ones by models: [..., published: imagenet]"
        raise ValueError(f"models: two models at least, as models are compared with each other; {alone}")
    if not models:
        raise ValueError("models: published answers alone are given as responses: {published: imagenet}")
    if len(beside) > 1 or any(each.top > 1 for each in beside):
        raise ValueError("models: `published` is said once, and with top: 1, as your models answer once")
    return entries


def _kind_of_entry(given: Any) -> str:
    published = isinstance(given, Published) or (isinstance(given, dict) and "published" in given)
    return "Published" if published else "Model"


Models = Annotated[list[Model], BeforeValidator(read_models), AfterValidator(_names_differ)]
_Kinds = Annotated[Model, Tag("Model")] | Annotated[Published, Tag("Published")]
_Entry = Annotated[_Kinds, Discriminator(_kind_of_entry)]
Entries = Annotated[list[_Entry], BeforeValidator(read_models), AfterValidator(_worth_comparing)]
