"""Zero-shot models: their answers are open_clip's, their activation is that of the weights, files do for a network."""

import logging

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from ddd_utils.config.model_sets import Model
from ddd_utils.config.schema import SotaComparison
from ddd_utils.data import views
from ddd_utils.data.class_spaces import class_space, synsets
from ddd_utils.errors import InputError
from ddd_utils.experiments import inference
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.models.pretrained import recipe
from ddd_utils.report import doubts, tables
from ddd_utils.responses import write_predictions

IMAGENET = class_space(synsets(), synsets())
LETTERS = class_space(list("abcabc"), list("abc"))


def made(**entry):
    return recipe(Model.model_validate(entry))


TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture
def tiny_clip(monkeypatch, tmp_path):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "Tiny", TINY)
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "Tiny", {"random": {"mean": (0.5,) * 3, "std": (0.25,) * 3}})
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "Tiny-quickgelu", TINY | {"quick_gelu": True})
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "Tiny-quickgelu", {"random": {"quick_gelu": True}})
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED["Tiny"], "quick", {"quick_gelu": True})
    torch.manual_seed(0)
    model, create = open_clip.create_model("Tiny").eval(), open_clip.create_model
    monkeypatch.setattr(
        open_clip, "create_model", lambda name, tag, **more: model if tag == "random" else create(name, tag, **more)
    )
    return model


def test_zero_shot_answers_are_open_clips(tiny_clip, caplog):
    templates = ["a photo of a {}.", "{}"]
    entry = {"open_clip": "random", "templates": templates, "class_names": {"b": "a big bee"}}
    wanted = made(model="Tiny", pretrained=entry)
    wanted.check()
    caplog.set_level(logging.INFO, "ddd_utils")
    network, answers = wanted.network(LETTERS)
    again, _ = wanted.network(LETTERS)  # its prompts were kept
    assert caplog.messages == ["Tiny: embedding 6 prompts"]
    torch.testing.assert_close(again.prompts, network.prompts, rtol=0, atol=0)
    assert wanted.preparation == views.preparation(
        32, (0.5,) * 3, (0.25,) * 3, interpolation="bicubic", crop_fraction=1.0
    )
    images = torch.rand(4, 3, 32, 32)
    with torch.no_grad():
        tokens = open_clip.get_tokenizer("ViT-B-32")(
            [text.format(c) for c in ["a", "a big bee", "c"] for text in templates]
        )
        texts = torch.nn.functional.normalize(tiny_clip.encode_text(tokens), dim=-1).view(3, 2, -1).mean(1)
        expected = 100 * tiny_clip.encode_image(images, normalize=True) @ torch.nn.functional.normalize(texts, dim=-1).T
    torch.testing.assert_close(network(images), expected)
    assert answers.tolist() == [0, 1, 2]


def test_zero_shot_classes_of_imagenet_have_open_clips_names(tiny_clip):
    wanted = made(model="Tiny", pretrained={"open_clip": "random", "class_names": {synsets()[1]: "goldy"}})
    names = wanted.names(IMAGENET)
    by_name = made(model="Tiny", pretrained={"open_clip": "random", "class_names": {"goldfish": "goldy"}})
    assert by_name.names(IMAGENET) == names
    assert names[:2] == ["tench", "goldy"] and names[2:] == list(open_clip.IMAGENET_CLASSNAMES[2:])
    with pytest.raises(InputError, match="there is no class 'n0144076'"):
        made(model="Tiny", pretrained={"open_clip": "random", "class_names": {"n0144076": "x"}}).network(IMAGENET)


# Every pair in open_clip's list whose weights were trained with another activation than the network's.
MISMATCHED = [
    (model, tag)
    for model, tag in open_clip.list_pretrained()
    if open_clip.get_pretrained_cfg(model, tag).get("quick_gelu")
    and not open_clip.get_model_config(model).get("quick_gelu")
]


@pytest.mark.parametrize(("model", "tag"), [*MISMATCHED[::4], ("ViT-B-32", "openai")])
def test_weights_of_another_activation_are_refused_with_the_model_that_has_it(model, tag):
    with pytest.raises(InputError) as caught:
        made(model=model, pretrained={"open_clip": tag}).check()
    told = str(caught.value)
    assert (
        told.endswith(f"write model: {model}-quickgelu") and f"'{tag}' of {model} were trained with QuickGELU" in told
    )
    made(model=f"{model}-quickgelu", pretrained={"open_clip": tag}).check()
    made(model=model, pretrained={"open_clip": tag}, arguments={"force_quick_gelu": True}).check()


def test_no_other_model_of_open_clip_is_refused_for_its_activation():
    for model, tag in set(open_clip.list_pretrained()) - set(MISMATCHED):
        made(model=model, pretrained={"open_clip": tag}).check()


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (
            {"pretrained": {"open_clip": "random"}, "arguments": {"force_quick_gelu": True}},
            "arguments.force_quick_gelu",
        ),
        ({"pretrained": {"open_clip": "random"}, "arguments": {"quick_gelu": True}}, "leave out arguments.quick_gelu"),
        ({"pretrained": {"open_clip": "random"}, "arguments": {"load_weights": False}}, "load_weights is not taken"),
        ({"pretrained": {"open_clip": "random"}, "arguments": {"pretrained_image_path": "a"}}, "is not taken"),
        ({"pretrained": {"open_clip": "random", "file": "no.pt"}}, "there is no file 'no.pt'"),
    ],
)
def test_arguments_that_change_activation_or_weights_are_refused(tiny_clip, entry, told):
    with pytest.raises(InputError, match=told):
        made(model="Tiny", **entry).check()


