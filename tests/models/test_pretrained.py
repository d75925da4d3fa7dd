"""Pretrained models of every kind are found by name, prepared as in their libraries, and no code in files is run."""

import copy
import os
import pickle

import huggingface_hub
import numpy as np
import open_clip
import pytest
import safetensors.torch
import timm
import torch
import torchvision
from pydantic import TypeAdapter, ValidationError

from ddd_utils import files
from ddd_utils.config.model_sets import Model, Models
from ddd_utils.data import views
from ddd_utils.data.class_spaces import class_space, synsets
from ddd_utils.errors import InputError
from ddd_utils.experiments import plans
from ddd_utils.models import pretrained
from ddd_utils.models.pretrained import recipe
from ddd_utils.models.recipe import loading_safely

IMAGENET = class_space(synsets(), synsets())
LETTERS = class_space(list("abcabc"), list("abc"))


def made(**entry):
    return recipe(Model.model_validate(entry))


@pytest.mark.parametrize(
    "entry",
    [
        {"model": "resnet50"},
        {"model": "resnet50.a1_in1k", "pretrained": True},
        {"model": "alexnet", "pretrained": {"torchvision": "IMAGENET1K_V1"}},
        {"model": "ViT-B-32-quickgelu", "pretrained": {"open_clip": "openai"}},
        {"model": "resnet18", "pretrained": {"url": "https://example.org/a.pth", "sha256": "0" * 64}},
    ],
    ids=str,
)
def test_what_exists_is_found(entry):
    made(**entry).check()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"model": "resnet5O"}, "unknown model 'resnet5O' (did you mean 'resnet50'?)"),
        ({"model": "resnet50.a1_in1"}, "no weights 'a1_in1' for 'resnet50' (did you mean 'a1_in1k'?)"),
        ({"model": "alexnet"}, "'alexnet' is torchvision's: give pretrained: {torchvision: IMAGENET1K_V1}"),
        ({"model": "alexnt", "pretrained": {"torchvision": "V1"}}, "no model 'alexnt' (did you mean 'alexnet'?)"),
        (
            {"model": "resnet50", "pretrained": {"torchvision": "IMAGENET1K_V3"}},
            "no weights 'IMAGENET1K_V3' for 'resnet50' (did you mean 'IMAGENET1K_V",
        ),
        ({"model": "ViT-B32", "pretrained": {"open_clip": "openai"}}, "no model 'ViT-B32' (did you mean 'ViT-B-32'?)"),
        (
            {"model": "RN51", "pretrained": {"open_clip": "openai"}},
            "; it has RN50, RN50x16, RN101: write model: RN50, pretrained: {open_clip: openai} (or yfcc15m, cc12m)",
        ),
        ({"model": "ViT-S-16", "pretrained": {"open_clip": "openai"}}, "no weights for 'ViT-S-16'; it has ViT-B-16, "),
        ({"model": "RN50", "pretrained": {"open_clip": None}}, "no weights '' for 'RN50'; it has openai, yfcc15m, cc"),
        ({"model": "RN50"}, "unknown model 'RN50'; open_clip has RN50, RN50x4, RN50x64: write model: RN50, pretrained"),
        (
            {"model": "ViT-B-32", "pretrained": {"open_clip": "openia"}},
            "'openia' for 'ViT-B-32' (did you mean 'openai'?)",
        ),
        ({"model": "resnt18", "pretrained": {"url": "https://x.org/a.pt"}}, "'resnt18' (did you mean 'resnet18'?)"),
        ({"model": "resnet18", "pretrained": {"file": "none.pth"}}, "there is no file 'none.pth'"),
        (
            {"model": "resnet18", "pretrained": {"url": "https://x.org/a.pt"}},
            "put a copy of https://x.org/a.pt at DDD_DATA",
        ),
        ({"model": "resnet18", "arguments": {"num_classes": 5}}, "arguments.num_classes: timm would drop the trained"),
    ],
)
def test_what_does_not_exist_is_named_with_the_nearest(entry, message):
    with pytest.raises(InputError) as caught:
        made(**entry).check()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["resnet50.a1_in1k", "vit_base_patch16_siglip_224.webli", "tf_efficientnet_b0"])
