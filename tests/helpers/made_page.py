"""A small page of everything that a report can hold, for the tests in a browser."""

import shutil

import pandas as pd

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
BARS = {
    "data": {"values": [{"x": "a", "y": 1}, {"x": "<i>b", "y": 3, "gone": None}]},
    "mark": "bar",
    "encoding": {
        "x": {"field": "x", "type": "nominal"},
        "y": {"field": "y", "type": "quantitative", "axis": {"labelExpr": "format(datum.value, '.1f') + ' u'"}},
        "color": {"field": "x", "type": "nominal"},
        "tooltip": [{"field": "x"}, {"field": "y", "format": ".2f"}, {"field": "gone"}],
    },
    "title": "Bars",
    "width": 700,
    "height": 150,
    "description": "two bars",
}
TWO_SETS = {
    "datasets": {"one": [{"x": 1, "y": 2}, {"x": 2, "y": 3}], "two": [{"x": 5, "y": 1, 'a "quoted", name': "é\n,"}]},
    "layer": [
        {
            "data": {"name": name},
            "mark": "point",
            "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}},
        }
        for name in ("one", "two")
    ],
    "title": {"text": ["Points of", "two kinds: κ"]},
}
FRAME = pd.DataFrame(
    {"network": ["b", "a10", "a9"], "kappa": [0.5, None, -1.25], "a very long heading of a column": ["x" * 60] * 3}
)
LONG = "\n\n".join(["A paragraph that fills the page, over and over. " * 8] * 12)
HOSTILE = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
FORMULA = (
    r"$$\kappa = \frac{c_{obs} - c_{exp}}{1 - c_{exp}} = 1 - \frac{a + b + c + d + e + f + g + h}{i + j + k + l + m}$$"
)
BESIDE, ELSEWHERE = "difficulty.csv", "https://example.org/a?b=c&d"
OPEN = "document.querySelectorAll('details').forEach((details) => { details.open = true; })"
SHARES = {"trivial": 0.25, "in_between": 0.6, "impossible": 0.15}
