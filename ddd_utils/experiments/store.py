"""Where results live: one folder a configuration, whole files; of a trained experiment, one lock for each run."""

import glob
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ddd_utils import machine, paths
from ddd_utils.config.image_sets import Dataset
from ddd_utils.config.schema import ModelSet, Variants
from ddd_utils.data import datasets
from ddd_utils.errors import InputError
from ddd_utils.experiments import plans
from ddd_utils.experiments.plans import EVALUATION, Plan, Run
from ddd_utils.files import (
    digest,
    is_whole,
    read_json,
    read_metadata,
    remove_partials,
    short_hash,
    write_array,
    write_json,
)
from ddd_utils.responses import Responses, Source, write_images, write_predictions

# The paper's BatchNorm evaluation is kept beside the recalibrated one, under its own file name.
RUNNING = "-running"
# Checkpoints and locks of runs that are not finished.
WORK = "unfinished"
# Seconds to try for a lock, so that nobody who only asks for its state keeps a run from being computed.
PATIENCE = 0.5
# What a result may depend on.
PACKAGES = ("ddd_utils", "torch", "torchvision", "timm", "numpy", "scikit-learn")
# What is left out of the hash: asking for more networks or models adds to a folder, it does not start another.
MEMBERSHIP = {"instances", "models", "tolerance"}


class Results(ABC):
    """A configuration and its folder of results, whatever they are."""

    config: Any

    @property
    @abstractmethod
    def folder(self) -> Path:
        """Where the results are, or will be."""

    @abstractmethod
    def files(self) -> list[Path]:
        """List the files that there should be, as far as that is known."""

    @property
    def folder_lock(self) -> Path:
        """The lock of whoever works on the folder as a whole; it is beside it, where it may stay."""
        return self.folder.with_name(f"{self.folder.name}.lock")

    @property
    def unfinished(self) -> Path:
        """A folder for what is needed only while results are computed."""
        return self.folder / WORK

    def complete(self) -> bool:
        """Say whether everything is there, and whole."""
        return all(map(self.whole, self.files()))

    @property
    def description_file(self) -> Path:
        """What describes the results, and has a checksum of every other file."""
        return self.folder / "experiment.json"

    def description(self) -> dict[str, Any]:
        """Read ``experiment.json``; nothing if it is missing, damaged or not a description."""
        try:
            found: Any = read_json(self.description_file)
        except InputError:
            return {}
        rows = found.get("networks") if isinstance(found, dict) else None
        rows = rows if isinstance(rows, list) else [None]
        named = all(isinstance(row, dict) and isinstance(row.get("run"), str) for row in rows)
        return found if named and isinstance(found.get("epochs"), int) else {}

    def whole(self, file: Path) -> bool:
        """Say whether a file was written to its end and has not changed since; older ones may have no checksum yet."""
        if file == self.description_file:
            return bool(self.description())
        return is_whole(file) and self._checksums().get(file.name) in (None, digest(file))

    def _checksums(self) -> dict[str, str]:
        found = self.description().get("checksums")
        return found if isinstance(found, dict) else {}

    def seal(self) -> None:
        """Add the checksums that the description lacks, unless another process works on the folder."""
        before = self._checksums()
        if {file.name for file in self.files()} - {*before, self.description_file.name}:
            with suppress(OSError), machine.lock_if_free(self.folder_lock) as free:
                if free and (facts := self.description()):
                    write_json(self.description_file, {**facts, "checksums": self._summed()})

    def _summed(self) -> dict[str, str]:
        """Return the SHA-256 of each file by name; those of other networks in the folder stay as they were."""
        kept = {name: known for name, known in self._checksums().items() if (self.folder / name).exists()}
        return kept | {file.name: digest(file) for file in self.files() if file != self.description_file}

    def outdate(self, *files: Path) -> None:
        """Forget the description if it has checksums of files that are about to be written anew."""
        if {file.name for file in files} & set(self._checksums()):
            self.description_file.unlink(missing_ok=True)

    def alternatives(self) -> Mapping[str, Source]:
        """Return other answers of the same networks, where there are any."""
        return {}

    def described(self, **facts: Any) -> dict[str, Any]:
        """Return what ``experiment.json`` says of all kinds of results."""
        return {"configuration": self.config.model_dump(mode="json"), "versions": machine.versions(PACKAGES), **facts}