def test_images_are_prepared_as_timms_validation_does(name):
    config = timm.models.get_pretrained_cfg(name).to_dict()
    theirs = timm.data.resolve_data_config(pretrained_cfg=config, use_test_size=True)
    prepared = made(model=name).preparation
    assert prepared.view.size == theirs["input_size"][1]
    assert prepared.view.resized == int(prepared.view.size / theirs["crop_pct"])
    assert (prepared.view.crop, prepared.view.interpolation) == (theirs["crop_mode"], theirs["interpolation"])
    assert (prepared.mean, prepared.sd) == (theirs["mean"], theirs["std"])


def test_images_are_prepared_as_torchvision_does():
    transforms = torchvision.models.ResNet50_Weights.IMAGENET1K_V2.transforms()
    prepared = made(model="resnet50", pretrained={"torchvision": "IMAGENET1K_V2"}).preparation
    assert (prepared.view.size, prepared.view.resized) == (transforms.crop_size[0], transforms.resize_size[0])
    assert prepared.mean == tuple(transforms.mean)


@pytest.mark.parametrize("name, tag", [("ViT-B-32-quickgelu", "openai"), ("ViT-H-14-378-quickgelu", "dfn5b")])
def test_images_are_prepared_as_open_clip_does(name, tag, monkeypatch):
    small = copy.deepcopy(open_clip.get_model_config(name))
    for half in ("vision_cfg", "text_cfg"):
        small[half] |= {"layers": 1, "width": 16, "head_width": 8} | ({"heads": 2} if half == "text_cfg" else {})
    small["text_cfg"].pop("head_width")
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, name, small)
    monkeypatch.setattr(open_clip.factory, "download_pretrained", lambda *_, **__: None)
    theirs = open_clip.get_model_preprocess_cfg(open_clip.create_model(name, tag, load_weights=False))
    prepared = made(model=name, pretrained={"open_clip": tag}).preparation
    size = theirs["size"] if isinstance(theirs["size"], int) else theirs["size"][0]
    assert (prepared.view.size, prepared.view.interpolation) == (size, theirs["interpolation"])
    assert prepared.view.crop == {"shortest": "center", "squash": "squash"}[theirs["resize_mode"]]
    assert (prepared.mean, prepared.sd) == (tuple(theirs["mean"]), tuple(theirs["std"]))


V1 = torchvision.models.ResNet50_Weights.IMAGENET1K_V1


@pytest.mark.parametrize(
    ("entry", "own"),
    [
        ({"model": "resnet50", "pretrained": {"torchvision": "IMAGENET1K_V1"}}, True),
        ({"model": "resnet50", "pretrained": {"torchvision": "IMAGENET1K_V1"}, "preprocessing": {"size": 256}}, False),
        ({"model": "resnet50.tv_in1k"}, True),  # these are torchvision's, by the address that timm has
        ({"model": "resnet50.tv_in1k", "preprocessing": {"interpolation": "bicubic"}}, False),
    ],
)
def test_published_accuracy_is_torchvisions_and_comparable_with_its_transform_alone(entry, own):
    published = V1.meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100
    assert made(**entry).expected() == {"expected_top1": pytest.approx(published), "own_transform": own}


