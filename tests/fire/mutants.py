"""
Change one thing at a time in a copy of the package, and see whether a test notices.

    python tests/fire/mutants.py 200 --rooms analysis responses config

Goes on where it was stopped: a line of build/fire/mutants.jsonl for each mutant that was tried. The tests are those of
the same rooms that call the function which is changed, or for what is in no function those that call any of its file.
"""

import argparse
import ast
import copy
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REACHED = ROOT / "build" / "fire" / "reached.json"
PARTS = ("ddd_utils", "tests", "notebooks", "params", "docs", "pyproject.toml", "README.md", "jupytext.toml")
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
WARM = "numpy pandas pyarrow.parquet scipy.stats scipy.optimize sklearn.metrics pydantic yaml hypothesis torch jupytext"
SLACK_S = 20  # for imports, beside four times what the tests take
PAIRS = "Lt LtE, LtE Lt, Gt GtE, GtE Gt, Eq NotEq, NotEq Eq, In NotIn, NotIn In, Is IsNot, IsNot Is, Add Sub, Sub Add"
PAIRS += ", Mult Div, Div Mult, FloorDiv Mod, Mod FloorDiv, Pow Mult, BitAnd BitOr, BitOr BitAnd, And Or, Or And"
SWAPS = {getattr(ast, old): getattr(ast, new) for old, new in (pair.split() for pair in PAIRS.split(", "))}


def variants(node):
    """Yield what could stand in a node's place and mean something else."""
    match node:
        case ast.Compare(ops=[op, *others]):
            yield {"ops": [SWAPS[type(op)](), *others]}
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op) if type(op) in SWAPS:
            yield {"op": SWAPS[type(op)]()}
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.Constant(value=bool(value)):
            yield {"value": not value}
        case ast.Constant(value=int(value) | float(value)):
            yield from ({"value": value + 1}, {"value": value - 1})
        case ast.Call(args=args, keywords=keywords):
            if len(args) > 1 and not any(isinstance(each, ast.Starred) for each in args[:2]):
                yield {"args": [args[1], args[0], *args[2:]]}
            yield from ({"keywords": [each for each in keywords if each is not left_out]} for left_out in keywords)
        case ast.If(test=test) | ast.IfExp(test=test):
            yield {"test": ast.UnaryOp(ast.Not(), test)}
        case ast.Return(value=ast.AST()):
            yield {"value": ast.Constant(None)}
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.comprehension(ifs=[_, *_]):
            yield {"ifs": []}


def mutants(node, line=0, function=None):
    """Change the tree in one place after another, and yield which: function, line, what stood there, what stands."""
    line = getattr(node, "lineno", line)
    if isinstance(node, ast.FunctionDef):  # which begins with its decorators, as far as Python's frames are concerned
        function = min([line, *(each.lineno for each in node.decorator_list)])
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns") and function:
            continue
        before = value if isinstance(value, list) else [value]
        for index, child in enumerate(before):
            if not isinstance(child, ast.AST):
                continue
            for found in variants(child):
                new = found
                if isinstance(found, dict):
                    new = copy.copy(child)
                    vars(new).update(found)
                setattr(node, name, [*before[:index], new, *before[index + 1 :]] if value is before else new)
                yield function, getattr(child, "lineno", line), child, new
            setattr(node, name, value)
            yield from mutants(child, line, function)


class Reached:
    """A plugin of pytest that notes which tests call which functions, and how long tests take."""

    def __init__(self):
        self.called, self.tests, self.seconds = set(), defaultdict(set), defaultdict(float)
        self.folder = f"{Path.cwd()}/"

    def note(self, frame, event, argument):
        self.called.add(frame.f_code)

    def by(self, test):
        """Put down what was called so far to a test."""
        for code in (code for code in self.called if code.co_filename.startswith(self.folder)):
            file = code.co_filename.removeprefix(self.folder)
            self.tests[f"{file}:{code.co_firstlineno}"].add(test)
            self.tests[file].add(test)
        self.called.clear()

    def pytest_runtest_setup(self, item):
        sys.settrace(self.note)

    def pytest_runtest_call(self, item):
        self.by(item.nodeid.partition("::")[0])  # what a fixture calls may be for all tests of the file

    def pytest_runtest_teardown(self, item):
        self.by(item.nodeid.partition("[")[0])

    def pytest_runtest_logreport(self, report):
        for test in {report.nodeid.partition(end)[0] for end in ("[", "::")}:
            self.seconds[test] += report.duration

    def pytest_sessionfinish(self):
        sys.settrace(None)
        found = {key: sorted(tests, key=self.seconds.get) for key, tests in self.tests.items()}
        REACHED.write_text(json.dumps({"tests": found, "seconds": self.seconds}), "utf-8")


