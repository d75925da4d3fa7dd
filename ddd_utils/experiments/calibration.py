"""How fast networks are on this machine: a few real steps of each kind on random images, on all devices at once."""

import json
import logging
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.synchronize import Barrier
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ddd_utils import machine
from ddd_utils.config.params import Preset
from ddd_utils.errors import InputError
from ddd_utils.experiments import costs, inference, launch, sources
from ddd_utils.experiments.costs import Case, Measured
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.experiments.plans import Run
from ddd_utils.experiments.trainee import Trainee
from ddd_utils.models import by_name
from ddd_utils.models.recipe import loading_safely

log = logging.getLogger(__name__)

PHOTOGRAPHS = 64  # to see how long decoding takes
MOST_REPEATS, LEAST_REPEATS = 5, 2
# A measurement takes two warm-up steps, two or more repeats of a whole and a half step, and forward (a third of one).
STEPS = 7
START_SECONDS = 300
COUNTED = 2


@dataclass(frozen=True)
class Timing:
    """Repeats on one device, in seconds; ``small`` steps of fewer images are timed where a step is no whole update."""

    images: int
    fewer: int = 0
    step: list[float] = field(default_factory=list)  # a whole update
    small: list[float] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)  # forward alone


def estimate(
    preset: Preset, sections: Sequence[str], watts: float | None, grams: float, budget: float
) -> costs.Estimate:
    """Estimate what sections would cost here, in about ``budget`` seconds; their data need not be there."""
    found, evaluated = sources.trained(preset, sections), list(_countable(preset, sections))
    cases = {costs.case(run, each.dataset) for _, each in found for run in each.missing()}
    cases |= {costs.answer_case(model, each) for _, each in evaluated for model in each.missing()}
    available = machine.devices()
    measured = measure(sorted(cases, key=repr), available, budget)
    rows = [costs.answers_row(title, each, measured, _decoding(each), len(available)) for title, each in evaluated]
    rows += [costs.row(title, each, measured) for title, each in found]
    limit = costs.power_limit(available[0]) if watts is None else None
    known = [(watts, "as given"), (limit, "its power limit"), (costs.PAPER_WATTS, costs.WATTS_FROM_PAPER)]
    power, source = next((value, source) for value, source in known if value is not None)
    name = machine.describe(torch.device(available[0])) if available[0] != "cpu" else "CPU core"
    total = costs.add("total", rows)
    jobs = len(launch.grouped(launch.missing([each for _, each in (*evaluated, *found)]), 1))
    return costs.Estimate(preset.name, rows, total, name, len(available), power, source, grams, measured, jobs)


def _countable(preset: Preset, sections: Sequence[str]) -> Iterator[tuple[str, Evaluation]]:
    """Find the sets of pretrained models whose photographs are at hand."""
    for section, evaluation in sources.evaluations(preset, sections):
        models = f"{len(evaluation.config.models)} pretrained"
        try:
            yield f"{section}: {models}, {evaluation.folder.name.rpartition('-')[0]}", evaluation
        except InputError as error:
            log.info("%s: %s models are not counted: %s", section, models, error)


def _decoding(evaluation: Evaluation) -> float:
    """Measure the seconds for a photograph, read and cut into all views on all cores at once."""
    views = list({evaluation.stream(model) for model in evaluation.missing()})
    photographs = evaluation.listing.images
    some = np.unique(np.linspace(0, len(evaluation.listing.ids) - 1, PHOTOGRAPHS).astype(int))
    started = time.perf_counter()
    inference.decode(photographs, some, views, evaluation.unfinished, inference.free_memory(), lambda more: None)
    return (time.perf_counter() - started) / len(some)


def measure(cases: Sequence[Case], devices: Sequence[str], budget: float) -> dict[Case, Measured]:
    """Find out what cases cost on this machine, in about so many seconds for all of them."""
    # Each device gets a single-threaded process, and all work at the same time, so that what they take from one another
    # is in the measurement.
    sizes = {case: (forward_flops(case), costs.state_bytes(_on_meta(case), case.optimizer)) for case in cases}
    timings = _on_all(devices, list(sizes), budget) if cases else []
    return {case: Measured(*sizes[case], **_pooled(each)) for case, *each in zip(sizes, *timings, strict=True)}


def _pooled(timings: Sequence[Timing]) -> dict[str, Any]:
    """Put the repeats of all devices together, as arguments of :class:`Measured`."""
    images = statistics.median(timing.images for timing in timings)
    step, answer = _median(timings, "step"), _median(timings, "answer") / images
    train = step / images
    # A step that is not a whole update says little about one: each update also reads and writes all weights, which for
    # a VGG takes as long as several images. A smaller step tells the two apart.
    if small := [timing for timing in timings if timing.fewer]:
        fewer = statistics.median(timing.fewer for timing in small)
        slope = (step - _median(small, "small")) / (images - fewer)
        # However noisy the clock, an image takes at least its forward pass, and an update no less than nothing.
        train = min(max(slope, answer), train)
    each = [took / timing.images for timing in timings for took in timing.step]
    return {
        "train": train,
        "update": step - images * train,
        "answer": answer,
        "low": min(each) / statistics.median(each),
        "high": max(each) / statistics.median(each),
        "images": min(timing.images for timing in timings),
        "repeats": len(each),
    }


