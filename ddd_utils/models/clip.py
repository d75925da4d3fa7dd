"""Zero-shot models from open_clip: the answer is the class whose prompts are nearest to the image."""

import logging
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from ddd_utils import files, paths
from ddd_utils.data.class_spaces import ClassSpace, imagenet_index, synsets
from ddd_utils.errors import InputError, nearest, needs_extra
from ddd_utils.files import read_array, short_hash, write_array
from ddd_utils.machine import devices
from ddd_utils.models.by_name import brief, check_kinds, clip_offer, refuse_doors
from ddd_utils.models.files_of_weights import read_weights
from ddd_utils.models.recipe import Recipe, require, unavailable, unbuildable

log = logging.getLogger(__name__)

# OpenAI's own files hold these numbers beside the weights.
NUMBERS = {"input_resolution", "context_length", "vocab_size"}
ACTIVATIONS = {False: "GELU", True: "QuickGELU"}
SWITCHES = ("quick_gelu", "force_quick_gelu")
LISTED = 3  # templates, and classes of another name, that are told; of the others, how many there are
MODES = {"shortest": "center", "squash": "squash", "longest": "border"}


class ZeroShot(nn.Module):
    """The image half of a CLIP model; the last layer is the prompts, (embedding, classes) of unit length."""

    prompts: torch.Tensor

    def __init__(self, visual: nn.Module, prompts: torch.Tensor):
        super().__init__()
        self.visual = visual
        self.register_buffer("prompts", prompts)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the cosine of image and class, (images, classes), times 100 as in open_clip."""
        return 100 * nn.functional.normalize(self.visual(images), dim=-1) @ self.prompts.to(images.dtype)


class ClipModel(Recipe):
    """An open_clip name and the tag of its weights."""

    def check(self) -> None:
        """Look up the model, then the tag among its own."""
        needs_extra("clip", f"'{self.entry.label}'")
        import open_clip

        model, wanted = self.entry.model, self.weights.open_clip
        if model not in (known := open_clip.list_models()):
            raise InputError(f"open_clip has no model '{model}'{nearest(model, known)}{clip_offer(model, 'it')[1]}")
        if not (tags := open_clip.list_pretrained_tags_by_model(model)):
            raise InputError(f"open_clip has no weights for '{model}'{clip_offer(model, 'it')[1]}")
        require(wanted, tags, "open_clip has no weights", model)
        refuse_doors(self.entry.arguments, self.entry.label)
        _ = self._file
        # With another activation than they were trained with, weights answer as well, but worse.
        config, arguments = open_clip.get_model_config(model), self.entry.arguments
        usual = config.get("quick_gelu", False)
        trained, quick = open_clip.get_pretrained_cfg(model, wanted).get("quick_gelu", usual), self._quick
        if trained != quick:
            mend = f"write model: {model.removesuffix('-quickgelu')}{'-quickgelu' if trained else ''}"
            if trained == usual:
                mend = f"leave out arguments.{next(name for name in SWITCHES if name in arguments)}"
            mismatch = f"were trained with {ACTIVATIONS[trained]}, but this network has {ACTIVATIONS[quick]}"
            raise InputError(f"'{self.entry.label}': the weights '{wanted}' of {model} {mismatch}; {mend}")

    @property
    def _quick(self) -> bool:
        """Whether the network has QuickGELU for GELU: the entry's arguments decide before open_clip's configuration."""
        import open_clip

        usual = open_clip.get_model_config(self.entry.model).get("quick_gelu", False)
        arguments = self.entry.arguments
        return bool(arguments.get("quick_gelu", usual or arguments.get("force_quick_gelu")))

    @property
    def _file(self) -> Path | None:
        return files.find(self.weights.file, "file") if self.weights.file else None

    def usual(self) -> dict[str, Any]:
        """Read it from the configurations of weights and model, as open_clip does."""
        import open_clip
        from open_clip.transform import PreprocessCfg

        found = open_clip.get_pretrained_cfg(self.entry.model, self.weights.open_clip)
        plain = PreprocessCfg()
        size = open_clip.get_model_config(self.entry.model)["vision_cfg"].get("image_size", plain.size)
        return {
            "size": size if isinstance(size, int) else size[0],
            "crop_fraction": 1.0,
            "mean": tuple(found.get("mean") or plain.mean),
            "sd": tuple(found.get("std") or plain.std),
            "interpolation": found.get("interpolation") or plain.interpolation,
            "crop": MODES[found.get("resize_mode") or plain.resize_mode],
            "fill": (plain.fill_color,) * 3,
        }

    def rehearse(self, space: ClassSpace) -> None:
        """Look up the classes that are given another name; read the file, if there is one, or try the arguments."""
        self.names(space)
        if self._file:
            self._made()
        elif self.entry.arguments:
            self._try_arguments()

    def _try_arguments(self) -> None:
        """Build the model without memory for weights, and have it answer."""
        import open_clip

        arguments, size = self.entry.arguments, self.preparation.view.size
        try:
            with torch.device("meta"), torch.no_grad():
                model = open_clip.create_model(self.entry.model, None, device="meta", **arguments)
                check_kinds(model, open_clip.create_model, arguments, f"'{self.entry.label}'")
                model.visual(torch.empty(2, 3, size, size))
        except InputError:
            raise
        except Exception as error:
            raise unbuildable(self.entry, error) from None

    def build(self, space: ClassSpace) -> nn.Module:
        """Fetch the model and embed the prompts of every class, which takes long on a CPU and is done once."""
        import open_clip

        names, templates = self.names(space), self._templates
        model, tokenizer = self._made()
        made_of = [self.entry.model, self.weights.open_clip, self.entry.arguments, names, _texts(templates, "x")]
        made_of += [files.digest(self._file)] if self._file else []
        kept = paths.build() / "data" / "prompts" / f"{short_hash(made_of, 16)}.npy"
        if not kept.exists():
            log.info("%s: embedding %s prompts", self.entry.label, f"{len(names) * len(templates):,}")
            model, device = model.eval().to(devices()[0]), devices()[0]
            prompts = open_clip.build_zero_shot_classifier(model, tokenizer, names, templates, device=device)
            write_array(kept, prompts.cpu().numpy())
        return ZeroShot(model.visual.cpu(), torch.from_numpy(read_array(kept)))

    @property
    def _templates(self) -> Sequence[Any]:
        import open_clip

        return self.weights.templates or open_clip.OPENAI_IMAGENET_TEMPLATES

    def _made(self) -> tuple[nn.Module, Any]:
        """Make the model with its weights, downloaded or read as all files of weights are, and its tokenizer."""
        import open_clip

        source, model = self.weights.open_clip, self.entry.model
        state = read_weights(self._file) if self._file else {}
        try:
            with TemporaryDirectory() as folder:
                if state:  # open_clip fits in what was found to be weights and nothing else
                    source = f"{folder}/weights.pt"
                    plain = {name.removeprefix("module."): value for name, value in state.items()}
                    torch.save({name: value for name, value in plain.items() if name not in NUMBERS}, source)
                return open_clip.create_model(model, source, **self.entry.arguments), open_clip.get_tokenizer(model)
        except TypeError as error:
            raise unbuildable(self.entry, error) from None
        except Exception as error:
            if "state_dict" in str(error):
                raise InputError(f"'{self.entry.label}': the weights do not fit {model}: {brief(error)}") from None
            tag = f"open_clip: {self.weights.open_clip}, "
            raise unavailable(self.entry.label, self.origin, error, tag) from None

    def about(self, network: nn.Module, space: ClassSpace) -> dict[str, Any]:
        """Add the templates and the names of the classes; the activation is also that of the text's half."""
        facts, text, given = super().about(network, space), ACTIVATIONS[self._quick], self.weights
        if text not in facts["activation"]:
            facts["activation"] = f"{facts['activation']}; text: {text}"
        templates = f"{len(self._templates)} templates{'' if given.templates else ' of open_clip'}"
        templates += f" ({_listed([f'“{text}”' for text in _texts(self._templates, '{}')])})"
        whose = "open_clip's names of ImageNet's" if space.synsets is not None else "the images' own names of"
        whose += f" {len(self.names(space)):,} classes"
        if changed := [f"{name}: {text}" for name, text in given.class_names.items()]:
            whose += f", {len(changed):,} of them changed ({_listed(changed)})"
        return facts | {"prompts": f"{templates}, {whose}"}

    def names(self, space: ClassSpace) -> list[str]:
        """List what the classes are called in the prompts: ImageNet's 1,000, or else those of the images."""
        import open_clip

        own = space.synsets is None
        found = [key.replace("_", " ") for key in space.keys] if own else list(open_clip.IMAGENET_CLASSNAMES)
        for name, text in self.weights.class_names.items():
            known = space.keys if own else synsets()
            index = imagenet_index(name) if not own else known.index(name) if name in known else None
            if index is None:
                raise InputError(f"'{self.entry.label}', class_names: there is no class '{name}'{nearest(name, known)}")
            found[index] = text
        return found

    @property
    def origin(self) -> str:
        """Model and tag, and the name of the file if there is one."""
        file = f", file {Path(self.weights.file).name}" if self.weights.file else ""
        return f"open_clip {self.entry.model}, {self.weights.open_clip}{file}"


def _texts(templates: Sequence[Any], word: str) -> list[str]:
    """Write templates with a word in them; open_clip's own are functions."""
    return [each.format(word) if isinstance(each, str) else each(word) for each in templates]


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts[:LISTED]) + (", ..." if len(texts) > LISTED else "")
