"""What a report opens with: every sentence follows the figures, and like stands beside like."""

import json

import numpy as np
import pandas as pd
import pytest
from made_models import made
from made_notebooks import Preset, chart, code, executed, prose

from ddd_utils.analysis import verdict
from ddd_utils.report import claims, first_screen, page
from ddd_utils.report.facts import facts
from ddd_utils.report.first_screen import Here

KNOWN = facts()
ZOO = Here("models", "digits", 1, np.array([5, 9, 8, 7, 6, 5, 6, 7, 8, 10, 20, 60]), 0.2344)
VARIANTS = Here("variants", "digits", 0, np.array([5, 9, 8, 7, 60]), 0.1234)


def changed(**sizes):
    """Facts whose subsets have other figures, by number of models, at tolerance 1."""
    rows = [
        size.model_copy(update=sizes[f"M{size.models}"]) if size.tolerance == 1 and f"M{size.models}" in sizes else size
        for size in KNOWN.published.sizes
    ]
    return KNOWN.model_copy(update={"published": KNOWN.published.model_copy(update={"sizes": rows})})


def subtitle(spec):
    return " ".join(np.atleast_1d(spec["title"]["subtitle"]))


def clause(name, outcome, **details):
    return {"name": name, "outcome": outcome, "effect": 0.5, "reason": "", "details": details}


@pytest.mark.parametrize(
    ("clauses", "said"),
    [
        ([], "nothing has been tested."),
        (
            [("fail_alike", "holds"), ("dichotomous", "does not hold")],
            "models fail on the same images; difficulty is not dichotomous.",
        ),
        (
            [("fail_alike", "does not hold"), ("beyond_label_errors", "holds")],
            "models do not fail on the same images. Label errors do not explain all impossible images.",
        ),
        ([("dichotomous", "not decidable")], "whether difficulty is dichotomous is not decidable."),
        (
            [("models_differ", "does not hold")],
            "beyond ability and chance, there are hardly any differences between models to hide.",
        ),
    ],
)
def test_the_verdict_is_put_together_from_its_clauses(clauses, said):
    assert first_screen.in_words({name: clause(name, outcome) for name, outcome in clauses}) == said


@pytest.mark.parametrize(("seen", "word"), [(1.0, "do not hide it"), (0.0, "hide this")])
def test_differences_that_all_images_show_are_not_hidden(seen, word):
    found = {"models_differ": clause("models_differ", "holds", seen_on_all=seen)}
    assert first_screen.in_words(found).endswith(f"{word}.")


def test_every_clause_and_outcome_has_words_and_figures():
    outcomes = {verdict.HOLDS, verdict.FAILS, verdict.OPEN}
    for name, phrases in first_screen.PHRASES.items():
        assert outcomes <= set(phrases) and name in first_screen.EVIDENCE
    assert {name for names in first_screen.SENTENCES for name in names} == first_screen.PHRASES.keys()


def test_figures_behind_clauses_are_those_of_the_analysis():
    rng = np.random.default_rng(0)
    correct = rng.random((6, 400)) < rng.beta(0.6, 0.6, 400)
    found = [
        verdict.fail_alike(correct),
        verdict.dichotomous(correct, draws=20),
        verdict.models_differ(correct, 1, draws=5),
    ]
    text = first_screen.evidence({each.name: each.as_json() for each in found})
    mass, spread = (found[1].details[f"trivial_mass{limit}"] for limit in ("", "_low")), found[2].details["all_beyond"]
    assert f"is {found[0].effect:.3f} ({found[0].low:.3f} to" in text and f"by {spread:.3f} (" in text
    assert "{:.1%} ({:.1%} to".format(*mass) in text and f"{verdict.RULES['extra_mass'].least:.0%} at both ends" in text


def test_a_clause_without_figures_gives_its_reason():
    open_ = verdict.models_differ(np.eye(3, 5, dtype=bool), 0).as_json()
    assert (
        first_screen.evidence({"models_differ": open_})
        == "The null fits abilities at each score, which takes 4 networks."
    )


@pytest.mark.parametrize(
    ("kappa", "words"), [(0.5, "the more agreement"), (-0.5, "the less agreement"), (0.126, "hardly changes")]
)
def test_the_title_of_the_curve_follows_the_curve(kappa, words):
    title = first_screen.agreement_title(changed(M30={"kappa": kappa}))
    assert words in title and title.endswith(f"{kappa:.3f} with 30")


def test_the_title_of_the_scores_follows_the_scores():
    alike = first_screen.histogram([50, 0, 0, 0, 50])
    assert first_screen.scores_title(alike, 0).startswith("100.0% of the images are trivial or impossible, 12.5% if")
    apart = first_screen.histogram(np.array([1, 4, 6, 4, 1]) * 10)  # four coins
    assert first_screen.scores_title(apart, 0).count("12.5%") == 2


def test_like_stands_beside_like():
    """In-between kappa depends on M and tolerance: each set has the published models of its own M and tolerance."""
    text = first_screen.about_agreement(KNOWN, [ZOO, VARIANTS])
    eleven, four = KNOWN.published.of_size(11, 1), KNOWN.published.of_size(4, 0)
    assert f"leave 0.234; as many models of ImageNet leave {eleven.kappa:.3f} (tolerance 1)" in text.replace(
        "0.235", "0.234"
    )
    assert f"leave 0.123; as many models of ImageNet leave {four.kappa:.3f} (tolerance 0)" in text
    assert f"{claims.printed('sota_kappa_in_between'):.3f} with its 11 models" in text
    alone = Here("models", "digits", 3, np.ones(40, int), 0.1)
    assert "In this run" not in first_screen.about_agreement(KNOWN, [alone])


