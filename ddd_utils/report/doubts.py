"""What is unlikely in answers, told wherever they enter: in the terminal, in the notebook, and to the report."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from ddd_utils.analysis.plausibility import Finding, examine
from ddd_utils.responses import Responses, watch

if TYPE_CHECKING:
    from ddd_utils.report.claims import Book
    from ddd_utils.report.text import Prose

log = logging.getLogger(__name__)


def findings(answers: Responses) -> list[Finding]:
    """Examine responses; those of networks that were trained here have an epoch."""
    names = answers.networks["network"].astype(str).tolist()
    return examine(answers.predictions[:, -1], answers.labels, names, answers.info, "epoch" in answers.networks)


def _asked(networks: pd.DataFrame) -> list[str]:
    """Say of each zero-shot model which activation it has, and what it was asked."""
    rows = networks.reindex(columns=["network", "activation", "prompts"]).dropna(subset="prompts")
    return [f"{row.network}: {row.activation}, {row.prompts}" for row in rows.itertuples()]


def log_doubts(default: bool = False) -> None:
    """Log once what is unlikely in responses that enter, and what zero-shot models were asked; a default yields."""
    told: set[str] = set()

    def tell(answers: Responses) -> None:
        name = answers.info.get("file") or (answers.folder.name if answers.folder else "answers")
        lines = dict.fromkeys(f"{name}: {line}" for line in [*findings(answers), *_asked(answers.networks)])
        for line in [line for line in lines if line not in told]:
            log.warning("%s", line)
        told.update(lines)

    watch(tell, default)


def note_doubts(book: "Book", show: Callable[["Prose"], object]) -> None:
    """Show and record from now on what is unlikely in responses that enter a section."""
    from ddd_utils.report.text import Prose, literal  # brings the charts, which who only reads a table can do without

    def tell(answers: Responses) -> None:
        new = [finding for finding in findings(answers) if book.record_doubt(finding)]
        if new:
            lines = (f"- {literal(str(finding))}" for finding in new)
            show(Prose("\n".join(["**Look at this before the figures:**\n", *lines])))

    watch(tell)
