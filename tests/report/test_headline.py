import numpy as np
import pytest
from bs4 import BeautifulSoup

from ddd_utils import charts
from ddd_utils.report import claims, comparability, headline, verdicts
from ddd_utils.report.headline import claims_table

ELEVEN = claims.Basis(11, 50_000, "imagenet", "another data set")
THIRTY = claims.Basis(30, 22_983, "imagenet", "other networks")
NOISE = claims.Basis(15, 2000, "gaussian")


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))


def record_models():
    shares = claims.Book("sota_comparison", "tiny")
    shares.record("sota_trivial_share", 0.46, (0.455, 0.465), ELEVEN, "tolerance 1")
    shares.record("sota_in_between_share", 0.425, (0.42, 0.43), ELEVEN)
    shares.record("sota_impossible_share", 0.115, (0.11, 0.12), ELEVEN)
    shares.record("sota_lowest_kappa", 0.335, (0.33, 0.34), claims.Basis(11, 50_000, "imagenet"))
    kappas = claims.Book("subsetting", "tiny")
    kappas.record("sota_kappa_all", 0.5951, (0.591, 0.599), THIRTY)
    kappas.record("sota_kappa_in_between", 0.3208, (0.317, 0.325), THIRTY)


def listed(preset="tiny"):
    soup = BeautifulSoup(headline.findings(verdicts.table(preset)).data, "html.parser")
    lists = {kind: soup.find(class_=kind) for kind in ("holds", "contradicted", "not-decidable", "not-tested")}
    return {kind: part and [item.text for item in part.find_all("li")] for kind, part in lists.items()}, soup


def record_lowest(value, interval):
    claims.Book("training_variants", "tiny").record("lowest_condition_kappa", value, interval, NOISE)
    return listed()[0]


def test_what_was_found_is_listed_by_what_becomes_of_the_claim():
    record_models()
    lists, _ = listed()
    assert lists["holds"] == ["agreement of any two models, at least: 0.34 (paper: 0.33; ImageNet)"]
    assert lists["contradicted"] == ["nothing"] and lists["not-decidable"] is None
    first = "images right in all variants (48.2%); images wrong in all variants (14.3%); "
    assert lists["not-tested"][0].startswith(first) and lists["not-tested"][0].endswith(": make report PRESET=paper")


def test_a_size_that_is_far_off_is_contradicted_and_says_by_how_much():
    told = "agreement whatever is changed, at least: 0.06 (same sign, 11 times weaker; paper: 0.64; Gaussian noise)"
    assert record_lowest(0.06, (0.04, 0.08))["contradicted"] == [told]


def test_what_cannot_be_decided_has_a_list_of_its_own_and_is_in_no_other():
    lists = record_lowest(0.4, (0.3, 0.5))
    told = "agreement whatever is changed, at least: 0.40 (the interval allows both; paper: 0.64; Gaussian noise)"
    assert lists["not-decidable"] == [told]
    assert lists["holds"] == lists["contradicted"] == ["nothing"]


@pytest.mark.parametrize(
    ("basis", "why"),
    [
        (comparability.of_the_eleven(50_000), "the authors’ answers against the authors’ percentages (1 hold)"),
        (
            claims.Basis(11, 50_000, "x", "", "chosen after a trial"),
            "on data chosen after a trial had shown the pattern (1 hold)",
        ),
    ],
)
def test_what_does_not_count_is_told_in_one_line_and_in_no_list(basis, why):
    claims.Book("sota_comparison", "tiny").record("sota_trivial_share", 0.46, (0.455, 0.465), basis)
    lists, soup = listed()
    assert lists["holds"] == ["nothing"] and not any("all models but one" in item for item in lists["not-tested"])
    assert soup.find_all("p")[-1].text == f"Outside the score: {why}."


def test_every_claim_in_the_score_is_listed_or_counted():
    record_models()
    scored = verdicts.table("tiny").query("outside == ''")
    for kind, items in listed()[0].items():
        more = sum(int(item.split()[0]) for item in items or [] if item.endswith("in the table of all claims"))
        rows = scored[scored["verdict"] == kind.replace("-", " ")]
        listed_names = [
            name for name in rows["short"] if name and any(f"{name}:" in i or f"{name} (" in i for i in items)
        ]
        assert len(listed_names) + more == len(rows)


def test_a_list_is_short():
    books = {section: claims.Book(section, "tiny") for section in claims.paper()["claims"]}
    for key, claim in claims.registry().items():
        least, most = (float(np.clip(limit, -1, 1)) for limit in verdicts.zone(claim))
        books[claim.section].record(key, (least + most) / 2, (least, most), claims.Basis(claim.m, 50_000, "gaussian"))
    items = listed()[0]["holds"]
    assert len(items) == headline.SHOWN + 1 and items[-1].endswith("more in the table of all claims")


def test_the_twenty_that_matter_are_drawn_from_what_was_recorded():
    record_models()
    rows = headline.matters("tiny")
    assert len(rows) == 20 and rows["decided"].tolist() == [True] + [False] * 19  # what is decided comes first
    rows = rows.set_index("name")
    lowest = rows.loc["agreement of any two models, at least", ["value", "lower", "upper", "paper", "text"]]
    assert lowest.tolist() == [0.335, 0.33, 0.34, 0.33, "holds"]
    assert np.isnan(rows.loc["agreement of two models, in-between images", "value"])  # that of 30, not of 11


def test_what_rests_on_one_training_run_is_marked():
    book = claims.Book("training_variants", "tiny")
    book.record("never_learned", 0.3, (0.2, 0.4), claims.Basis(1, 2000, "gaussian"))
    book.record("trivial_share", 0.3, (0.2, 0.4), claims.Basis(13, 2000, "gaussian"))
    one = headline.matters("tiny").set_index("name")["one"]
    assert one["images never learned"] and not one["images right in all variants"]


@pytest.mark.parametrize("unit", ["per cent", "kappa"])
def test_the_forest_has_every_claim_of_a_unit_on_one_linear_axis(unit):
    record_models()
    rows = headline.matters("tiny")
    chart = charts.claims_forest(rows, unit).to_dict()
    assert f"{'1 holds' if unit == 'kappa' else '0 hold'} here, 0 are contradicted" in chart["title"]["text"]
    assert all(name in chart["description"] for name in rows.loc[rows["unit"] == unit, "name"])
    assert "scale" not in chart["layer"][0]["encoding"]["x"]  # linear unless another is asked for


def test_the_table_of_claims_groups_all_of_them_by_section():
    record_models()
    table = verdicts.table("tiny")
    soup = BeautifulSoup(claims_table(table).data, "html.parser")
    assert [group.text for group in soup.select(".group")][:2] == ["Training variants", "SOTA comparison"]
    rows = soup.select("tbody tr:not(.group)")
    assert [row.th.contents[0].strip() for row in rows] == table["claim"].tolist()
    share = next(row for row in rows if "46.0%" in row.text)
    assert share["class"] == ["not-tested"] and "make report PRESET=paper" in share.text
    assert [cell.text for cell in share.find_all("td")][:2] == ["46.0%", "46.0% 45.5% to 46.5%"]


def test_what_a_section_writes_in_a_note_is_escaped():
    claims.Book("sota_comparison", "tiny").record("sota_trivial_share", 0.4, responses=ELEVEN, note="<script>")
    assert "<script>" not in claims_table(verdicts.table("tiny")).data
