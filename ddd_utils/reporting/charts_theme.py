"""What all charts share: colours, names of conditions, frames and sentences."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import altair as alt
import numpy as np
import pandas as pd

from .palette import ACCENT as ACCENT
from .palette import CLASS_COLOURS as CLASS_COLOURS
from .palette import MUTED as MUTED
from .palette import NOTE as NOTE
from .palette import SECOND as SECOND

Chart = TypeVar("Chart", bound=alt.TopLevelMixin)

CONDITION_NAMES = {
    "base": "base",
    "plus_1_epoch": "plus 1 epoch",
    "plus_10_epochs": "plus 10 epochs",
    "optimizer": "optimiser (Nesterov)",
    "batch_size": "batch size halved",
    "initialisation": "initialisation",
    "learning_rate": "learning rate",
    "cuda_nondeterministic": "CUDA non-determinism",
    "data_order": "data order",
    "architecture": "architecture",
    "half_data": "half of the data",
    "combined": "combined",
    "different_data": "different data",
}

DATASET_NAMES = {
    "gaussian": "Gaussian noise",
    "digits": "digits",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "imagenet": "ImageNet",
    "folder": "the image folder",
    "npz": "the images from npz files",
    "table": "your table",
}

MUTED_GRID = {"gridColor": MUTED, "gridOpacity": 0.2}
QUIET = {**MUTED_GRID, "domain": False, "ticks": False, "labelPadding": 6}  # axes that stay behind the data
NO_FRAME = alt.ViewBackground(stroke=None)
PICKED = "picked"  # parameter of a chart: what the page shows more of, a score or the names of a pair
PICKED_PAIR = " || ".join(  # true of the rows of that pair
    f"({PICKED} && datum.{one} === {PICKED}[0] && datum.{other} === {PICKED}[1])" for one, other in ("ab", "ba")
)
COLUMN = 760  # px that a chart may take with all its labels
WIDTH = 540  # of the plot alone: with the longest condition name it fits the column


def condition_name(condition: str) -> str:
    """
    Give a condition the name that readers see.

    Parameters
    ----------
    condition : str
        Condition as the responses name it, or the name of a model.

    Returns
    -------
    str
        The readable name; an unknown one comes back unchanged.
    """
    return CONDITION_NAMES.get(condition, condition)


def network_names(networks: pd.DataFrame) -> list[str]:
    """
    Name networks by their conditions, and by their instance too where a condition has several of them.

    Parameters
    ----------
    networks : DataFrame
        One row a network, with the columns condition and instance.

    Returns
    -------
    list of str
        The readable names, all different.
    """
    several = networks.duplicated("condition", keep=False)
    rows = zip(networks["condition"], networks["instance"], several, strict=True)
    return [condition_name(condition) + f" {instance}" * again for condition, instance, again in rows]


def dataset_name(dataset: str) -> str:
    """
    Give a data set the name that readers see.

    Parameters
    ----------
    dataset : str
        Data set as the responses name it.

    Returns
    -------
    str
        The readable name; an unknown one comes back unchanged.
    """
    return DATASET_NAMES.get(dataset, dataset)


def with_names(frame: pd.DataFrame) -> pd.DataFrame:
    """
    Add a column ``name`` with the readable name of each row's condition.

    Parameters
    ----------
    frame : DataFrame
        Any table with a column ``condition``.

    Returns
    -------
    DataFrame
        A copy with the further column.
    """
    return frame.assign(name=[condition_name(condition) for condition in frame["condition"]])


def label_width(labels: Iterable[str], limit: int, size: float = 10) -> int:
    """
    Estimate how much room the labels of an axis take.

    Parameters
    ----------
    labels : iterable of str
        What is written there.
    limit : int
        Pixels after which a label is cut off.
    size : float, optional
        Of the letters, in pixels.

    Returns
    -------
    int
        Pixels, rather too many: a wide letter is two thirds as wide as high.
    """
    return round(min(limit, max(0.66 * size * len(label) for label in labels)))


def title(text: str, subtitle: str | list[str] | None = None) -> alt.Title:
    """
    Make the heading of a chart: what is seen, and in smaller letters under which circumstances.

    Parameters
    ----------
    text : str
        The heading.
    subtitle : str or list of str, optional
        One line, or several.

    Returns
    -------
    alt.Title
        Flush left with the whole chart, its colours left to the renderer.
    """
    return alt.Title(text, anchor="start", frame="bounds", offset=12, **({"subtitle": subtitle} if subtitle else {}))


def finish(chart: Chart, heading: alt.Title, description: str) -> Chart:
    """
    Give a chart its heading, its description for screen readers and a transparent background.

    Parameters
    ----------
    chart : alt.Chart or a composition of charts
        The marks.
    heading : alt.Title
        From `title`.
    description : str
        What someone who cannot see the chart should know.

    Returns
    -------
    alt.Chart
        The same kind of chart, complete.
    """
    return chart.properties(title=heading, description=description, background="transparent")


def beside(*charts: alt.TopLevelMixin, description: str | None = None) -> alt.HConcatChart:
    """
    Put charts next to each other, each with its own axes; legends that say the same are drawn once.

    Parameters
    ----------
    *charts : alt.Chart
        Finished charts, narrow enough to share the width of a column.
    description : str, optional
        For screen readers; by default the charts' own descriptions, one after the other.

    Returns
    -------
    alt.HConcatChart
        One chart.
    """
    texts = " ".join(str(chart.description) for chart in charts)
    parts = [chart.copy(deep=False) for chart in charts]
    for part in parts:
        part.background = alt.Undefined  # Altair allows it on the outermost chart only
    return alt.hconcat(*parts, spacing=24).properties(description=description or texts, background="transparent")


def extremes(values: Mapping[str, float] | Iterable[tuple[str, float]]) -> str:
    """
    Say which of several named values is the highest and which the lowest.

    Parameters
    ----------
    values : mapping or iterable of (name, value)
        At least one; undefined values (NaN) are passed over.

    Returns
    -------
    str
        ``highest: a (0.93); lowest: b (0.12)``, or that all are undefined.
    """
    known = {name: value for name, value in dict(values).items() if pd.notna(value)}
    if not known:
        return "all undefined"
    high, low = max(known, key=known.get), min(known, key=known.get)
    return f"highest: {high} ({known[high]:.2f}); lowest: {low} ({known[low]:.2f})"


def written(values: np.ndarray, form: str = ".3f") -> np.ndarray:
    """
    Write numbers for a tooltip.

    Parameters
    ----------
    values : array_like of float
        Of any shape.
    form : str
        How, such as ``.3f``.

    Returns
    -------
    ndarray of str
        "undefined" for NaN.
    """
    texts = [format(value + 0.0, form) if np.isfinite(value) else "undefined" for value in np.ravel(values)]
    return np.reshape(texts, np.shape(values))


def bracketed(values: np.ndarray, lower: np.ndarray, upper: np.ndarray, form: str = ".3f") -> np.ndarray:
    """
    Write numbers with their intervals for a tooltip.

    Parameters
    ----------
    values, lower, upper : array_like of float
        Of one shape; a number without limits stands alone.
    form : str
        How, such as ``.3f``.

    Returns
    -------
    ndarray of str
    """
    value, low, high = (written(part, form).astype(object) for part in (values, lower, upper))
    return np.where(np.isfinite(lower), value + " [" + low + ", " + high + "]", value)
