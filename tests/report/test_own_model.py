"""A reader's table of answers on the page: the browser's numbers are Python's, and no faulty table passes for one."""

import csv
import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_notebooks import Preset, code, executed, prose, shown

from ddd_utils import error_consistency
from ddd_utils.analysis import factors
from ddd_utils.analysis.consistency.profile import profile_limits
from ddd_utils.analysis.statistics import wilson
from ddd_utils.report import explorer, page
from ddd_utils.responses import Responses

HOSTILE = "<img src=x onerror='window.hacked=1'>,\"a\""
CLASSES = ["tabby", HOSTILE, "lynx"]
IMAGES, NETWORKS = 401, 5
KNOWN = np.arange(IMAGES) % 10 > 0
MARKED = (np.random.default_rng(5).random((IMAGES, 3)) < [0.3, 0.6, 0.0]) & KNOWN[:, None]
MARKS = SimpleNamespace(source="people", factors=("smaller", HOSTILE, "never"), marked=MARKED, known=KNOWN)


def answers(**info):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, IMAGES).astype(np.int16)
    wrong = rng.random((NETWORKS + 1, IMAGES)) > rng.beta(2, 1, IMAGES)
    predictions = np.where(wrong, (labels + 1) % 3, labels).astype(np.int16)
    names = [f"folder/{n}.png" for n in range(IMAGES - 1)] + [f"folder/{HOSTILE}.png"]
    ids = np.array(names)[rng.permutation(IMAGES)]
    named = [*"abcd", HOSTILE]
    networks = pd.DataFrame({"network": named, "condition": named, "instance": 1})
    return Responses(predictions[:NETWORKS, None], labels, ids, networks, {"classes": CLASSES, **info}), predictions[-1]


