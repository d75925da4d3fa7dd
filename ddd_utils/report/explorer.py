"""What a reader can ask: the images behind a bar, how the two networks of a cell differ, and a model of their own."""

import base64
import re
import zlib
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from os.path import commonprefix
from typing import Any, TypeVar

import altair as alt
import numpy as np
from IPython.display import HTML

from ddd_utils.analysis.difficulty import fitting_tolerance, scores
from ddd_utils.analysis.examples import answers_of, examples, hard_and_easy
from ddd_utils.analysis.exploration import Exploration, explore
from ddd_utils.analysis.nulls import NullKappa
from ddd_utils.charts.gallery import answers_gallery, data_uri, gallery
from ddd_utils.charts.names_and_colours import bracketed, condition_name, network_names
from ddd_utils.report import markup
from ddd_utils.report.sentences import example_rule
from ddd_utils.report.text import Prose, p_value
from ddd_utils.responses import Responses

MIME, COMPARABLE = "application/vnd.ddd.exploration+json", "application/vnd.ddd.answers+json"
WAYS = ("score", "pair")
SIDE = 80  # pixels of a picture: two hundred of them stay below a megabyte
Chart = TypeVar("Chart", bound=alt.TopLevelMixin)


class Explorer:
    """What a notebook displays once, for the report to show piece by piece; by the key of its data a page knows it."""

    def __init__(
        self,
        found: Exploration,  # about the networks `rows`
        responses: Responses,
        rows: Sequence[int],
        classes: Sequence[str],
        pictures: Sequence[np.ndarray] | None = None,  # of its images; without them, these are called by their names
        marks: Any = "",  # those of `experiments.marks`, or the line that says why there are none
    ):
        chosen = np.asarray(rows)
        answers = responses.predictions[chosen, -1][:, found.images]
        labels = responses.labels[found.images]
        used = sorted({*answers.ravel().tolist(), *labels.tolist()} - {-1})
        contents = {
            "networks": [condition_name(name) for name in found.kappa.labels],
            "scores": found.scores.tolist(),
            "both": found.both_right.tolist(),
            "spare": _spare(responses.networks["condition"].to_numpy(), chosen),
            "pairs": _pairs(found),
            "between": _between(found),
            "known": bool(responses.info.get("labels_known", True)),
            "classes": [str(classes[label]) if label < len(classes) else str(label) for label in used],
            "images": _images(responses.image_ids[found.images], labels, answers, used),
        }
        for image, picture in zip(contents["images"], pictures or [], strict=bool(pictures)):
            image["picture"] = data_uri(picture)
        if not isinstance(marks, str):
            contents["factors"] = _factors(marks, scores(responses.select(list(rows)).correct()), len(chosen))
            for image, at in zip(contents["images"], found.images, strict=True):
                image["marked"] = np.flatnonzero(marks.marked[at]).tolist()
        self.data = {"key": markup.key(contents), **contents}

    def _repr_mimebundle_(self, **_: Any) -> dict:
        kept = f"{len(self.data['images'])} of {sum(self.data['scores']):,} images are kept"
        text = f"In the report, a click on a bar or a cell shows what is behind it; {kept}."
        return {MIME: self.data, "text/plain": text}

    def linked(self, chart: Chart, by: str) -> Chart:
        """Let the report open this explorer from a chart, by "score" or by "pair" (columns a and b)."""
        meta = {} if chart.usermeta is alt.Undefined else chart.usermeta
        return chart.properties(usermeta={**meta, "explore": {"key": self.data["key"], "by": by}})


class Comparable:
    """
    What a notebook displays, for the report to take tables of answers (`own_model.js`).

    ``data`` has the names of networks and classes and, deflated and in base64, the images' names (sorted, a line each:
    how many letters are those of the name before, a blank, and the others), their labels (int16, little-endian, the
    lower bytes first) and for each network a bit an image, filled up to whole bytes (`np.packbits`). With ``marks`` it
    has the names of the factors and such bits: whether somebody looked at an image, and whether each factor is marked.
    """

    def __init__(self, answers: Responses, marks: Any = ""):
        order = np.argsort(answers.image_ids, kind="stable")
        classes = answers.class_names if answers.info.get("labels_known", True) else []
        names = [re.sub(r"[\n\r]", " ", str(name)) for name in answers.image_ids[order]]  # a line each
        contents = {
            "networks": network_names(answers.networks),
            "classes": [str(name) for name in classes],
            "names": _packed(_front_coded(names).encode()),
            "labels": _packed(answers.labels[order].astype("<i2").view(np.uint8).reshape(-1, 2).T.tobytes()),
            "right": _packed(np.packbits(answers.correct()[:, order], axis=1).tobytes()),
        }
        if not isinstance(marks, str):
            bits = np.packbits(np.vstack([marks.known, marks.marked.T])[:, order], axis=1)
            contents |= {"factors": list(marks.factors), "marked": _packed(bits.tobytes())}
        self.data = {"key": markup.key(contents), **contents}

    def _repr_mimebundle_(self, **_: Any) -> dict:
        text = f"In the report, a table of answers is compared with {len(self.data['networks'])} networks."
        return {COMPARABLE: self.data, "text/plain": text}


def explored(
    answers: Responses,
    rows: Sequence[int],
    tolerance: int | None = None,
    marks: Any = "",
    null: NullKappa | None = None,
) -> Explorer:
    """Collect what a click in charts about some networks shows: display it once, and link the charts to it."""
    chosen = answers.select(list(rows))
    tolerance = fitting_tolerance(1, len(rows)) if tolerance is None else tolerance
    names = network_names(chosen.networks)
    found = explore(chosen.correct(), names, answers.labels, tolerance=tolerance, null=null)
    pictures = answers.thumbnails(found.images, SIDE) if answers.has_images else None
    return Explorer(found, answers, rows, answers.class_names, pictures, marks)


