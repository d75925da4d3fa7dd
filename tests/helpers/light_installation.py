"""A light installation: what the extras bring is blocked in every process that has this environment."""

import os

from ddd_utils import errors, paths

MODULES = {module for modules in errors.EXTRAS.values() for module in modules}
# Python runs this in every process, kernels included: what the extras bring is found neither by import nor as metadata.
BLOCKER = f"""\
import importlib.metadata, sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.partition(".")[0] in {MODULES | {"ipywidgets"}}
        return None if absent else PathFinder.find_spec(name, path, target)

def from_name(name, found=importlib.metadata.Distribution.from_name):
    if name.lower().replace("-", "_") in {MODULES | {"scikit_learn", "open_clip_torch"}}:
        raise importlib.metadata.PackageNotFoundError(name)
    return found(name)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
importlib.metadata.Distribution.from_name = from_name
"""


def variables(folder):
    """Return the environment variables of a light installation; ``folder`` is for what makes it one."""
    (folder / "sitecustomize.py").write_text(BLOCKER)
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(paths.ROOT)])}
