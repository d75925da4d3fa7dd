"""The scaffolding: locks, what is declared, conda, Makefile, continuous integration, citation, notebooks as text."""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ddd_utils import errors, paths
from ddd_utils.config import params

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
MAKEFILE = (ROOT / "Makefile").read_text()
SOURCES = re.search(r"^SOURCES := (.*)$", MAKEFILE, flags=re.MULTILINE)[1]
RUNTIME_LOCK = (ROOT / "requirements.txt").read_text().splitlines()
LIGHT_LOCK = (ROOT / "requirements-light.txt").read_text().splitlines()
TEST_LOCK = (ROOT / "tests" / "requirements.txt").read_text().splitlines()
DOCUMENTS = [path.relative_to(ROOT) for path in (ROOT / "docs").glob("*.md")]
LOCKS = {"runtime": RUNTIME_LOCK, "light": LIGHT_LOCK, "test": TEST_LOCK}
# Not imported, and needed all the same: the kernel of the notebooks, what pandas reads .ods with, and `make lab`.
NOT_IMPORTED = {"python-calamine", "jupyterlab", "imagenet-x"}

# Stands for every Python that the Makefile calls: it writes down what it was asked, and does as much of it as matters.
PRETENDER = """\
import json, os, shutil, signal, sys
from pathlib import Path

arguments = sys.argv[2:]
with open("calls", "a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
if arguments[0] == "-c":
    sys.version_info = tuple(map(int, os.environ.get("PRETENDED_VERSION", "3.11").split(".")))
    exec(arguments[1])
elif arguments[1] == "venv":
    Path(arguments[-1], "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(sys.argv[1], Path(arguments[-1], "bin", "python"))
elif arguments[1] == "pip" and Path("kill").exists():
    os.kill(os.getppid(), signal.SIGKILL)
elif arguments[1] == "ddd_utils" and Path("fail").exists():
    sys.exit(1)
"""