def examples_gallery(answers: Responses, rows: Sequence[int], kind: str, tolerance: int) -> list[Prose | HTML]:
    """Show some images of a kind, and under each who answered what; the rule alone where there are none."""
    chosen = answers.select(list(rows))
    found = examples(chosen.correct(), tolerance, labels=answers.labels)[kind]
    rule = example_rule(kind, len(rows), tolerance, len(found))
    if not len(found):
        return [rule]
    names, classes, predictions = network_names(chosen.networks), answers.class_names, chosen.predictions[:, -1]
    given = [answers_of(predictions[:, image], answers.labels[image], classes, names) for image in found]
    labels = [classes[label] for label in answers.labels[found]]
    return [rule, answers_gallery(answers.thumbnails(found), answers.image_ids[found], labels, given)]


def pairs_gallery(answers: Responses, rows: Sequence[int], count: int = 8) -> HTML:
    """Show the hardest images for some networks, and under each an easy one of its class (figure 14)."""
    correct = answers.correct()[list(rows)]
    hard, easy = hard_and_easy(correct, answers.labels, count)
    above, below = (np.stack(answers.images(images)) for images in (hard, easy))
    gap, right, classes = np.full_like(above[:, :2], 128), scores(correct), answers.class_names
    captions = [
        f"{classes[answers.labels[one]]}: {right[one]} of {len(rows)} right above, {right[other]} below"
        for one, other in zip(hard, easy, strict=True)
    ]
    return gallery(np.concatenate([above, gap, below], axis=1), captions, columns=count)


def attributes(specification: dict) -> str:
    """Write the attributes of a chart, each with a blank before it: its explorer, and whether it is half as wide."""
    meta = specification.get("usermeta", {})
    half, link = " data-half" if meta.get("ddd", {}).get("half") is True else "", meta.get("explore", {})
    if link.get("by") not in WAYS:
        return half
    return f'{half} data-explore="{escape(str(link["key"]))}" data-by="{link["by"]}"'


def element(data: dict) -> str:
    """Write the data of an explorer for the page, which shows nothing of them by itself."""
    contents = markup.embedded(data)
    return f'<script type="application/json" class="exploration" data-key="{escape(data["key"])}">{contents}</script>'


def comparable(data: dict) -> str:
    """Write the data for the page, whose script makes the rest: without it, there is nothing to see."""
    return f'<script type="application/json" class="comparable">{markup.embedded(data)}</script>'


def _images(names: np.ndarray, labels: np.ndarray, answers: np.ndarray, used: list[int]) -> list[dict]:
    """List the images with their labels and answers as positions in `used`; -1 is an answer that was not recorded."""
    position = {label: at for at, label in enumerate(used)} | {-1: -1}
    return [
        {"name": str(name), "label": position[int(label)], "answers": [position[answer] for answer in given]}
        for name, label, given in zip(names, labels, answers.T.tolist(), strict=True)
    ]


def _factors(marks: Any, score: np.ndarray, networks: int) -> dict[str, Any]:
    """Count, by the number of networks right, images at which somebody looked, and of them those with each factor."""
    by_score = [np.bincount(score[some], minlength=networks + 1).tolist() for some in (marks.known, *marks.marked.T)]
    return {"source": marks.source, "names": list(marks.factors), "known": by_score[0], "marked": by_score[1:]}


def _spare(conditions: np.ndarray, rows: np.ndarray) -> list[int]:
    """Count the networks of each one's condition that it stands for: a matrix may be about all of them."""
    left_out = np.delete(conditions, rows)
    return [int((left_out == condition).sum()) for condition in conditions[rows]]


def _between(found: Exploration) -> dict | None:
    """Give the counts of pairs on the in-between images, and kappa as in `_pairs`."""
    if (part := found.between) is None:
        return None
    upper = np.triu_indices(len(part.kappa.labels), 1)
    kappa = bracketed(part.kappa.kappa, part.kappa.lower, part.kappa.upper)[upper]
    return {"total": part.total, "both": part.both_right.tolist(), "kappa": kappa.tolist()}


def _pairs(found: Exploration) -> dict[str, list[str]]:
    """Write the figures of every pair, in the order of the upper triangle, row by row."""
    upper = np.triu_indices(len(found.kappa.labels), 1)
    kappa, null = found.kappa, found.null
    written = {"kappa": bracketed(kappa.kappa, kappa.lower, kappa.upper)[upper].tolist()}
    if null is None:
        return written
    for name, each, form in (("expected", null.expected, ".3f"), ("excess", null.excess, "+.3f")):
        written[name] = bracketed(each.value, each.lower, each.upper, form)[upper].tolist()
    return written | {"p": [p_value(value) for value in null.adjusted_p_values()[upper]]}


def _packed(contents: bytes) -> str:
    return base64.b64encode(zlib.compress(contents, 9)).decode()


def _front_coded(names: list[str]) -> str:
    """Write sorted names, each without what it shares with the one before: 50,000 shrink to a tenth."""
    shared = [len(commonprefix(pair)) for pair in pairwise(["", *names])]  # noqa: RUF071 (names, not paths)
    return "\n".join(f"{count} {name[count:]}" for count, name in zip(shared, names, strict=True))
