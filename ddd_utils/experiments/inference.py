"""Inference of pretrained models: photographs are decoded once for all models with the same view of them."""

import copy
import queue
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from ddd_utils.config.model_sets import Model
from ddd_utils.data.photographs import NotAnImage, Photographs
from ddd_utils.data.views import Preparation, View
from ddd_utils.errors import ExperimentError, InputError
from ddd_utils.experiments import launch, published
from ddd_utils.experiments.decisions import DECISION, Chooser
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.experiments.progress import DECODING, INFERENCE, Progress, Steps
from ddd_utils.experiments.store import PATIENCE
from ddd_utils.machine import cores, describe, devices, free_memory, lock_if_free
from ddd_utils.models.pretrained import recipe
from ddd_utils.models.recipe import Recipe, brief

Count = Callable[[int], None]  # is told how many images more are done

# Photographs are decoded in chunks, so that few results wait.
CHUNK = 256
# Share of the free memory that decoded photographs may take; larger sets lie in a file.
SHARE = 0.4


def check(evaluation: Evaluation) -> None:
    """Look every model up, and try those on an empty image that need no download; no photograph is read."""
    space = evaluation.space
    evaluation.make_beside()
    for model in evaluation.config.models:
        try:
            if evaluation.beside:
                published.check_beside(evaluation.config, evaluation.listing.ids, space.labels)
            found = recipe(model)
            found.check()
            _ = found.preparation
            if not evaluation.done(model):
                found.rehearse(space)
        except InputError as error:
            raise InputError(f"sota_comparison.models: {error}") from None


def make(evaluation: Evaluation, models: Sequence[Model] | None = None) -> None:
    """Let models (all) answer that have not yet; each one's answers are kept at once, also where others fail."""
    wanted = evaluation.config.models if models is None else models

    def asked(failures: dict[Path, str]) -> list[launch.Task]:
        return [task for task in launch.missing([evaluation], failures=failures) if task[1] in wanted]

    evaluation.make_beside()
    failures = launch.shared(asked, lambda free: _claimed(evaluation, [model for _, model, _ in free]))
    launch.finish([evaluation])
    if failures:
        raise ExperimentError("; ".join(failures.values()))


def _claimed(evaluation: Evaluation, models: Sequence[Model]) -> dict[Path, str]:
    """Let models answer that no other process is at; return what went wrong, by results file."""
    with ExitStack() as stack:
        ours = [model for model in models if stack.enter_context(lock_if_free(evaluation.lock(model), PATIENCE))]
        ours = [model for model in evaluation.missing() if model in ours]  # another may just have finished some
        return _answered(evaluation, ours) if ours else {}


def _answered(evaluation: Evaluation, models: Sequence[Model]) -> dict[Path, str]:
    """Let models answer, those with the same view one after the other; return what went wrong."""
    by_view: dict[View, list[Recipe]] = {}
    for each in map(recipe, models):
        each.check()
        by_view.setdefault(each.preparation.view, []).append(each)
    scratch = evaluation.lock(models[0]).with_suffix("")  # nobody else's, as the lock is ours
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed process has left
    budget = int(SHARE * free_memory())
    # How long a model takes is not known before it is at work, so neither is the time left.
    rows = {model.label: Steps(evaluation.name, model.label, evaluation.count()) for model in models}
    progress = Progress(rows, INFERENCE)
    failures: dict[Path, str] = {}
    try:
        for views in passes(list(by_view), len(evaluation.listing.ids), budget):
            now = _Pass(evaluation, views, (scratch, budget), progress)
            for view in views:
                failures |= {evaluation.file(each.entry): now.attempt(each) for each in by_view[view]}
                now.release(view)
    finally:
        progress.close()
        shutil.rmtree(scratch, ignore_errors=True)
    return {file: failure for file, failure in failures.items() if failure}


