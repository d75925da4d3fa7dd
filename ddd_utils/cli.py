"""The command line: see `ddd --help`."""

import argparse
import json
import logging
import os
import shlex
import sys
import tempfile
import textwrap
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddd_utils import interrupts, logs, machine, paths
from ddd_utils.config import params
from ddd_utils.config.schema import TAKEN
from ddd_utils.errors import ExperimentError, InputError, missing_extra, nearest, one_line
from ddd_utils.experiments import costs, launch, sources
from ddd_utils.experiments.launch import grouped
from ddd_utils.files import TornFile, safe_name, write_text
from ddd_utils.responses import Source

if TYPE_CHECKING:
    from ddd_utils.report.page import Rendered
    from ddd_utils.report.run import Outcome

log = logging.getLogger(__name__)

EXIT_FAILED, EXIT_INPUT = 1, 2
DESCRIPTION = "Which images make image classifiers decide differently? `ddd COMMAND --help` tells more of a command."
FACTS = Path(__file__).parent / "report" / "facts.yaml"
CLONE = "clone the project and run it there"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 when a section failed, or 2 for bad input (one line on standard error)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    logs.install()
    try:
        _check_checkout(options)
        return options.command(options)
    except InputError as error:
        return _stop(f"error: {error}", EXIT_INPUT)
    except ModuleNotFoundError as error:
        return _stop(f"error: {missing_extra(error) or f'{error}; {_kept()}'}", EXIT_INPUT)
    except OSError as error:
        if error.filename is None:
            full = machine.SHM_FULL if machine.shm_is_full(error) else f"{error.strerror or error}; {_kept()}"
            return _stop(f"error: {full}", EXIT_INPUT)
        return _stop(f"error: {error.filename}: {error.strerror or error}", EXIT_INPUT)
    except KeyboardInterrupt:
        return interrupts.tell()
    except Exception as error:
        line = " ".join(f"{type(error).__name__}: {error}".split())
        return _stop(f"error: {line:.300}; this should not happen, {_kept()}", EXIT_FAILED)


def _kept() -> str:
    """Keep the traceback in a log file, and say where."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in (paths.build() / "errors", Path(tempfile.gettempdir())):
        with suppress(OSError):
            write_text(folder / name, f"ddd {shlex.join(sys.argv[1:])}\n{traceback.format_exc()}")
            return f"its traceback is in {folder / name}"
    return "and no log of it could be written"


def _stop(line: str, status: int) -> int:
    print(one_line(line), file=sys.stderr)
    return status


def _check_checkout(options: argparse.Namespace) -> None:
    """Say in one line what an installation outside a checkout cannot do: notebooks and presets are not installed."""
    if paths.in_checkout():
        return
    if options.command is _report:
        raise InputError(f"`report` runs the notebooks of a checkout, and {paths.ROOT} is not in one: {CLONE}")
    name = getattr(options, "preset", "")
    if name and not Path(name).exists():
        raise InputError(f"there is no file '{name}', and presets by name are in a checkout's params/: {CLONE}")


def _listed(title: str, names: Iterable[str]) -> str:
    return textwrap.fill(f"{title}: {', '.join(names)}", 78, subsequent_indent="  ")


def _examples(*lines: str, sections: bool = True) -> dict[str, Any]:
    """Return what every sub-command's help ends with: the presets, the sections and an example."""
    known = [_listed("presets", sorted(path.stem for path in paths.PARAMS.glob("*.yaml")) or ["(only in a checkout)"])]
    known += [_listed("sections", params.SECTIONS)] if sections else []
    shown = ["example:" if len(lines) == 1 else "examples:", *(f"  ddd {line}" for line in lines)]
    return {"epilog": "\n".join([*known, *shown]), "formatter_class": argparse.RawDescriptionHelpFormatter}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ddd", description=DESCRIPTION, **_examples("report quick", "report --help", sections=False)
    )
    parser.add_argument(
        "--version", action="version", version=f"ddd_utils {machine.versions(['ddd_utils']).get('ddd_utils')}"
    )
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="command")

    def command(
        name: str, does: Callable[[argparse.Namespace], int], text: str, *examples: str
    ) -> argparse.ArgumentParser:
        described = f"{text[0].upper()}{text[1:]}."
        added = commands.add_parser(name, help=text, description=described, **_examples(*examples))
        added.set_defaults(command=does)
        return added

    _add_commands_on_presets(command)
    _add_experiment(command)
    _add_plan_kappa(command)
    sides = "make the page on which two reports stand side by side"
    both = command("compare", _compare, sides, "compare quick published")
    both.add_argument("first", help="the folder of a report, or its preset's name or YAML file")
    both.add_argument("second", help="another; differences are its figures minus those of the first")
    both.add_argument("--out", type=Path, metavar="FILE", help="where the page goes (build/compare/FIRST-SECOND.html)")
    text = "work out anew, from published answers, the figures of ImageNet that every report opens with"
    figures = command("facts", _facts, text, "facts --out /tmp/facts.yaml --subsets 20")
    figures.add_argument("--out", type=Path, default=FACTS, metavar="FILE", help="where they go (the package's)")
    asked = "names, sources or families of published models (those of the package's facts)"
    figures.add_argument("--models", nargs="+", metavar="MODEL", help=asked)
    figures.add_argument("--subsets", type=int, default=1000, help="subsets of models of each size (1000)")
    figures.add_argument("--seed", type=int, default=0, help="of the subsets (0)")
    return parser


