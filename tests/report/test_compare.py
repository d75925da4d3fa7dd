"""`python -m ddd_utils compare` from what is typed to the page of an executed notebook, and the page in a browser."""

import re
import shutil

import axe
import pytest
from bs4 import BeautifulSoup
from links import broken
from test_comparison import written

from ddd_utils import cli, paths
from ddd_utils.report import claims, comparison


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """Two reports with claims in a folder for builds."""
    room = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(room / "build"))
        written("one", "imagenet", (0.5, 0.3, 0.2), note="tolerance 1")
        written("other & <b>", "digits", (0.7, 0.25, 0.05), note="tolerance 1")
        claims.Book("kl_divergence", "other & <b>")
    return room


@pytest.fixture(autouse=True)
def build(room, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(room / "build"))
    monkeypatch.chdir(room)
    return room / "build"


@pytest.fixture(scope="module")
def compared(room):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(room / "build"))
        assert cli.main(["compare", "one", "other & <b>"]) == 0
    return room / "build" / "compare" / "one-other_b.html"


def failed(capsys, *arguments):
    assert cli.main(["compare", *arguments]) == cli.EXIT_INPUT
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1
    return line


def timeless(path):
    return re.sub("<time .*?</time>", "", path.read_text("utf-8"))


def test_the_page_names_both_reports_and_holds_one_section(compared):
    soup = BeautifulSoup(compared.read_text("utf-8"), "html.parser")
    assert soup.h1.text == soup.title.text == "one beside other & <b>" and not soup.find("b")
    assert [section["id"] for section in soup.main.find_all("section")] == ["compare"]
    parts = ["Headline figures", "Claims that both have computed", "Claims that only one has computed"]
    assert [link.text for link in soup.select("#contents ol a")] == parts
    rows = {row.th.text: row.td.text for row in soup.select(".facts tr")}
    assert (rows["first"], rows["second"]) == ("one", "other & <b>")
    assert not soup.select_one(".failure strong") and len(soup.select("figure.chart")) == 1


def test_the_page_needs_nothing_else_and_does_not_say_where_it_was_made(compared):
    text = compared.read_text("utf-8")
    policy = BeautifulSoup(text, "html.parser").select_one("meta[http-equiv]")["content"]
    assert "default-src 'none'" in policy and str(paths.build()) not in text and str(paths.ROOT) not in text
    assert sorted(path.name for path in compared.parent.iterdir()) == [compared.name]


def test_folders_mean_the_same_as_names_and_the_page_goes_where_it_is_told(compared, build, capsys):
    assert cli.main(["compare", "build/one/", str(build / "other & <b>"), "--out", "new/here.html"]) == 0
    assert capsys.readouterr().out.strip() == "new/here.html"
    assert timeless(build.parent / "new" / "here.html") == timeless(compared)


def test_files_of_presets_mean_the_same_as_names():
    assert comparison.read("params/one.yaml", "other & <b>") == comparison.read("one", "other & <b>")


def test_what_cannot_be_compared_is_told_in_one_line(capsys, build):
    assert "did you mean 'other & <b>'?" in failed(capsys, "one", "othr & <b>")
    assert "run `make report PRESET=published`" in failed(capsys, "one", "build/published")
    (build / "empty").mkdir()
    assert "no claims in this folder" in failed(capsys, "one", "empty")
    assert "the same report" in failed(capsys, "one", "build/one")
    assert "made are: one, other & <b>" in failed(capsys, "nowhere/xyz", "one")
    shutil.copytree(build / "one", build / "torn")
    (build / "torn" / "claims" / "subsetting.json").write_text('{"sota_')
    assert "subsetting.json: cannot be read: run `make report PRESET=torn SECTIONS=subsetting`" in failed(
        capsys, "one", "torn"
    )


def test_an_unwritable_place_is_told_in_one_line(capsys, build):
    (build / "file").touch()
    assert "file" in failed(capsys, "one", "other & <b>", "--out", str(build / "file" / "page.html"))


def test_a_notebook_that_fails_is_told_in_one_line(capsys, tmp_path, monkeypatch):
    shutil.copy(paths.NOTEBOOKS / "compare.py", tmp_path)
    with (tmp_path / "compare.py").open("a") as notebook:
        notebook.write("\n# %%\nraise RuntimeError('broken')\n")
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path)
    assert cli.main(["compare", "one", "other & <b>", "--out", "none.html"]) == cli.EXIT_INPUT
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == "error: one and other & <b> could not be compared: RuntimeError: broken"
    assert not paths.Path("none.html").exists()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_in_a_browser_it_sorts_and_is_without_barriers(compared, opened, all_drawn, scheme, width):
    tab = opened(width=width, color_scheme=scheme, path=compared, accept_downloads=True, reduced_motion="reduce")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    all_drawn(tab)
    table = tab.locator("main .scroll:has(> table)").nth(2)
    table.locator("thead button").last.click()
    found = table.locator("tbody td:last-child").all_inner_texts()
    assert [text.split()[0] for text in found] == ["−15.0", "−5.0", "+20.0"]
    with tab.expect_download() as download:
        table.locator("+ .saves button").click()
    saved = paths.Path(download.value.path()).read_text("utf-8").splitlines()
    assert saved[0] == "Claim,Paper,one,other & <b>,Difference" and len(saved) == 4
    tab.locator("#theme").click()
    assert tab.evaluate("document.documentElement.dataset.theme") == ("dark" if scheme == "light" else "light")
    tab.reload()
    all_drawn(tab)
    tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    assert not axe.installed or axe.grave(tab) == []
    assert broken(tab, compared) == []