class _Pass:
    """Photographs decoded for some views, but only once a network is ready: it may fail to be made."""

    def __init__(self, evaluation: Evaluation, views: Sequence[View], room: tuple[Path, int], progress: Progress):
        self.evaluation, self.progress, self._views, self._room = evaluation, progress, views, room

    @cached_property
    def decoded(self) -> tuple[dict[View, np.ndarray], np.ndarray]:
        """The photographs by view, and which rows count; the first time, unreadable ones are found."""
        evaluation, known = self.evaluation, self.evaluation.positions()
        wanted = np.arange(len(evaluation.listing.ids)) if known is None else known
        started, line = time.monotonic(), ""
        progress = Progress({"": Steps(evaluation.name, "decoding", len(wanted), 1)}, DECODING)
        try:
            given = evaluation.listing.images, wanted, self._views, *self._room
            pixels, unread = decode(*given, partial(progress.add, ""))
            kept = self._agreed(wanted, {int(wanted[row]): reason for row, reason in unread})
            skipped = f", {len(unread):,} skipped" if unread else ""
            line = f"{evaluation.name}: {len(wanted):,} images decoded in {time.monotonic() - started:.0f} s{skipped}"
        finally:
            progress.close(line)
        return pixels, kept

    def _agreed(self, wanted: np.ndarray, unread: dict[int, str]) -> np.ndarray:
        """Return the rows that count: of the images that can be read, as whoever came first has found them."""
        if len(unread) == len(wanted):
            raise InputError(f"{self.evaluation.name}: no image can be read: {next(iter(unread.values()))}")
        self.evaluation.keep_images(unread)
        known = self.evaluation.positions()
        if lost := np.intersect1d(known, list(unread)).tolist():
            reason = f"an image that could be read before cannot be read now: {unread[lost[0]]}"
            raise InputError(f"{self.evaluation.name}: {reason}")
        return np.flatnonzero(np.isin(wanted, known))

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
        self.progress.end(label, "", trouble=reason)  # told once, when the others are done
        return reason if f"'{label}'" in reason else f"'{label}': {reason}"

    def _answer(self, made: Recipe, network: torch.nn.Module, answer_of: np.ndarray) -> str:
        """Let a network answer, write its answers down, and say in a line how it went."""
        view, (pixels, kept) = made.preparation.view, self.decoded
        labels = self.evaluation.readable()["label"].to_numpy()
        space = replace(self.evaluation.space, labels=labels)
        of_rows = np.zeros(len(pixels[view]), labels.dtype)  # also of those that cannot be read, and do not count
        of_rows[kept] = labels
        chooser, more = Chooser(answer_of, space.present), partial(self.progress.add, made.entry.label)
        found = answer(network, pixels[view], of_rows, made.preparation, chooser, devices(), more)
        answers = {"present": found.present[kept], "all": found.all[kept]}
        right = {f"right_{among}": int((each["prediction"] == labels).sum()) for among, each in answers.items()}
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
            "outputs": (meaning := self.evaluation.space.meaning(answer_of)),
            "device": describe(torch.device(devices()[0])),
            **made.about(network, space),
            **right,
        }
        self.evaluation.write(made.entry, answers, facts)
        unknown = f", knows none of {never} of the classes" if never else ""
        return f"{speed:,.0f} images/s, {right['right_present'] / len(kept):.1%} right{unknown}; outputs: {meaning}"


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