def _add_commands_on_presets(command: Callable[..., argparse.ArgumentParser]) -> None:
    reports = (
        "report quick",
        "report quick --sections training_variants summary --set training_variants.tolerance=1",
        "report published --sections sota_comparison --set sota_comparison.responses=my_models.csv",
    )
    told = "tell what is trained, running, diverged and missing, and the time left"
    report = command("report", _report, "compute what is missing, run the notebooks, build the page", *reports)
    train = command("train", _train, "train what is missing, and nothing else", "train quick")
    status = command("status", _status, told, "status quick")
    hours = "estimate hours, disk and energy from a short calibration here"
    plan = command("plan", _plan, hours, "plan paper --watts 300")
    for added in (report, train, status, plan):
        added.add_argument("preset", help="a preset's name or YAML file")
        added.add_argument("--sections", nargs="+", metavar="SECTION", help="only these (all by default)")
        added.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a value (YAML)")
    beside = "the folder in build/ (the preset's name; with --set, and a digest of the parameters)"
    report.add_argument("--out", metavar="NAME", help=beside)
    train.add_argument("--launcher", choices=("local", "slurm"), default="local", help="processes here, or SLURM jobs")
    train.add_argument("--wait", action="store_true", help="with slurm: wait until the jobs have ended")
    plan.add_argument("--watts", type=float, help="power of one device (its limit if known, or the paper's)")
    grams = "grams of CO2 for a kilowatt-hour (the paper's by default)"
    plan.add_argument("--gco2", type=float, default=costs.PAPER_GRAMS, help=grams)
    plan.add_argument("--seconds", type=float, default=40, help="how long to calibrate, about (40)")
    plan.add_argument("--json", action="store_true", help="print JSON")


def _add_experiment(command: Callable[..., argparse.ArgumentParser]) -> None:
    study = command(
        "experiment",
        _experiment,
        "make the page on which people find the impossible images",
        "experiment quick --trials 30 --seed 7 --out experiment.html",
    )
    study.add_argument("preset", help="a preset's name or YAML file, or the folder of its report")
    study.add_argument("--section", choices=params.WITH_IMAGES, help="whose images (the first of these that has some)")
    study.add_argument("--trials", type=int, default=149, help="pairs of images (149, as in the paper, and no more)")
    study.add_argument("--seed", type=int, default=0, help="of the pairs, their order and sides (0)")
    study.add_argument(
        "--feedback",
        choices=("immediate", "delayed", "none"),
        default="delayed",
        help="tell observers after each pair, at the end, or never whether they were right (delayed)",
    )
    study.add_argument("--out", default="experiment.html", metavar="FILE", help="where the page goes (experiment.html)")
    study.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a value (YAML)")