@dataclass(frozen=True)
class Experiment(Results):
    """What is trained here."""

    config: Variants | ModelSet

    @cached_property
    def plan(self) -> Plan:
        """Runs and networks."""
        return plans.plan(self.config)

    @property
    def dataset(self) -> Dataset:
        """The data set's block of the configuration."""
        return self.config.images if isinstance(self.config, ModelSet) else self.config.dataset

    @cached_property
    def folder(self) -> Path:
        """``build/results/<dataset>-<8 hex of the configuration that matters>``."""
        matters = self.config.hashed(exclude=MEMBERSHIP)
        if files := datasets.fingerprint(self.dataset):
            matters["files"] = files
        return paths.results() / f"{self.dataset.name}-{short_hash(matters)}"

    def file(self, run: Run) -> Path:
        """Return the file whose presence says that a run is complete."""
        return self.folder / f"{run.file}.parquet"

    def work(self, run: Run) -> float:
        """Guess a run's work in training images: to start long runs first and to tell the time left."""
        return plans.work(run, self.dataset.sizes).guess

    def done(self, run: Run) -> bool:
        """Say whether a run's results are there, and whole."""
        if not all(map(is_whole, [*self._tables(run), *self._logits(run)])):
            return False
        # Earlier versions evaluated in bfloat16 on GPUs, where the lower class won every tie: that alone is made anew.
        facts = read_metadata(self.file(run))
        return str(facts.get("device", "CPU")).startswith("CPU") or facts.get("evaluation") == EVALUATION

    def missing(self) -> list[Run]:
        """List the runs without results."""
        return [run for run in self.plan.runs if not self.done(run)]

    def files(self) -> list[Path]:
        """List the files that there should be."""
        described = [self.folder / name for name in ("experiment.json", "images.parquet")]
        return described + [file for run in self.plan.runs for file in (*self._tables(run), *self._logits(run))]

    def _logits(self, run: Run) -> list[Path]:
        """List the files of a run's activations; one that diverged may have left none."""
        table = self.file(run)
        if not is_whole(table) or read_metadata(table).get("diverged"):
            return []
        return [self.folder / f"{run.file}-logits-{epoch}.npy" for epoch in run.keep_logits]

    def _tables(self, run: Run) -> list[Path]:
        running = self.folder / f"{run.file}{RUNNING}.parquet"
        return [self.file(run), *([running] if run.also_running else [])]

    def checkpoint(self, run: Run) -> Path:
        """Return where a run that is not finished keeps its state."""
        return self.unfinished / f"{run.file}.pt"

    def lock(self, run: Run) -> Path:
        """Return the lock of a run: whoever trains it holds it."""
        return self.unfinished / f"{run.file}.lock"

    def stream(self, run: Run) -> tuple:
        """Return what runs must agree in to be trained together."""
        return run.stream

    def tidy(self, run: Run) -> None:
        """Remove what a finished run no longer needs; whoever still waits for its lock finds its results."""
        for file in (self.checkpoint(run), self.lock(run)):
            file.unlink(missing_ok=True)
        for file in (self.checkpoint(run), *self._tables(run)):
            remove_partials(file.parent, glob.escape(file.name))
        remove_partials(self.folder, f"{glob.escape(run.file)}-logits-*.npy")
        with suppress(OSError):
            self.unfinished.rmdir()

    def write(self, run: Run, trained: Any, data: datasets.Data, device: str) -> None:
        """Write one run's results; its Parquet file comes last, so that its presence means all is there."""
        self.outdate(*self._tables(run))
        self._write_images(data)
        for epoch, logits in trained.logits.items():
            write_array(self.folder / f"{run.file}-logits-{epoch}.npy", logits)
        metadata = {
            "architecture": run.model,
            "parameters": trained.parameters,
            "learning_rate": run.learning_rate,
            "batch_size": -(-run.batch_size // run.splits),
            "optimizer": "Nesterov" if run.nesterov else {"sgd": "SGD", "adamw": "AdamW"}[run.optimizer],
            "seconds": round(trained.seconds, 2),
            "device": device,
            "evaluation": EVALUATION,
            "diverged": trained.diverged,
            "classes": list(data.classes),
            "run": asdict(run),
        }
        table, *running = self._tables(run)
        for file in running:
            write_predictions(file, np.stack(trained.running), metadata)
        write_predictions(table, np.stack(trained.predictions), metadata)

    def finish(self) -> None:
        """Write ``experiment.json`` once all runs are there, and ``images.parquet`` if that was lost."""
        # Whoever holds this lock is the only one to write the description: a partial one is that of a killed process.
        with machine.lock(self.folder_lock, f"describes {self.folder.name}"):
            remove_partials(self.folder, "experiment.json")
            if not (self.folder / "images.parquet").exists():
                self._write_images(datasets.load(self.dataset))
            for run in self.plan.runs:
                self.tidy(run)
            remove_partials(self.folder, "images.parquet")
            rows = self._rows()
            origin = getattr(self.dataset, "origin", None)
            facts = self.described(
                dataset=self.dataset.name,
                **({"source": {"images": origin}} if origin else {}),
                device=rows[0]["device"],
                git_commit=_git_commit(),
                wall_seconds=round(sum({row["run"]: row["seconds"] for row in rows}.values()), 1),
                epochs=self.plan.epochs + 1,
                decay_epochs=list(self.plan.decay_epochs),
                networks=self.networks().to_dict("records"),
                diverged=self.diverged(),
                checksums=self._summed(),
            )
            write_json(self.folder / "experiment.json", facts)

    def _write_images(self, data: datasets.Data) -> None:
        if not (self.folder / "images.parquet").exists():
            write_images(self.folder, data.test.labels, data.test.ids)

    def networks(self) -> pd.DataFrame:
        """Describe the networks that have learned something: what was planned, and what was found out in training."""
        return pd.DataFrame([row for row in self._rows() if row.pop("diverged") is None])

    def diverged(self) -> list[dict[str, str]]:
        """List the networks that are left out, each with the reason."""
        keys = ("network", "condition", "diverged")
        return [{key: row[key] for key in keys} for row in self._rows() if row["diverged"] is not None]

    def _rows(self) -> list[dict[str, Any]]:
        found = {run.file: read_metadata(self.file(run)) for run in self.plan.runs}
        rows = []
        for network in self.plan.networks:
            facts = {key: value for key, value in found[network.run].items() if key not in ("run", "classes")}
            epoch = network.first_epoch + self.plan.epochs
            rows.append({**asdict(network), "epoch": epoch, "diverged": None, **facts})
        return rows

    def load(self) -> Responses:
        """Read the responses of this experiment's networks; those that diverged are left out."""
        return Responses.load(self.folder, self._enough()).attributed(self)

    def alternatives(self) -> Mapping[str, Source]:
        """Return the base and its continuations under BatchNorm's running statistics, where both were evaluated."""
        both = any(run.also_running for run in self.plan.runs)
        return {"running": _RunningStatistics(self.config)} if both else {}

    @property
    def class_names(self) -> list[str]:
        """Names of the classes by label."""
        return read_metadata(self.file(self.plan.runs[0]))["classes"]

    @property
    def images(self) -> "OneByOne":
        """The test images as the networks get them, before normalisation."""
        return OneByOne(lambda index: datasets.test_pixels(self.dataset, np.array([index]))[0].transpose(1, 2, 0))

    def _enough(self) -> pd.DataFrame:
        """Return the networks; refuse an experiment whose base is missing, or that has nothing left to compare."""
        networks = self.networks()
        left_out = {row["network"]: row["diverged"] for row in self.diverged()}
        if "base" in left_out:
            raise InputError(f"{self.folder.name}: the base network diverged: {left_out['base']}")
        if len(networks) < 2:
            reasons = "; ".join(f"{network}: {reason}" for network, reason in left_out.items())
            raise InputError(f"{self.folder.name}: too few networks have learned anything: {reasons}")
        return networks


class _RunningStatistics(Experiment):
    """The base network and its continuations as BatchNorm's running statistics have them."""

    def load(self) -> Responses:
        networks = self._enough()
        base = networks[networks["run"] == "base"].assign(run=f"base{RUNNING}")
        return Responses.load(self.folder, base).attributed(self)


class OneByOne:
    """Images that are made or decoded when one is asked for."""

    def __init__(self, make: Callable[[int], np.ndarray]):
        self.make = make

    def __getitem__(self, index: int) -> np.ndarray:
        return self.make(index)


def _git_commit() -> str | None:
    command = ["git", "-C", str(paths.ROOT), "rev-parse", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None
