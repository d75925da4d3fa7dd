"""The commands `experiment`, `compare` and `facts`: two kinds of pages, and the figures every report opens with."""

import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ddd_utils import experiments, paths
from ddd_utils.analysis import difficulty, examples, facts, verdict, wrong_answers
from ddd_utils.config import params
from ddd_utils.data import class_spaces
from ddd_utils.data.downloads import registry
from ddd_utils.errors import InputError
from ddd_utils.experiments import people, published, sources
from ddd_utils.files import safe_name, sha256, write_text
from ddd_utils.report import comparison, game, page, run
from ddd_utils.report import facts as imagenet
from ddd_utils.report.comparability import ELEVEN
from ddd_utils.responses import Responses

SIDE = 224  # px, as in the paper
REAL = "imagenet_real_labels.json"  # timm's name for the labels of Beyer et al. (2020)
TOLERANCES = (0, 1)  # the paper's: in its section 3.1, and for the eleven models


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
    preset = sources.with_images(preset, [each for each in params.WITH_IMAGES if each in preset.sections])
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


def write_facts(path: Path, subsets: int, seed: int, wanted: Sequence[str] | None = None) -> None:
    """Work out the facts of ImageNet from published answers, fetched where they are not at hand, and write them."""
    chosen = wanted or imagenet.facts().published.names  # the set that readers know; `published` has more models by now
    answers = experiments.responses({"responses": {"published": "imagenet", "models": chosen, "top": 1}})
    models = answers.networks["network"].tolist()
    if len(models) < ELEVEN:
        raise InputError(f"these facts take at least {ELEVEN} models, as many as the paper has; here are {len(models)}")
    known = experiments.imagenet_facts(answers)
    if known.accepted is None or known.eleven is None or known.wrong_label is None:
        raise InputError(
            "these facts take the labels of ReaL (pip install '.[models]') and the authors' files, see above"
        )
    labels = {
        "accepted": np.array([label in fit for label, fit in zip(answers.labels, known.accepted, strict=True)]),
        "unquestioned": ~known.wrong_label,
    }
    correct = answers.correct()
    ours = _facts_of(f"{len(models)} published models", correct, labels)
    ours |= {"names": models, "clauses": _clauses(correct, labels["accepted"], named=True)}
    eleven = _facts_of("the paper's eleven models", known.eleven, labels)
    eleven |= {"clauses": _clauses(known.eleven, labels["accepted"], named=False)}
    sizes = facts.agreement_by_size(correct, TOLERANCES, subsets, seed=seed)
    ours["sizes"] = sizes.astype(object).where(sizes.notna(), None).to_dict("records")
    drawn = {"seed": seed, "subsets": subsets, "fitted": min(facts.FITTED, subsets)}
    about = {"eleven": eleven, "published": ours, "labels": _labels(answers, known.accepted, labels)}
    imagenet.write({**drawn, "sources": _origins(answers), **about}, path)


def _facts_of(title: str, correct: np.ndarray, labels: Mapping[str, np.ndarray]) -> dict[str, Any]:
    kinds, networks = difficulty.classify(correct, 0), len(correct)
    rates = wrong_answers.error_rates(~labels["unquestioned"], kinds, difficulty.DIFFICULTIES, "difficulty")
    return {
        "title": title,
        "models": networks,
        "scores": facts.facts_among(correct.sum(axis=0), networks, TOLERANCES, labels),
        "label_error_rates": rates.set_index("difficulty")["rate"].to_dict(),
    }


def _clauses(correct: np.ndarray, accepted: np.ndarray, named: bool) -> dict[str, dict[str, Any]]:
    """Judge the clauses of the verdict; of models without a name only the scores are known, not who is right."""
    counts = np.bincount(correct.sum(axis=0), minlength=len(correct) + 1)
    found = [
        verdict.dichotomous(correct if named else counts),
        verdict.falls_in_between(counts, TOLERANCES[-1]),
        verdict.beyond_label_errors(correct, accepted),
    ]
    if named:
        found += [verdict.fail_alike(correct), verdict.models_differ(correct, TOLERANCES[-1])]
    return {clause.name: clause.as_json() for clause in found}


def _labels(
    answers: Responses, real: Sequence[Sequence[int]], labels: Mapping[str, np.ndarray]
) -> dict[str, int | dict[Any, int]]:
    """Count labels that are wrong, and what becomes of impossible images when those of ReaL are accepted."""
    outcomes = wrong_answers.impossible_because_of_label(answers.predictions[:, -1], answers.labels, real)
    return {
        "errors": int((~labels["unquestioned"]).sum()),
        "not_accepted": int((~labels["accepted"]).sum()),
        "impossible_by_real": outcomes.set_index("outcome")["images"].to_dict(),
    }


def _origins(answers: Responses) -> list[dict[str, Any]]:
    """Tell where the figures come from: published files by the folder of the registry, and timm's list of ReaL."""
    predictions = answers.info["contents"]["files"]
    authors = {name: registry()[name].sha256 for name in (published.SCORES, people.LABEL_ERRORS)}
    lists = class_spaces.timm_lists()
    assert lists is not None, "without timm there are no labels of ReaL"
    real = lists / REAL
    groups = [(registry()[next(iter(files))].origin, files) for files in (predictions, authors)]
    groups.append(("Beyer et al. (2020), ReaL, as timm brings it along", {real.name: sha256(real)}))
    return [{"origin": origin, "files": files} for origin, files in groups]
