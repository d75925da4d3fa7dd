"""The two-alternative forced-choice experiment: observers say which of two images is harder for networks."""

import csv
import io
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import bdtrc, ndtr, ndtri

from ddd_utils.errors import InputError, nearest

COLUMNS = ["observer", "trial_index", "trivial_image", "impossible_image", "response", "rt"]
PAIR = ["trivial_image", "impossible_image"]
NUMBERS = {"trial_index": (int, "whole number from 0"), "rt": (float, "time in milliseconds")}
LARGEST = 1e15
WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers")
# The paper's section 3.4 and footnote 4, as printed: the number of digits says how exactly.
PRINTED = {
    "observers": "9",
    "trials": "149",
    "lowest accuracy": "0.7181",
    "mean accuracy": "0.8136",
    "highest accuracy": "0.8859",
    "sd of accuracy": "0.0629",
    "p-value of the lowest": "5e-8",
    "lowest kappa": "0.4053",
    "mean kappa": "0.5874",
    "highest kappa": "0.7527",
    "sd of kappa": "0.08783",
}
_DTYPES = {"trial_index": "int64", "rt": "float64", "correct": "bool"}


@dataclass(frozen=True)
class Observed:
    """Trials of observers, lines about files that are left out, and whether nobody was there and answers were drawn."""

    trials: pd.DataFrame
    problems: list[str]
    simulated: bool


def observe(folder: str | Path, simulated: int = 0) -> Observed:
    """Read the trials of all observers; where there are none, simulate so many, with the paper's number of trials."""
    trials, problems = read_observers(folder)
    if len(trials) or not simulated:
        return Observed(trials, problems, False)
    return Observed(simulate(simulated, int(PRINTED["trials"])), problems, True)


