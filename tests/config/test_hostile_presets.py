"""Presets that are too large, too deep or not plain are refused at once, in one line; nothing of them is run."""

import os
import time

import pytest

from ddd_utils import files, paths
from ddd_utils.config import params
from ddd_utils.errors import InputError

MODELS = "sota_comparison: {{models: [{{model: resnet18, arguments: {}}}, test_vit], images: {{name: digits}}}}"
BOMB = "\n".join(
    ["a: &a [x, x, x, x, x, x, x, x, x]"]
    + [f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
)
PRESETS = {
    MODELS.format("&x {a: *x}"): "or a value contains itself",
    MODELS.format("{stages: [1, 2020-01-01]}"): "arguments.stages.1: a value of type date",
    MODELS.format("{a: !!set {b}}"): "arguments.a: a value of type set",
    MODELS.format("{a: !!binary aGk=}"): "arguments.a: a value of type bytes",
    MODELS.format("{a: 2020-02-31}"): "a value that cannot be read: day is out of range",
    MODELS.format("{stages: [9223372036854775808]}"): "stages.0: a number up to 9e+15 is needed, not 9.22e+18",
    MODELS.format("{stages: [1000000000]}"): "arguments: whole numbers up to 100,000, not 1000000000",
    MODELS.format("{width: .inf}"): "arguments.width: a number up to 9e+15 is needed, not inf",
    MODELS.format("{width: .nan}"): "arguments.width: a number up to 9e+15 is needed, not nan",
    MODELS.format('{"a\\nb": 1}'): r"the key 'a\nb' is not plain text on one line",
    f"subsetting: {{tolerance: {'9' * 5000}}}": "a value that cannot be read: Exceeds the limit (4300 digits)",
    f"subsetting: {{tolerance: {'[' * 900}{']' * 900}}}": "nested more than 50 levels deep",
    BOMB: "more than 100,000 values",
    "training_variants: {experiment: {dataset: {name: digits}, epochs: 1000000000000000000000}}": "epochs: a number",
    "training_variants: {experiment: {dataset: {name: digits}, instances: {data_order: 1000000000}}}": "at most 1,000",
    "training_variants: {experiment: {dataset: {name: digits, image_size: 1000000}}}": "at most 4,096 is needed",
    "training_variants: {experiment: {dataset: {name: digits}, epochs: 1000000}}": "epochs: at most 100,000 is needed",
    "sota_comparison: {models: [resnet18, resnet34], images: {path: ''}}": "images.path: a text is needed, not ''",
}


@pytest.mark.parametrize(("text", "message"), PRESETS.items(), ids=range(len(PRESETS)))
def test_a_hostile_preset_is_one_line_at_once(tmp_path, text, message):
    file = tmp_path / "hostile.yaml"
    file.write_text(text)
    started = time.process_time()
    with pytest.raises(InputError) as caught:
        params.load(file)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("name", [".", "..", "results", "Data", "a\nb", "a\u2028b"])
def test_a_report_goes_to_a_folder_of_its_own(tmp_path, name):
    file = tmp_path / f"{name}.yaml"
    file.write_text("summary: {}")
    with pytest.raises(InputError, match="cannot be a folder of its own") as caught:
        params.load(file)
    assert len(str(caught.value).splitlines()) == 1


def test_many_keys_are_compared_at_once():
    started = time.process_time()
    files.parse_yaml("".join(f"k{number}: 1\n" for number in range(20_000)), "many")
    assert time.process_time() - started < 10


@pytest.mark.parametrize("value", ["", None])
def test_a_build_folder_without_a_name_is_the_usual_one(monkeypatch, value):
    monkeypatch.delenv("DDD_BUILD") if value is None and "DDD_BUILD" in os.environ else None
    if value is not None:
        monkeypatch.setenv("DDD_BUILD", value)
    assert paths.build() == (paths.ROOT / "build").resolve()
