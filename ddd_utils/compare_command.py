"""The command `compare`: the notebook that sets two reports side by side, and the page of it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from ddd_utils import paths
from ddd_utils.errors import InputError
from ddd_utils.files import safe_name
from ddd_utils.report import comparison, page, run


def write(first: str, second: str, out: Path | None = None) -> Path:
    """Write the page of two reports, by default to ``build()/compare/<first>-<second>.html``."""
    both = comparison.read(first, second)  # what is wrong with them is told before a notebook starts
    reports = {"first": both.one, "second": both.other}
    stem = "-".join(safe_name(report.folder.resolve().name) for report in reports.values())
    target = out or paths.build() / "compare" / f"{stem}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        parameters = {which: str(report.folder.resolve()) for which, report in reports.items()}
        outcome = run.execute_one("compare", parameters, Path(folder))
        if outcome.error:
            raise InputError(f"{first} and {second} could not be compared: {outcome.error.splitlines()[0]}")
        return page.build_comparison(outcome, {which: report.name for which, report in reports.items()}, target)
