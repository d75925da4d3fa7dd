"""Files of a folder of responses: the images, and for each network its answers and how probable it finds them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from ddd_utils.files import TornFile, read_parquet, write_parquet

# What may be known of each final answer beside it, each an attribute of responses and a column of a file.
CERTAINTY = ("probability", "margin", "probability_label")


def evenly(images: int, count: int) -> np.ndarray:
    """Choose the images whose last activations are kept, from the first to the last, (count,); all if they are few."""
    return np.unique(np.linspace(0, images - 1, count).astype(int))


def write_images(folder: Path, labels: np.ndarray, image_ids: Iterable[str]) -> None:
    """Write ``images.parquet``: image (int32), id (string), label (int16)."""
    write_parquet(
        Path(folder) / "images.parquet",
        {
            "image": np.arange(len(labels), dtype=np.int32),
            "id": pa.array([str(name) for name in image_ids]),
            "label": np.asarray(labels, np.int16),
        },
    )


def write_predictions(
    path: Path,
    predictions: np.ndarray,
    metadata: dict | None = None,
    certainty: Mapping[str, np.ndarray] | None = None,
) -> None:
    """
    Write a network's predictions, shape (epochs, images): epoch (int16), image (int32), prediction (int16).

    ``certainty`` has what is known of the last epoch's answers (`CERTAINTY`), (images,) each: a column in float16.
    """
    epochs, images = predictions.shape
    columns = {
        "epoch": np.repeat(np.arange(epochs, dtype=np.int16), images),
        "image": np.tile(np.arange(images, dtype=np.int32), epochs),
        "prediction": np.asarray(predictions, np.int16).ravel(),
    }
    for name, values in (certainty or {}).items():
        columns[name] = np.append(np.full((epochs - 1) * images, np.nan), values).astype(np.float16)
    write_parquet(path, columns, metadata)


def read_predictions(path: Path, images: int) -> np.ndarray:
    """Read what :func:`write_predictions` wrote, shape (epochs, images); a torn or foreign file is named."""
    return read_run(path, images)[0]


def read_run(path: Path, images: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Read a network's predictions, and what is known beside the last ones; older files have no such columns."""
    table = read_parquet(path, ["epoch", "image", "prediction"], also=CERTAINTY)
    if images == 0 or len(table) == 0 or len(table) % images:
        raise TornFile(path, f"{len(table)} rows are not whole epochs of {images} images")
    expected = np.tile(np.arange(images, dtype=np.int32), len(table) // images)
    if not np.array_equal(table["image"].to_numpy(), expected) or not table["epoch"].is_monotonic_increasing:
        raise TornFile(path, "its rows are not in order of epoch and image")
    certainty = {name: table[name].to_numpy()[-images:] for name in CERTAINTY if name in table}
    return table["prediction"].to_numpy().reshape(-1, images), certainty


def below_one_another(certainty: Sequence[Mapping[str, np.ndarray]], images: int) -> dict[str, np.ndarray]:
    """Stack what is known of each network, (networks, images); NaN for those of which it is not."""
    unknown = np.full(images, np.nan, np.float16)
    known = [name for name in CERTAINTY if any(name in each for each in certainty)]
    return {name: np.stack([each.get(name, unknown) for each in certainty]) for name in known}


def cut(predictions: np.ndarray, first_epoch: int, epochs: int, path: Path) -> np.ndarray:
    """Cut a network's epochs out of its run: "plus k" is the base run, k epochs later."""
    if len(predictions) < first_epoch + epochs:
        raise TornFile(path, f"holds {len(predictions)} epochs, {first_epoch + epochs} are needed")
    return predictions[first_epoch : first_epoch + epochs]