def _add_plan_kappa(command: Callable[..., argparse.ArgumentParser]) -> None:
    text = "tell how many images it takes to tell two kappas apart, or one from 0"
    images = command("plan-kappa", _plan_kappa, text, "plan-kappa --kappas 0.25 0.30 --accuracies 0.8 0.8 --power 0.8")
    images.add_argument("--kappas", nargs="+", type=float, required=True, metavar="KAPPA", help="one, or two")
    accuracies = "of all deciders, of each pair's two, or of every decider (0.8)"
    images.add_argument("--accuracies", nargs="+", type=float, default=[0.8], metavar="SHARE", help=accuracies)
    images.add_argument("--power", type=float, default=0.8, help="probability of a significant result (0.8)")
    images.add_argument("--level", type=float, default=0.05, help="of the two-sided test (0.05)")
    measured = "independent (the default), 'same images', or 'shared model': the same and with one model in both pairs"
    images.add_argument("--design", default="independent", help=f"how two kappas are measured: {measured}")


def _train(options: argparse.Namespace) -> int:
    preset, chosen = _asked(options)
    _check_writable(preset.folder)
    here = options.launcher == "local"
    failed = _compute(sources.needed(preset, chosen)) if here else _submit(preset, chosen, options.wait)
    return EXIT_FAILED if failed else 0


def _submit(preset: params.Preset, sections: Sequence[str], wait: bool) -> list[str]:
    """Hand what is missing to SLURM, one job a group; a second command joins the jobs of the first."""
    from ddd_utils.experiments import cluster

    titled = sources.computed(preset, sections)
    titles, experiments = [title for title, _ in titled], [each for _, each in titled]
    folder = paths.results() / "slurm" / preset.name
    jobs = cluster.unfinished(folder)
    if jobs:
        log.info("%d jobs of an earlier command are still queued or running: nothing is submitted", len(jobs))
    else:
        sources.check(experiments)
        groups = grouped(launch.missing(experiments, titles), 1)
        jobs = cluster.submit([partial(sources.compute_group, group) for group in groups], preset.cluster, folder)
    failures = cluster.wait(jobs) if wait else []
    launch.finish(experiments)
    for line in failures:
        log.info("error: %s", line)
    return failures


def _status(options: argparse.Namespace) -> int:
    preset, chosen = _asked(options)
    evaluations = sources.evaluations(preset, chosen)
    for section, evaluation in evaluations:
        print(launch.evaluation_status(section, evaluation))
    if (trained := sources.trained(preset, chosen)) or not evaluations:
        for line in launch.status_lines(trained, len(machine.devices())):
            print(line)
    return 0


def _plan(options: argparse.Namespace) -> int:
    from ddd_utils.experiments import calibration

    preset, chosen = _asked(options)
    plan = calibration.estimate(preset, chosen, options.watts, options.gco2, options.seconds)
    print(json.dumps(plan.as_dict(), indent=1) if options.json else costs.text(plan))
    return 0


def _plan_kappa(options: argparse.Namespace) -> int:
    from ddd_utils.analysis.planning import plan_kappa

    images = plan_kappa(options.kappas, options.accuracies, options.power, options.level, options.design)
    what = "for each kappa" if len(options.kappas) > 1 else "to tell kappa from 0"
    print(f"{images:,} images, or trials of each person, {what}")
    return 0


def _experiment(options: argparse.Namespace) -> int:
    # The page's libraries take seconds to load; a mistyped option is told before.
    from ddd_utils import commands

    drawn = options.trials, options.seed, options.feedback
    log.info("%s", commands.experiment(options.preset, options.section, *drawn, Path(options.out), options.set))
    print(options.out)
    return 0


def _compare(options: argparse.Namespace) -> int:
    from ddd_utils import commands

    print(commands.compare(options.first, options.second, options.out))
    return 0


def _facts(options: argparse.Namespace) -> int:
    from ddd_utils import commands

    commands.write_facts(options.out, options.subsets, options.seed, options.models)
    print(options.out)
    return 0


def _report(options: argparse.Namespace) -> int:
    started = time.monotonic()
    before = params.load(options.preset)
    named = _beside(params.load(options.preset, options.set), before, options.out)
    chosen = _chosen(named, options.sections)
    _check_writable(named.folder)
    preset = sources.with_images(named, chosen)
    failed = _compute(sources.needed(preset, chosen))
    from ddd_utils.report import citation, run  # a second to load; a mistake in the preset is told before

    params.write(preset)
    outcomes = run.failed(preset, failed)  # first, as the summary reads what all sections have recorded
    executed, early = _outcomes(preset, [section for section in chosen if section not in failed])
    outcomes |= executed
    needed = sources.needed(preset, list(outcomes))
    facts = {section: sources.provenance_of(each for each, of in needed if of == section) for section in outcomes}
    # Sections that were kept are on the page too, which the same command without `--sections` makes.
    asked = options.sections if set(outcomes) == set(chosen) else None
    path = _page().build(preset, outcomes, facts, citation.command(before.name, asked, options.set, options.out), early)
    broken = sorted(section for section, outcome in outcomes.items() if outcome.error)
    log.info("%d sections in %.0f s", len(chosen), time.monotonic() - started)
    if broken:
        log.info("failed: %s (see the report)", ", ".join(broken))
    print(path)
    return EXIT_FAILED if broken else 0


