"""Hold a report against one made before from the same results: `python tests/golden/same_report.py BEFORE AFTER`.

Both are folders of reports such as build/quick. Values and intervals of the claims, difficulty.csv and every number in
every chart's data must be there again; titles, verdicts and prose may change.
"""

import csv
import json
import re
import sys
from collections import Counter
from pathlib import Path

CHART = re.compile(r'<figure class="chart".*?<script type="application/json">(.*?)</script>', re.DOTALL)


def claims(folder):
    """Collect what was recorded for each claim: its value, limits and counts."""
    found = {}
    for file in sorted((folder / "claims").glob("*.json")):
        written = json.loads(file.read_text("utf-8"))
        for claim, record in written.get("claims", written).items():
            found[claim] = {key: rounded(record.get(key)) for key in ("value", "interval", "m", "n")}
    return found


def rounded(value):
    """Keep nine digits: the order in which a sum is taken may change the rest."""
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.9g}") if isinstance(value, int | float) else value


def numbers(value):
    """Yield the numbers in nested data."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield rounded(value)


def rows(specification):
    """Yield a chart's tables: the named ones, and those that stand where they are used."""
    yield from specification.pop("datasets", {}).values()
    for key, value in specification.items():
        if key == "data" and isinstance(value, dict) and "values" in value:
            yield value["values"]
        elif isinstance(value, dict):
            yield from rows(value)
        elif isinstance(value, list):
            for each in value:
                if isinstance(each, dict):
                    yield from rows(each)


def title_of(specification):
    """Return a chart's title as text."""
    title = specification.get("title", "")
    text = title.get("text", "") if isinstance(title, dict) else title
    return " ".join(text) if isinstance(text, list) else text


def charts(folder):
    """Collect the numbers in each chart's data, in the order of the page."""
    page = (folder / "report.html").read_text("utf-8")
    found = [json.loads(text) for text in CHART.findall(page)]
    return [(title_of(each), Counter(number for table in rows(each) for number in numbers(table))) for each in found]


def table(folder):
    """Read difficulty.csv with its numbers rounded; nothing where the report has none."""
    path = folder / "difficulty.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            [f"{float(cell):.9g}" if re.fullmatch(r"-?[\d.]+(e-?\d+)?", cell) else cell for cell in row]
            for row in csv.reader(file)
        ]


def differences(before, after):
    """Yield a line for everything that is not there again."""
    old, new = claims(before), claims(after)
    for claim in old.keys() | new.keys():
        if old.get(claim) != new.get(claim):
            yield f"claim {claim}: {old.get(claim)} became {new.get(claim)}"
    if table(before) != table(after):
        yield "difficulty.csv differs"
    left = charts(after)
    for title, values in charts(before):
        if not left:
            yield f"chart '{title}' is missing"
            continue
        # The same chart is the one that lacks the fewest of the numbers; of several, the first.
        best = min(left, key=lambda chart: ((values - chart[1]).total(), chart[0] != title, chart[1].total()))
        if lacking := values - best[1]:
            some = ", ".join(f"{number:g}" for number in list(lacking)[:5])
            yield f"chart '{title}' lacks {lacking.total()} of {values.total()} numbers ({some}, ...)"
        left.remove(best)
    for title, _ in left:
        yield f"chart '{title}' is new"


if __name__ == "__main__":
    lines = list(differences(*map(Path, sys.argv[1:3])))
    print("\n".join(lines) or f"{sys.argv[2]}: nothing differs")
    sys.exit(bool(lines))