def as_open_ai(state):
    """OpenAI's weights are halves, beside three numbers."""
    halves = {name: value.half() for name, value in state.items()}
    return halves | {
        "input_resolution": torch.tensor(32),
        "context_length": torch.tensor(77),
        "vocab_size": torch.tensor(9),
    }


@pytest.mark.parametrize(
    "form",
    [
        lambda state: state,
        lambda state: {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}},
        as_open_ai,
    ],
)
def test_a_file_does_for_a_network(tiny_clip, tmp_path, form):
    torch.save(form(tiny_clip.state_dict()), tmp_path / "mine.pt")
    torch.manual_seed(9)  # what is not read from the file would differ
    wanted = made(
        model="Tiny", pretrained={"open_clip": "random", "file": str(tmp_path / "mine.pt"), "templates": ["{}"]}
    )
    wanted.check()
    wanted.rehearse(LETTERS)
    network, _ = wanted.network(LETTERS)
    by_tag, _ = made(model="Tiny", pretrained={"open_clip": "random", "templates": ["{}"]}).network(LETTERS)
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(network(images), by_tag(images), rtol=0.02, atol=0.2)
    assert wanted.origin == "open_clip Tiny, random, file mine.pt"


def test_a_file_that_does_not_fit_is_named(tiny_clip, tmp_path):
    state = tiny_clip.state_dict()
    torch.save({name: value for name, value in state.items() if name != "visual.proj"}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(b"<html>")
    for name, told in {"a.pt": "do not fit Tiny: .*visual.proj", "b.pt": "a page of HTML"}.items():
        with pytest.raises(InputError, match=told) as caught:
            made(model="Tiny", pretrained={"open_clip": "random", "file": str(tmp_path / name)}).rehearse(LETTERS)
        assert "\n" not in str(caught.value)


def test_without_a_network_the_form_with_a_file_is_shown(tiny_clip, monkeypatch):
    with pytest.raises(InputError, match=r"give a file of them as pretrained: \{open_clip: quick, file: ...\}"):
        made(model="Tiny", pretrained={"open_clip": "quick"}).network(LETTERS)


def evaluated(folder, model="Tiny", **pretrained):
    entries = [
        {"model": model, "name": name, "pretrained": {"open_clip": "random", **pretrained}} for name in ("A", "B")
    ]
    for name in "abc":
        (folder / "photos" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 40, 3), 60 * ord(name) % 256, np.uint8)).save(folder / "photos" / name / "1.png")
    block = {"models": entries, "images": str(folder / "photos")}
    return Evaluation(SotaComparison.model_validate(block).experiment)


def test_activation_templates_and_names_are_told_also_from_the_cache(tiny_clip, tmp_path, caplog):
    chosen = evaluated(tmp_path, templates=["a {}.", "{}"], class_names={"b": "<i>bee"})
    inference.check(chosen)
    inference.make(chosen)
    caplog.set_level(logging.INFO, "ddd_utils")
    asked = "GELU, 2 templates (“a {}.”, “{}”), the images' own names of 3 classes, 1 of them changed (b: <i>bee)"
    for _ in range(2):  # a second report has nothing to compute
        caplog.clear()
        assert chosen.complete()
        doubts.log_doubts()
        answers = chosen.load()
        assert [line.partition(": ")[2] for line in caplog.messages if "templates" in line] == [
            f"A: {asked}",
            f"B: {asked}",
        ]
    assert chosen.description()["networks"][0]["activation"] == "GELU"
    assert asked.partition(", ")[2] in "\n".join(table.to_csv() for table in tables.models(answers)).replace('""', '"')


def test_answers_kept_by_a_version_that_did_not_look_at_the_activation_are_made_anew(tiny_clip, tmp_path):
    chosen = evaluated(tmp_path, templates=["{}"])
    inference.make(chosen)
    facts = {key: value for key, value in chosen.networks().iloc[0].items() if key not in ("prompts", "activation")}
    model = chosen.config.models[0]
    write_predictions(
        chosen.file(model), np.zeros((1, 3), np.int16), {"right_present": 1, "architecture": facts["architecture"]}
    )
    assert not chosen.complete() and chosen.missing() == [model]


def test_the_text_half_has_an_activation_too(tiny_clip):
    network = made(model="Tiny-quickgelu", pretrained={"open_clip": "random"})
    told = network.about(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Sigmoid()), IMAGENET)
    assert told["activation"] == "ReLU; text: QuickGELU"
    assert told["prompts"].startswith("80 templates of open_clip (“a bad photo of a {}.”, ")
    assert told["prompts"].endswith("open_clip's names of ImageNet's 1,000 classes")
