"""
How cost grows with models, images, epochs and pixels: seconds of one core, and memory beyond what was there before.

Writes build/growth.csv, and with ``--svg docs/growth.svg`` a drawing of it. Seconds are the processor's own, so other
programs do not disturb them much.
"""

import argparse
import multiprocessing
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.special import expit

from ddd_utils import paths
from ddd_utils.analysis import nulls
from ddd_utils.analysis.consistency import pairwise_error_consistency, standard_errors
from ddd_utils.responses import Responses

# Models and images where the other grows.
MODELS, IMAGES, TABLE_MODELS = 30, 50_000, 10
PAIRS, NULL, READ, TRAIN = "kappa of all pairs, intervals", "excess null, intervals", "reading a table", "training"
BOUNDS = {(PAIRS, 1_000): 5, (NULL, 200): 60}  # seconds, by the number of models
FULL = {
    "models": {PAIRS: (30, 100, 300, 1_000), NULL: (30, 100, 200)},
    "images": dict.fromkeys((PAIRS, NULL, READ), (1000, 10000, 100000, 1000000)),
    "epochs": {TRAIN: (1, 2, 4, 8)},
    "pixels": {TRAIN: (16**2, 32**2, 64**2, 128**2)},
}
TINY = {
    "models": {PAIRS: (5, 10), NULL: (5, 10)},
    "images": dict.fromkeys((PAIRS, NULL, READ), (100, 200)),
    "epochs": {TRAIN: (1, 2)},
    "pixels": {TRAIN: (8**2, 16**2)},
}


def decisions(models: int, images: int) -> np.ndarray:
    """Make decisions of models that are independent given the images' difficulty."""
    rng = np.random.default_rng(0)
    difficulty = rng.normal(0, 4, images)
    return np.stack([rng.random(images) < expit(shift + difficulty) for shift in np.linspace(0, 2, models)])


def pairs(models: int, images: int) -> Callable[[], object]:
    """Prepare kappa and its standard error for all pairs."""
    correct = decisions(models, images)
    return lambda: (pairwise_error_consistency(correct), standard_errors(correct))


def null(models: int, images: int) -> Callable[[], object]:
    """Prepare the null that ranks pairs, refitted for its intervals."""
    return partial(nulls.score_stratified_kappa, decisions(models, images))


def reading(images: int, folder: Path) -> Callable[[], object]:
    """Prepare anyone's table, a row group a model."""
    path, rng = folder / f"{images}.parquet", np.random.default_rng(0)
    labels = rng.integers(0, 1_000, images)
    names = pa.array([f"ILSVRC2012_val_{image:08d}.JPEG" for image in range(images)])
    with pq.ParquetWriter(path, pa.schema([(name, pa.string()) for name in ("model", "image")] + NUMBERS)) as writer:
        for model in range(TABLE_MODELS):
            answers = np.where(rng.random(images) < 0.7, labels, rng.integers(0, 1_000, images))
            columns = [pa.array([f"model {model}"]).take(pa.array(np.zeros(images, int))), names, answers, labels]
            writer.write_table(pa.table(columns, schema=writer.schema))
    return partial(Responses.from_table, path)


NUMBERS = [("prediction", pa.int64()), ("label", pa.int64())]


def training(epochs: int, side: int) -> Callable[[], object]:
    """Prepare three narrow ResNet-18 that train side by side on 240 images of noise."""
    import torch

    from ddd_utils.config.image_sets import Gaussian
    from ddd_utils.data import datasets
    from ddd_utils.data.loader import Loader
    from ddd_utils.experiments import lockstep
    from ddd_utils.experiments.plans import Run
    from ddd_utils.experiments.trainee import Trainee

    torch.set_num_threads(1)
    data = datasets.load(Gaussian(classes=8, train_per_class=30, test_per_class=6, image_size=side))
    run, device = Run("n", "resnet18", {"width": 8}, epochs, 40, 0.01, 1e-4), torch.device("cpu")
    return lambda: lockstep.train([Trainee(run, 8, device) for _ in range(3)], Loader(data, device))


def prepared(quantity: str, what: str, count: int, folder: Path) -> Callable[[], object]:
    """Prepare a piece of work of a size."""
    if what == TRAIN:
        return training(count, 32) if quantity == "epochs" else training(1, round(count**0.5))
    if what == READ:
        return reading(count, folder)
    maker = {PAIRS: pairs, NULL: null}[what]
    return maker(count, IMAGES) if quantity == "models" else maker(MODELS, count)


