import re
import shlex

import pytest
import yaml
from bs4 import BeautifulSoup
from made_notebooks import Preset, executed, prose

from ddd_utils import paths
from ddd_utils.report import citation, page


@pytest.mark.parametrize(
    ("sections", "overrides", "command"),
    [
        (None, [], "make report PRESET=quick"),
        (["summary", "controls"], [], "make report PRESET=quick SECTIONS='summary controls'"),
        (None, ["a.b={c: 'd e'}"], "make report PRESET=quick SET='a.b={c: '\"'\"'d e'\"'\"'}'"),
        (
            ["controls"],
            ["a=1", "b=2"],
            ".venv/bin/python -m ddd_utils report quick --sections controls --set a=1 --set b=2",
        ),
    ],
)
def test_the_command_is_the_one_that_was_given(sections, overrides, command):
    assert citation.command("quick", sections, overrides) == command
    assert shlex.split(command)


def test_the_entries_say_what_citation_cff_says():
    given = yaml.safe_load((paths.ROOT / "CITATION.cff").read_text())
    paper, project = citation.bibtex()
    assert paper.startswith("@inproceedings{meding2022,")
    for author in given["references"][0]["authors"]:
        assert f"{author['family-names']}, {author['given-names']}" in paper
    assert "{ImageNet}" in paper and "2022" in paper and given["references"][0]["url"] in paper
    assert project.startswith("@software{ddd_utils,") and given["version"] in project
    for entry in (paper, project):
        assert entry.count("{") == entry.count("}")
        assert not re.search(r"(?<!\\)[&%$#]", entry)


def cited(facts, command=None):
    path = page.build(Preset(["one"], {"one": {"k": {"x": 3}}}), {"one": executed("one", prose("# A"))}, facts, command)
    return BeautifulSoup(path.read_text("utf-8"), "html.parser").find(id=page.CITE)


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))


def test_inputs_are_listed_once_with_their_hashes():
    made = {
        "table-00000000": {"commit": None, "files": {"a.csv": "a" * 64, "<b>.csv": None}},
        "gaussian-11111111": {"commit": "f" * 40, "files": {}},
    }
    block = cited({"one": {"inputs": made}, "gone": {"inputs": {"gaussian-11111111": made["gaussian-11111111"]}}})
    rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in block.select(".inputs tbody tr")]
    assert rows == [
        ["gaussian-11111111", "f" * 40, "none: computed here", "–"],
        ["table-00000000", "–", "a.csv", "a" * 64],
        ["table-00000000", "–", "<b>.csv", "not known"],
    ]


def test_the_block_holds_command_parameters_versions_and_licence():
    block = cited({}, "make report PRESET=tiny SET='one.k.x=3'")
    assert [code.text for code in block.select("pre.copied")] == [
        "make report PRESET=tiny SET='one.k.x=3'",
        *citation.bibtex(),
    ]
    rows = {row.th.text: row.td.text for row in block.find_all("tr")}
    assert rows["one.k.x"] == "3" and rows["python"]
    assert citation.licence() in block.text
    assert "No section of this report rests on stored results" in block.text
