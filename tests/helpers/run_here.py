"""Run a section in this process: all that its notebook does, without the seconds that a kernel takes to start."""

import ast

import altair as alt
import jupytext
import pandas as pd
from IPython.core.formatters import DisplayFormatter

from ddd_utils import paths


def run_here(section, monkeypatch, **parameters):
    """Execute the cells of a section's notebook, and return the text of everything it shows."""
    shown, values, formatted = [], {"__name__": "__main__"}, DisplayFormatter().format

    def display(*things, raw=False, **_):
        shown.extend(str(thing if raw else formatted(thing)[0]) for thing in things if thing is not None)

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(pd, "set_option", lambda *_: None)
    with alt.renderers.enable("default"):
        for cell in jupytext.read(paths.NOTEBOOKS / f"{section}.py").cells:
            if cell.cell_type != "code":
                continue
            tree = ast.parse(cell.source)
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, section, "exec"), values)
            if last:
                display(eval(compile(ast.Expression(last.value), section, "eval"), values))
            if "parameters" in cell.metadata.get("tags", []):
                values.update(parameters)
    return "\n".join(shown)
