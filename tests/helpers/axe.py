"""What axe-core finds on a page, where it is installed."""

from importlib.util import find_spec

import pytest

installed = find_spec("axe_playwright_python") is not None
needed = pytest.mark.skipif(not installed, reason="axe-playwright-python is not installed")


def grave(tab):
    """List what is serious or worse: the rule, and the elements that break it."""
    from axe_playwright_python.sync_playwright import Axe

    found = [rule for rule in Axe().run(tab).response["violations"] if rule["impact"] in ("serious", "critical")]
    return [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]
