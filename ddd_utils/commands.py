"""The commands `experiment` and `compare`: a page from a preset's cached responses, and one from two reports."""

import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ddd_utils import experiments, paths
from ddd_utils.analysis import difficulty, examples
from ddd_utils.config import params
from ddd_utils.errors import InputError
from ddd_utils.experiments import sources, stand_ins
from ddd_utils.files import safe_name, write_text
from ddd_utils.report import comparison, game, page, run

SIDE = 224  # px, as in the paper


def compare(first: str, second: str, out: Path | None = None) -> Path:
    """Write the page of two reports, by default to ``build()/compare/<first>-<second>.html``."""
    both = comparison.read(first, second)  # what is wrong with them is told before a notebook starts
    reports = {"first": both.one, "second": both.other}
    stem = "-".join(safe_name(report.folder.resolve().name) for report in reports.values())
    target = out or paths.build() / "compare" / f"{stem}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        parameters = {which: str(report.folder.resolve()) for which, report in reports.items()}
        outcome = run.execute_one("compare", parameters, Path(folder))
        if outcome.error:
            raise InputError(f"{first} and {second} could not be compared: {outcome.error.splitlines()[0]}")
        return page.build_comparison(outcome, {which: report.name for which, report in reports.items()}, target)


def experiment(
    name: str, section: str | None, count: int, seed: int, feedback: str, out: Path, overrides: Sequence[str]
) -> str:
    """Write the page on which people judge a preset's images, and return a line that counts the different images."""
    if not 1 <= count <= game.most_trials():
        raise InputError(f"--trials {count}: from 1 to {game.most_trials()}")
    source = _preset_of(name)
    preset = params.load(source, overrides)
    preset = stand_ins.with_images(preset, [each for each in params.WITH_IMAGES if each in preset.sections])
    settings = [word for override in overrides for word in ("--set", override)]
    train = shlex.join(["python", "-m", "ddd_utils", "train", str(source), *settings])
    section, config = _with_images(preset, section, train)
    answers = experiments.responses(config)
    correct = answers.correct()
    if section == "training_variants":
        correct = correct[difficulty.one_per_condition(answers.networks)]
    tolerance = min(getattr(preset, section).tolerance, difficulty.largest_tolerance(len(correct)))
    draw = partial(examples.image_pairs, correct, tolerance, seed=seed, labels=answers.labels)
    try:
        trials, practice = draw(count), draw(game.PRACTICE, skip=count)
    except InputError as error:
        raise InputError(f"{section}: {error}") from None
    used = np.union1d(trials.images, practice.images)
    pictures = dict(zip(answers.image_ids[used], answers.thumbnails(used, SIDE), strict=True))
    named = [pairs.named(answers.image_ids) for pairs in (trials, practice)]
    about = answers.info["dataset"], len(correct), tolerance, feedback
    write_text(out, game.laboratory(game.study(named[0], pictures, *about, practice=named[1], side=SIDE)))
    return f"{section}: {_counted(trials)}"


def _counted(trials: examples.Pairs) -> str:
    """Count the different images: whoever sees one again need not look at it."""
    trivial, impossible = (len(np.unique(images)) for images in (trials.trivial, trials.impossible))
    often = np.unique_counts(trials.impossible).counts.max()
    again = f", each shown up to {often} times: fewer trials or a larger tolerance avoid that" if often > 1 else ""
    return f"{len(trials.trivial)} trials with {trivial} trivial and {impossible} impossible images{again}"


def _preset_of(name: str) -> str | Path:
    """Let the folder of a report stand for the preset that was resolved into it."""
    folder = Path(name)
    if not folder.is_dir():
        return name
    resolved = folder / f"{folder.resolve().name}.yaml"
    if not resolved.is_file():
        raise InputError(f"{name}: there is no {resolved.name} in this folder, so no report has been made in it")
    return resolved


def _with_images(preset: params.Preset, wanted: str | None, train: str) -> tuple[str, params.Config]:
    """Find the section whose images are shown, and where its responses lie."""
    sections = [each for each in params.WITH_IMAGES if each in preset.sections and wanted in (None, each)]
    if not sections:
        raise InputError(f"preset '{preset.name}' has no section '{wanted or ' or '.join(params.WITH_IMAGES)}'")
    for section in sections:
        config = params.experiments(preset, section)[0]
        source = sources.source(config)
        if source.images is None:
            continue
        if not source.complete():
            raise InputError(f"{section} is not computed yet: run `{train} --sections {section}`")
        return section, config
    raise InputError(f"{' and '.join(sections)}: these answers come without images, so there is nothing to show")
