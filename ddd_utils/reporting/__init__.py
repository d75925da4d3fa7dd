"""How it is shown: charts, the paper's claims, the execution of the notebooks and the one-page report."""

from ddd_utils import logs


def setup() -> None:
    """
    Prepare a notebook: charts that JupyterLab and the report draw offline, tables that the report can lay out anew.

    Altair's own "mimetype" renderer names a type that nbformat rejects in a stored notebook, so the chart travels under
    the older name, which JupyterLab 4.6 draws without a network. Calling it twice does no harm.
    """
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


def _vegalite_bundle(specification: dict, **_options) -> dict:
    return {
        "application/vnd.vegalite.v5+json": specification,
        "text/plain": specification.get("description", "a chart"),
    }
