"""Tables ready to be shown, of models, controls and people, and the lists to take away from a report."""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ddd_utils.analysis import consistency, difficulty, dynamics, humans, score_models
from ddd_utils.analysis.examples import decisive_images, difficulty_table
from ddd_utils.analysis.statistics import wilson
from ddd_utils.charts.names_and_colours import condition_name, network_names
from ddd_utils.config import params
from ddd_utils.config.schema import ModelSet, PretrainedSet, Published, Variants
from ddd_utils.errors import InputError
from ddd_utils.files import write_csv, write_text
from ddd_utils.paths import NOTEBOOKS
from ddd_utils.report import runs_for_page
from ddd_utils.report.claims import paper_shares
from ddd_utils.report.markup import ABSENT
from ddd_utils.report.network_sets import NetworkSet, variants
from ddd_utils.report.text import (
    Prose,
    class_choices,
    described,
    estimated,
    literal,
    p_value,
    percent,
    readable,
    with_interval,
    written,
)
from ddd_utils.responses import Responses

DESCRIBED: dict[Any, list[str]] = {
    ModelSet: ["architecture", "parameters", "optimizer", "learning_rate", "seconds"],
    Variants: ["architecture", "parameters", "optimizer", "learning_rate", "batch_size", "seconds"],
    PretrainedSet: ["parameters", "source"],
    Published: ["family", "recipe", "pretraining", "source"],
}
UNKNOWN = "unknown"
FORMS = {"parameters": "{:,.0f}".format, "seconds": "{:,.0f}".format, "learning_rate": "{:g}".format}
LISTED = 50  # images that could not be read
CONTINUED = {"plus_1_epoch": "kappa, plus 1 epoch", "plus_10_epochs": "kappa, plus 10 epochs"}
QUESTIONS = {
    "categories": "categories in the image",
    "main": "is there a main one? (0 no, 2 yes)",
    "odd": "is it odd? (0 no, 2 very)",
}
DIFFICULTY, DECISIVE = "difficulty.csv", "decisive_images.txt"


# The models.


def models(answers: Responses) -> list[pd.DataFrame]:
    """
    Describe the models of a set: what they are and how often each is right, the most accurate first.

    The 95% interval is for a new draw of images (Wilson). Of pretrained models further tables tell how images reach
    them, where their weights are from, and what zero-shot ones were asked; of published answers, which models lack.
    """
    found = [_accuracies(answers)]
    if missing := answers.info.get("not_at_hand"):
        found.append(pd.DataFrame({"published, but not at hand": missing}))
    return found + _pretrained(answers.networks) if isinstance(answers.config, PretrainedSet) else found


def _pretrained(networks: pd.DataFrame) -> list[pd.DataFrame]:
    """Tell in few columns, for narrow screens, how images reach models, what these are, and what they were asked."""
    columns = [*dict.fromkeys([*networks, "mean", "sd", "activation", "prompts"])]  # older results lack the last
    known = networks.assign(network=network_names(networks)).reindex(columns=columns)[networks["weights"].notna()]
    named, asked = known[["network"]], known[["network", "prompts"]].dropna()
    channels = ", mean " + known["mean"].map(_channels) + ", sd " + known["sd"].map(_channels)
    # How they are cropped and interpolated is kept as one: "center 0.875, bicubic".
    images = known["input_size"].map("{:.0f} px, ".format) + known["crop"] + channels
    prepared = {
        "size, crop, interpolation, mean and sd": images,
        "activation": known["activation"].astype(object).fillna(UNKNOWN),
    }
    speed = known["images_per_second"].map("{:,.1f} images/s, ".format) + known["precision"]
    made = {"architecture and weights": known["architecture"] + "; " + known["weights"], "speed": speed}
    return [named.assign(**prepared), named.assign(**made), *([asked] if len(asked) else [])]


def _channels(values: Any) -> str:
    """Write the values for red, green and blue, or the one that they share."""
    if not isinstance(values, Sequence | np.ndarray):
        return UNKNOWN
    return ", ".join(f"{value:.3g}" for value in (values if len(set(values)) > 1 else values[:1]))


def _accuracies(answers: Responses) -> pd.DataFrame:
    networks, correct = answers.networks, answers.correct()
    choices = class_choices(answers.info)
    right = {f"right {words}": networks[f"right_{among}"].to_numpy() for among, words in choices.items()}
    table, images = pd.DataFrame({"network": network_names(networks)}, index=networks.index), correct.shape[1]
    for title, count in (right or {"accuracy": correct.sum(axis=1)}).items():
        lower, upper = wilson(count, images)
        table = table.assign(**{title: count / images, f"{title}_lower": lower, f"{title}_upper": upper})
    if isinstance(answers.config, PretrainedSet):
        table["top-1 as published"] = _published_accuracy(networks)
    known = [column for column in DESCRIBED.get(type(answers.config), []) if column in networks]
    table = table.join(_written(networks, known))
    table = table.iloc[np.argsort(-correct.sum(axis=1), kind="stable")].reset_index(drop=True)
    return readable(table, ".1%" if isinstance(answers.config, PretrainedSet) else ".3f")


