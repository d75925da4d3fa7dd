"""What holds for every chart, whatever its form and however many networks it shows."""

import json
import re

import made_charts
import pytest
from made_charts import MATRICES, pairs, pixels, rows

from ddd_utils import charts
from ddd_utils.charts.forms import COLUMN


@pytest.fixture(scope="module")
def of_people():
    return {name: chart.to_dict() for name, chart in made_charts.of_people()[0].items()}


@pytest.fixture(scope="module")
def every(of_people):
    drawn = made_charts.every_chart(made_charts.predictions(), made_charts.networks())
    drawn |= {f"{name}, {count}": make(count) for name, make in MATRICES.items() for count in (2, 3, 30, 100)}
    drawn |= {f"pairs of {count}": charts.accuracy_against_kappa(pairs(count), "title") for count in (2, 60, 200)}
    return {name: chart.to_dict() for name, chart in drawn.items()} | of_people


def test_every_chart_is_described_transparent_and_small(every):
    for name, specification in every.items():
        assert len(specification["description"]) > 40, name
        assert specification["background"] == "transparent", name
        assert len(rows(specification)) <= 5000, name


def test_titles_and_labels_take_their_colours_from_the_renderer_and_all_scales_are_linear(every):
    for name, specification in every.items():
        assert not re.search(r"(label|title)Color", str(specification)), name
        assert not re.search(r"'type': '(log|sqrt|pow|symlog)'", str(specification)), name


def test_every_chart_compiles_and_fits_the_column(every, of_people):
    for name, specification in every.items():
        assert (400 if name in of_people else 0) < pixels(specification) <= COLUMN, name


def test_what_people_are_compared_by_has_intervals(of_people):
    for name, specification in of_people.items():
        assert re.search(r'"[xy]2": {"field": "upper"}', json.dumps(specification)), name