def test_a_file_of_torchvisions_weights_is_known_by_its_content(weights, monkeypatch):
    network, folder = weights
    torch.save(network.state_dict(), folder / "mine.pth")
    wanted = made(model="test_resnet", pretrained={"file": str(folder / "mine.pth")})
    assert wanted.expected() == made(model="resnet50.a1_in1k").expected() == {}
    monkeypatch.setattr(pretrained, "_weights_by_digest", lambda: {files.sha256(folder / "mine.pth")[:8]: V1})
    assert wanted.expected() == {"expected_top1": 0.7613, "own_transform": False}
    network, _ = wanted.network(LETTERS)
    about = wanted.about(network, LETTERS)
    assert about["expected_top1"] == 0.7613 and about["activation"] == "ReLU"
    assert (about["mean"], about["sd"]) == (wanted.preparation.mean, wanted.preparation.sd)


def test_an_entry_has_the_last_word():
    asked = {"size": 160, "mean": [0.5, 0.5, 0.5], "interpolation": "bilinear"}
    prepared = made(model="resnet50", pretrained={"torchvision": "IMAGENET1K_V1"}, preprocessing=asked).preparation
    usual = made(model="resnet50", pretrained={"torchvision": "IMAGENET1K_V1"}).preparation
    # The share of the image that is seen stays the same.
    assert prepared == views.preparation(160, (0.5,) * 3, usual.sd, crop_fraction=224 / 256)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    network = timm.create_model("test_resnet", num_classes=3).eval()
    with torch.no_grad():
        # As built, its last layer is nought.
        torch.nn.init.normal_(network.fc.weight)
    return network, tmp_path


def same(network, entry, space=LETTERS):
    loaded, answers = made(model="test_resnet", **entry).network(space)
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(loaded(images), network(images), rtol=0, atol=0)
    assert loaded.training is False
    return answers


FORMS = {
    "plain": (lambda state: state, {}),
    "key and prefix": (
        lambda state: {"epoch": 3, "model": {"state_dict": {f"module.{name}": value for name, value in state.items()}}},
        {"key": "model.state_dict", "strip": "module."},
    ),
    "other things beside it": (
        lambda state: {"optim.x": torch.ones(2)} | {f"net.{n}": v for n, v in state.items()},
        {"strip": "net."},
    ),
    "other names": (
        lambda state: {f"layer{i}": value for i, value in enumerate(state.values())},
        {"names": "position"},
    ),
    "no counters": (lambda state: {n: v for n, v in state.items() if "num_batches" not in n}, {}),
}


@pytest.mark.parametrize("form", FORMS)
def test_weights_load_from_a_file(weights, form):
    network, folder = weights
    change, entry = FORMS[form]
    state = network.state_dict()
    if form == "other names":
        state = {name: value for name, value in state.items() if "num_batches" not in name}
    torch.save(change(state), folder / "mine.pth")
    answers = same(network, {"pretrained": {"file": str(folder / "mine.pth"), **entry}})
    assert answers.tolist() == [0, 1, 2]


def test_weights_load_from_safetensors(weights):
    network, folder = weights
    safetensors.torch.save_file(network.state_dict(), folder / "mine.safetensors")
    same(network, {"pretrained": {"file": str(folder / "mine.safetensors")}})
    with pytest.raises(InputError, match="in no order"):
        same(network, {"pretrained": {"file": str(folder / "mine.safetensors"), "names": "position"}})


def test_outputs_may_be_named_by_the_entry(weights):
    network, folder = weights
    torch.save(network.state_dict(), folder / "mine.pth")
    entry = {"pretrained": {"file": str(folder / "mine.pth")}, "classes": ["c", "a", "b"]}
    assert same(network, entry).tolist() == [2, 0, 1]


class Harmful:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_is_not_run(weights, legacy):
    network, folder = weights
    mark = folder / "ran"
    content = {"state_dict": network.state_dict(), "extra": Harmful(str(mark))}
    if legacy:
        (folder / "bad.pth").write_bytes(pickle.dumps(content))
    else:
        torch.save(content, folder / "bad.pth")
    with pytest.raises(InputError, match="holds more than weights"):
        made(model="test_resnet", pretrained={"file": str(folder / "bad.pth")}).network(LETTERS)
    assert not mark.exists()


