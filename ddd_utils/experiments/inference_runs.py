"""Inference of pretrained models: photographs are decoded once for all models with the same view of them."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import psutil
import torch
from PIL import Image

from ddd_utils.config.model_sets import Model
from ddd_utils.data.photographs import NotAnImage, Photographs
from ddd_utils.data.views import View
from ddd_utils.errors import ExperimentError, InputError
from ddd_utils.experiments import inference, published
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.experiments.progress import DECODING, INFERENCE, Progress, Steps
from ddd_utils.files import remove_partials
from ddd_utils.machine import cores, describe, devices, lock
from ddd_utils.models.pretrained import recipe
from ddd_utils.models.recipe import Recipe, brief

# Photographs are decoded in chunks, so that few results wait.
CHUNK = 256
# Share of the free memory that decoded photographs may take; larger sets lie in a file.
SHARE = 0.4


def check(evaluation: Evaluation) -> None:
    """Look every model up, and try those on an empty image that need no download; no photograph is read."""
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


def make(evaluation: Evaluation) -> None:
    """Let the models answer that have not yet; each one's answers are kept at once, also where others fail."""
    with lock(evaluation.folder_lock, f"computes {evaluation.folder.name}"):
        if evaluation.complete():
            return
        remove_partials(evaluation.folder)
        missing = evaluation.missing()
        if failures := _answered(evaluation, missing) if missing else []:
            raise ExperimentError("; ".join(failures))
        evaluation.describe()
    published.fetch_companions(evaluation.readable()["id"])


def _answered(evaluation: Evaluation, models: Sequence[Model]) -> list[str]:
    """Let some models answer; return what went wrong with which."""
    by_view: dict[View, list[Recipe]] = {}
    for each in map(recipe, models):
        each.check()
        by_view.setdefault(each.preparation.view, []).append(each)
    shutil.rmtree(evaluation.scratch, ignore_errors=True)  # what a killed process has left
    budget = int(SHARE * free_memory())
    # How long a model takes is not known before it is at work, so neither is the time left.
    rows = {model.label: Steps(evaluation.name, model.label, evaluation.count()) for model in models}
    progress = Progress(rows, INFERENCE)
    failures: list[str] = []
    try:
        for views in passes(list(by_view), len(evaluation.listing.ids), budget):
            now = _Pass(evaluation, views, budget, progress)
            for view in views:
                failures += filter(None, map(now.attempt, by_view[view]))
                now.release(view)
    finally:
        progress.close()
        shutil.rmtree(evaluation.scratch, ignore_errors=True)
    return failures


class _Pass:
    """Photographs decoded for some views, but only once a network is ready: it may fail to be made."""

    def __init__(self, evaluation: Evaluation, views: Sequence[View], budget: int, progress: Progress):
        self.evaluation, self.progress, self._views, self._budget = evaluation, progress, views, budget

    @cached_property
    def decoded(self) -> tuple[dict[View, np.ndarray], np.ndarray]:
        """The photographs by view, and which rows count; the first time, unreadable ones are found."""
        evaluation, known = self.evaluation, self.evaluation.positions()
        wanted = np.arange(len(evaluation.listing.ids)) if known is None else known
        started, line = time.monotonic(), ""
        progress = Progress({"": Steps(evaluation.name, "decoding", len(wanted), 1)}, DECODING)
        try:
            room = evaluation.scratch, self._budget
            pixels, unread = decode(evaluation.listing.images, wanted, self._views, *room, partial(progress.add, ""))
            lost = "no image can be read" if len(unread) == len(wanted) else ""
            if known is not None:
                lost = "an image that could be read before cannot be read now"
            if unread and lost:
                raise InputError(f"{evaluation.name}: {lost}: {unread[0][1]}")
            if known is None:
                evaluation.keep_images({int(wanted[row]): reason for row, reason in unread})
            skipped = f", {len(unread):,} skipped" if unread else ""
            line = f"{evaluation.name}: {len(wanted):,} images decoded in {time.monotonic() - started:.0f} s{skipped}"
        finally:
            progress.close(line)
        return pixels, np.setdiff1d(np.arange(len(wanted)), [row for row, _ in unread])

    def release(self, view: View) -> None:
        """Forget the photographs of a view that no model needs any more."""
        if "decoded" in vars(self):
            del self.decoded[0][view]

    def attempt(self, made: Recipe) -> str:
        """Let one model answer; return what went wrong, if anything: the others must not suffer from it."""
        label, name = made.entry.label, self.evaluation.name
        try:
            ready = made.network(self.evaluation.space)
        except Exception as error:
            return self._failed(label, error)
        _ = self.decoded  # trouble with the photographs is not the model's
        try:
            how = self._answer(made, *ready)
        except OSError:
            raise
        except Exception as error:
            return self._failed(label, error)
        self.progress.end(label, f"{name}: {label}  {how}", remark=how)
        return ""

    def _failed(self, label: str, error: Exception) -> str:
        reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {brief(error)}"
        full = reason if f"'{label}'" in reason else f"'{label}': {reason}"
        self.progress.end(label, f"{self.evaluation.name}: {full}", trouble=reason)
        return full

    def _answer(self, made: Recipe, network: torch.nn.Module, answer_of: np.ndarray) -> str:
        """Let a network answer, write its answers down, and say in a line how it went."""
        view, (pixels, kept) = made.preparation.view, self.decoded
        labels = self.evaluation.readable()["label"].to_numpy()
        space = replace(self.evaluation.space, labels=labels)
        chooser = inference.Chooser(answer_of, space.present)
        more = partial(self.progress.add, made.entry.label)
        found = inference.answer(network, pixels[view], made.preparation, chooser, devices(), more)
        answers = {"present": found.present[kept], "all": found.all[kept]}
        right = {f"right_{among}": int((chosen == labels).sum()) for among, chosen in answers.items()}
        speed = len(pixels[view]) / max(found.seconds, 1e-9)
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
            "device": describe(torch.device(devices()[0])),
            **right,
        }
        self.evaluation.write(made.entry, answers, facts)
        unknown = f", knows none of {never} of the classes" if never else ""
        return f"{speed:,.0f} images/s, {right['right_present'] / len(kept):.1%} right{unknown}"


