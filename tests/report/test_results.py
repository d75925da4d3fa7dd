"""results.json: what the page shows, as numbers, each with the parameters it was computed with."""

import json

import pytest
from made_notebooks import Preset, executed, prose

from ddd_utils import paths
from ddd_utils.files import write_json
from ddd_utils.report import claims, page


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    sections = ["training_variants", "controls", "kl_divergence"]
    book = claims.Book("training_variants", "tiny", "ab" * 32)
    book.record(
        "trivial_share", 0.25, (0.2, 0.3), claims.Basis(13, 2000, "gaussian", "another data set"), "tolerance 0"
    )
    book.record("accuracy_sd", None, responses=claims.Basis(13, 2000, "imagenet"))
    write_json(tmp_path / "tiny" / paths.DIGESTS, dict.fromkeys(sections, "ab" * 32))
    outcomes = {
        "training_variants": executed("training_variants", prose("# One")),
        "controls": executed("controls", error="KeyError: 'x'\nmore of it"),
    }
    page.build(Preset(sections, {"training_variants": {"tolerance": 2}}), outcomes)
    return json.loads((tmp_path / "tiny" / "results.json").read_text("utf-8"))


def test_sections_have_their_digest_parameters_and_state(written):
    assert (written["schema"], written["preset"]) == (1, "tiny")
    first, failed, absent = written["sections"].values()
    assert first == {"digest": "ab" * 32, "parameters": {"tolerance": 2}, "state": "computed"}
    assert failed["state"] == "KeyError: 'x'" and absent["state"] == "not part of this run"


def test_claims_have_figure_interval_numbers_and_verdict(written):
    found = {each["id"]: each for each in written["claims"]}
    assert list(found) == list(claims.registry())
    share = found["trivial_share"]
    assert (share["value"], share["interval"], share["m"], share["n"]) == (0.25, [0.2, 0.3], 13, 2000)
    assert (share["dataset"], share["note"]) == ("gaussian", "tolerance 0")
    assert share["paper"] == claims.printed("trivial_share")
    assert share["reason"] == "another data set"
    assert found["accuracy_sd"]["value"] is None and found["accuracy_sd"]["reason"] == "undefined here"
    assert found["sota_trivial_share"]["value"] is found["sota_trivial_share"]["m"] is None


def test_what_is_documented_is_what_is_there(written):
    text = (paths.ROOT / "docs" / "results.md").read_text("utf-8")
    keys = [*written, *written["sections"]["controls"], *written["claims"][0]]
    assert [key for key in keys if f"`{key}`" not in text] == []
