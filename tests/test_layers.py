"""One way through the house: rooms come one after the other, and no two modules import each other."""

import ast

import pytest

from ddd_utils import paths

# The rooms in order, and which others each imports. What lies beside the rooms (errors, files, paths, ...) serves all
# of them; only notebooks and the command line see every room.
ROOMS = {
    "config": set(),
    "responses": set(),
    "data": {"config"},
    "models": {"config", "data"},
    "experiments": {"config", "responses", "data", "models"},
    "analysis": set(),
    "charts": {"analysis"},
    "report": {"config", "responses", "analysis", "charts"},
}
WITHOUT_TORCH = {"config", "responses", "analysis", "charts", "report"}
JOINING = {"__init__", "cli", "commands"}
PACKAGE = paths.ROOT / "ddd_utils"


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


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_before_it(room):
    """Also within functions."""
    before = list(ROOMS)[: list(ROOMS).index(room)]
    names = {name for path in (PACKAGE / room).rglob("*.py") for name in imported(path)}
    used = {name.split(".")[1] for name in names if name.startswith("ddd_utils.")} & ROOMS.keys() - {room}
    assert used == ROOMS[room] <= set(before)
    assert room not in WITHOUT_TORCH or not {name for name in names if name.partition(".")[0] == "torch"}


def test_every_package_is_a_room_and_what_lies_beside_imports_none():
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == ROOMS.keys()
    for path in PACKAGE.glob("*.py"):
        rooms = {name.split(".")[1] for name in imported(path) if name.startswith("ddd_utils.")} & ROOMS.keys()
        assert path.stem in JOINING or not rooms, path.name


def test_a_chart_is_not_called_as_the_analysis_that_it_draws():
    def functions(room):
        trees = (ast.parse(path.read_text("utf-8")) for path in (PACKAGE / room).rglob("*.py"))
        return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}

    assert not {name for name in functions("analysis") & functions("charts") if not name.startswith("_")}