def _published_accuracy(networks: pd.DataFrame) -> list[str]:
    """Write the accuracy on ImageNet that is published for weights, and whether images are prepared as for it."""
    known = networks.reindex(columns=["expected_top1", "own_transform"])
    other = known["own_transform"].map({True: "", False: " (other input)"})
    told = (known["expected_top1"].map("{:.1%}".format) + other).fillna(UNKNOWN)
    return told.where(networks["weights"].notna(), ABSENT).tolist()  # published answers are as they were published


def _written(networks: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Write what is hard to read otherwise as text; the rest stays as it is."""
    known = FORMS.keys() & set(columns)
    texts = {name: networks[name].map(FORMS[name], na_action="ignore").fillna(ABSENT) for name in known}
    return networks[columns].assign(**texts)


def unreadable(answers: Responses) -> list[Prose | pd.DataFrame]:
    """Say what else is known of the images, and list the first that could not be read; nothing where all is well."""
    notes = [Prose(f"{literal(note)}.") for note in answers.info.get("notes", {})]
    images = pd.DataFrame(answers.info.get("skipped", []), columns=["image", "reason"])
    said = f"; the first {LISTED} are listed" if len(images) > LISTED else ""
    heading = Prose(f"Left out, because they could not be read as images: **{len(images):,}**{said}.")
    return [*notes, heading, images.head(LISTED)] if len(images) else [*notes]


def by_corruption(table: pd.DataFrame) -> pd.DataFrame:
    """Show the accuracy of each model under each corruption (`difficulty.accuracy_by`), a column a severity."""
    limits = table[["accuracy", "lower", "upper"]].to_numpy()
    cells = table.assign(severity=table["severity"].map("severity {}".format))
    cells["accuracy"] = [with_interval(*each, ".1%") for each in limits]
    shown = cells.pivot(index=["corruption", "network"], columns="severity", values="accuracy").fillna(ABSENT)
    shown = shown.rename_axis(columns=None).reset_index()
    return shown.assign(
        corruption=shown["corruption"].str.replace("_", " "), network=shown["network"].map(condition_name)
    )


def model_shares(sets: Mapping[str, np.ndarray], tolerances: Iterable[int]) -> pd.DataFrame:
    """Show the shares of trivial, in-between and impossible images, and those that the paper prints."""
    table = difficulty.shares_table(sets, tolerances).drop(columns="distinct")
    papers = {"networks": "the paper's eleven, printed", "M": 11, "tolerance": 1}
    table.loc[len(table)] = papers | paper_shares("sota_")
    return readable(table, ".1%").rename(columns={"networks": "models"})


def score_fits(correct: np.ndarray, tolerance: int) -> pd.DataFrame:
    """Show the models of the scores beside what was observed (`score_models.compare_models`), a column each."""
    networks = len(correct)
    counts = score_models.score_counts(difficulty.scores(correct), networks)
    table = score_models.compare_models(counts, difficulty.fitting_tolerance(tolerance, networks))
    table["misplaced"] = table["misplaced"].map("{:.1%}".format, na_action="ignore")
    return readable(table).T.replace("", "–").fillna("–")


def by_choice(answers: Responses, others: Mapping[str, Responses], tolerance: int) -> list[Prose | pd.DataFrame]:
    """Show what it matters which classes pretrained models choose from; nothing where it does not."""
    each = {words: others[among].correct() for among, words in class_choices(answers.info).items()}
    if len({correct.tobytes() for correct in each.values()}) < 2:
        return []
    table = difficulty.shares_table(each, [tolerance]).drop(columns=["M", "distinct", "tolerance"])
    kappas = [consistency.mean_kappa(correct, answers.labels) for correct in each.values()]
    shown = readable(table.rename(columns={"networks": "answers"}), ".1%")
    heading = Prose(f"What it matters which classes the models choose from (tolerance {tolerance}):")
    return [heading, shown.assign(**{"mean kappa": [estimated(kappa) or "undefined" for kappa in kappas]})]


# The controls.


def experiments(sets: Iterable[NetworkSet]) -> pd.DataFrame:
    """Describe sets of training variants: their images, base network, networks and mean accuracy, one row a set."""
    rows = [
        {
            "images": each.title,
            "data set": each.dataset,
            "classes": len(each.answers.class_names),
            "test images": each.correct.shape[1],
            "base": described(variants(each.answers).base),
            "epochs": variants(each.answers).epochs,
            "networks": len(each.correct),
            "mean accuracy": percent(each.correct.mean()),
        }
        for each in sets
    ]
    return pd.DataFrame(rows)


def class_ends(classes: pd.DataFrame, most: int = 10) -> pd.DataFrame:
    """Set the easiest classes beside the hardest (`difficulty.class_accuracy`), at most half of all of either."""
    ranked = classes.sort_values("accuracy", ascending=False, kind="stable")
    count = min(most, len(ranked) // 2)
    texts = (ranked["name"].astype(str) + ranked["accuracy"].map(" ({:.0%})".format)).tolist()
    return pd.DataFrame({"rank": range(1, count + 1), "easiest": texts[:count], "hardest": texts[: -count - 1 : -1]})


def both_ways(answers: Responses, running: Responses) -> dict[str, Responses]:
    """Name the two ways to evaluate the same networks: BatchNorm recalibrated, or the averages gathered in training."""
    images = variants(answers).bn_recalibration
    return {f"recalibrated on {images:,} training images": answers, "running averages (as published)": running}


def batch_statistics(ways: Mapping[str, Responses], dataset: str) -> pd.DataFrame:
    """Show what the way to evaluate (`both_ways`) changes for the base network and its continuations, one row a way."""
    rows = [{"data set": dataset, "statistics": way, **_evaluated(each)} for way, each in ways.items()]
    return pd.DataFrame(rows)


def _evaluated(answers: Responses) -> dict[str, float | str]:
    conditions = answers.networks["condition"].tolist()
    rows = [conditions.index(condition) for condition in ("base", *CONTINUED)]
    correct, changes = answers.correct()[rows], dynamics.swaps(answers.predictions[rows[:1]], answers.labels)
    last = f"{changes['changed'].iloc[-1]:.1%}"
    kappas = (consistency.interval(correct, [(0, at)], labels=answers.labels) for at in range(1, len(rows)))
    row = {"accuracy of the base": correct[0].mean(), "decisions changed, last epoch": last}
    return row | dict(zip(CONTINUED.values(), map(estimated, kappas), strict=True))


# People.


def question_tests(answers: pd.DataFrame) -> pd.DataFrame:
    """Show for each question whether the difficulties differ (Kruskal and Wallis), and how far observers agree."""
    both = humans.kruskal_wallis(answers).merge(humans.agreement(answers))
    shown = {"question": both["question"].map(QUESTIONS), "Kruskal-Wallis H": both["statistic"]}
    shown |= {"p-value": both["p_value"].map(p_value), "Holm": both["adjusted"].map(p_value)}
    limits = [f"{low:.2f} to {high:.2f}" for low, high in both[["lower", "upper"]].to_numpy()]
    return pd.DataFrame({**shown, "agreement (alpha)": both["alpha"], "95% interval": limits})


# To take away.


def take_away(preset: str | Path, answers: Responses, tolerance: int, alpha: float, beta: float) -> Prose:
    """
    Write the difficulty of each image and the list of the decisive ones beside the report, and link them.

    ``alpha`` and ``beta`` are those of the Beta distribution of difficulty (`score_models.fit_beta_binomial`).
    """
    correct, classes = answers.correct(), answers.info.get("classes")
    labels = answers.labels if answers.info.get("labels_known", True) else None
    table = difficulty_table(answers.image_ids, labels, correct, tolerance, alpha, beta, classes)
    decisive = decisive_images(correct, answers.image_ids, tolerance=tolerance)
    folder = params.load(preset).folder
    write_difficulty(folder, table, decisive)
    lies = "" if runs_for_page() else f"{Path(os.path.relpath(folder, NOTEBOOKS)).as_posix()}/"
    return Prose(
        f"- [{DIFFICULTY}]({lies}{DIFFICULTY}): {len(table):,} images with label, score, class at tolerance "
        f"{tolerance} and posterior mean difficulty (the probability that one more such model is wrong)\n"
        f"- [{DECISIVE}]({lies}{DECISIVE}): the {len(decisive):,} most decisive images, one name a line"
    )


def write_difficulty(folder: str | Path, table: pd.DataFrame, decisive: list[str]) -> tuple[Path, Path]:
    """Write the two files of `take_away` into a folder, each whole or not at all; no name may have a line break."""
    if broken := [name for name in decisive if {"\n", "\r"} & set(name)]:
        raise InputError(f"image {broken[0]!r}: its name has a line break and cannot stand in {DECISIVE}")
    paths = Path(folder) / DIFFICULTY, Path(folder) / DECISIVE
    write_csv(paths[0], table)
    write_text(paths[1], "".join(f"{name}\n" for name in decisive))
    return paths


def in_percent(table: pd.DataFrame, columns: Sequence[str], form: str = ".1%") -> pd.DataFrame:
    """Write the shares in some columns as percentages, or numbers in another form."""
    return table.assign(**{column: table[column].map(partial(written, form=form)) for column in columns})