def test_libraries_cannot_unpickle_either(weights):
    _, folder = weights
    torch.save(Harmful(str(folder / "ran")), folder / "bad.pth")
    with loading_safely(), pytest.raises(pickle.UnpicklingError):
        torch.load(folder / "bad.pth", weights_only=False)
    assert not (folder / "ran").exists()
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


@pytest.mark.parametrize(
    ("spoil", "entry", "message"),
    [
        (lambda state: {"model": state, "ema": state}, {}, "give its `key`; the file has model, ema"),
        (lambda state: {"model": state}, {"key": "modl"}, "no key 'modl' (did you mean 'model'?)"),
        (lambda state: state, {"strip": "module."}, "no name starts with 'module.'; the first is 'conv1"),
        (lambda state: {n: v for n, v in state.items() if n != "fc.weight"}, {}, "has no weights 'fc.weight'"),
        (lambda state: {"more.weight": torch.ones(2)} | state, {}, "no weights called 'more.weight'"),
        (lambda state: state | {"conv1.0.weight": torch.ones(2)}, {}, "is of shape (2,) and not"),
        (lambda state: {"more.weight": torch.ones(2)} | state, {"names": "position"}, "'more.weight' meets 'conv1"),
        (lambda state: state, {"sha256": "0" * 64}, "has another SHA-256 than its entry says"),
    ],
)
def test_weights_that_do_not_fit_are_named(weights, spoil, entry, message):
    network, folder = weights
    torch.save(spoil(network.state_dict()), folder / "mine.pth")
    wanted = made(model="test_resnet", pretrained={"file": str(folder / "mine.pth"), **entry})
    with pytest.raises(InputError) as caught:
        wanted.check()
        wanted.network(LETTERS)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"<html>not weights</html>", b"PK\x03\x04 torn"])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_damaged_file_is_named(tmp_path, content, suffix):
    path = tmp_path / f"torn.{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"torn.{suffix}: not a (whole )?file of weights"):
        made(model="test_resnet", pretrained={"file": str(path)}).network(LETTERS)


def test_a_url_without_sha256_is_never_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_DATA", str(tmp_path))
    wanted = made(model="test_resnet", pretrained={"url": "https://example.org/folder/w.pth"})
    with pytest.raises(
        InputError, match=r"w.pth: not downloaded, .* put a copy of https://example.org/folder/w.pth at"
    ):
        wanted.check()


def test_a_copy_of_what_is_at_a_url_is_used(weights, monkeypatch):
    network, folder = weights
    (folder / "weights").mkdir()
    torch.save(network.state_dict(), folder / "weights" / "w.pth")
    monkeypatch.setenv("DDD_DATA", str(folder))
    same(network, {"pretrained": {"url": "https://example.org/w.pth?raw=1"}})
    with pytest.raises(InputError, match="differs from the published file"):
        same(network, {"pretrained": {"url": "https://example.org/w.pth", "sha256": "0" * 64}})


