"""A section reads like a tutorial: short cells, the same beginning, few names, no text put together by arithmetic."""

import ast
from collections import Counter

import jupytext
import pytest

from ddd_utils import paths
from ddd_utils.config import params

LINES, NAMES, DEFINITION = 10, 14, 5
NOTEBOOKS = sorted(path.stem for path in paths.NOTEBOOKS.glob("*.py"))


def cells(notebook):
    read = jupytext.read(paths.NOTEBOOKS / f"{notebook}.py")
    return [cell.source.strip() for cell in read.cells if cell.cell_type == "code"]


def nodes(source, *kinds):
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]


def is_text(node):
    """Tell a text in the code, or two of them added up."""
    if isinstance(node, ast.BinOp):
        return is_text(node.left) or is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def bindings(source):
    """List the names that a cell gives, loop variables aside, each with its kind: text, a function's result, ..."""
    for node in nodes(source, ast.Assign):
        for target in node.targets:
            matched = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
            values = node.value.elts if matched else [node.value] * 9
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            pairs = [pair for pair in zip(names, values, strict=matched) if isinstance(pair[0], ast.Name)]
            yield from ((name.id, kind(value)) for name, value in pairs if name.id != "_")
    for node in nodes(source, ast.Import, ast.ImportFrom):
        yield from (((name.asname or name.name).partition(".")[0], "module") for name in node.names)
    yield from ((node.name, "function") for node in nodes(source, ast.FunctionDef, ast.ClassDef))


def kind(value):
    if is_text(value):
        return "text"
    return ast.unparse(value.func) if isinstance(value, ast.Call) else ast.unparse(value)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_cell_fits_on_a_screen(notebook):
    assert [source for source in cells(notebook) if len(source.splitlines()) > LINES] == []


@pytest.mark.parametrize("section", params.SECTIONS)
def test_every_section_begins_in_the_same_way(section):
    first, second = cells(section)[:2]
    assert first.splitlines() == ['preset = "quick"', *(f"{key} = None" for key in params.section_keys(section))]
    *imports, beginning = ast.parse(second).body
    assert all(isinstance(line, ast.Import | ast.ImportFrom) for line in imports)
    assert ast.unparse(beginning) in (
        f"parameters, book = report.begin({section!r}, globals())",
        f"parameters, _ = report.begin({section!r}, globals())",
        f"_, book = report.begin({section!r}, globals())",
    )


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_text_is_not_put_together_by_arithmetic(notebook):
    sums = [
        ast.unparse(node)
        for source in cells(notebook)
        for node in nodes(source, ast.BinOp)
        if isinstance(node.op, ast.Mult | ast.Add) and is_text(node)
    ]
    assert sums == []


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_name_means_one_thing(notebook):
    kinds = {binding for source in cells(notebook) for binding in bindings(source)}
    assert [name for name, count in Counter(name for name, _ in kinds).items() if count > 1] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_loop_variable_is_nothing_else(notebook):
    sources = cells(notebook)
    loops = {
        name.id
        for source in sources
        for node in nodes(source, ast.For)
        for name in ast.walk(node.target)
        if isinstance(name, ast.Name)
    }
    assert not loops & {name for source in sources for name, _ in bindings(source)}


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_needs_few_names_and_defines_next_to_nothing(notebook):
    imports = [node for source in cells(notebook) for node in nodes(source, ast.ImportFrom)]
    names = [name.name for node in imports if (node.module or "").startswith("ddd_utils") for name in node.names]
    assert len(names) <= NAMES
    defined = [node for source in cells(notebook) for node in nodes(source, ast.FunctionDef, ast.ClassDef)]
    assert [node.name for node in defined if node.end_lineno - node.lineno >= DEFINITION] == []
