import json
import logging
import os
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import jupytext
import nbformat
import pytest
from made_notebooks import Preset, source

from ddd_utils import cli, kernels, paths, report
from ddd_utils.config import params
from ddd_utils.errors import InputError
from ddd_utils.report import claims, run

LEAVE = "from pathlib import Path\nPath('{0}.left').touch()"
# What a kernel finds when it starts: its package, whether torch is loaded, and how many threads its server has.
SEEN = """import ddd_utils
threads = len(os.listdir(f'/proc/{os.getppid()}/task')) if os.path.isdir('/proc') else 1
print(json.dumps([ddd_utils.__file__, 'torch' in sys.modules, 'altair' in sys.modules, threads, os.getppid()]))"""
SECTIONS = ["summary", "good", "failing", "dying", "killing"]


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    return tmp_path


@contextmanager
def terminal_into(path):
    """Collect what reaches the terminal, from child processes too."""
    kept = os.dup(1), os.dup(2)
    with path.open("w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
        try:
            yield
        finally:
            for saved, descriptor in zip(kept, (1, 2), strict=True):
                os.dup2(saved, descriptor)
                os.close(saved)


@contextmanager
def logged():
    """Collect the lines of progress instead of showing them."""
    lines, handler = [], logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    run.log.addHandler(handler)
    run.log.setLevel(logging.INFO)
    run.log.propagate = False
    try:
        yield lines
    finally:
        run.log.removeHandler(handler)
        run.log.setLevel(logging.NOTSET)
        run.log.propagate = True


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Run five notebooks, of which three go wrong in different ways."""
    room = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "NOTEBOOKS", room / "notebooks")
        patch.setenv("DDD_BUILD", str(room / "build"))
        (room / "build" / "tiny" / "notebooks").mkdir(parents=True)
        (room / "build" / "tiny" / "notebooks" / "dying.ipynb").write_text("of an earlier run")
        source(
            "good",
            "import json, os, sys, warnings\nwarnings.warn('a warning')\nprint('noise', file=sys.stderr)",
            "json.dumps([epochs, experiment, os.environ['OMP_NUM_THREADS'], os.path.basename(os.getcwd())])",
            SEEN,
            LEAVE.format("good"),
            parameters='preset = "quick"\nepochs = 1\nexperiment = {\n    "rate": 0.1,\n}',
        )
        source("failing", LEAVE.format("failing"), "def f():\n    return {}['a key']\n\nf()")
        source("dying", LEAVE.format("dying"), "import os\nos._exit(3)")
        source("killing", LEAVE.format("killing"), "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
        source("summary", "print(sorted(path.stem for path in __import__('pathlib').Path().glob('*.left')))")
        given = {"good": {"epochs": 3, "experiment": {"rate": 0.5, "widths": [1, None, True]}}}
        with terminal_into(room / "terminal"), logged() as lines:
            outcomes = run.execute(Preset(SECTIONS, given), SECTIONS, dict.fromkeys(SECTIONS, "as run"))
        yield outcomes, lines, (room / "terminal").read_text()


def outputs(outcome):
    cells = nbformat.read(outcome.notebook, as_version=4).cells
    return [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]


def test_outcomes_come_in_the_order_asked_for_whatever_happened(executed):
    outcomes, _, _ = executed
    assert list(outcomes) == SECTIONS
    assert {name for name, outcome in outcomes.items() if outcome.error is None} == {"summary", "good"}
    assert all(outcome.section == name and outcome.seconds > 0 for name, outcome in outcomes.items())


def test_parameters_threads_and_folder_reach_the_kernel(executed):
    found = [output.data["text/plain"] for output in outputs(executed[0]["good"]) if "data" in output]
    assert json.loads(found[0].strip("'")) == [3, {"rate": 0.5, "widths": [1, None, True]}, "1", "notebooks"]


def test_summary_runs_when_all_others_have_ended(executed):
    (output,) = outputs(executed[0]["summary"])
    assert output.text.strip() == str(sorted(set(SECTIONS) - {"summary"}))


def test_an_error_is_told_by_its_type_message_and_last_lines_without_colours(executed):
    error = executed[0]["failing"].error
    assert error.splitlines()[0] == "KeyError: 'a key'"
    assert "return {}['a key']" in error
    assert "\x1b" not in error
    assert len(error.splitlines()) <= run.TRACEBACK_LINES + 1


def test_a_kernel_that_ends_by_itself_and_one_that_is_killed_are_told_apart(executed):
    assert executed[0]["dying"].error.splitlines()[0].endswith("ended with status 3.")
    assert executed[0]["killing"].error.splitlines()[0].endswith("was killed, probably for want of memory.")


@pytest.mark.parametrize(("status", "said"), [(-11, "signal SIGSEGV"), (1, "status 1"), (None, "status None")])
def test_only_a_kill_is_said_to_be_want_of_memory(status, said):
    assert run._ending(status).endswith(f"ended with {said}.")


@pytest.mark.skipif(not kernels.FORKS, reason="kernels are not forked on this system")
def test_a_kernel_starts_with_the_parents_package_and_libraries_from_a_server_of_one_thread(executed):
    (found,) = [output.text for output in outputs(executed[0]["good"]) if output.get("name") == "stdout"]
    package, torch, altair, threads, parent = json.loads(found)
    assert Path(package) == Path(kernels.__file__).with_name("__init__.py")
    assert (torch, altair, threads) == (False, True, 1)
    assert parent != os.getpid()


def test_a_kernel_with_another_copy_of_the_package_says_so(monkeypatch):
    monkeypatch.setenv("DDD_PACKAGE", "/elsewhere/ddd_utils")
    with pytest.raises(InputError, match="/elsewhere/ddd_utils"):
        report.setup()


def test_sections_are_kept_that_ran_without_error_and_with_the_same_parameters(executed):
    outcomes = executed[0]
    kept = run.kept(Preset(SECTIONS), SECTIONS, {**dict.fromkeys(SECTIONS, "as run"), "summary": "changed since"})
    assert list(kept) == ["good"]
    assert kept["good"].notebook == outcomes["good"].notebook and kept["good"].error is None


def test_progress_names_each_section_when_it_starts_and_when_it_ends(executed):
    lines = executed[1]
    for section in SECTIONS:
        start, end = [line for line in lines if line.startswith(f"{section}: ")]
        assert "started" in start
        assert ("FAILED" in end) == (section not in ("summary", "good"))
        assert end.endswith(" s")


def test_nothing_else_reaches_the_terminal(executed):
    assert executed[2] == ""


def test_the_source_is_left_as_it_was_and_cells_have_our_ids(executed):
    notebook = nbformat.read(executed[0]["good"].notebook, as_version=4)
    ours = [cell.id for cell in notebook.cells if "injected-parameters" not in cell.metadata.tags]
    assert ours == [f"good-{index}" for index in range(len(ours))]


def test_an_unknown_parameter_is_named_before_anything_runs(room):
    source("good", parameters='preset = "quick"\ntolerance = 0')
    source("other")
    preset = Preset(["other", "good"], {"good": {"tolerence": 1}})
    with logged() as lines, pytest.raises(InputError, match=r"'tolerence'.*'good'.*did you mean 'tolerance'") as caught:
        run.execute(preset, preset.sections)
    assert "\n" not in str(caught.value)
    assert lines == []
    assert not (room / "build").exists()


def test_an_unknown_section_is_named_with_the_nearest(room):
    source("controls")
    with pytest.raises(InputError, match=r"'contrls\.py'.*did you mean 'controls'"):
        run.execute(Preset(["contrls"]), ["contrls"])


def test_a_notebook_without_parameters_cell_is_named(room):
    paths.NOTEBOOKS.mkdir()
    (paths.NOTEBOOKS / "bare.py").write_text("# %%\nx = 1\n")
    with pytest.raises(InputError, match=r"bare\.py has no cell tagged 'parameters'"):
        run.execute(Preset(["bare"]), ["bare"])


def test_declared_parameters_are_the_assigned_names_only(room):
    source("some", parameters="a = 1\nb: int = 2\nc = {\n    'd': [1,\n          2],\n}\nprint(e := 3)  # f = 4")
    assert run.declared_parameters(paths.NOTEBOOKS / "some.py") == ["a", "b", "c"]


def test_no_sections_need_no_kernel(room):
    assert run.execute(Preset([]), []) == {}


def test_a_kernel_that_fails_to_start_is_started_once_more(room, monkeypatch):
    calls = []

    def first_fails(notebook, target, parameters, **options):
        calls.append(target)
        if len(calls) == 1:
            raise RuntimeError("Kernel died before replying to kernel_info")

    monkeypatch.setattr("papermill.execute_notebook", first_fails)
    source("good")
    job = run._job("good", {}, paths.build())
    run._with_papermill(jupytext.read(job.source), job, kernels.manager(paths.NOTEBOOKS, job.notebook))
    assert len(calls) == 2


def test_a_kernel_that_ends_by_itself_at_an_interrupt_keeps_no_other_running(monkeypatch):
    ended = []

    def kill(pid, number):
        if pid == 1:
            raise ProcessLookupError
        ended.append(pid)

    monkeypatch.setattr(kernels, "_running", [SimpleNamespace(pid=pid) for pid in (1, 2)])
    monkeypatch.setattr(kernels.os, "killpg", kill)
    kernels.stop_all()
    assert ended == [2]


@pytest.mark.parametrize(
    ("there", "kept", "recorded", "renewed"),
    [
        (True, ["human_results", "summary"], "the same", False),
        (True, ["human_results", "summary"], "other figures", True),
        (True, ["human_results"], "the same", True),  # its own parameters have changed
        (False, ["human_results"], "other figures", False),  # it was never asked for
    ],
)
def test_the_summary_of_the_last_report_is_renewed_when_it_is_outdated(
    tmp_path, monkeypatch, there, kept, recorded, renewed
):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    preset = params.load("smoke")
    file = run.notebook(preset.folder, "summary")
    file.parent.mkdir(parents=True)
    if there:
        file.touch()
    executed, found = [], iter(["the same", recorded])
    monkeypatch.setattr(run, "execute", lambda _, sections, *__: executed.append(sections) or {})
    monkeypatch.setattr(run, "kept", lambda _, sections, digests: dict.fromkeys(kept))
    monkeypatch.setattr(claims, "recorded", lambda name: next(found))
    cli._outcomes(preset, ["kl_divergence"])
    assert executed == [["kl_divergence"]] + [["summary"]] * renewed
