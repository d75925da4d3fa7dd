"""How it is shown: charts, the paper's claims, the execution of the notebooks and the one-page report."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ddd_utils import logs

if TYPE_CHECKING:
    from ddd_utils.report.claims import Book


def begin(section: str, values: Mapping[str, Any]) -> tuple[Any, "Book"]:
    """
    Begin a section's notebook: read its parameters, show them, and open its book of claims.

    ``values`` are the notebook's ``globals()``, with what its first cell says: ``preset``, and the parameters. One that
    is None is as the preset has it; a mapping changes only the keys that it names.
    """
    import yaml
    from IPython.display import display

    from ddd_utils.config import params
    from ddd_utils.report.claims import Book

    setup()
    parameters = params.section(section, values)
    block = parameters.model_dump(mode="json", exclude_unset=True)
    shown = yaml.safe_dump(block, sort_keys=False, default_flow_style=None, width=100, allow_unicode=True)
    display({logs.PARAMETERS: block, "text/plain": shown}, raw=True)
    return parameters, Book(section, values["preset"])


def setup() -> None:
    """
    Prepare a notebook: charts that JupyterLab and the report draw offline, tables that the report can lay out anew.

    Altair's own "mimetype" renderer names a type that nbformat rejects, so the chart travels under the older name,
    which JupyterLab 4.6 draws without a network. Calling it twice does no harm.
    """
    import warnings

    import altair as alt  # a second to import, and only notebooks need it
    import pandas as pd

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


def _vegalite_bundle(specification: dict, **_options: Any) -> dict:
    return {
        "application/vnd.vegalite.v5+json": specification,
        "text/plain": specification.get("description", "a chart"),
    }
