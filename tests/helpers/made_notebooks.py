"""Small notebooks, sources and executed ones, and a preset to go with them."""

from dataclasses import dataclass, field

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from ddd_utils import paths
from ddd_utils.report.run import Outcome


@dataclass(frozen=True)
class Preset:
    """What `run` and `page` use of a preset."""

    sections: list[str]
    given: dict = field(default_factory=dict)
    name: str = "tiny"
    notices: tuple[str, ...] = ()

    def parameters(self, section):
        return {"preset": "build/tiny.yaml", **self.given.get(section, {})}


def source(name, *cells, parameters='preset = "quick"'):
    """Write a notebook in the percent format into the folder of notebooks."""
    text = f'# %% tags=["parameters"]\n{parameters}\n' + "".join(f"\n# %%\n{cell}\n" for cell in cells)
    paths.NOTEBOOKS.mkdir(exist_ok=True)
    (paths.NOTEBOOKS / f"{name}.py").write_text(text)


def prose(text):
    return new_markdown_cell(text)


def code(text, *outputs, tags=()):
    return new_code_cell(text, outputs=list(outputs), metadata={"tags": list(tags)})


def shown(**data):
    return new_output("display_data", {kind.replace("__", "/"): value for kind, value in data.items()})


def stream(name, text):
    return new_output("stream", name=name, text=text)


def chart(specification):
    return new_output("display_data", {"application/vnd.vegalite.v5+json": specification, "text/plain": "chart"})


def executed(section, *cells, error=None):
    """Store an executed notebook and return the outcome that goes with it."""
    path = paths.build() / "tiny" / "notebooks" / f"{section}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=list(cells)), path)
    return Outcome(section, path, error, 1.5)