def _asked(options: argparse.Namespace) -> tuple[params.Preset, list[str]]:
    """Read the preset and choose its sections; the images that they need are at hand, or others stand in."""
    preset = params.load(options.preset, options.set)
    chosen = _chosen(preset, options.sections)
    return sources.with_images(preset, chosen), chosen


def _beside(preset: params.Preset, before: params.Preset, out: str | None) -> params.Preset:
    """Keep a preset that was changed out of the folder of the report that it was changed from."""
    if out is None:
        return params.beside(preset, before)
    if out != safe_name(out, len(out)) or out.casefold() in TAKEN:
        named = "named with letters, digits, hyphens, underscores"
        raise InputError(f"--out {out}: a folder of its own in {paths.build()}, {named}")
    if (paths.PARAMS / f"{out}.yaml").exists() and params.digest(params.load(out)) != params.digest(preset):
        raise InputError(f"--out {out}: the report of the preset '{out}' has other parameters; choose another name")
    return preset.model_copy(update={"name": out})


def _outcomes(preset: params.Preset, chosen: Sequence[str]) -> tuple[dict[str, "Outcome"], dict[str, "Rendered"]]:
    """
    Execute sections; keep the others of an earlier run with the same parameters, and renew its summary if needed.

    Those that were kept are rendered meanwhile, for the page that is to be expected.
    """
    from ddd_utils.report import claims, run

    found, before = params.digests(preset), claims.recorded(preset.name)
    others = [section for section in preset.sections if section not in chosen]
    kept, early = run.kept(preset, others, found), {}

    def meanwhile() -> None:
        shown = [section for section in preset.sections if section in chosen or section in kept]
        early.update(_page().rendered(preset, {name: each for name, each in kept.items() if name != run.LAST}, shown))

    outcomes = run.execute(preset, chosen, found, meanwhile)
    outdated = run.LAST not in kept or claims.recorded(preset.name) != before
    if run.LAST in others and run.notebook(preset.folder, run.LAST).exists() and outdated:
        kept |= run.execute(preset, [run.LAST], found)
    return outcomes | kept, early


def _page() -> Any:
    """Load what makes the page; it takes a second, which nobody waits for while the notebooks run."""
    from ddd_utils.report import page

    return page


def _chosen(preset: params.Preset, sections: Sequence[str] | None) -> list[str]:
    for section in sections or ():
        if section not in preset.sections:
            raise InputError(
                f"preset '{preset.name}' has no section '{section}'{nearest(section, preset.sections)}; "
                f"it has {', '.join(preset.sections)}"
            )
    return [section for section in preset.sections if not sections or section in sections]


def _check_writable(folder: Path) -> None:
    """Find out before hours of training that results cannot be written."""
    for each in (paths.results(), folder):
        each.mkdir(parents=True, exist_ok=True)
        if not os.access(each, os.W_OK):
            raise InputError(f"{each}: no permission to write there")


def _compute(needed: Sequence[tuple[Source, str]]) -> dict[str, str]:
    """Compute what sections need, and tell what is unlikely in it; return the sections that failed, and why."""
    failed = _computed(needed)
    from ddd_utils.report import doubts  # takes a second to load; a mistake in the preset is told before

    doubts.log_doubts()
    for each in {source.folder: source for source, _ in needed if source.complete()}.values():
        with suppress(InputError, TornFile):  # its notebook tells
            each.load()
    return failed


def _computed(needed: Sequence[tuple[Source, str]]) -> dict[str, str]:
    missing = [(source, section) for source, section in needed if not source.complete()]
    sources.check([source for source, _ in missing])
    try:
        sources.compute([source for source, _ in missing], [section for _, section in missing])
    except ExperimentError as error:
        log.info("error: %s", error)
        return {section: str(error) for source, section in missing if not source.complete()}
    return {}
