"""The work of an evaluation: photographs decoded once for models that see the same of them, then model after model."""

import shutil
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from tqdm import tqdm

from ddd_utils.errors import InputError
from ddd_utils.experiments import inference, shown
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.experiments.launch import devices
from ddd_utils.experiments.pretrained import Recipe, recipe
from ddd_utils.experiments.views import View
from ddd_utils.experiments.worker import describe
from ddd_utils.model_sets import Model


def check(models: Sequence[Model]) -> None:
    """
    Look models up before any photograph is read.

    Parameters
    ----------
    models : sequence of Model
        Pretrained ones.

    Raises
    ------
    InputError
        Names the first that does not exist, and the nearest right one.
    """
    for model in models:
        try:
            found = recipe(model)
            found.check()
            _ = found.preparation
        except InputError as error:
            raise InputError(f"sota_comparison.models: {error}") from None


def answer(evaluation: Evaluation, models: Sequence[Model], say: Callable) -> list[str]:
    """
    Show an evaluation's photographs to some of its models.

    Parameters
    ----------
    evaluation : Evaluation
        Takes the answers of each model as soon as it is done.
    models : sequence of Model
    say : callable
        Takes a line for the terminal.

    Returns
    -------
    list of str
        What went wrong with which model; the others are done.

    Raises
    ------
    InputError
        If a model does not exist, or no photograph can be read.
    """
    check(models)
    by_view: dict[View, list[Recipe]] = {}
    for each in map(recipe, models):
        by_view.setdefault(each.preparation.view, []).append(each)
    budget = int(shown.SHARE * shown.free_memory())
    failures: list[str] = []
    try:
        for views in shown.passes(list(by_view), len(evaluation.listing.ids), budget):
            pixels, kept = _decoded(evaluation, views, budget, say)
            for view in views:
                square = pixels.pop(view)
                for each in by_view[view]:
                    failures += _attempt(evaluation, each, square, kept, say)
                del square
    finally:
        shutil.rmtree(evaluation.scratch, ignore_errors=True)
    return failures


def _decoded(
    evaluation: Evaluation, views: Sequence[View], budget: int, say: Callable
) -> tuple[dict[View, np.ndarray], np.ndarray]:
    """Decode the photographs; return them by view, and which rows count. The first time, unreadable ones are found."""
    wanted = evaluation.positions()
    first = wanted is None
    wanted = np.arange(len(evaluation.listing.ids)) if first else wanted
    started = time.monotonic()
    with tqdm(
        total=len(wanted), desc=f"{evaluation.name}: decoding", leave=False, disable=not sys.stderr.isatty()
    ) as bar:
        pixels, unread = shown.decode(evaluation.listing.images, wanted, views, evaluation.scratch, budget, bar.update)
    if unread and (len(unread) == len(wanted) or not first):
        missing = "no image can be read" if first else "an image that could be read before cannot be read now"
        raise InputError(f"{evaluation.name}: {missing}: {unread[0][1]}")
    if first:
        evaluation.keep_images({int(wanted[place]): reason for place, reason in unread})
    skipped = f", {len(unread):,} skipped" if unread else ""
    say(f"{evaluation.name}: {len(wanted):,} images decoded in {time.monotonic() - started:.0f} s{skipped}")
    return pixels, np.setdiff1d(np.arange(len(wanted)), [place for place, _ in unread])


def _attempt(evaluation: Evaluation, made: Recipe, square: np.ndarray, kept: np.ndarray, say: Callable) -> list[str]:
    """Show decoded photographs to one model; return what went wrong, if anything."""
    label = made.entry.label
    try:
        line = _answer(evaluation, made, square, kept, say)
    except InputError as error:
        reason = str(error) if f"'{label}'" in str(error) else f"'{label}': {error}"
        say(f"{evaluation.name}: {reason}")
        return [reason]
    say(f"{evaluation.name}: {label}  {line}")
    return []


def _answer(evaluation: Evaluation, made: Recipe, square: np.ndarray, kept: np.ndarray, say: Callable) -> str:
    space, places = evaluation.readable_space(), devices()
    network, answer_of = made.network(space, say)
    chooser = inference.Chooser(answer_of, space.present)
    found = inference.answer(network, square, made.preparation, chooser, places)
    answers = {"present": found.present[kept], "all": found.all[kept]}
    right = {f"right_{among}": int((chosen == space.labels).sum()) for among, chosen in answers.items()}
    speed = len(square) / found.seconds
    view = made.preparation.view
    facts = {
        "architecture": made.entry.model,
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "input_size": view.size,
        "crop": f"{view.crop} {view.size / view.resized:.3g}, {view.interpolation}",
        "precision": found.precision,
        "batch_size": found.batch,
        "images_per_second": round(speed, 1),
        "seconds": round(found.seconds, 2),
        "weights": made.origin,
        "device": describe(torch.device(places[0])),
        **right,
    }
    evaluation.write(made.entry, answers, facts)
    return f"{speed:,.0f} images/s, {right['right_present'] / len(kept):.1%} right"
