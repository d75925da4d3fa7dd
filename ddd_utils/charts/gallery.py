"""Pictures of the images themselves, with their captions and with who answered what."""

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from IPython.display import HTML
from PIL import Image

from ddd_utils.analysis.examples import Answer

PIXELS = "image-rendering:pixelated;width:100%;"
TINY = 64  # px up to which every pixel is kept, and shown as a square
MOST_PICTURES = 24  # what a page can bear


def gallery(images: np.ndarray, captions: Sequence[str], columns: int = 6) -> HTML:
    """
    Show small images with their captions, enlarged without smoothing, such as the pairs of figures 13 and 14.

    ``images`` is (n, height, width, 3) uint8, row by row; the captions are also for those who cannot see them.
    """
    figures = [
        _figure(_png(image), caption, escape(caption), PIXELS, 1.3)
        for image, caption in zip(images, captions, strict=True)
    ]
    return _grid("gallery", figures, f"repeat({columns},minmax(0,7em));gap:.8em")


def answers_gallery(
    images: Sequence[np.ndarray], names: Sequence[str], labels: Sequence[str], answers: Sequence[list["Answer"]]
) -> HTML:
    """
    Show images with their labels, and under each who answered what; the right answer, the first, has a tick.

    ``images`` are (height, width, 3) uint8 each, of any shapes; at most 24 are shown. The answers to an image, and who
    gave them, are folded away.
    """
    rows = list(zip(images, names, labels, answers, strict=True))[:MOST_PICTURES]
    grid = "repeat(auto-fill,minmax(8.5em,1fr));gap:1.4em 1em;max-width:46em"
    return _grid("answers", [_answered(*row) for row in rows], grid)


def data_uri(image: np.ndarray) -> str:
    """Embed an image (height, width, 3): a tiny one pixel by pixel, a photograph in a fifth of the bytes."""
    return _png(image) if max(image.shape[:2]) <= TINY else _embedded(image, "jpeg", quality=80)


def _grid(name: str, figures: list[str], columns: str) -> HTML:
    return HTML(f'<div class="{name}" style="display:grid;grid-template-columns:{columns}">{"".join(figures)}</div>')


def _figure(source: str, text: str, caption: str, style: str, line: float) -> str:
    return (
        f'<figure style="margin:0"><img src="{source}" alt="{escape(text)}" style="{style}display:block">'
        f'<figcaption style="font-size:.8em;line-height:{line}">{caption}</figcaption></figure>'
    )


def _answered(image: np.ndarray, name: str, label: str, answers: list[Answer]) -> str:
    networks = sum(len(answer.networks) for answer in answers)
    right = sum(len(answer.networks) for answer in answers if answer.right)
    lines = [f"<li>{_answer(answer, networks)}</li>" for answer in answers]
    listed = f'<ul style="list-style:none;margin:.3em 0 0;padding:0">{"".join(lines)}</ul>'
    answered = f"<details><summary>{right} of {networks} right</summary>{listed}</details>"
    drawn = PIXELS if max(image.shape[:2]) <= TINY else "width:100%;"
    style = f"{drawn}aspect-ratio:1;object-fit:contain;"
    text = f"{name}: {label}, {right} of {networks} right"
    return _figure(data_uri(image), text, f"<strong>{escape(label)}</strong>{answered}", style, 1.35)


def _answer(answer: "Answer", networks: int) -> str:
    """Write an answer, how many gave it, and who, unless all did."""
    count = len(answer.networks)
    number = f"all {networks}" if count == networks else f"{count} of {networks}"
    text = f'{escape(answer.text)} <span class="count">({number})</span>'
    marked = f'<span class="right">✓ {text}</span>' if answer.right else text
    if count == networks:
        return marked
    return f'{marked}<div class="who" style="margin-left:1.25em">{escape(", ".join(answer.networks))}</div>'


def _png(image: np.ndarray) -> str:
    return _embedded(image, "png")


def _embedded(image: np.ndarray, kind: str, **options: Any) -> str:
    """Encode one image, in shades of grey when it has no colour."""
    grey = (image == image[..., :1]).all()
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if grey else image).save(buffer, kind, optimize=True, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
