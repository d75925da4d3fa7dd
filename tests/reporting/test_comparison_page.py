"""`python -m ddd_utils compare` from what is typed to the page, and the page in a browser."""

import axe
import pytest
from bs4 import BeautifulSoup
from links import broken
from made_notebooks import Preset, executed, prose
from made_page import HOSTILE

from ddd_utils import __main__ as cli
from ddd_utils import paths
from ddd_utils.reporting import assets, claims, page
from ddd_utils.reporting.comparison_page import signed

KINDS = ("trivial", "in_between", "impossible")


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "build"


def record(name, dataset, shares, **more):
    book = claims.Book("sota_comparison", name)
    for kind, share in zip(KINDS, shares, strict=True):
        book.record(f"sota_{kind}_share", share, (share - 0.03, share + 0.04), m=11, n=500, dataset=dataset, **more)


@pytest.fixture
def two(build):
    record("one", "imagenet", (0.5, 0.3, 0.2), note="tolerance 1")
    record("other", "digits", (0.7, 0.25, 0.05), note="tolerance 1")
    kappas = claims.Book("subsetting", "one")
    kappas.record("sota_kappa_all", 0.5, (0.4, 0.6), m=11, n=500, dataset="imagenet")
    claims.Book("kl_divergence", "other")


def compare(capsys, *arguments):
    assert cli.main(["compare", *arguments]) == 0
    return paths.Path(capsys.readouterr().out.strip())


def soup(path):
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def cells(row):
    return [" ".join(cell.get_text(" ").split()) for cell in row.find_all(["th", "td"])]


def failed(capsys, *arguments):
    assert cli.main(["compare", *arguments]) == cli.EXIT_INPUT
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1
    return line


def test_headline_figures_stand_in_one_row_with_their_difference(two, capsys, build):
    path = compare(capsys, "one", "other")
    assert path == build / "compare" / "one-other.html"
    variants, models = soup(path).select("table.headline")
    row = next(row for row in models.select("tbody tr") if "trivial" in row.th.text)
    basis = "M = 11, n = 500"
    assert cells(row) == [
        "trivial paper 46.0%",
        f"50.0% 47.0% to 54.0% {basis}",
        f"70.0% 67.0% to 74.0% {basis}",
        "+20.0 pp +15.0 to +25.0 pp",
    ]
    kappa = next(row for row in models.select("tbody tr") if "all images" in row.th.text)
    assert cells(kappa)[1:] == ["0.500 0.400 to 0.600 M = 11, n = 500", "not computed", "–"]
    assert {cell.text for cell in variants.select("td.number")} == {"not computed", "–"}
    assert len(models.select(".bar i")) == 6 and not variants.select(".bar i")


def test_every_common_claim_has_a_row_and_the_rest_is_folded(two, capsys):
    found = soup(compare(capsys, "one", "other"))
    rows = found.select("#both tbody tr")
    assert [row.th.contents[0].strip() for row in rows] == [
        stated.statement for key, stated in claims.registry().items() if key in {f"sota_{kind}_share" for kind in KINDS}
    ]
    assert cells(rows[0])[2].endswith("ImageNet, tolerance 1") and cells(rows[0])[4].startswith("+20.0 pp")
    assert [summary.text for summary in found.select("#one details > summary")] == ["1 only in one"]
    assert "None only in other." in found.select_one("#one").text


def test_on_one_data_set_the_cell_says_so_and_gives_no_interval(two, capsys):
    record("again", "imagenet", (0.4, 0.3, 0.3))
    found = soup(compare(capsys, "one", "again")).select_one("#both")
    assert cells(found.select_one("tbody tr"))[4] == "-10.0 pp same data set"
    assert "no difference has an interval" in found.p.find_next("p").text


def test_folders_names_and_files_mean_the_same(two, capsys, build):
    page_of = compare(capsys, "one", "other").read_bytes()
    assert compare(capsys, "build/one/", str(build / "other"), "--out", "here.html").read_bytes() == page_of
    assert compare(capsys, "params/one.yaml", "other").read_bytes() == page_of


