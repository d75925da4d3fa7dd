"""The work of an evaluation: photographs decoded once for models that see the same of them, then model after model."""

import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from ddd_utils.errors import InputError
from ddd_utils.experiments.images.views import View
from ddd_utils.experiments.machine.devices import describe, devices
from ddd_utils.experiments.machine.progress import DECODING, SHOWING, Progress, Steps
from ddd_utils.experiments.pretrained import Recipe, recipe
from ddd_utils.experiments.pretrained.recipe import brief
from ddd_utils.experiments.showing import decode_once, inference
from ddd_utils.experiments.showing.evaluations import Evaluation
from ddd_utils.model_sets import Model


def check(evaluation: Evaluation) -> None:
    """
    Look for trouble before any photograph is read.

    Every model is looked up. One whose weights lie on this machine, or whose entry changes more than its name, is built
    once and tried on an empty image.

    Parameters
    ----------
    evaluation : Evaluation

    Raises
    ------
    InputError
        Names the first model that does not exist, with the nearest right one, or that does not fit.
    """
    space = evaluation.space
    for model in evaluation.config.models:
        try:
            found = recipe(model)
            found.check()
            _ = found.preparation
            if not evaluation.done(model):
                found.rehearse(space)
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
    if not models:
        return []
    by_view: dict[View, list[Recipe]] = {}
    for each in map(recipe, models):
        each.check()
        by_view.setdefault(each.preparation.view, []).append(each)
    shutil.rmtree(evaluation.scratch, ignore_errors=True)  # what a killed process has left
    budget = int(decode_once.SHARE * decode_once.free_memory())
    failures: list[str] = []
    known = evaluation.positions()
    images = len(evaluation.listing.ids if known is None else known)
    # How long a model takes is not known before it is at work, so neither is the time left.
    rows = {("", each.label): Steps(evaluation.name, images, 0) for each in models}
    progress = Progress(rows, say, SHOWING)
    try:
        for views in decode_once.passes(list(by_view), len(evaluation.listing.ids), budget):
            decoded = _Pass(evaluation, views, budget, progress)
            for view in views:
                for each in by_view[view]:
                    failures += _attempt(decoded, each)
                decoded.release(view)
    finally:
        progress.close()
        shutil.rmtree(evaluation.scratch, ignore_errors=True)
    return failures


class _Pass:
    """
    Photographs decoded for some views, once the first network is there to see them.

    So that nothing is decoded where no network can be made, as when weights cannot be downloaded.
    """

    def __init__(self, evaluation: Evaluation, views: Sequence[View], budget: int, progress: Progress):
        self.evaluation, self.progress = evaluation, progress
        self._views, self._budget, self._decoded = views, budget, None

    def squares(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """Return the decoded photographs, and which rows count."""
        if self._decoded is None:
            self._decoded = _decoded(self.evaluation, self._views, self._budget, self.progress.note)
        pixels, kept = self._decoded
        return pixels[view], kept

    def release(self, view: View) -> None:
        """Forget the photographs of a view that no model needs any more."""
        if self._decoded is not None:
            del self._decoded[0][view]


def _decoded(
    evaluation: Evaluation, views: Sequence[View], budget: int, say: Callable
) -> tuple[dict[View, np.ndarray], np.ndarray]:
    """Decode the photographs; return them by view, and which rows count. The first time, unreadable ones are found."""
    wanted = evaluation.positions()
    first = wanted is None
    wanted = np.arange(len(evaluation.listing.ids)) if first else wanted
    started, line = time.monotonic(), ""
    progress = Progress({("", "decoding"): Steps(evaluation.name, len(wanted), 1)}, say, DECODING)
    more = partial(progress.add, "", "decoding")
    try:
        pixels, unread = decode_once.decode(evaluation.listing.images, wanted, views, evaluation.scratch, budget, more)
        if unread and (len(unread) == len(wanted) or not first):
            missing = "no image can be read" if first else "an image that could be read before cannot be read now"
            raise InputError(f"{evaluation.name}: {missing}: {unread[0][1]}")
        if first:
            evaluation.keep_images({int(wanted[place]): reason for place, reason in unread})
        skipped = f", {len(unread):,} skipped" if unread else ""
        line = f"{evaluation.name}: {len(wanted):,} images decoded in {time.monotonic() - started:.0f} s{skipped}"
    finally:
        progress.close(line)
    return pixels, np.setdiff1d(np.arange(len(wanted)), [place for place, _ in unread])


def _attempt(decoded: _Pass, made: Recipe) -> list[str]:
    """Show photographs to one model; return what went wrong, if anything: the others must not suffer from it."""
    name, label = decoded.evaluation.name, made.entry.label
    try:
        network, answer_of = made.network(decoded.evaluation.space)
    except Exception as error:
        return _failed(decoded, label, error)
    square, kept = decoded.squares(made.preparation.view)
    try:
        more = partial(decoded.progress.add, "", label)
        how = _answer(decoded.evaluation, made, network, answer_of, square, kept, more)
    except OSError:
        raise
    except Exception as error:
        return _failed(decoded, label, error)
    decoded.progress.end("", label, how, f"{name}: {label}  {how}")
    return []


def _failed(decoded: _Pass, label: str, error: Exception) -> list[str]:
    reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {brief(error)}"
    full = reason if f"'{label}'" in reason else f"'{label}': {reason}"
    decoded.progress.fail("", label, reason, f"{decoded.evaluation.name}: {full}")
    return [full]


def _answer(
    evaluation: Evaluation,
    made: Recipe,
    network: torch.nn.Module,
    answer_of: np.ndarray,
    square: np.ndarray,
    kept: np.ndarray,
    more: Callable[[int], None],
) -> str:
    """Let a network answer, write its answers down, and say in a line how it went."""
    space, places = evaluation.readable_space(), devices()
    chooser = inference.Chooser(answer_of, space.present)
    found = inference.answer(network, square, made.preparation, chooser, places, more)
    answers = {"present": found.present[kept], "all": found.all[kept]}
    right = {f"right_{among}": int((chosen == space.labels).sum()) for among, chosen in answers.items()}
    speed = len(square) / max(found.seconds, 1e-9)
    view = made.preparation.view
    never = int((space.present & ~np.isin(np.arange(len(space.names)), answer_of)).sum())
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
        "classes_unknown": never,
        "device": describe(torch.device(places[0])),
        **right,
    }
    evaluation.write(made.entry, answers, facts)
    unknown = f", knows none of {never} of the classes" * bool(never)
    return f"{speed:,.0f} images/s, {right['right_present'] / len(kept):.1%} right{unknown}"
