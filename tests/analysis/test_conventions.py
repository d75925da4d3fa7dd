"""What holds for all of the analysis: results cannot be changed by accident, and chance is the same every time."""

import inspect
import pkgutil
from dataclasses import is_dataclass
from importlib import import_module

import ddd_utils.analysis as analysis

MODULES = [import_module(found.name) for found in pkgutil.walk_packages(analysis.__path__, f"{analysis.__name__}.")]
OURS = [
    each for module in MODULES for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__
]


def test_every_result_is_frozen():
    kinds = [each for each in OURS if inspect.isclass(each) and is_dataclass(each)]
    assert len(kinds) > 10
    assert [kind.__name__ for kind in kinds if not kind.__dataclass_params__.frozen] == []


def test_every_seed_is_0_unless_another_is_given():
    seeds = {
        each.__qualname__: inspect.signature(each).parameters.get("seed") for each in filter(inspect.isfunction, OURS)
    }
    given = {name: seed.default for name, seed in seeds.items() if seed and seed.default is not inspect.Parameter.empty}
    assert len(given) > 10 and set(given.values()) == {0}