def test_two_folders_of_one_name_are_told_apart(two, capsys, build):
    (build / "other").rename(build.parent / "one")
    found = soup(compare(capsys, "build/one", "./one", "--out", "here.html"))
    assert found.h1.text == "one (first) beside one (second)"


def test_the_header_says_when_each_page_was_built(two, capsys):
    page.build(Preset(["summary"], name="one"), {"summary": executed("summary", prose("# A <time>"))})
    first, second = soup(compare(capsys, "one", "other")).select(".front .card")
    assert first.time["datetime"] and "Data sets ImageNet" in " ".join(first.get_text(" ").split())
    assert "not known" in second.text and "digits" in second.text


def test_what_cannot_be_compared_is_told_in_one_line(two, capsys, build):
    assert "did you mean 'other'?" in failed(capsys, "one", "othr")
    assert "run `make report PRESET=published`" in failed(capsys, "one", "build/published")
    (build / "empty").mkdir()
    assert "no claims in this folder" in failed(capsys, "one", "empty")
    assert "the same report" in failed(capsys, "one", "build/one")
    assert "made are: one, other" in failed(capsys, "nowhere/xyz", "one")
    (build / "other" / "claims" / "subsetting.json").write_text('{"sota_')
    assert "subsetting.json: cannot be read: run `make report PRESET=other SECTIONS=subsetting`" in failed(
        capsys, "one", "other"
    )


def test_an_unwritable_place_is_told_in_one_line(two, capsys, build):
    (build / "file").touch()
    assert "file" in failed(capsys, "one", "other", "--out", str(build / "file" / "page.html"))


def test_hostile_names_are_shown_as_they_stand(capsys, build):
    record("other", "digits", (0.7, 0.25, 0.05))
    record("<img src=x onerror=hack()>", HOSTILE, (0.5, 0.3, 0.2), note=HOSTILE)
    path = compare(capsys, "other", "<img src=x onerror=hack()>")
    assert path.name == "other-img_src_x_onerror_hack.html"
    found = soup(path)
    assert found.h1.text == "other beside <img src=x onerror=hack()>"
    assert not found.find("img") and len(found.find_all("script")) == len(assets.plain_scripts())
    assert HOSTILE in found.select_one("#both").text


def test_the_page_needs_nothing_else_and_carries_no_vega(two, capsys):
    path = compare(capsys, "one", "other")
    assert path.stat().st_size < 100_000
    assert "default-src 'none'" in soup(path).select_one("meta[http-equiv]")["content"]
    assert str(paths.build()) not in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.1234, ".1%", "+12.3 pp"),
        (-0.0001, ".0%", "+0 pp"),
        (-0.25, "+.2f", "-0.25"),
        (1234.4, ",.0f", "+1,234"),
        (2.5e-5, ".3e", "+2.500e-05"),
    ],
)
def test_a_difference_has_a_sign_and_shares_differ_by_points(value, form, text):
    assert signed(value, form) == text


@pytest.mark.parametrize("form", sorted({stated.format for stated in claims.registry().values()}))
def test_every_format_of_the_paper_can_be_signed(form):
    assert signed(0.5, form).startswith("+")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_in_a_browser_it_sorts_and_is_without_barriers(two, capsys, opened, scheme, width):
    path = compare(capsys, "one", "other")
    tab = opened(width=width, color_scheme=scheme, path=path, accept_downloads=True, reduced_motion="reduce")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    heads = tab.locator("#both thead button")
    heads.last.click()
    found = tab.locator("#both td.difference").all_inner_texts()
    assert [text.split()[0] for text in found] == ["-15.0", "-5.0", "+20.0"]
    with tab.expect_download() as download:
        tab.locator("#both .saves button").click()
    saved = paths.Path(download.value.path()).read_text("utf-8").splitlines()
    assert saved[0] == "Claim,Paper,one,other,Difference" and len(saved) == 4
    tab.locator("#theme").click()
    assert tab.evaluate("document.documentElement.dataset.theme") == ("dark" if scheme == "light" else "light")
    tab.reload()
    tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    assert not axe.installed or axe.grave(tab) == []
    assert broken(tab, path) == []
