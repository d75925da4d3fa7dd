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
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


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