def test_two_urls_of_one_file_name_are_refused():
    entries = [
        {"model": "resnet18", "name": name, "pretrained": {"url": f"https://{name}.org/w.pth"}} for name in ("a", "b")
    ]
    with pytest.raises(ValidationError, match=r"two URLs end in the same file name, weights/w\.pth"):
        TypeAdapter(Models).validate_python(entries)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"model": "test_resnet", "arguments": {"act_layer": "bogus"}}, "'test_resnet' cannot be built with"),
        ({"model": "test_resnet", "classes": ["a", "b"]}, "has 1,000 outputs, but `classes` names 2"),
        (
            {"model": "alexnet", "pretrained": {"torchvision": "IMAGENET1K_V1"}, "arguments": {"dropuot": 0.1}},
            "'alexnet' cannot be built with {'dropuot': 0.1}",
        ),
        ({"model": "test_resnet", "arguments": {"stem_type": {}}}, "arguments.stem_type: a text is needed, not {}"),
        ({"model": "test_resnet", "arguments": {"stem_type": "dep"}}, "stem_type: 'dep' means nothing to it"),
        (
            {
                "model": "test_resnet",
                "arguments": {"avg_down": {}},
                "pretrained": {"url": "https://a.org/w.pth", "sha256": "0" * 64},
            },
            "arguments.avg_down: true or false is needed, not {}",
        ),
        (
            {
                "model": "RN50-quickgelu",
                "arguments": {"force_quick_gelu": {}},
                "pretrained": {"open_clip": "openai"},
            },
            "arguments.force_quick_gelu: true or false is needed, not {}",
        ),
        (
            {"model": "RN50-quickgelu", "arguments": {"nonsense": 1}, "pretrained": {"open_clip": "openai"}},
            "'RN50-quickgelu' cannot be built with {'nonsense': 1}",
        ),
        (
            {"model": "ViT-B-32-quickgelu", "pretrained": {"open_clip": "openai", "class_names": {"d": "x"}}},
            "there is no class 'd'",
        ),
    ],
)
def test_what_cannot_work_is_told_without_weights(entry, message):
    with pytest.raises(InputError) as caught:
        made(**entry).rehearse(LETTERS)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_own_weights_are_tried_before_anything_is_read(weights):
    network, folder = weights
    torch.save(network.state_dict(), folder / "mine.pth")
    entry = {"model": "test_resnet", "pretrained": {"file": str(folder / "mine.pth")}}
    made(**entry).rehearse(LETTERS)
    with pytest.raises(InputError, match="has 3 outputs, but the images have 2 classes"):
        made(**entry).rehearse(class_space(["a", "b"], ["a", "b"]))


def test_without_a_network_it_is_said_what_helps(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError) as caught:
        made(model="test_resnet.r160_in1k").network(IMAGENET)
    assert "the weights of 'test_resnet.r160_in1k' (timm, timm/test_resnet.r160_in1k) cannot be loaded" in str(
        caught.value
    )
    assert "\n" not in str(caught.value)


def test_an_input_the_network_cannot_take_is_told(weights):
    _, folder = weights
    torch.save(timm.create_model("test_vit", num_classes=3).state_dict(), folder / "vit.pth")
    entry = {"pretrained": {"file": str(folder / "vit.pth")}, "preprocessing": {"size": 100}}
    with pytest.raises(InputError, match="'test_vit' cannot take images of 100 px: Input height"):
        made(model="test_vit", **entry).network(LETTERS)


def test_files_are_called_after_all_that_decides_the_answers(weights, monkeypatch):
    network, folder = weights
    torch.save(network.state_dict(), folder / "a.pth")
    (folder / "copy.pth").write_bytes((folder / "a.pth").read_bytes())

    def stem(**entry):
        return plans.pretrained_file(Model.model_validate({"model": "test_resnet", "name": "mine", **entry}))

    a, copy = ({"file": str(folder / name)} for name in ("a.pth", "copy.pth"))
    assert stem(pretrained=a) == stem(pretrained=copy) == stem(pretrained=a, learning_rate=1.0)
    others = [stem(pretrained=a, preprocessing={"size": 32}), stem(pretrained=a, classes="images"), stem()]
    assert stem() == stem(pretrained=True)
    monkeypatch.setenv("DDD_DATA", str(folder))
    (folder / "weights").mkdir()
    (folder / "weights" / "w.pth").write_bytes(b"one")
    by_url = {"url": "https://example.org/w.pth"}
    before = stem(pretrained=by_url)
    (folder / "weights" / "w.pth").write_bytes(b"another")
    assert stem(pretrained=by_url) != before
    (folder / "a.pth").write_bytes(b"other")
    assert len({*others, stem(pretrained=a), stem(pretrained=copy)}) == 5
    assert all(name.startswith("mine-") for name in others)
    assert np.unique(others).size == 3
