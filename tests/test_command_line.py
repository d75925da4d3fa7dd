"""The command line from outside: help, version, and what it says where there is no checkout."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from ddd_utils import cli, machine, paths
from ddd_utils.config import params

COMMANDS = ("report", "train", "status", "plan", "experiment", "compare", "facts")


def shown(capsys, *arguments):
    """Return what a call that ends the program prints to standard output, and its exit status."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return capsys.readouterr().out, ended.value.code


def test_a_bare_call_prints_the_help(capsys):
    assert cli.main([]) == 0
    printed = capsys.readouterr().out
    assert printed == shown(capsys, "--help")[0]
    assert all(f"\n    {command}" in printed for command in COMMANDS)


def test_the_version_is_that_of_the_package(capsys):
    assert shown(capsys, "--version") == (f"ddd_utils {machine.versions(['ddd_utils'])['ddd_utils']}\n", 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_names_presets_and_sections_and_gives_an_example(capsys, command):
    printed, status = shown(capsys, command, "--help")
    assert status == 0 and f"\n  ddd {command} " in printed
    listed = " ".join(printed.split())
    assert f"presets: {', '.join(sorted(path.stem for path in paths.PARAMS.glob('*.yaml')))}" in listed
    assert f"sections: {', '.join(params.SECTIONS)}" in listed


def examples():
    parser = cli._parser()
    return [
        line.split()[1:]
        for command in (parser, *parser._subparsers._group_actions[0].choices.values())
        for line in command.epilog.splitlines()
        if line.startswith("  ddd ") and "--help" not in line
    ]


@pytest.mark.parametrize("example", examples(), ids=" ".join)
def test_an_example_is_understood_and_names_a_preset_that_there_is(example):
    options = cli._parser().parse_args(example)
    named = {"compare": ["first", "second"], "facts": [], "plan-kappa": []}.get(example[0], ["preset"])
    for name in (getattr(options, each) for each in named):
        assert set(getattr(options, "sections", None) or []) <= set(params.load(name).sections)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Install the package into a folder and run its command line from outside any checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    copy = folder / "source"
    shutil.copytree(paths.ROOT / "ddd_utils", copy / "ddd_utils", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(paths.ROOT / name, copy / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*build, str(copy)], check=True, capture_output=True)
    shutil.rmtree(copy)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    (folder / "here").mkdir()

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder / "here",
            env={key: value for key, value in os.environ.items() if not key.startswith("DDD_")}
            | {"PYTHONPATH": str(folder / "site")},
            capture_output=True,
            text=True,
            check=False,
        )

    run.site, run.here = folder / "site", folder / "here"
    return run


def test_the_wheel_has_every_file_of_the_package(elsewhere):
    def files(folder):
        return {str(path.relative_to(folder)) for path in (folder / "ddd_utils").rglob("*") if path.is_file()} - {
            str(path.relative_to(folder)) for path in folder.rglob("__pycache__/*")
        }

    assert files(elsewhere.site) == files(paths.ROOT)
    assert "ddd_utils/py.typed" in files(elsewhere.site)


def test_the_wheel_has_the_console_script(elsewhere):
    (entry_points,) = elsewhere.site.glob("*.dist-info/entry_points.txt")
    assert entry_points.read_text().split("\n")[:2] == ["[console_scripts]", "ddd = ddd_utils.__main__:run"]


OUTSIDE = {
    "report quick": "error: `report` runs the notebooks of a checkout, and ",
    "train quick": "error: there is no file 'quick', and presets by name are in a checkout's params/: ",
    "experiment quick": "error: there is no file 'quick', and presets by name are in a checkout's params/: ",
    "compare quick smoke": "error: ",
}


def test_outside_a_checkout_one_line_says_what_is_missing(elsewhere):
    done = elsewhere("-c", f"from ddd_utils.cli import main\nfor each in {[*OUTSIDE]}: print(main(each.split()))")
    assert done.stdout == "2\n" * len(OUTSIDE)
    for line, message in zip(done.stderr.splitlines(), OUTSIDE.values(), strict=True):
        assert line.startswith(message)


def test_outside_a_checkout_help_and_version_work_and_nothing_is_made(elsewhere):
    assert "presets: (only in a checkout)" in elsewhere("-m", "ddd_utils", "report", "--help").stdout
    assert elsewhere("-m", "ddd_utils", "--version").returncode == 0
    assert list(elsewhere.here.iterdir()) == []
    assert not (elsewhere.site / "build").exists()


def test_a_plan_for_kappas_is_printed(capsys):
    assert cli.main(["plan-kappa", "--kappas", ".25", ".30", "--accuracies", ".8", ".8", "--power", ".8"]) == 0
    assert capsys.readouterr().out == "8,221 images, or trials of each person, for each kappa\n"
    assert cli.main(["plan-kappa", "--kappas", ".3"]) == 0
    assert capsys.readouterr().out.endswith("to tell kappa from 0\n")
    assert cli.main(["plan-kappa", "--kappas", ".9", "--accuracies", ".5", ".8"]) == cli.EXIT_INPUT
    assert capsys.readouterr().err.startswith("error: kappas: accuracies 0.5 and 0.8 allow")
