"""The digest tells whether two figures belong to one run, and a changed preset never lies over the one it was."""

import pytest

from ddd_utils import paths, report
from ddd_utils.analysis.verdict import Clause
from ddd_utils.config import params
from ddd_utils.files import read_json

pytestmark = pytest.mark.usefixtures("build")


def changed_sections(*overrides):
    before, after = params.load("quick"), params.load("quick", overrides)
    return {each for each in before.sections if params.digest(before, each) != params.digest(after, each)}


@pytest.mark.parametrize(
    ("setting", "sections"),
    [
        ("controls.tolerance=2", {"controls"}),
        ("training_variants.tolerance=3", {"training_variants"}),
        ("training_variants.experiment.epochs=3", {"training_variants", "subsetting", "controls", "human_results"}),
        ("sota_comparison.training.epochs=3", {"sota_comparison", "subsetting", "human_results"}),
        ("cluster.mem_gb=7", set()),
        ("controls.tolerance=0", set()),
    ],
)
def test_a_digest_changes_with_what_the_sections_figures_depend_on(setting, sections):
    assert changed_sections(setting) == (sections and {*sections, "summary"})


def test_only_other_parameters_get_a_folder_of_their_own():
    quick = params.load("quick")
    assert params.beside(params.load("quick", ["controls.tolerance=0"]), quick).name == "quick"
    changed = params.load("quick", ["controls.tolerance=2"])
    assert params.beside(changed, quick).name == f"quick-{params.digest(changed)[:8]}"


def test_a_notebook_with_the_presets_parameters_belongs_to_its_report(build):
    values = {"__name__": "__main__", "preset": "quick", "tolerance": 0}
    _, book = report.begin("controls", values)
    assert values["preset"] == "quick"
    assert book.path == build / "quick" / "claims" / "controls.json"
    book.record_clause(Clause("fail_alike", "holds", 0.5, 0.4, 0.6, 100, 3, {}))
    assert read_json(book.path)["digest"] == read_json(build / "quick" / paths.DIGESTS)["controls"]


def test_a_changed_notebook_goes_beside_and_its_preset_follows_it(build):
    values = {"__name__": "__main__", "preset": "quick", "tolerance": 2}
    parameters, book = report.begin("controls", values)
    folder = book.path.parents[1]
    assert parameters.tolerance == params.load(values["preset"]).controls.tolerance == 2
    assert folder.name == params.beside(params.load("quick", ["controls.tolerance=2"]), params.load("quick")).name
    assert params.load(values["preset"]).folder == folder and not (build / "quick").exists()
    again = report.begin("controls", values)[1]  # the same cell once more
    assert again.path == book.path


def test_what_is_saved_from_a_changed_notebook_is_based_on_the_preset_it_began_with(build, capsys):
    values = {"__name__": "__main__", "preset": "quick", "tolerance": 2}
    report.begin("controls", values)
    params.save(build / "mine.yaml", controls=values)
    assert "all else is as in quick." in capsys.readouterr().out
    assert params.load(build / "mine.yaml").controls.tolerance == 2
