"""One way through the house: analysis, experiments and reporting keep apart, and rooms come one after the other."""

import ast

import pytest

from ddd_utils import paths

FORBIDDEN = {
    "analysis": {"torch", "ddd_utils.experiments", "ddd_utils.reporting"},
    "experiments": {"ddd_utils.analysis", "ddd_utils.reporting"},
    "reporting": {"torch", "ddd_utils.experiments"},
}
# What the rooms of experiments import of one another, each only of rooms before it. What lies beside them joins them.
ROOMS = {
    "machine": set(),
    "images": set(),
    "data": {"machine", "images"},
    "networks": set(),
    "published": {"images"},
    "plans": {"machine", "data", "published"},
    "training": {"machine", "data", "networks", "plans"},
    "pretrained": {"machine", "images", "data", "networks", "published"},
    "showing": {"machine", "images", "published", "plans", "pretrained"},
    "costs": {"machine", "data", "networks", "plans", "training"},
}
PACKAGE = paths.ROOT / "ddd_utils"
FILES = [path.relative_to(PACKAGE) for room in FORBIDDEN for path in sorted((PACKAGE / room).rglob("*.py"))]


def imported(path):
    yield from imported_names(ast.parse(path.read_text("utf-8")))


def imported_names(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_no_two_modules_import_each_other():
    """Also within functions and by a detour; what is imported for type checkers alone does not count."""
    modules = {module_name(path): path for path in PACKAGE.rglob("*.py")}
    graph = {name: imported_modules(path, modules) - {name} for name, path in modules.items()}
    # Who imports nothing that is left, or is imported by nobody that is left, is in no circle.
    while ends := {name for name in graph if not graph[name] or all(name not in used for used in graph.values())}:
        graph = {name: used - ends for name, used in graph.items() if name not in ends}
    assert sorted(graph) == []


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path, modules):
    """Return the modules of the package that a file imports, without what `if TYPE_CHECKING` guards."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            node.body = []
    names = imported_names(tree)
    return {name if name in modules else name.rpartition(".")[0] for name in names} & modules.keys()


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_room_imports_only_what_comes_before_it(path):
    banned = FORBIDDEN[path.parts[0]]
    reached = {name for name in imported(PACKAGE / path) for room in banned if f"{name}.".startswith(f"{room}.")}
    assert not reached


def test_rooms_of_experiments_come_in_order():
    before = set()
    for room, used in ROOMS.items():
        assert used <= before
        before.add(room)
    assert before == {path.parent.name for path in (PACKAGE / "experiments").glob("*/__init__.py")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_experiments_imports_only_what_comes_before_it(room):
    """Also within functions. What is imported from beside the rooms would be named here as well."""
    names = {name for path in (PACKAGE / "experiments" / room).rglob("*.py") for name in imported(path)}
    assert "ddd_utils.experiments" not in names
    used = {name.split(".")[2] for name in names if name.startswith("ddd_utils.experiments.")}
    assert used - {room} == ROOMS[room]
