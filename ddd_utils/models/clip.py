"""Zero-shot models from open_clip: the answer is the class whose prompts are nearest to the image."""

import logging
from typing import Any

import torch
from torch import nn

from ddd_utils import paths
from ddd_utils.data.class_spaces import ClassSpace, imagenet_index, synsets
from ddd_utils.errors import InputError, nearest, needs_extra
from ddd_utils.files import read_array, short_hash, write_array
from ddd_utils.machine import devices
from ddd_utils.models.recipe import Recipe, require, unavailable, unbuildable

log = logging.getLogger(__name__)

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
        require(model, open_clip.list_models(), "open_clip has no model")
        require(wanted, open_clip.list_pretrained_tags_by_model(model), "open_clip has no weights", model)

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
        """Look up the classes that are given another name."""
        self.names(space)

    def build(self, space: ClassSpace) -> nn.Module:
        """Fetch the model and embed the prompts of every class, which takes long on a CPU and is done once."""
        import open_clip

        names = self.names(space)
        try:
            model = open_clip.create_model(self.entry.model, self.weights.open_clip, **self.entry.arguments)
            tokenizer = open_clip.get_tokenizer(self.entry.model)
        except TypeError as error:
            raise unbuildable(self.entry, error) from None
        except Exception as error:
            raise unavailable(self.entry.label, self.origin, error) from None
        templates = self.weights.templates or open_clip.OPENAI_IMAGENET_TEMPLATES
        # open_clip's own templates are functions; what they make of a word tells them apart as well.
        texts = [each.format("x") if isinstance(each, str) else each("x") for each in templates]
        made_of = [self.entry.model, self.weights.open_clip, self.entry.arguments, names, texts]
        kept = paths.build() / "data" / "prompts" / f"{short_hash(made_of, 16)}.npy"
        if not kept.exists():
            log.info("%s: embedding %s prompts", self.entry.label, f"{len(names) * len(templates):,}")
            model, device = model.eval().to(devices()[0]), devices()[0]
            prompts = open_clip.build_zero_shot_classifier(model, tokenizer, names, templates, device=device)
            write_array(kept, prompts.cpu().numpy())
        return ZeroShot(model.visual.cpu(), torch.from_numpy(read_array(kept)))

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
        """Model and tag."""
        return f"open_clip {self.entry.model}, {self.weights.open_clip}"
