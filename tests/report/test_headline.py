import json

import pytest
from bs4 import BeautifulSoup
from made_notebooks import Preset, executed, prose

from ddd_utils.report import claims, headline, page, verdicts
from ddd_utils.report.headline import claims_table

ELEVEN = claims.Basis(11, 50_000, "imagenet")
THIRTY = claims.Basis(30, 50_000, "imagenet")


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    return tmp_path


def record_models():
    shares = claims.Book("sota_comparison", "tiny")
    shares.record("sota_trivial_share", 0.46, (0.455, 0.465), ELEVEN, "tolerance 1")
    shares.record("sota_in_between_share", 0.425, (0.42, 0.43), ELEVEN)
    shares.record("sota_impossible_share", 0.115, (0.11, 0.12), ELEVEN)
    kappas = claims.Book("subsetting", "tiny")
    kappas.record("sota_kappa_all", 0.5951, (0.591, 0.599), THIRTY)
    kappas.record("sota_kappa_in_between", 0.3208, (0.317, 0.325), claims.Basis(30, 22_983, "imagenet"))


def front():
    path = page.build(Preset(["one"]), {"one": executed("one", prose("# A"))})
    return BeautifulSoup(path.read_text("utf-8"), "html.parser").find("header")


def test_the_cards_show_what_the_claims_files_hold(build):
    record_models()
    found = {key: value for file in build.rglob("claims/*.json") for key, value in json.loads(file.read_text()).items()}
    _, models = front().select(".card:not(.tally)")
    kinds = ("trivial", "in_between", "impossible")
    shares = [found[f"sota_{kind}_share"] for kind in kinds]
    assert [here.text for here in models.select(".shares .here")] == [f"{share['value']:.1%}" for share in shares]
    limits = [f"{share['interval'][0]:.1%} to {share['interval'][1]:.1%}" for share in shares]
    assert [cell.text for cell in models.select(".shares .interval")] == limits
    papers = [f"paper {claims.claim(f'sota_{kind}_share').value:.1%}" for kind in kinds]
    assert [cell.text for cell in models.select(".shares .paper")] == papers
    assert [float(part["style"].split(":")[1]) for part in models.select(".bar i")] == [s["value"] for s in shares]
    assert models.select_one(".bar")["aria-label"] == "trivial 46.0%, in-between 42.5%, impossible 11.5%"
    kappas = [found["sota_kappa_all"], found["sota_kappa_in_between"]]
    assert [here.text for here in models.select(".kappas .here")] == [f"{kappa['value']:.3f}" for kappa in kappas]
    assert [small.text for small in models.select("small")] == ["M = 30, n = 50,000", "M = 30, n = 22,983"]
    assert [cell.text for cell in models.select(".counts dd")] == ["11", "50,000"]
    assert models.select_one(".basis").text == "ImageNet, tolerance 1"


def test_what_is_not_computed_says_so_and_draws_no_bar():
    record_models()
    variants, models = front().select(".card:not(.tally)")
    assert {here.text for here in variants.select(".here, .counts dd, .basis")} == {"not computed"}
    assert not variants.select(".bar i") and models.select(".bar i")
    assert "paper 48.2%" in variants.text


def test_the_claims_are_counted_as_their_table_does():
    record_models()
    table, counted = verdicts.table("tiny"), headline.tally("tiny")
    assert sum(counted.values()) == len(table)
    assert counted["not computed"] == table["reason"].isin(["not computed", "no observers"]).sum()
    assert counted["agree"] == (table["verdict"] == "agree").sum()
    tally = {row.dt.text: int(row.dd.text) for row in front().select(".tally dl > div")}
    assert tally == counted


def test_the_answer_is_one_sentence_of_the_first_set_with_figures():
    record_models()
    answer = front().select_one(".answer").text
    assert answer == (
        "Here 46.0% of 50,000 images are trivial for 11 networks and 11.5% impossible; the mean error consistency of "
        "30 networks is 0.321 on the images in between and 0.595 on all. Choosing images by the networks’ own "
        "answers lowers it in any case."
    )
    assert claims.forget("subsetting", "tiny") is None
    assert front().select_one(".answer").text.endswith("11.5% impossible.")


def test_without_shares_the_answer_says_that_there_is_none():
    assert "has not computed" in front().select_one(".answer").text


def test_an_undefined_kappa_is_undefined():
    claims.Book("subsetting", "tiny").record("sota_kappa_all", None, responses=ELEVEN)
    assert headline.cards(claims.recorded("tiny")[0])[1].kappas[0].here == "undefined"


def test_the_table_of_claims_groups_all_of_them_by_section():
    record_models()
    table = verdicts.table("tiny")
    soup = BeautifulSoup(claims_table(table).data, "html.parser")
    assert [group.text for group in soup.select(".group")][:2] == ["Training variants", "SOTA comparison"]
    rows = soup.select("tbody tr:not(.group)")
    assert [row.th.contents[0].strip() for row in rows] == table["claim"].tolist()
    share = next(row for row in rows if "46.0%" in row.text)
    assert share["class"] == [table.set_index("id").loc["sota_trivial_share", "verdict"].replace(" ", "-")]
    assert [cell.text for cell in share.find_all("td")][:2] == ["46.0%", "46.0% 45.5% to 46.5%"]


def test_what_a_section_writes_in_a_note_is_escaped():
    claims.Book("sota_comparison", "tiny").record("sota_trivial_share", 0.4, responses=ELEVEN, note="<script>")
    assert "<script>" not in claims_table(verdicts.table("tiny")).data
    basis = front().select(".basis")[1]
    assert basis.text == "ImageNet, <script>"
    assert not basis.find("script")
