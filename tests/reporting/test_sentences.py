import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from ddd_utils.reporting import markdown, sentences


@pytest.mark.parametrize(
    ("cell", "form", "text"),
    [
        ((0.48, 0.476, 0.484), ".3f", "0.480 (0.476 to 0.484)"),
        ((0.365, 0.3606, 0.3686), ".1%", "36.5% (36.1% to 36.9%)"),
        ((0.5, np.nan, 0.6), ".2f", "0.50"),
        ((np.nan, 0.1, 0.2), ".2f", ""),
        ((-0.0, -0.1, 0.1), ".1f", "0.0 (-0.1 to 0.1)"),
        ((-1e-9, -1e-3, 0.1), ".1f", "0.0 (0.0 to 0.1)"),
        ((0.25, -0.1, 0.5), "+.2f", "+0.25 (-0.10 to +0.50)"),
    ],
)
def test_a_number_stands_with_its_interval(cell, form, text):
    assert sentences.with_interval(*cell, form) == text


@pytest.mark.parametrize(("value", "text"), [(0.0, "< 0.0001"), (0.00015, "0.00015"), (0.5, "0.5"), (np.nan, "")])
def test_p_values(value, text):
    assert sentences.p_value(value) == text


def test_only_numbers_with_both_limits_are_joined():
    table = pd.DataFrame({"what": ["a"], "kappa": [0.5], "kappa_lower": [0.4], "kappa_upper": [0.6], "p_fit": [1e-9]})
    table = table.assign(lower=1, half_lower=2)
    shown = sentences.readable(table, ".1f")
    assert shown.columns.tolist() == ["what", "kappa", "p fit", "lower", "half lower"]
    assert shown.iloc[0].tolist() == ["a", "0.5 (0.4 to 0.6)", "< 0.0001", 1, 2]


def test_plain_limits_belong_to_no_column():
    table = pd.DataFrame({"share": [0.5], "lower": [0.4], "upper": [0.6]})
    assert sentences.readable(table).columns.tolist() == ["share", "lower", "upper"]


@pytest.mark.parametrize(
    "name", ["my_images", "**a** $x$ `b`", r"\begin{x} \(", "<b>1 & 2</b>", "[a](b.ipynb)", "# é - 1. x"]
)
def test_a_literal_name_is_shown_as_it_stands(name):
    shown = BeautifulSoup(markdown.render(f"About {sentences.literal(name)}.", "section", [], set()), "html.parser")
    assert shown.get_text().strip() == f"About {name}."
    assert [tag.name for tag in shown.find_all()] == ["p"]
