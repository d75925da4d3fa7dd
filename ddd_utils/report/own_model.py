"""What a page carries so that its reader can compare a model of their own: who is right on which image, packed."""

import base64
import zlib
from itertools import pairwise
from os.path import commonprefix
from typing import Any

import numpy as np

from ddd_utils.charts.names_and_colours import network_names
from ddd_utils.report import markup
from ddd_utils.responses import Responses

MIME = "application/vnd.ddd.answers+json"


class Comparable:
    """
    What a notebook displays, for the report to take tables of answers (`own_model.js`).

    ``data`` has the names of networks and classes and, deflated and in base64, the images' names (sorted, a line each:
    how many letters are those of the name before, a blank, and the others), their labels (int16, little-endian, the
    lower bytes first) and for each network a bit an image, filled up to whole bytes (`np.packbits`).
    """

    def __init__(self, answers: Responses):
        order = np.argsort(answers.image_ids, kind="stable")
        classes = answers.class_names if answers.info.get("labels_known", True) else []
        contents = {
            "networks": network_names(answers.networks),
            "classes": [str(name) for name in classes],
            "names": _packed(_front_coded([_line(name) for name in answers.image_ids[order]]).encode()),
            "labels": _packed(answers.labels[order].astype("<i2").view(np.uint8).reshape(-1, 2).T.tobytes()),
            "right": _packed(np.packbits(answers.correct()[:, order], axis=1).tobytes()),
        }
        self.data = {"key": markup.key(contents), **contents}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        count = len(self.data["networks"])
        return {MIME: self.data, "text/plain": f"In the report, a table of answers is compared with {count} networks."}


def element(data: dict) -> str:
    """Write the data for the page, whose script makes the rest: without it, there is nothing to see."""
    return f'<script type="application/json" class="comparable">{markup.embedded(data)}</script>'


def _packed(contents: bytes) -> str:
    return base64.b64encode(zlib.compress(contents, 9)).decode()


def _front_coded(names: list[str]) -> str:
    """Write sorted names, each without what it shares with the one before: 50,000 shrink to a tenth."""
    shared = [len(commonprefix(pair)) for pair in pairwise(["", *names])]  # noqa: RUF071 (names, not paths)
    return "\n".join(f"{count} {name[count:]}" for count, name in zip(shared, names, strict=True))


def _line(name: object) -> str:
    """Keep a name on one line, in which names are told apart."""
    return str(name).replace("\n", " ").replace("\r", " ")
