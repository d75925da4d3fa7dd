"""The plan of a preset as a table and as JSON: what it costs here, and what the paper's training cost."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ddd_utils.config import params
from ddd_utils.devices import devices
from ddd_utils.experiments.costs import planning
from ddd_utils.experiments.costs.planning import Case, Measured, Row

# "Environmental aspects" of the paper: 250 GPU-days took 1,800 kWh, at 400 g of CO2 each.
PAPER_GPU_DAYS, PAPER_KWH, PAPER_GRAMS = 250, 1800, 400
PAPER_WATTS = 1000 * PAPER_KWH / (24 * PAPER_GPU_DAYS)


@dataclass(frozen=True)
class Estimate:
    """What a preset costs on a machine."""

    preset: str
    rows: list[Row]  # one an experiment
    total: Row
    device: str  # in words
    devices: int
    watts: float  # of one device
    watts_from: str  # who says so
    grams: float  # of CO2 for each kilowatt-hour
    calibration: dict[Case, Measured]

    @property
    def wall_hours(self) -> float:
        """Hours with all devices at work: an even share of all, and not less than the longest run."""
        return max(self.total.hours / self.devices, self.total.longest)

    def kwh(self, row: Row) -> float:
        """Kilowatt-hours of a row."""
        return row.hours * self.watts / 1000

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        rows = [{**asdict(row), "kwh": self.kwh(row)} for row in (*self.rows, self.total)]
        return {
            "preset": self.preset,
            "experiments": rows[:-1],
            "total": {**rows[-1], "wall_hours": self.wall_hours, "kg_co2": self.kwh(self.total) * self.grams / 1000},
            "device": self.device,
            "devices": self.devices,
            "watts": self.watts,
            "watts_from": self.watts_from,
            "g_co2_per_kwh": self.grams,
            "calibration": [{**asdict(case), **asdict(found)} for case, found in self.calibration.items()],
            "paper": {"gpu_days": PAPER_GPU_DAYS, "kwh": PAPER_KWH, "kg_co2": PAPER_KWH * PAPER_GRAMS / 1000},
        }


def estimate(
    preset: params.Preset,
    sections: Sequence[str] | None = None,
    watts: float | None = None,
    grams: float = PAPER_GRAMS,
    budget: float = 40,
) -> Estimate:
    """
    Estimate what sections of a preset (all by default) would cost here; their data need not be there.

    Without ``watts`` a device takes an NVIDIA GPU's limit, or else the paper's figure. ``grams`` are those of CO2 for a
    kilowatt-hour, and ``budget`` is about how many seconds the calibration takes.
    """
    from ddd_utils.experiments.costs import calibration

    found = planning.trained_experiments(preset, sections)
    cases = {planning.case(run, each.dataset) for _, each in found for run in each.missing()}
    available = devices()
    measured = calibration.measure(sorted(cases, key=repr), available, budget)
    rows = [planning.row(title, each, measured) for title, each in found]
    limit = power_limit(available[0]) if watts is None else None
    known = [(watts, "as given"), (limit, "its power limit"), (PAPER_WATTS, _PAPER_WATTS_FROM)]
    power, source = next((value, source) for value, source in known if value is not None)
    total, name = planning.add("total", rows), describe(available[0])
    return Estimate(preset.name, rows, total, name, len(available), power, source, grams, measured)


def power_limit(device: str) -> float | None:
    """Return the watts that an NVIDIA GPU may take (``nvidia-smi``), or None where that is not known."""
    if not device.startswith("cuda") or not shutil.which("nvidia-smi"):
        return None
    import torch

    index = device.partition(":")[2] or "0"
    identity = str(torch.cuda.get_device_properties(int(index)).uuid)
    query = ["nvidia-smi", f"--id=GPU-{identity}", "--query-gpu=power.limit", "--format=csv,noheader,nounits"]
    found = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    try:
        return float(found)
    except ValueError:
        return None


def describe(device: str) -> str:
    """Name a device in words."""
    import torch

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU core"


_PAPER_WATTS_FROM = (
    f"the paper's: {PAPER_KWH:,} kWh / {PAPER_GPU_DAYS} days of a GPU, its CPU and RAM; --watts sets another"
)
_UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"))
_HEAD = ("experiment", "networks", "done", "epochs", "trained", "answered", "FLOP", "disk", "hours (range)", "kWh")
_WIDTHS = (37, 9, 5, 7, 8, 9, 9, 9, 20, 7)


def text(plan: Estimate) -> str:
    """Show a plan in a terminal of 120 columns: a table, and what its figures rest on."""
    lines = [_line(_HEAD), *(_line(_cells(plan, row)) for row in (*plan.rows, plan.total))]
    return "\n".join([*lines, "", *_costs(plan), "", *_notes(plan)])


def _line(cells: Sequence[str]) -> str:
    title, *others = zip(cells, _WIDTHS, strict=True)
    return f"{title[0][: title[1]]:<{title[1]}}" + "".join(f"{cell:>{width}}" for cell, width in others)


def _cells(plan: Estimate, row: Row) -> tuple[str, ...]:
    return (
        row.title,
        f"{row.networks:,}",
        f"{row.done:,}",
        f"{row.epochs:,}",
        _short(row.trained),
        _short(row.answered),
        f"{row.flops:.1e}",
        _size(row.disk_bytes),
        f"{_short(row.hours)} ({_short(row.hours_low)}-{_short(row.hours_high)})",
        _short(plan.kwh(row)),
    )


def _short(number: float) -> str:
    """Show two or three digits, more than a short calibration is good for."""
    for least, unit, name in ((1e9, 1e9, " G"), (1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if number >= least:
            return f"{number / unit:.{0 if number >= 10 * unit else 1}f}{name}"
    if 0 < number < 0.01:
        return "<0.01"
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _size(count: int) -> str:
    unit, name = next((each for each in _UNITS if count >= each[0]), _UNITS[-1])
    return f"{count / unit:.{0 if count >= 100 * unit else 1}f} {name}"


def _costs(plan: Estimate) -> list[str]:
    kwh = plan.kwh(plan.total)
    return [
        f"here: {_short(plan.total.hours)} hours on one {plan.device}; on all {plan.devices} at once about "
        f"{_short(plan.wall_hours)} (longest network: {_short(plan.total.longest)})",
        f"      {_short(kwh)} kWh and {_short(kwh * plan.grams / 1000)} kg of CO2 at {plan.grams:g} g/kWh",
        f"      {plan.watts:g} W a device ({plan.watts_from})",
        f"paper: about {PAPER_GPU_DAYS} GPU-days ({24 * PAPER_GPU_DAYS:,} hours), {PAPER_KWH:,} kWh and "
        f"{PAPER_KWH * PAPER_GRAMS / 1000:g} kg of CO2 for all its work",
    ]


def _notes(plan: Estimate) -> list[str]:
    repeats = {each.repeats for each in plan.calibration.values()}
    lines = [
        "Networks, epochs, images, FLOP, disk and hours are those of what is missing; done is not counted again.",
        "FLOP: a multiply-add is two, training is three forward passes; convolutions and matrix products only.",
        "Disk: at most; answers as if guessed, kept activations, and a checkpoint a network.",
    ]
    if repeats:
        lines += [
            f"Hours: medians of {min(repeats)} to {max(repeats)} steps of every kind of network on random images, all "
            f"{plan.devices} devices busy at once;",
            "       range: the fastest and the slowest step. Reading, decoding, augmenting and storing are not in it.",
        ]
    if cut := sum(each.images < case.update for case, each in plan.calibration.items()):
        lines.append(f"       {cut} of {len(plan.calibration)} kinds were timed on fewer images than an update holds.")
    return lines
