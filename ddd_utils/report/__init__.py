"""How it is shown: charts, the paper's claims, the execution of the notebooks and the one-page report."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ddd_utils.quick_imports  # noqa: F401
from ddd_utils import logs
from ddd_utils.config import params
from ddd_utils.errors import InputError
from ddd_utils.files import read_json, write_json
from ddd_utils.paths import PARENT

if TYPE_CHECKING:
    from ddd_utils.report.claims import Book


def begin(section: str, values: dict[str, Any]) -> tuple[Any, "Book"]:
    """
    Begin a section's notebook: read its parameters, show them, and open its book of claims.

    ``values`` are the notebook's ``globals()``, with what its first cell says: ``preset``, and the parameters. One that
    is None is as the preset has it; a mapping changes only the keys that it names. Where that makes other parameters
    than the preset's, ``preset`` becomes the file of a preset beside it, so that no finished report is changed.
    """
    import yaml
    from IPython.display import Markdown, display

    from ddd_utils.report.claims import Book
    from ddd_utils.report.doubts import note_doubts

    setup()
    preset, changed = read_preset(section, values)
    parameters = getattr(preset, section)
    block = parameters.model_dump(mode="json", exclude_unset=True)
    shown = yaml.safe_dump(block, sort_keys=False, default_flow_style=None, width=100, allow_unicode=True)
    if changed:
        display(Markdown(changed))
    display({logs.PARAMETERS: block, "text/plain": shown}, raw=True)
    book = Book(section, values["preset"], params.digest(preset, section))
    note_doubts(book, display)
    return parameters, book


def read_preset(section: str, values: dict[str, Any]) -> tuple[params.Preset, str]:
    """
    Return a notebook's preset, and a line that says what was changed in it; ``preset`` becomes its file.

    A changed section is shown to the other notebooks of this JupyterLab until its own begins without the change.
    """
    name = str(values["preset"])
    before, told = params.load(name), _told()
    others = {other: block for other, block in told.get(name, {}).items() if other != section}
    preset = params.beside(params.of_notebook(section, values, others), before)
    own = preset.raw.get(section)
    _tell({**told, name: others if own == before.raw.get(section) else {**others, section: own}})
    if preset.name == before.name:
        params.write(preset)
        return preset, ""
    values["preset"] = str(params.write(preset, f"{params.CHANGED}{name}"))
    changed = [each for each in preset.sections if preset.raw.get(each) != before.raw.get(each)]
    return preset, f"Not as in `{name}`: {', '.join(changed)}. What is recorded goes to `{values['preset']}`'s folder."


def _file() -> Path | None:
    """Return where changes are told; `make lab` names the folder and begins with none."""
    folder = os.environ.get("DDD_LAB")
    return Path(folder) / "changed.json" if folder else None


def _told() -> dict[str, dict[str, Any]]:
    file = _file()
    return read_json(file) if file and file.exists() else {}


def _tell(changes: dict[str, dict[str, Any]]) -> None:
    if (file := _file()) and changes != _told():
        write_json(file, changes)


def setup() -> None:
    """
    Prepare a notebook: charts that JupyterLab and the report draw offline, tables that the report can lay out anew.

    Altair's own "mimetype" renderer names a type that nbformat rejects, so the chart travels under the older name,
    which JupyterLab 4.6 draws without a network. Calling it twice does no harm.
    """
    import warnings

    import altair as alt  # a second to import, and only notebooks need it
    import pandas as pd

    here, parents = str(Path(__file__).resolve().parents[1]), os.environ.get(PARENT)
    if parents not in (None, here):
        raise InputError(f"this notebook has imported {here}, but the program that runs it is in {parents}")
    logs.install()
    alt.renderers.register("ddd", _vegalite_bundle)
    alt.renderers.enable("ddd")
    alt.data_transformers.enable("default", max_rows=5000)
    pd.set_option(
        "display.max_rows", 500, "display.max_columns", 60, "display.max_colwidth", None, "display.precision", 3
    )
    pd.set_option("display.show_dimensions", False, "display.html.border", 0, "display.html.use_mathjax", False)
    # Libraries that would draw their bars with ipywidgets write them as text instead, and need not say so.
    warnings.filterwarnings("ignore", message="IProgress not found")


def runs_for_page() -> bool:
    """Say whether this notebook is executed for the report, and not by somebody in front of it."""
    return PARENT in os.environ


def _vegalite_bundle(specification: dict, **_options: Any) -> dict:
    described = specification.get("description", "a chart")
    bundle = {"application/vnd.vegalite.v5+json": specification, "text/plain": described}
    if not runs_for_page():  # exported notebooks and viewers of notebooks have no Vega: they show a picture
        import vl_convert

        with suppress(ValueError):  # JupyterLab tells what is wrong with it
            bundle["image/svg+xml"] = vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
    return bundle