def test_without_scores_of_its_own_a_run_says_so():
    assert "not compared" in first_screen.about_scores(KNOWN, []) != first_screen.about_scores(KNOWN, [ZOO])
    assert len(first_screen.score_panels(KNOWN, [])) == 1


def test_panels_share_their_axes_and_tell_their_figures_in_words():
    one, other = (panel.to_dict() for panel in first_screen.score_panels(KNOWN, [VARIANTS]))
    for channel in ("x", "y"):
        first, second = (panel["layer"][0]["encoding"][channel]["scale"] for panel in (one, other))
        assert first == second
    assert one["layer"][0]["encoding"]["y"]["scale"]["domain"][1] > 60 / 89  # room for the highest bar of both
    shares = KNOWN.eleven.scores["all"].by_tolerance[1]
    assert "depend on M, here 4" in subtitle(other) and "depend" not in subtitle(one)
    assert f"trivial {shares.trivial:.1%}" in one["description"] and "tolerance 1" in one["description"]


def test_the_chart_of_agreement_holds_every_size_and_point():
    spec = first_screen.agreement_chart(KNOWN, [ZOO, VARIANTS]).to_dict()
    rows = [row for data in spec["datasets"].values() for row in data]
    points = {row["label"]: (row["models"], row["kappa"]) for row in rows if "label" in row}
    assert points["this run, 4 training variants on digits: 0.123 (tolerance 0)"] == (4, 0.1234)
    assert [at for at in points.values() if at[0] == 30] == [(30, KNOWN.published.of_size(30, 1).kappa)]
    found = pd.DataFrame([row for row in rows if "line" in row])
    assert found.groupby("line")["models"].count().tolist() == [27, 27, 27]
    bind = spec["params"][0]["bind"]
    assert (bind["input"], bind["min"], bind["max"], spec["params"][0]["value"]) == ("range", 4, 30, 11)
    assert "not a confidence interval" in subtitle(spec)


@pytest.fixture
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    return tmp_path


def test_a_run_is_read_from_what_its_sections_recorded(build):
    answers = made()
    claims.Book("training_variants", "tiny").record_scores("variants", answers, [0, 2, 4, 5], 0)
    book = claims.Book("subsetting", "tiny")
    book.record_scores("models", answers, range(6), 1)
    book.record("sota_kappa_in_between", 0.25, None, answers)
    models, variants = first_screen.here("tiny")
    assert (models.M, models.tolerance, models.kappa, models.title) == (6, 1, 0.25, "6 models on digits")
    assert (variants.M, variants.tolerance, variants.kappa) == (4, 0, None)
    assert variants.counts.tolist() == np.bincount(answers.correct()[[0, 2, 4, 5]].sum(axis=0), minlength=5).tolist()
    opened = first_screen.opening("tiny")
    assert [type(each).__name__ for each in opened] == [
        "HTML",
        "LayerChart",
        "LayerChart",
        "Prose",
        "LayerChart",
        "Prose",
        "HTML",
    ]


def test_a_run_that_recorded_nothing_opens_with_imagenet_alone(build):
    opened = first_screen.opening("tiny")
    assert "On ImageNet" in opened[0].data and not any("this run" in each for each in opened if isinstance(each, str))
    assert [isinstance(each, str) for each in opened] == [False, False, True, False, True, False]


@pytest.fixture
def screen(build, opened, all_drawn):
    charts = [each.to_dict() for each in first_screen.score_panels(KNOWN, [ZOO])]
    charts.append(first_screen.agreement_chart(KNOWN, [ZOO, VARIANTS]).to_dict())
    cells = [code("c", *map(chart, charts))]
    path = page.build(Preset(["summary"]), {"summary": executed("summary", prose("# First"), *cells)})

    def open_it(**settings):
        tab = opened(path=path, reduced_motion="reduce", **settings)
        all_drawn(tab)
        return tab

    return open_it


def test_the_slider_moves_the_rule_and_tells_the_figures(screen):
    tab = screen()
    slider, texts = tab.locator("#chart-3 .choices input"), tab.locator("#chart-3 svg")
    for models in (11, 25):
        slider.fill(str(models))
        one = KNOWN.published.of_size(models, 1)
        tab.wait_for_function(f"() => document.querySelector('#chart-3 svg').textContent.includes('{models} of 30')")
        assert f"tolerance 1: {one.kappa:.3f} ({one.lower:.3f} to {one.upper:.3f})" in texts.text_content()


@pytest.mark.parametrize(("width", "beside"), [(1280, True), (350, False)])
def test_histograms_stand_beside_each_other_where_there_is_room(screen, width, beside):
    tab = screen(width=width)
    one, other = (tab.locator(f"#chart-{number}").bounding_box() for number in (1, 2))
    assert (abs(one["y"] - other["y"]) < 1) == beside
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    box, canvas = tab.locator("#chart-1 .canvas").bounding_box(), tab.locator("#chart-1 svg").bounding_box()
    assert canvas["width"] == pytest.approx(box["width"], abs=8)


def test_the_scores_file_is_plain_json(build):
    claims.Book("sota_comparison", "tiny").record_scores("models", made(), range(6), 1)
    (file,) = build.rglob("sota_comparison.json")
    assert json.loads(file.read_text())["scores"]["models"]["dataset"] == "digits"


def test_a_run_that_comes_to_the_same_verdict_says_so_in_short():
    same = {name: dict(found) for name, found in KNOWN.published.clauses.items() if name in first_screen.PHRASES}
    assert first_screen.in_this_run(KNOWN, same, [ZOO]) == "In this run, 11 models on digits lead to the same verdict."
    other = {**same, "fail_alike": {**same["fail_alike"], "outcome": "does not hold"}}
    said = first_screen.in_this_run(KNOWN, other, [ZOO])
    assert said.startswith("In this run (11 models on digits), models do not fail on the same images;")