def cost(*asked: object) -> tuple[float, float]:
    """Do a piece of work in this process, and return its seconds and megabytes."""
    work = prepared(*asked)
    before, started = _peak(), time.process_time()
    work()
    return time.process_time() - started, (_peak() - before) / 1e6


def _peak() -> float:
    # Linux counts kilobytes, macOS bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def in_process_of_its_own(*asked: object) -> tuple[float, float]:
    """Measure in a process that is a copy of this small one: its peak is its own."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(cost, asked)


def measure(sizes: dict[str, dict[str, tuple[int, ...]]]) -> Iterator[dict[str, object]]:
    """Measure every size, the small ones first."""
    with tempfile.TemporaryDirectory() as folder:
        for quantity, kinds in sizes.items():
            for what, counts in kinds.items():
                for count in counts:
                    seconds, megabytes = in_process_of_its_own(quantity, what, count, Path(folder))
                    row = {"quantity": quantity, "what": what, "count": count, "seconds": seconds, "MB": megabytes}
                    print(f"{quantity:7} {count:>9,}  {what:30} {seconds:8.2f} s {megabytes:8.0f} MB", flush=True)
                    yield row


def exponents(table: pd.DataFrame) -> pd.Series:
    """Return the power of its quantity with which each kind of work grows, from the two largest sizes."""

    def power(rows: pd.DataFrame) -> float:
        last = np.log(rows[["count", "seconds"]].to_numpy(float)[-2:])
        return float((last[1, 1] - last[0, 1]) / (last[1, 0] - last[0, 0]))

    return table.groupby(["quantity", "what"], sort=False)[["count", "seconds"]].apply(power)


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw seconds and megabytes, both axes logarithmic: work that grows in proportion rises at 45 degrees."""
    import altair as alt
    import vl_convert

    def panel(quantity: str, unit: str) -> alt.Chart:
        rows = table[table["quantity"] == quantity]
        axis = alt.Axis(format="~s", values=sorted(rows["count"].unique().tolist()), grid=False, labelOverlap=True)
        x = alt.X("count:Q", scale=alt.Scale(type="log"), axis=axis, title=quantity)
        tens = 10.0 ** np.arange(-3, 6)
        inside = tens[(tens >= rows[unit].min() / 3) & (tens <= rows[unit].max() * 3)].tolist()
        down = alt.Axis(format="~s", values=inside, grid=False)
        y = alt.Y(f"{unit}:Q", scale=alt.Scale(type="log"), axis=down, title=unit)
        return (
            alt.Chart(rows)
            .mark_line(point=True)
            .encode(x, y, alt.Color("what:N", title=None))
            .properties(width=130, height=110)
        )

    shown = table.assign(MB=table["MB"].clip(lower=1), seconds=table["seconds"].clip(lower=0.001))
    table = shown
    rows = [alt.hconcat(*(panel(quantity, unit) for quantity in FULL)) for unit in ("seconds", "MB")]
    chart = alt.vconcat(*rows).configure_legend(orient="bottom").configure_view(stroke=None).configure(aria=False)
    drawn = vl_convert.vegalite_to_svg(chart.to_json())
    # What only the library itself reads would be half of the file.
    path.write_text(re.sub(r' (aria-[a-z]+|role|class|pointer-events|stroke-miterlimit)="[^"]*"', "", drawn), "utf-8")
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


def main(arguments: list[str] | None = None) -> None:
    """Measure, write, draw, and check the bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="tiny sizes, to try the script")
    parser.add_argument("--svg", type=Path, help="also draw it there")
    parser.add_argument("--out", type=Path, default=paths.build() / "growth.csv")
    options = parser.parse_args(arguments)
    table = pd.DataFrame(measure(TINY if options.tiny else FULL))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out, index=False)
    if options.svg:
        draw(table, options.svg)
    print("seconds grow with the power", exponents(table).round(2).to_string(), sep="\n")
    for (what, models), bound in BOUNDS.items():
        rows = table[(table["quantity"] == "models") & (table["what"] == what) & (table["count"] == models)]
        for seconds in rows["seconds"]:
            print(f"{what}, {models} models: {seconds:.1f} s (bound: {bound})")
            assert seconds < bound


if __name__ == "__main__":
    main()
