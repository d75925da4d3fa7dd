"""Tables and charts are saved by the browser, without a network, with the content that is seen."""

import csv
import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
from made_page import BARS, FRAME, OPEN, TWO_SETS
from PIL import Image


def saved(tab, button, tmp_path):
    """Press a button with the keyboard; return the file's name and bytes."""
    button.scroll_into_view_if_needed()
    button.focus()
    with tab.expect_download() as download:
        tab.keyboard.press("Enter")
    target = tmp_path / "saved"
    download.value.save_as(target)
    return download.value.suggested_filename, target.read_bytes()


def of_chart(tab, number, kind):
    return tab.locator(f"#chart-{number} .saves button", has_text=kind)


def rows(content):
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chart_is_saved_as_svg_with_colours_of_its_own_on_the_page_s(opened, tmp_path, scheme):
    tab = opened(color_scheme=scheme)
    name, content = saved(tab, of_chart(tab, 1, "SVG"), tmp_path)
    text = content.decode()
    assert name == "second-bars.svg"
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert "var(" not in text
    for colour in ("color", "backgroundColor"):
        assert tab.evaluate(f"getComputedStyle(document.body).{colour}") in text


def test_a_chart_is_saved_as_png_at_twice_its_size(opened, tmp_path):
    tab = opened()
    name, content = saved(tab, of_chart(tab, 1, "PNG"), tmp_path)
    image = Image.open(io.BytesIO(content)).convert("RGB")
    seen = tab.eval_on_selector("#chart-1 svg", "svg => [+svg.getAttribute('width'), +svg.getAttribute('height')]")
    assert name == "second-bars.png"
    assert image.size == pytest.approx([2 * side for side in seen], abs=2)
    pixels = np.asarray(image).reshape(-1, 3)
    assert len(np.unique(pixels, axis=0)) > 20
    assert tuple(pixels[0]) == (253, 252, 249)  # the page's own colour lies behind


def test_the_data_of_a_chart_are_saved_though_it_is_not_drawn(opened, tmp_path):
    tab = opened()
    with tab.expect_download() as download:
        of_chart(tab, 2, "CSV").evaluate("button => button.click()")
    download.value.save_as(tmp_path / "data.csv")
    assert download.value.suggested_filename == "second-bars-2.csv"
    assert tab.locator("#chart-2[data-drawn]").count() == 0
    values = BARS["data"]["values"]
    expected = [["x", "y", "gone"], *([str(row["x"]), str(row["y"]), ""] for row in values)]
    assert rows((tmp_path / "data.csv").read_bytes()) == expected


def test_several_sets_of_rows_are_told_apart_and_quoted(opened, tmp_path):
    tab = opened()
    name, content = saved(tab, of_chart(tab, 6, "CSV"), tmp_path)
    assert name == "second-points-of-two-kinds-κ.csv"
    odd = 'a "quoted", name'
    assert rows(content) == [
        ["dataset", "x", "y", odd],
        *(["1", str(row["x"]), str(row["y"]), ""] for row in TWO_SETS["datasets"]["one"]),
        ["2", "5", "1", "é\n,"],
    ]


def test_a_table_is_saved_as_it_is_seen(opened, tmp_path):
    tab = opened()
    tab.locator("#summary .output th button").first.click()
    name, content = saved(tab, tab.locator("#summary .output .saves button").first, tmp_path)
    frame = pd.read_csv(io.BytesIO(content), na_values="undefined")
    assert name == "summary-first.csv"
    assert list(frame.columns) == list(FRAME.columns)
    assert frame["network"].tolist() == ["a9", "a10", "b"]
    assert frame["kappa"].tolist()[::2] == [-1.25, 0.5] and np.isnan(frame["kappa"][1])


def test_the_claims_are_saved_with_their_sections_as_far_as_they_are_shown(opened, tmp_path):
    tab = opened()
    tab.evaluate(OPEN)
    tab.locator(".filters button", has_text="Holds").click()
    name, content = saved(tab, tab.locator(".scroll:has(> .claims) + .saves button"), tmp_path)
    assert name == "summary-every-claim.csv"
    heads, found = rows(content)
    assert heads == ["Section", "Claim", "Paper", "Here", "Verdict", "Rests on"]
    assert found[0] == "Training variants"
    assert found[2:] == ["0.70", "0.70; 0.60 to 0.80", "holds", "M = 4, n = 50,000; ImageNet"]


def test_every_table_and_chart_can_be_saved_under_a_name_of_its_own(opened):
    tab = opened()
    assert tab.locator("figure.chart").count() == tab.locator("figure.chart > .saves").count()
    assert tab.locator("main .scroll > table").count() == tab.locator("main .scroll + .saves").count()
    labels = tab.eval_on_selector_all(".saves button", "all => all.map((button) => button.getAttribute('aria-label'))")
    assert {"PNG: download the chart “Bars”", "CSV: download the table “Every claim”"} <= set(labels)
    assert all(re.fullmatch("(PNG|SVG|CSV): download the (chart|table) “.+”", label) for label in labels)