def environment(**more):
    """Return the environment without what a `make test` around this run has put into it."""
    ours = ("MAKE", "MFLAGS", "PRESET", "SECTIONS", "SET", "DDD_DATA", "CONDA_PREFIX", "VENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | more


class Checkout:
    """A copy of the Makefile and the locks, with a pretended Python."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "tests").mkdir()
        for name in ("Makefile", "requirements.txt", "requirements-light.txt", "tests/requirements.txt"):
            shutil.copy(ROOT / name, folder / name)
        (folder / "pretender.py").write_text(PRETENDER)
        self.pretend(folder / "python")

    def pretend(self, python):
        """Put the pretended Python somewhere."""
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{self.folder}/pretender.py" "$0" "$@"\n')
        python.chmod(0o755)

    def make(self, *arguments, **variables):
        """Run make and return its result and the calls of Python that it made."""
        calls = self.folder / "calls"
        calls.unlink(missing_ok=True)
        result = subprocess.run(
            ["make", "PYTHON=./python", *arguments],
            cwd=self.folder,
            env=environment(**variables),
            capture_output=True,
            text=True,
        )
        return result, [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []


@pytest.fixture
def checkout(tmp_path):
    if shutil.which("make") is None:
        pytest.skip("needs make")
    return Checkout(tmp_path)


@pytest.fixture
def installed(checkout):
    assert checkout.make("test")[0].returncode == 0
    return checkout


def purposes(calls):
    """Name each call of Python by the module it runs, and each installation by what it installs."""
    return [call[-1] if call[1] == "pip" else call[1] for call in calls if call[0] == "-m"]


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_a_lock_is_exact_pins_and_nothing_else(lock):
    pins = [Requirement(line) for line in lock]
    assert pins and [pin for pin in pins if not re.fullmatch("==[0-9][0-9a-z.]*", str(pin.specifier))] == []
    assert [line for line in lock if "/" in line or line.startswith("-")] == []


def test_the_test_lock_is_the_runtime_lock_and_more():
    assert set(RUNTIME_LOCK) < set(TEST_LOCK)
    runtime, test = ({line.split("==")[0] for line in lock} for lock in (RUNTIME_LOCK, TEST_LOCK))
    added = {line.split("==")[0] for line in set(TEST_LOCK) - set(RUNTIME_LOCK)}
    assert added == test - runtime, "a package is pinned twice, differently"


def test_the_light_lock_is_part_of_the_runtime_lock_and_has_nothing_heavy():
    runtime, light = ({line.partition(" ;")[0] for line in lock} for lock in (RUNTIME_LOCK, LIGHT_LOCK))
    assert light < runtime
    heavy = {"torch", "torchvision", "timm", "scikit-learn", "jupyterlab", "triton", "submitit"}
    assert not heavy & {pin.partition("==")[0] for pin in light}


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        (RUNTIME_LOCK, [*PROJECT["dependencies"], *EXTRAS["models"], *EXTRAS["lab"]]),
        (TEST_LOCK, EXTRAS["test"]),
        (LIGHT_LOCK, [*PROJECT["dependencies"], *PYPROJECT["dependency-groups"]["build"]]),
    ],
    ids=["runtime", "test", "light"],
)
def test_a_lock_holds_what_the_project_asks_for(lock, wanted):
    pins = {}
    for line in lock:
        pin = Requirement(line)
        pins.setdefault(pin.name, []).append(next(iter(pin.specifier)).version)
    for requirement in map(Requirement, wanted):
        versions = pins.get(requirement.name, [])
        assert versions and all(requirement.specifier.contains(version) for version in versions), requirement


def declared(*groups):
    """Name the distributions that lists of requirements ask for."""
    return {canonicalize_name(Requirement(line).name) for group in groups for line in group}


def imported(*folders):
    """Map the distributions that Python files import, also inside functions, to one of the files."""
    distributions = importlib.metadata.packages_distributions()
    found = {}
    for path in (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            for module in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"ddd_utils"}:
                for name in distributions.get(module, [module]):
                    found.setdefault(canonicalize_name(name), path.relative_to(ROOT))
    return found


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    wanted = declared(PROJECT["dependencies"], *(EXTRAS[extra] for extra in EXTRAS if extra != "test"))
    used = imported("ddd_utils", "notebooks")
    assert {name: str(path) for name, path in used.items() if name not in wanted} == {}
    assert wanted - set(used) == NOT_IMPORTED


@pytest.mark.parametrize("extra", errors.EXTRAS)
def test_errors_know_what_an_extra_brings(extra):
    distributions = importlib.metadata.packages_distributions()
    brought = {canonicalize_name(distributions[module][0]) for module in errors.EXTRAS[extra]}
    assert brought == declared(EXTRAS[extra])


def test_conda_users_get_the_same_python_and_the_same_pins():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert conda["dependencies"] == [
        f"python {PROJECT['requires-python']}",
        "pip",
        {"pip": ["-r requirements.txt", "-e ."]},
    ]


def test_help_lists_every_command_with_its_purpose(checkout):
    documented = dict(re.findall(r"^([a-z]+):.*?##\s*(.+)$", MAKEFILE, flags=re.MULTILINE))
    commands = re.search(r"^\.PHONY:(.*)$", MAKEFILE, flags=re.MULTILINE)[1].split()
    assert set(documented) == set(commands)
    for arguments in ([], ["help"]):
        shown = checkout.make(*arguments)[0].stdout
        for name, purpose in documented.items():
            assert re.search(rf"^make {name} +{re.escape(purpose)}$", shown, flags=re.MULTILINE), name


@pytest.mark.parametrize(
    "setting",
    [
        "sota_comparison.models=[test_resnet,test_convnext]",
        "sota_comparison={models: my.yaml, images: /data/x y}",
        """a.b={c: "it's", d: 'two  spaces'}""",
        "a.path=$HOME/$(PRESET)/`ls` #;*",
    ],
)
def test_a_setting_reaches_the_program_as_typed(installed, setting):
    expected = [["-m", "ddd_utils", "report", "params/quick.yaml", "--set", setting]]
    assert installed.make("report", f"SET={setting}")[1] == expected
    assert installed.make("report", SET=setting)[1] == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["params/quick.yaml"]),
        (["PRESET=smoke"], ["params/smoke.yaml"]),
        (["PRESET=/my files/own.yaml"], ["/my files/own.yaml"]),
        (
            ["SECTIONS=kl_divergence human_results"],
            ["params/quick.yaml", "--sections", "kl_divergence", "human_results"],
        ),
    ],
)
def test_preset_and_sections_reach_the_program(installed, arguments, expected):
    assert installed.make("report", *arguments)[1] == [["-m", "ddd_utils", "report", *expected]]


def test_a_failed_report_fails_make(installed):
    assert installed.make("report")[0].returncode == 0
    (installed.folder / "fail").touch()
    assert installed.make("report")[0].returncode != 0


def test_everything_is_installed_once(checkout):
    install = ["venv", "requirements.txt", "."]
    assert purposes(checkout.make("report")[1]) == [*install, "ddd_utils"]
    assert purposes(checkout.make("report")[1]) == ["ddd_utils"]
    assert purposes(checkout.make("test")[1]) == ["tests/requirements.txt", "pytest"]
    assert purposes(checkout.make("test")[1]) == ["pytest"]
    assert purposes(checkout.make("report")[1]) == ["ddd_utils"]


def test_a_new_lock_is_installed_into_the_environment_that_stands(installed):
    lock = installed.folder / "requirements.txt"
    later = (installed.folder / ".venv" / ".installed-test").stat().st_mtime + 1
    os.utime(lock, (later, later))
    assert purposes(installed.make("report")[1])[:2] == ["requirements.txt", "."]


@pytest.mark.parametrize("target", ["report", "test"])
@pytest.mark.parametrize("finished", [(), ("report",)], ids=["nothing installed", "runtime installed"])
def test_an_installation_killed_halfway_is_made_anew(checkout, target, finished):
    for earlier in finished:
        checkout.make(earlier)
    if target == "report":
        os.utime(checkout.folder / "requirements.txt")
    (checkout.folder / "kill").touch()
    assert checkout.make(target)[0].returncode != 0
    (checkout.folder / "kill").unlink()

    result, calls = checkout.make(target)
    assert result.returncode == 0
    assert purposes(calls)[:3] == ["venv", "requirements.txt", "."]


def test_an_environment_is_named_on_the_command_line_only(checkout):
    checkout.make("report", VENV="theirs")
    assert not (checkout.folder / "theirs").exists()
    checkout.make("report", "VENV=ours")
    assert (checkout.folder / "ours" / ".installed").exists()


@pytest.mark.parametrize("target", ["report", "test", "light"])
@pytest.mark.parametrize("file", ["thesis.tex", ".installed-test"])
def test_a_folder_that_was_not_made_here_is_refused_and_left_as_it_is(checkout, target, file):
    folder = ".venv-light" if target == "light" else "theirs"
    (checkout.folder / folder).mkdir()
    (checkout.folder / folder / file).touch()
    os.utime(checkout.folder / folder / file, (0, 0))
    for options in ([], ["-e"]):
        result, calls = checkout.make(target, "VENV=theirs", *options)
        assert result.returncode != 0 and purposes(calls) == []
        assert f"{folder} was not made here and is left as it is" in result.stderr
        assert [path.name for path in (checkout.folder / folder).iterdir()] == [file]


@pytest.mark.parametrize("name", ["", ".", "..", "/", "linked"])
def test_what_make_is_told_to_use_is_never_emptied(checkout, name):
    elsewhere = checkout.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "thesis.tex").touch()
    (checkout.folder / "linked").symlink_to("elsewhere")
    before = {path.name for path in checkout.folder.iterdir()}
    result, calls = checkout.make("report", f"VENV={name}")
    assert result.returncode != 0 and purposes(calls) == []
    assert {path.name for path in checkout.folder.iterdir()} - {"calls"} == before
    assert (elsewhere / "thesis.tex").exists()


def test_an_environment_of_the_first_version_is_brought_up_to_date_not_refused(checkout):
    checkout.make("report")
    (checkout.folder / ".venv" / ".made-by-ddd_utils").unlink()
    lock = checkout.folder / "requirements.txt"
    os.utime(lock, (lock.stat().st_mtime + 60,) * 2)
    assert purposes(checkout.make("report")[1]) == ["requirements.txt", ".", "ddd_utils"]


def test_a_new_environment_is_empty_but_for_its_mark(checkout):
    folder = checkout.folder / ".venv"
    folder.mkdir()
    (folder / ".made-by-ddd_utils").touch()
    (folder / "lib").mkdir()
    (folder / "lib" / "torn").touch()
    assert purposes(checkout.make("report")[1]) == ["venv", "requirements.txt", ".", "ddd_utils"]
    assert not (folder / "lib").exists() and (folder / ".made-by-ddd_utils").exists()


def test_light_has_a_lock_and_an_environment_of_its_own(checkout):
    result, calls = checkout.make("light")
    assert purposes(calls) == ["venv", "requirements-light.txt", "."]
    assert ".venv-light/bin/ddd report published" in result.stdout
    assert not (checkout.folder / ".venv").exists()
    assert purposes(checkout.make("light")[1]) == []


def conda(checkout, *installed):
    """Make what an activated conda environment looks like, and return its folder."""
    folder = checkout.folder / "conda" / "envs" / "ddd_utils"
    checkout.pretend(folder / "bin" / "python")
    for name in installed:
        (folder / "lib" / "python3.12" / "site-packages" / f"{name}.dist-info").mkdir(parents=True)
    return folder


@pytest.mark.parametrize("target", ["report", "test"])
def test_in_a_conda_environment_with_this_package_make_uses_that_one_and_never_clears_it(checkout, target):
    folder = conda(checkout, "ddd_utils-0.1.0")
    (folder / "conda-meta").mkdir()
    result, calls = checkout.make(target, CONDA_PREFIX=str(folder))
    assert result.returncode == 0 and "venv" not in purposes(calls)
    assert purposes(calls)[:2] == ["requirements.txt", "."]
    assert (folder / "conda-meta").exists() and not (checkout.folder / ".venv").exists()
    assert purposes(checkout.make(target, CONDA_PREFIX=str(folder))[1]) == [
        "ddd_utils" if target == "report" else "pytest"
    ]


def test_another_conda_environment_is_left_alone(checkout):
    folder = conda(checkout, "numpy-2.4.6")
    before = sorted(folder.rglob("*"))
    assert purposes(checkout.make("report", CONDA_PREFIX=str(folder))[1])[0] == "venv"
    assert sorted(folder.rglob("*")) == before and (checkout.folder / ".venv" / ".installed").exists()
    result, _ = checkout.make("report", f"VENV={folder}", CONDA_PREFIX=str(folder))
    assert result.returncode != 0 and sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_an_unsupported_python_is_named_before_anything_is_made(checkout, version):
    result, calls = checkout.make("report", PRETENDED_VERSION=version)
    assert result.returncode != 0
    assert result.stderr.splitlines()[0] == (
        f"./python is Python {version}, but 3.11 to 3.13 is needed: name one, as in make PYTHON=python3.12"
    )
    assert purposes(calls) == [] and not (checkout.folder / ".venv").exists()


def test_clean_keeps_cached_results_and_observers_answers(checkout):
    kept = {"build/results/gaussian-0/base.parquet", "build/observers/one.csv", "requirements.txt"}
    made = {"build/quick/report.html", "build/lab/settings/x", "ddd_utils/__pycache__/a.pyc", ".ruff_cache/x"}
    for name in kept | made:
        path = checkout.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for folder in ("tests", "notebooks"):
        (checkout.folder / folder).mkdir(exist_ok=True)
    assert checkout.make("clean")[0].returncode == 0
    assert {name for name in kept | made if (checkout.folder / name).exists()} == kept


@pytest.mark.parametrize("data", [True, False], ids=["with data", "without data"])
def test_continuous_integration_checks_style_and_runs_the_tests_on_the_data_at_hand(tmp_path, data):
    script = tmp_path / "clone" / ".ci" / "run"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", script)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("make", "chromium"):
        (programs / name).write_text('#!/bin/sh\necho "$1 ${DDD_DATA-none}"\n')
        (programs / name).chmod(0o755)
    if data:
        (tmp_path / "shared" / "data").mkdir(parents=True)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    shown = subprocess.run([script], env=environment(PATH=path), capture_output=True, text=True, check=True).stdout
    found = str(tmp_path / "shared" / "data") if data else "none"
    assert shown.splitlines() == [f"{target} {found}" for target in ("lint", "docs", "test", "report")]


def test_a_commit_is_checked_by_what_make_lint_runs():
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, flags=re.MULTILINE)[1]
    commands = [line.strip().replace("$(BIN)/", "").replace("$(SOURCES)", SOURCES) for line in recipe.splitlines()]
    assert [hook["entry"] for hook in local["hooks"]] == commands
    assert all(hook["pass_filenames"] is False for hook in local["hooks"])


def test_the_changelog_begins_with_this_version():
    releases = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert PROJECT["version"].partition(".dev")[0] == releases[0]


def test_the_citation_names_the_paper_and_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert str(citation["version"]) == PROJECT["version"] and citation["license"] == PROJECT["license"]
    (paper,) = citation["references"]
    assert [author["family-names"] for author in paper["authors"]] == [
        "Meding",
        "Schulze Buschoff",
        "Geirhos",
        "Wichmann",
    ]
    assert paper["identifiers"][0]["value"] == "arXiv:2110.05922"


@pytest.mark.parametrize("text", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", *sorted(map(str, DOCUMENTS))])
def test_a_link_in_a_document_leads_to_a_file(text):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / text).read_text("utf-8"))
    assert [link for link in links if not (ROOT / text).parent.joinpath(link).is_file()] == []


def test_notebooks_are_committed_as_text_only():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "Makefile" in files
    assert [name for name in files if name.endswith(".ipynb")] == []
    others = [Path(name).name for name in files if Path(name).parent == Path("notebooks") and not name.endswith(".py")]
    assert others == ["start.md"]


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="needs a virtual environment")
def test_the_python3_kernel_is_this_environment_whatever_the_user_has_installed(tmp_path):
    decoy = tmp_path / "kernels" / "python3" / "kernel.json"
    decoy.parent.mkdir(parents=True)
    decoy.write_text(json.dumps({"argv": ["/another/python"], "display_name": "Another", "language": "python"}))
    program = "from jupyter_client import KernelManager as K; print(K(kernel_name='python3').format_kernel_cmd()[0])"
    shown = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(JUPYTER_DATA_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.strip() == sys.executable


def test_the_start_page_lists_the_sections_in_the_reports_order_by_their_headings():
    listed = re.findall(
        r"^\d+\. \[(.+)\]\((\w+)\.py\)", (paths.NOTEBOOKS / "start.md").read_text("utf-8"), re.MULTILINE
    )
    assert [section for _, section in listed] == list(params.SECTIONS)
    notebooks = {path.stem for path in paths.NOTEBOOKS.glob("*.py")}
    assert notebooks - {"compare"} == set(params.SECTIONS)  # two reports side by side are no section of either
    for title, section in listed:
        heading = (paths.NOTEBOOKS / f"{section}.py").read_text("utf-8").partition("\n# # ")[2]
        assert heading.startswith(title)