@pytest.fixture(scope="module")
def made(tmp_path_factory, browser):
    """Open a page with five networks, and tell how to give it a table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(tmp_path_factory.mktemp("page")))
        responses, mine = answers()
        data = explorer.Comparable(responses, MARKS).data
        outcome = executed("only", prose("# Only"), code("a", shown(**{explorer.COMPARABLE: data})))
        target = page.build(Preset(["only"]), {"only": outcome}, {})
    tab = browser.new_context(offline=True, accept_downloads=True).new_page()
    tab.goto(target.as_uri())

    def give(contents, name="mine.csv"):
        given = contents if isinstance(contents, bytes) else contents.encode()
        tab.evaluate("document.querySelector('.own-result').replaceChildren()")
        tab.locator(".own-model input").set_input_files({"name": name, "mimeType": "text/csv", "buffer": given})
        tab.locator(".own-result > *").first.wait_for()
        return tab.locator(".own-result").inner_text()

    return tab, give, responses, mine


def table(responses, mine, separator=",", spelled=str, columns=("image", "prediction")):
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator)
    writer.writerows(
        [columns, *((spelled(name), CLASSES[answer]) for name, answer in zip(responses.image_ids, mine, strict=True))]
    )
    return stream.getvalue()


def saved(tab, kind):
    with tab.expect_download() as download:
        tab.locator(".own-result .saves button", has_text=kind).click()
    return pd.read_csv(download.value.path())


def test_the_browsers_numbers_are_pythons(made):
    tab, give, responses, mine = made
    said = give(table(responses, mine))
    right, correct = mine == responses.labels, responses.correct()
    low, high = wilson(right.sum(), IMAGES)
    assert f"Right on {right.mean():.1%} ({low:.1%} to {high:.1%}) of {IMAGES} images" in said
    rows = saved(tab, "networks")
    for found, one in zip(rows.itertuples(), correct, strict=True):
        assert found.kappa == pytest.approx(error_consistency(right, one), abs=1e-12)
        both = (right & one).sum()
        cells = [both, right.sum() - both, one.sum() - both, (~right & ~one).sum()]
        assert [found.lower, found.upper] == pytest.approx(np.ravel(profile_limits(np.array([cells]))), abs=1e-9)
        score, expected = correct.sum(axis=0) - one, 0.0
        for count in range(NETWORKS):
            of = score == count
            expected += right[of].mean() * one[of].sum() if of.any() else 0
        p, q = right.mean(), one.mean()
        chance = p * q + (1 - p) * (1 - q)
        by_score = (1 - p - q + 2 * expected / IMAGES - chance) / (1 - chance)
        assert [found.expected, found.excess] == pytest.approx([by_score, found.kappa - by_score], abs=1e-12)
    images = saved(tab, "images").set_index("image").loc[responses.image_ids]
    assert (images["right"] == right).all() and (images["networks_right"] == correct.sum(axis=0)).all()
    alone = int((right & ~correct.any(axis=0)).sum())
    assert f"{alone} image{'s' * (alone != 1)} that mine.csv alone gets right" in said


def test_the_factors_on_which_it_differs_are_pythons(made):
    tab, give, responses, mine = made
    give(table(responses, mine))
    correct = np.vstack([responses.correct(), mine == responses.labels])[:, KNOWN]
    peers = factors.against_peers(correct, MARKED[KNOWN], list("abcdef"), MARKS.factors)
    own = peers[(peers["model"] == "f") & peers["z"].notna()].sort_values("z", key=abs, ascending=False)
    rows = tab.locator(".own-result .factors tbody tr")
    assert rows.locator("th").all_text_contents() == own["factor"].tolist()
    for row, wanted in zip(rows.all(), own.itertuples(), strict=True):
        sides = [f"{side - 1:+.1%}".replace("-", "−") for side in (wanted.ratio, wanted.lower, wanted.upper)]
        said = f"{sides[0]} ({sides[1][:-1]} to {sides[2]})"
        assert row.locator("td").all_text_contents() == [f"{wanted.wrong:.0f} ({wanted.expected:.0f})", said]
        assert (row.get_attribute("class") == "apart") == (abs(wanted.z) > 1.96)
    assert tab.evaluate("window.hacked") is None


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (lambda r, m: table(r, m, ";", columns=("File Name", "Predicted Label")), "mine.csv"),
        (lambda r, m: table(r, m, "\t").encode("utf-16"), "mine.tsv"),
        (lambda r, m: table(r, m, spelled=lambda name: name.split("/", 1)[1]), "last part.csv"),
        (lambda r, m: table(r, m, spelled=lambda name: name.split("/", 1)[1][:-4]), "no ending.csv"),
        (lambda r, m: table(r, m).replace("\r\n", "\n"), HOSTILE),
        (lambda r, m: pd.DataFrame({"image": r.image_ids, "prediction": m}).to_csv(index=False), "positions.csv"),
        (lambda r, m: pd.DataFrame({"image": r.image_ids, "correct": m == r.labels}).to_csv(), "correct.csv"),
    ],
)
def test_many_forms_of_a_table_say_the_same(made, written, name):
    tab, give, responses, mine = made
    said = give(written(responses, mine), name)
    assert f"Right on {(mine == responses.labels).mean():.1%}" in said and "left out" not in said
    assert tab.evaluate("window.hacked") is None


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        ("", "these are here: none"),
        ("image,label\na,b\n", "these are here: image, label"),
        ("image,prediction\n", "a heading, and no rows"),
        ("image,prediction\nelsewhere.png,tabby\n", "none of its 1 images"),
        ("image,prediction\nfolder/1.png,cat\n", "“cat” is no class of this report"),
        ("image,correct\nfolder/1.png,perhaps\n", "neither right nor wrong"),
        ("image,prediction\nfolder/1.png,tabby\n1.png,tabby\n", "two answers"),
        ('image,prediction\n"folder/1.png,tabby\n', "never closed"),
        ("image,prediction\nfolder/1.png,None\n", "it has no answer"),
        (b"PK\x03\x04rest", "save the table as CSV"),
        (b"\x80\x81\x82", "no text in UTF-8"),
        (f"image,{HOSTILE}\n", "cannot be compared"),
    ],
)
def test_a_faulty_table_is_refused_in_words(made, contents, told):
    tab, give, *_ = made
    said = give(contents)
    assert told in said and "cannot be compared" in said and "Right on" not in said
    assert tab.evaluate("window.hacked") is None


def test_what_is_left_out_and_what_is_doubtful_is_said(made):
    _, give, responses, mine = made
    whole = pd.DataFrame({"image": responses.image_ids, "prediction": responses.labels + 1})
    assert "counted from 1: moved by one, 100.0% are right" in give(whole.to_csv(index=False))
    assert "a: this may be the same model" in give(
        pd.DataFrame({"image": responses.image_ids, "prediction": responses.predictions[0, 0]}).to_csv(index=False)
    )
    part = pd.DataFrame({"image": [*responses.image_ids[:50], "other.png"], "prediction": [*mine[:49], np.nan, 0]})
    said = give(part.to_csv(index=False, float_format="%.0f"))
    assert "1 row left out: the images are not" in said and "1 row left out: there is no answer" in said
    assert f"for the 49 of {IMAGES} images" in said
    two = pd.DataFrame({"model": ["x", "y"], "image": responses.image_ids[:2], "prediction": mine[:2]})
    assert "2 models; the first, x, is shown" in give(two.to_csv(index=False))


def test_a_page_of_thirty_models_carries_their_answers_in_half_a_megabyte():
    rng = np.random.default_rng(0)
    ids = np.array([f"ILSVRC2012_val_{n:08d}.JPEG" for n in rng.permutation(50_000)])
    labels = rng.integers(0, 1000, 50_000).astype(np.int16)
    right = rng.random((30, 50_000)) < rng.beta(2, 0.8, 50_000)
    networks = pd.DataFrame({"network": map(str, range(30)), "condition": map(str, range(30)), "instance": 1})
    classes = [f"class {n}" for n in range(1000)]
    made = Responses(np.where(right, labels, 1000 - 1)[:, None], labels, ids, networks, {"classes": classes})
    assert len(explorer.comparable(explorer.Comparable(made).data)) < 500_000