def passes(views: Sequence[View], images: int, budget: int) -> list[list[View]]:
    """Divide views into passes over the files: as many views at once as fit into memory, at least one."""
    found: list[list[View]] = []
    for view in views:
        room = budget - images * sum(each.nbytes for each in found[-1]) if found else 0
        if found and images * view.nbytes <= room:
            found[-1].append(view)
        else:
            found.append([view])
    return found


def free_memory() -> int:
    """Return the bytes of memory that this process may still take: the system's, or what is left to its job."""
    return min([psutil.virtual_memory().available, *_left_to_the_job()])


def _left_to_the_job() -> Iterator[int]:
    """Read what control groups (containers, SLURM's jobs) leave to this process, where there are any."""
    try:
        own = Path("/proc/self/cgroup").read_text().rpartition("0::/")[2].strip()
    except OSError:
        return
    root = Path("/sys/fs/cgroup")
    for group in (root / own, *(root / own).parents):
        if not group.is_relative_to(root):
            return
        with suppress(OSError, ValueError):  # "max" is no number
            yield int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())


def decode(
    photographs: Photographs,
    wanted: np.ndarray,
    views: Sequence[View],
    scratch: Path,
    budget: int,
    progress: Callable[[int], None],
) -> tuple[dict[View, np.ndarray], list[tuple[int, str]]]:
    """Cut every view out of each photograph; return the pixels, and which could not be read and why (pixels 0)."""
    pixels = {view: _room(view, len(wanted), scratch, budget) for view in views}
    unread: list[tuple[int, str]] = []

    def one(row: int) -> None:
        try:
            image = photographs.image(wanted[row])
            crops = {view: view.of(image) for view in pixels}
        except (NotAnImage, Image.DecompressionBombError) as error:
            unread.append((row, str(error)))
            return
        for view, crop in crops.items():
            pixels[view][row] = crop

    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(wanted), CHUNK):
            chunk = range(start, min(start + CHUNK, len(wanted)))
            list(pool.map(one, chunk))
            progress(len(chunk))
    return pixels, sorted(unread)


def _room(view: View, images: int, scratch: Path, budget: int) -> np.ndarray:
    shape = (images, view.size, view.size, 3)
    if images * view.nbytes <= budget:
        return np.zeros(shape, np.uint8)
    scratch.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(scratch).free
    if images * view.nbytes > free:  # writing to a mapped file would end the process
        needed = f"{images * view.nbytes / 1e9:.2f} GB are needed for decoded images of {view.size} px"
        raise InputError(f"{scratch}: {needed}, {free / 1e9:.2f} are free")
    return np.lib.format.open_memmap(scratch / f"{view.size}.npy", "w+", np.uint8, shape=shape)