def read_observers(folder: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """Read the trials of a folder's CSV files, also as Excel saves them; of each malformed file a line says why."""
    rows: list[dict] = []
    problems: list[str] = []
    seen: dict[tuple, str] = {}
    for path in sorted(Path(folder).glob("*.*")):
        if path.suffix.lower() in WORKBOOKS:
            problems.append(f"{path.name}: a workbook; save its sheet as CSV")
        if path.suffix.lower() != ".csv":
            continue
        try:
            found = _read_file(path, seen)
        except InputError as error:
            problems.append(f"{path.name}: {error}")
            continue
        seen.update({(row["observer"], row["trial_index"]): path.name for row in found})
        rows += found
    # The table has its columns and types even where it has no rows.
    trials = pd.DataFrame(rows, columns=COLUMNS)
    return trials.assign(correct=trials["response"] == trials["impossible_image"]).astype(_DTYPES), problems


def _read_file(path: Path, seen: dict) -> list[dict]:
    """Read and check one observer's file; ``seen`` maps the trials of other files to their names."""
    try:
        with io.StringIO(_text(path), newline="") as file:
            delimiter = _delimiter(file)
            decimal = "," if delimiter == ";" else "."
            reader = csv.DictReader(file, strict=True, delimiter=delimiter)
            columns = reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
            for column in COLUMNS:
                if column not in columns:
                    raise InputError(f"row 1: column '{column}' is missing{nearest(column, columns)}")
            seen, rows = dict(seen), []
            for record in reader:
                row = _read_row(record, reader.line_num, decimal)
                trial = row["observer"], row["trial_index"]
                if trial in seen:
                    twice = f"observer '{trial[0]}' has trial {trial[1]} twice (already in {seen[trial]})"
                    raise InputError(f"row {reader.line_num}, column 'trial_index': {twice}")
                seen[trial] = f"row {reader.line_num}"
                rows.append(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"unreadable: {' '.join(str(error).split())}") from error
    if not rows:
        raise InputError("no trials")
    return rows


def _text(path: Path) -> str:
    content = path.read_bytes()
    return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def _delimiter(file: io.StringIO) -> str:
    """Find what parts the headings, which are read again."""
    first = file.readline()
    file.seek(0)
    return max(",;\t", key=first.count)


def _read_row(record: dict, line: int, decimal: str) -> dict:
    """Check one trial."""
    row = {column: (record[column] or "").strip() for column in COLUMNS}
    for column in ("observer", *PAIR):
        if not row[column]:
            raise InputError(f"row {line}, column '{column}': empty")
    pair = [row[column] for column in PAIR]
    if pair[0] == pair[1]:
        raise InputError(f"row {line}, column 'impossible_image': the same image as the trivial one, '{pair[0]}'")
    if row["response"] not in pair:
        raise InputError(f"row {line}, column 'response': '{row['response']}' is neither '{pair[0]}' nor '{pair[1]}'")
    for column, (kind, meaning) in NUMBERS.items():
        try:
            value = kind(row[column].replace(decimal, "."))
        except ValueError:
            value = -1
        if not 0 <= value < LARGEST:
            raise InputError(f"row {line}, column '{column}': '{row[column]}' is not a {meaning}")
        row[column] = value
    return row


def simulate(observers: int, trials: int, seed: int = 0) -> pd.DataFrame:
    """Simulate observers who judge the same image pairs, each in another order; a table as from `read_observers`."""
    if observers < 1 or trials < 1:
        raise InputError(f"a simulation takes at least one observer and one trial, not {observers} and {trials}")
    # An observer errs where a pair's difficulty, which all share, and a noise of their own, both normal, exceed a
    # criterion together. The numbers are of the paper's size: accuracies around .81 and kappa around .6.
    rng = np.random.default_rng(seed)
    shared_variance = 0.85
    difficulty = rng.normal(size=trials) * np.sqrt(shared_variance)
    tables = []
    for observer in range(1, observers + 1):
        criterion = rng.normal(ndtri(0.81), 0.2)
        pairs = rng.permutation(trials)
        correct = difficulty[pairs] + rng.normal(size=trials) * np.sqrt(1 - shared_variance) < criterion
        trivial, impossible = (np.array([f"{kind} {pair + 1}" for pair in pairs]) for kind in ("trivial", "impossible"))
        columns = {
            "observer": f"simulated {observer}",
            "trial_index": np.arange(trials),
            "trivial_image": trivial,
            "impossible_image": impossible,
            "response": np.where(correct, impossible, trivial),
            "rt": rng.lognormal(np.log(2000), 0.4, size=trials).round(),
            "correct": correct,
            "latent_accuracy": ndtr(criterion),
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def printed_figures() -> pd.DataFrame:
    """
    Check the paper's figures about its observers against each other: the lowest and highest that others allow.

    A figure agrees if it is among them, give or take half its last digit.
    """
    value = {figure: float(text) for figure, text in PRINTED.items()}
    observers, trials = int(value["observers"]), int(value["trials"])
    pairs = observers * (observers - 1) // 2
    rows = []
    for figure, of in (
        ("lowest accuracy", trials),
        ("highest accuracy", trials),
        ("mean accuracy", observers * trials),
    ):
        count = round(value[figure] * of)
        rows.append((figure, count / of, count / of, f"{count} right of {of}"))
    count = round(value["lowest accuracy"] * trials)
    p_value = float(guessing_p_value(count, trials))
    how = f"exact binomial test of {count} of {trials}, one-sided (two-sided: twice that)"
    rows.append(("p-value of the lowest", p_value, p_value, how))
    for quantity, n in (("accuracy", observers), ("kappa", pairs)):
        low, mean, high = (value[f"{which} {quantity}"] for which in ("lowest", "mean", "highest"))
        rows.append((f"mean {quantity}", *_mean_limits(n, low, high), f"{n} values with the printed range"))
        rows.append((f"sd of {quantity}", *_sd_limits(n, low, mean, high), f"{n} values with that range and mean"))
    table = pd.DataFrame(rows, columns=["figure", "lowest", "highest", "how"])
    table.insert(1, "printed", table["figure"].map(value))
    # Half the last digit printed.
    slack = table["figure"].map(lambda figure: 10.0 ** int(Decimal(PRINTED[figure]).as_tuple().exponent) / 2)
    table.insert(4, "agrees", table["printed"].between(table["lowest"] - slack, table["highest"] + slack))
    return table


def guessing_p_value(right: ArrayLike, n: ArrayLike) -> np.ndarray:
    """Probability of at least so many right answers of n by guessing."""
    return bdtrc(np.asarray(right) - 1, n, 0.5)


def _mean_limits(n: int, low: float, high: float) -> tuple[float, float]:
    """Limits of the mean of ``n`` values of which the smallest is ``low`` and the largest ``high``."""
    return ((n - 1) * low + high) / n, (low + (n - 1) * high) / n


def _sd_limits(n: int, low: float, mean: float, high: float) -> tuple[float, float]:
    """Limits of the standard deviation of ``n`` such values with that mean, divided by n (lower) or n - 1 (upper)."""
    rest = n * mean - low - high
    equal = np.full(n - 2, rest / (n - 2))
    # The others spread most when all but one of them stand at either end.
    at_high, part = divmod(rest - (n - 2) * low, high - low)
    apart = np.full(n - 2, low)
    apart[: int(at_high)] = high
    apart[int(at_high) : int(at_high) + 1] += part
    return float(np.std([low, high, *equal])), float(np.std([low, high, *apart], ddof=1))
