"""Numbers as text: a value with its interval in one cell, a p-value as people read it; names as they stand."""

import re

import pandas as pd

ACRONYMS = {"kl": "KL", "sota": "SOTA"}


def with_interval(value: float, lower: float, upper: float, form: str = ".3f") -> str:
    """
    Write a number with its interval.

    Parameters
    ----------
    value, lower, upper : float
        The limits may be NaN: the number then stands alone.
    form : str
        How each is written, such as ``.3f``, ``+.3f`` or ``.1%``.

    Returns
    -------
    str
        Such as ``0.480 (0.476 to 0.484)``; empty where there is no number.
    """
    if pd.isna(value):
        return ""
    # What rounds to zero is written without a sign (z), unless a sign is asked for.
    form = form if form.startswith("+") else f"z{form}"
    limits = "" if pd.isna(lower) or pd.isna(upper) else f" ({lower:{form}} to {upper:{form}})"
    return f"{value:{form}}{limits}"


def p_value(value: float) -> str:
    """
    Write a p-value.

    Parameters
    ----------
    value : float
        From 0 to 1.

    Returns
    -------
    str
        Two digits, "< 0.0001" for less, empty where there is none.
    """
    if pd.isna(value):
        return ""
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def readable(table: pd.DataFrame, form: str = ".3f") -> pd.DataFrame:
    """
    Put every number of a table that has limits into one cell with them, and write p-values as such.

    Parameters
    ----------
    table : DataFrame
        Columns ``x``, ``x_lower`` and ``x_upper`` become one, and columns that start with ``p_`` are p-values.
    form : str
        How numbers with limits are written.

    Returns
    -------
    DataFrame
        The other columns as they were, in the same order; underscores in names become spaces.
    """
    columns = {}
    for name in table:
        base, _, limit = str(name).rpartition("_")
        if limit in ("lower", "upper") and base in table:
            continue
        if {f"{name}_lower", f"{name}_upper"} <= set(table):
            cells = zip(table[name], table[f"{name}_lower"], table[f"{name}_upper"], strict=True)
            columns[name] = [with_interval(*cell, form) for cell in cells]
        else:
            columns[name] = table[name].map(p_value) if str(name).startswith("p_") else table[name]
    return pd.DataFrame(columns, index=table.index).rename(columns=lambda name: str(name).replace("_", " "))


def literal(text: str) -> str:
    """
    Write a name from outside so that Markdown shows it as it stands.

    Parameters
    ----------
    text : str
        May hold what Markdown, mathematics or HTML would take for theirs.

    Returns
    -------
    str
        All but letters and digits as character references.
    """
    return re.sub(r"[^\w ]|_", lambda found: f"&#{ord(found[0])};", text)


def left_out(info: dict) -> str:
    """
    Name the networks whose training led nowhere.

    Parameters
    ----------
    info : dict
        A results folder's description; ``diverged`` lists ``network`` and ``diverged`` (the reason), if any.

    Returns
    -------
    str
        A paragraph in Markdown, empty if all networks have learned something.
    """
    diverged = info.get("diverged", [])
    if not diverged:
        return ""
    # As code: a name may hold what Markdown or mathematics would take for theirs.
    named = "; ".join(f"`{row['network'].replace('`', '')}`: {row['diverged']}" for row in diverged)
    word = "network is" if len(diverged) == 1 else "networks are"
    return f"{len(diverged)} {word} **left out of every figure** because training led nowhere ({named})."


def section_label(name: str) -> str:
    """
    Give a section the name that readers see.

    Parameters
    ----------
    name : str
        What its notebook is called.

    Returns
    -------
    str
        Such as ``KL divergence``.
    """
    words = [ACRONYMS.get(word, word) for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])