def _median(timings: Sequence[Timing], name: str) -> float:
    return statistics.median(value for timing in timings for value in getattr(timing, name))


def forward_flops(case: Case) -> float:
    """Count one image's forward pass: convolutions and matrix products, a multiply-add as two."""
    network = _on_meta(case).eval()
    images = torch.empty(COUNTED, 3, case.image_size, case.image_size, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(images)
    return counter.get_total_flops() / COUNTED


def _on_meta(case: Case) -> nn.Module:
    """Build a network without memory for its weights."""
    with torch.device("meta"):
        return _create(case)


def _create(case: Case) -> nn.Module:
    arguments = json.loads(case.arguments)
    if not case.model.startswith(costs.OPEN_CLIP):
        return by_name.create(case.model, case.classes, arguments)
    import open_clip

    name, device = case.model.removeprefix(costs.OPEN_CLIP), torch.get_default_device()
    with loading_safely():
        return open_clip.create_model(name, device=device, **arguments).visual


def _on_all(devices: Sequence[str], cases: Sequence[Case], budget: float) -> list[list[Timing]]:
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(len(devices))
    with ProcessPoolExecutor(len(devices), context, _start, (together,)) as pool:
        futures = [pool.submit(time_cases, cases, device, budget) for device in devices]
        try:
            return [future.result() for future in futures]
        except BrokenProcessPool:
            fewer = "fewer sections may fit (--sections)"
            raise InputError(f"calibration: a process was killed or ran out of memory; {fewer}") from None


def _start(together: Barrier) -> None:
    """Wait until all processes are there: starting takes longer than measuring a small network."""
    launch.prepare_worker("cpu")  # which GPU, the work says
    together.wait(START_SECONDS)


def time_cases(cases: Sequence[Case], device: str, budget: float) -> list[Timing]:
    """Time cases on one device, one after the other; none takes less than its fewest images and two repeats."""
    deadline = time.perf_counter() + budget
    timings = []
    for index, case in enumerate(cases):
        share = (deadline - time.perf_counter()) / (len(cases) - index)
        time_one = _time if case.update else _time_answers
        try:
            timings.append(time_one(case, torch.device(device), share))
        except torch.cuda.OutOfMemoryError:
            raise InputError(f"calibration: '{case.model}' does not fit into the memory of {device}") from None
    return timings


def _time(case: Case, device: torch.device, share: float) -> Timing:
    """Time training and answering for about so many seconds."""
    end = time.perf_counter() + share
    run = Run("timed", case.model, json.loads(case.arguments), 1, case.update, 1e-6, 1e-4, optimizer=case.optimizer)
    trainee = Trainee(run, case.classes, device)
    images = _affordable(case, trainee, share / STEPS)
    timing = Timing(images, max(images // 2, _fewest(case)) if images < case.update else 0)
    pixels, labels = _batch(images, case, device)
    while len(timing.step) < LEAST_REPEATS or (len(timing.step) < MOST_REPEATS and time.perf_counter() < end):
        trainee.network.train()
        if few := timing.fewer:
            timing.small.append(_clock(device, trainee.learn, pixels[:few], labels[:few]))
        timing.step.append(_clock(device, trainee.learn, pixels, labels))
        trainee.network.eval()
        timing.answer.append(_clock(device, torch.no_grad()(trainee.forward), pixels))
    return timing


def _time_answers(case: Case, device: torch.device, share: float) -> Timing:
    """Time a pretrained model, which never learns, on batches as large as inference takes."""
    end = time.perf_counter() + share
    network = _create(case).eval().to(device, memory_format=torch.channels_last)
    images = inference.batch_size(case.image_size, device)
    times: list[float] = []
    with torch.inference_mode():
        pixels, _ = _batch(images, case, device)
        network(pixels[:1])  # warms up
        while len(times) < LEAST_REPEATS or (len(times) < MOST_REPEATS and time.perf_counter() < end):
            times.append(_clock(device, network, pixels))
    return Timing(images, step=times, answer=times)


def _batch(images: int, case: Case, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = torch.randn(images, 3, case.image_size, case.image_size, device=device)
    labels = torch.randint(case.classes, (images,), device=device)
    return pixels.contiguous(memory_format=torch.channels_last), labels


def _fewest(case: Case) -> int:
    """Give BatchNorm more than one value: the last stage of a network for 224 px has one pixel left of 32."""
    return min(2, case.update)


def _affordable(case: Case, trainee: Trainee, step: float) -> int:
    """Double the images until a step takes so many seconds or the update is full; this warms up as well."""
    images = _fewest(case)
    trainee.learn(*_batch(images, case, trainee.device))
    while images < case.update:
        images = min(2 * images, case.update)
        if 2 * _clock(trainee.device, trainee.learn, *_batch(images, case, trainee.device)) > step:
            break
    return images


def _clock(device: torch.device, call: Callable[..., object], *batch: torch.Tensor) -> float:
    finish = partial(torch.cuda.synchronize, device) if device.type == "cuda" else lambda: None
    finish()
    started = time.perf_counter()
    call(*batch)
    finish()
    return time.perf_counter() - started