def pytest_in_a_fork(tests, patience, plugins=()):
    """Run tests in a child that finds all imported but the package; return the exit status, negative for a signal."""
    child = os.fork()
    if not child:
        os.setsid()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(patience)
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        try:
            status = pytest.main([*OPTIONS, *tests], [*plugins])
        finally:
            os._exit(int(status))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def copied(folder):
    """Copy the checkout to a folder, go there, and let imports find what is there."""
    for part in PARTS:
        source = ROOT / part
        copy_it = shutil.copytree if source.is_dir() else shutil.copy
        copy_it(source, Path(folder) / part)
    os.chdir(folder)
    sys.path[:] = [folder, *(path for path in sys.path if path not in (str(ROOT), str(Path(__file__).parent)))]
    os.environ |= {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    sys.dont_write_bytecode = True


def said(old, new):
    """Write what stood and what stands there, on a line each."""
    return [" ".join(ast.unparse(each).split())[:120] for each in (old, new)]


def tried(file, function, line, old, new, text, reached):
    """Try one mutant; return what became of it."""
    tests = reached["tests"].get(f"{file}:{function}" if function else file, [])
    before, began = Path(file).read_text("utf-8"), time.monotonic()
    Path(file).write_text(text, "utf-8")
    seconds = sum(reached["seconds"][test] for test in tests)
    status = pytest_in_a_fork(tests, int(SLACK_S + 4 * seconds)) if tests else 0
    Path(file).write_text(before, "utf-8")
    before, after = said(old, new)
    row = {"killed": bool(status), "file": file, "line": line, "old": before, "new": after, "status": status}
    return row | {"tests": len(tests), "seconds": round(time.monotonic() - began, 1)}


def again(row, reached, tests):
    """Try a survivor again with tests that have changed since it was found."""
    tree, found = ast.parse(Path(row["file"]).read_text("utf-8")), None
    for place in mutants(tree):
        if said(*place[2:]) == [row["old"], row["new"]] and place[1] == row["line"]:
            near = [test for test in tests if test.split("/")[1] == row["file"].split("/")[1]]
            here = {"tests": {row["file"]: near}, "seconds": defaultdict(float, reached["seconds"])}
            found = tried(row["file"], None, *place[1:], ast.unparse(tree), here)
            if not found["killed"]:  # two of them can stand on a line
                break
    return found or {}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("count", type=int, help="how many mutants")
    parser.add_argument("--rooms", nargs="+", default=["analysis", "responses", "config"])
    parser.add_argument("--again", action="store_true", help="try survivors again with tests that have changed since")
    parser.add_argument("--seed", type=int, default=1312)
    parser.add_argument("--log", type=Path, default=ROOT / "build" / "fire" / "mutants.jsonl")
    options = parser.parse_args()
    options.log.parent.mkdir(parents=True, exist_ok=True)
    known = [json.loads(row) for row in options.log.read_text("utf-8").splitlines()] if options.log.exists() else []
    for module in WARM.split():
        import_module(module)
    with tempfile.TemporaryDirectory() as folder:
        copied(os.path.realpath(folder))
        files = sorted(str(file) for room in options.rooms for file in Path("ddd_utils", room).rglob("*.py"))
        every = [(file, at) for file in files for at, _ in enumerate(mutants(ast.parse(Path(file).read_text("utf-8"))))]
        drawn = random.Random(options.seed).sample(every, options.count)
        if not REACHED.exists() and pytest_in_a_fork([f"tests/{room}" for room in options.rooms], 3600, [Reached()]):
            sys.exit("the tests fail without any change")
        reached = json.loads(REACHED.read_text("utf-8"))
        newer = [file for room in options.rooms for file in (ROOT / "tests" / room).rglob("test_*.py")]
        newer = [str(file.relative_to(ROOT)) for file in newer if file.stat().st_mtime > REACHED.stat().st_mtime]
        if options.again:
            for row in (row for row in known if not row["killed"]):
                row |= again(row, reached, newer)
                print(row, flush=True)
            options.log.write_text("".join(f"{json.dumps(row)}\n" for row in known), "utf-8")
        for number, (file, at) in enumerate(drawn[len(known) :], len(known) + 1):
            tree = ast.parse(Path(file).read_text("utf-8"))
            place = next(place for index, place in enumerate(mutants(tree)) if index == at)
            known.append(tried(file, *place, ast.unparse(tree), reached))
            with options.log.open("a", encoding="utf-8") as log:
                log.write(f"{json.dumps(known[-1])}\n")
            print(f"{number}/{options.count} {known[-1]}", flush=True)
    survived = [row for row in known if not row["killed"]]
    print(
        f"{len(known) - len(survived)} of {len(known)} killed, of {len(every)} possible; survivors:",
        *survived,
        sep="\n",
    )


if __name__ == "__main__":
    main()
