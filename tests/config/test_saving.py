"""What was changed in a notebook becomes a preset of one's own, and takes nothing from anybody."""

import ast
import shutil

import jupytext
import numpy as np
import pytest

from ddd_utils import paths
from ddd_utils.config import params
from ddd_utils.config.schema import declared_parameters
from ddd_utils.errors import InputError
from ddd_utils.files import write_yaml


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository of one's own, with the shipped presets."""
    shutil.copytree(paths.PARAMS, tmp_path / "params")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params")
    return tmp_path / "params"


def cells(section):
    notebook = jupytext.read(paths.NOTEBOOKS / f"{section}.py")
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def namespace(section, **changed):
    """Return the globals of a notebook after its parameters cell, some of them changed, and of what comes later."""
    found = {"__name__": "__main__"}
    exec(next(cell.source for cell in cells(section) if "parameters" in cell.metadata.get("tags", [])), found)
    return found | {"networks": object()} | changed


def test_a_changed_parameter_is_saved_and_the_rest_is_as_in_the_notebooks_preset(folder, capsys):
    params.save("mine", subsetting=namespace("subsetting", preset="smoke", tolerance=0))
    told = "params/mine.yaml has your subsetting, all else is as in smoke. Run it: make report PRESET=mine\n"
    assert capsys.readouterr().out == told
    mine, smoke = params.load("mine"), params.load("smoke")
    assert mine.subsetting.tolerance == 0
    assert mine.raw | {"subsetting": {}} == smoke.raw | {"subsetting": {}}
    assert sorted(path.name for path in folder.glob("[.m]*.yaml")) == ["mine.yaml"]


@pytest.mark.parametrize("section", params.SECTIONS)
def test_a_section_that_was_not_changed_is_saved_as_it_was(folder, section):
    params.save("mine", **{section: namespace(section)})
    assert params.load("mine").raw.get(section, {}) == params.load("quick").raw.get(section, {})


@pytest.mark.parametrize("section", params.SECTIONS)
def test_no_section_gives_its_parameters_another_value(section):
    """Else what is saved at its end would not be what was set, and a cell run twice would not do the same."""
    parameters = set(declared_parameters(paths.NOTEBOOKS / f"{section}.py"))
    later = [ast.parse(cell.source) for cell in cells(section) if "parameters" not in cell.metadata.get("tags", [])]
    bound = {
        node.id
        for tree in later
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.arg) and isinstance(getattr(node, "ctx", None), ast.Store)
    }
    bound |= {
        name.asname or name.name
        for tree in later
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert not parameters & bound


def test_sections_are_saved_one_after_the_other(folder):
    params.save("mine", subsetting={"tolerance": 0})
    params.save("mine", controls={"tolerance": 2})
    params.save("mine", preset="mine", subsetting={"tolerance": 2})
    mine = params.load("mine")
    assert (mine.subsetting.tolerance, mine.controls.tolerance) == (2, 2)
    with pytest.raises(InputError, match=r"mine\.yaml is based on 'quick', this notebook on 'smoke'; choose another"):
        params.save("mine", preset="smoke", controls={"tolerance": 1})


def test_a_section_that_the_preset_has_not_is_added(folder):
    params.save("mine", preset="published", training_variants=params.load("quick").raw["training_variants"])
    assert params.load("mine").sections == [
        name for name in params.SECTIONS if name not in ("controls", "kl_divergence", "people")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"subseting": {}}, "there is no section 'subseting' (did you mean 'subsetting'?)"),
        ({"subsetting": {"tolerence": 1}}, "params/mine.yaml: subsetting.tolerence: unknown key (did you mean 'tolera"),
        ({"subsetting": {"tolerance": -1}}, "params/mine.yaml: subsetting.tolerance: at least 0 is needed"),
        ({"preset": "quik", "subsetting": {}}, "there is no preset 'quik' (did you mean 'quick'?)"),
        ({"training_variants": {"tolerance": np.int64(1)}}, "training_variants.tolerance: a whole number"),
        ({"training_variants": {"experiment": ...}}, "training_variants.experiment"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(folder, arguments, message):
    with pytest.raises(InputError) as error:
        params.save("mine", **arguments)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not (folder / "mine.yaml").exists()


@pytest.mark.parametrize("name", ["quick", "own"])
def test_a_preset_made_by_others_or_by_hand_is_left_alone(folder, name):
    (folder / "own.yaml").write_text("summary: {}\n")
    before = (folder / f"{name}.yaml").read_bytes()
    with pytest.raises(InputError, match=f"{name}.yaml was not made by params.save and is left as it is"):
        params.save(name, subsetting={"tolerance": 0})
    assert (folder / f"{name}.yaml").read_bytes() == before


def test_files_named_from_the_notebooks_folder_are_found_from_elsewhere(folder, monkeypatch):
    notebooks = folder.parent / "notebooks"
    notebooks.mkdir()
    (notebooks / "answers.csv").write_text("model,image,prediction,label\n")
    for name in ("train", "test"):
        np.savez(notebooks / f"{name}.npz", x=np.zeros((4, 8, 8), np.uint8), y=np.arange(4) % 2)
    monkeypatch.chdir(notebooks)
    experiment = params.load("quick").raw["training_variants"]["experiment"]
    experiment["dataset"] = {"name": "npz", "train": "train.npz", "test": "test.npz"}
    params.save("mine", training_variants={"experiment": experiment}, sota_comparison={"responses": "answers.csv"})
    monkeypatch.chdir(folder)
    mine = params.load("mine")
    assert mine.training_variants.experiment.dataset.train == "notebooks/train.npz"
    assert mine.sota_comparison.responses == "notebooks/answers.csv"
    assert experiment["dataset"]["train"] == "train.npz"


def test_a_preset_elsewhere_is_named_by_its_path(tmp_path, capsys):
    params.save(tmp_path / "my own.yaml", kl_divergence={})
    assert capsys.readouterr().out.endswith(f"make report PRESET='{tmp_path}/my own.yaml'\n")
    assert params.load(tmp_path / "my own.yaml").sections == params.load("quick").sections


def test_a_value_that_is_no_plain_data_is_named(tmp_path):
    with pytest.raises(
        InputError, match=r"mine\.yaml: a value of type object cannot be written; use plain Python values"
    ):
        write_yaml({"x": object()}, tmp_path / "mine.yaml")
    assert not list(tmp_path.iterdir())


def test_a_yaml_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = write_yaml({"summary": {}}, tmp_path / "mine.yaml")
    monkeypatch.setattr("ddd_utils.files.yaml.safe_dump", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_yaml({"summary": {}, "x": {}}, path)
    assert path.read_text() == "summary: {}\n"
    assert list(tmp_path.iterdir()) == [path]