def decode(
    photographs: Photographs, wanted: np.ndarray, views: Sequence[View], scratch: Path, budget: int, progress: Count
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


# Pixels of a batch: large ones fall out of a core's cache (EfficientNet-Lite0 answers 53 images a second on one core in
# batches of 4, 34 in batches of 16, 26 in batches of 64), small ones leave a GPU idle.
CPU_PIXELS, GPU_PIXELS = 4 * 224**2, 256 * 224**2
# A GPU computes in bfloat16 only if, on so many images, float32 takes more than so many times as long and no larger
# share of the decisions differs. Smaller sets are not worth the question.
CHECKED, SLOWER, TOLERATED = 4_096, 2.0, 0.001


def batch_size(size: int, device: torch.device) -> int:
    """Return how many images of a size (px a side) a device answers at a time."""
    return max(1, (CPU_PIXELS if device.type == "cpu" else GPU_PIXELS) // size**2)


@dataclass(frozen=True)
class Answers:
    """What a network answers, `DECISION` (images,): among the classes that the images have, and among all it knows."""

    present: np.ndarray
    all: np.ndarray
    seconds: float  # for all images, without decoding
    precision: str  # in words
    batch: int  # images at a time


def answer(
    network: nn.Module,
    pixels: np.ndarray,
    labels: np.ndarray,
    preparation: Preparation,
    chooser: Chooser,
    devices: Sequence[str],
    progress: Count = lambda images: None,
) -> Answers:
    """Let a network in evaluation mode answer photographs, uint8 (images, size, size, 3), with labels (images,)."""
    # On a CPU every core takes batches of its own, which is faster than all cores sharing one; on GPUs each has a copy
    # of the network. A batch that does not fit into memory is halved, and so are those after it.
    runner = _Runner(network, preparation, chooser, devices)
    precision = runner.settle_precision(pixels, labels)
    started = time.monotonic()
    answers = runner.run(pixels, labels, precision, progress)
    return Answers(**answers, seconds=time.monotonic() - started, precision=runner.named(precision), batch=runner.batch)


class _Runner:
    """One network on some devices, with the batch size that was found to fit."""

    def __init__(self, network: nn.Module, preparation: Preparation, chooser: Chooser, devices: Sequence[str]):
        self._devices = [torch.device(device) for device in devices]
        self._gpu = self._devices[0].type != "cpu"
        network = network.to(memory_format=torch.channels_last)
        self._copies = dict.fromkeys(self._devices, network)
        if self._gpu:
            self._copies = {device: copy.deepcopy(network).to(device) for device in self._copies}
        self._chooser = chooser
        # As torchvision's ToTensor and Normalize compute it, so that the very same numbers come out.
        self._mean, self._sd = (torch.tensor(each).view(3, 1, 1) for each in (preparation.mean, preparation.sd))
        self.batch = batch_size(preparation.view.size, self._devices[0])

    def named(self, precision: torch.dtype) -> str:
        """Name a precision; unless told otherwise, cuDNN rounds what convolutions multiply to TF32's 10 bits."""
        rounded = self._gpu and precision == torch.float32 and torch.backends.cudnn.allow_tf32
        return f"{str(precision)[6:]}{', convolutions in TF32' if rounded else ''}"

    def settle_precision(self, pixels: np.ndarray, labels: np.ndarray) -> torch.dtype:
        """Choose float32, unless on a GPU it takes too long and bfloat16 is good enough."""
        if not self._gpu or len(pixels) <= CHECKED:
            return torch.float32
        # Spread over all images, which come class after class.
        spread = np.unique(np.linspace(0, len(pixels) - 1, CHECKED).astype(int))
        some = pixels[spread], labels[spread]
        try:
            (exact, slow), (answers, fast) = (self.timed(*some, kind) for kind in (torch.float32, torch.bfloat16))
        except (InputError, RuntimeError):
            return torch.float32
        good_enough = slow > SLOWER * fast and (exact != answers).mean() <= TOLERATED
        return torch.bfloat16 if good_enough else torch.float32

    def timed(self, pixels: np.ndarray, labels: np.ndarray, precision: torch.dtype) -> tuple[np.ndarray, float]:
        """Answer images among all classes; also return the seconds that it took."""
        few = slice(self.batch * len(self._devices))
        self.run(pixels[few], labels[few], precision)  # kernels are chosen the first time
        started = time.monotonic()
        return self.run(pixels, labels, precision)["all"]["prediction"], time.monotonic() - started

    def run(
        self, pixels: np.ndarray, labels: np.ndarray, precision: torch.dtype, progress: Count = lambda images: None
    ) -> dict[str, np.ndarray]:
        """Answer all images, in whatever order the devices come to them."""
        answers = {among: np.empty(len(pixels), DECISION) for among in ("present", "all")}
        idle: queue.SimpleQueue[torch.device] = queue.SimpleQueue()
        for device in self._devices:
            idle.put(device)
        step, threads = self.batch, torch.get_num_threads()

        def work(start: int) -> None:
            device, chunk = idle.get(), slice(start, min(start + step, len(pixels)))
            try:
                for among, chosen in self._chunk(pixels[chunk], labels[chunk], device, precision).items():
                    answers[among][chunk] = chosen
            finally:
                idle.put(device)
            progress(chunk.stop - start)

        try:
            with ThreadPoolExecutor(len(self._devices), initializer=torch.set_num_threads, initargs=(1,)) as pool:
                list(pool.map(work, range(0, len(pixels), step)))
        finally:
            torch.set_num_threads(threads)
        return answers

    def _chunk(
        self, pixels: np.ndarray, labels: np.ndarray, device: torch.device, precision: torch.dtype
    ) -> dict[str, np.ndarray]:
        """Answer some images, in smaller batches where memory asks for it."""
        found: list[dict[str, np.ndarray]] = []
        start = 0
        while start < len(pixels):
            size = self.batch
            try:
                some = slice(start, start + size)
                found.append(self._chooser.choose(self._outputs(pixels[some], device, precision), labels[some]))
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                self._halve(size, error)
                continue
            start += size
        return {among: np.concatenate([each[among] for each in found]) for among in found[0]}

    def _halve(self, size: int, error: Exception) -> None:
        told = "alloc" in str(error) and "memory" in str(error)
        if not (told or isinstance(error, torch.OutOfMemoryError | MemoryError)):
            raise error
        if size == 1:
            raise InputError("a single image does not fit into memory") from None
        self.batch = min(self.batch, size // 2)
        if self._gpu:
            torch.cuda.empty_cache()

    def _outputs(self, pixels: np.ndarray, device: torch.device, precision: torch.dtype) -> torch.Tensor:
        images = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2)
        images = images.float().div_(255).sub_(self._mean.to(device)).div_(self._sd.to(device))
        network = self._copies[device]
        with torch.inference_mode():
            if precision == torch.float32:
                return network(images)
            with torch.autocast(device.type, precision):
                outputs = network(images).float()
            # Few digits tie often, and the first of the largest would be the answer: float32 decides.
            if (tied := self._chooser.tied(outputs)).any():
                outputs[tied] = network(images[tied])
            return outputs
