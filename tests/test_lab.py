"""`make lab` in a real browser: a click opens a .py as a notebook, and its charts are drawn without the network."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
TOKEN = "trial"
TRACKER = "@jupyterlab/notebook-extension:tracker"
NOTEBOOK = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A trial

# %% tags=["parameters"]
preset = "quick"

# %%
import sys

import altair as alt
import pandas as pd

from ddd_utils import reporting

reporting.setup()
print("interpreter:", sys.executable)


# %%
def bars(table):
    return alt.Chart(table).mark_bar().encode(x="score:O", y="images:Q")


# %%
bars(pd.DataFrame({"score": [0, 1, 2], "images": [40, 10, 50]}))
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None or shutil.which("make") is None, reason="needs Chromium and make")


@pytest.fixture
def checkout(tmp_path):
    """A folder with what `make lab` reads, one notebook, and an environment that stands for the installed one."""
    for name in ("Makefile", "requirements.txt", "jupytext.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "notebooks" / ".jupyter", tmp_path / "notebooks" / ".jupyter")
    (tmp_path / "notebooks" / "trial.py").write_text(NOTEBOOK)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / ".installed").touch()
    return tmp_path


@pytest.fixture
def server(checkout):
    """Start `make lab` on a free port, return its address, and stop it (and only it) afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = f"--no-browser --port={port} --ServerApp.port_retries=0 --IdentityProvider.token={TOKEN}"
    private = {
        f"JUPYTER_{kind}_DIR": str(checkout / "jupyter" / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    log = checkout / "lab.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            ["make", "lab", f"LAB_ARGS={arguments}"],
            cwd=checkout,
            env=environment | private | {"IPYTHONDIR": str(checkout / "ipython")},
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_up(address, process, log)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


def request(url, method="GET", data=None):
    headers = {"Authorization": f"token {TOKEN}"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=10) as answer:
        return json.loads(answer.read() or "null")


def wait_until_up(address, process, log):
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return request(f"{address}/api/status")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture
def page():
    """A page of headless Chromium that reaches this machine and nothing else."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(60_000)
        page.route(
            lambda url: urllib.parse.urlsplit(url).hostname not in ("127.0.0.1", None), lambda route: route.abort()
        )
        yield page
        browser.close()


def open_and_run(page, address, name):
    """Click a file in the browser of files and run all cells of what opens."""
    page.goto(f"{address}/lab?token={TOKEN}")
    page.locator(".jp-DirListing-item", has_text=name).dblclick()
    page.locator(".jp-NotebookPanel").wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def test_a_click_opens_a_notebook_whose_chart_is_drawn_offline_and_saving_it_changes_nothing(checkout, server, page):
    open_and_run(page, server, "trial.py")

    marks = page.locator(".jp-OutputArea-output canvas.marks")
    marks.wait_for()
    colours = marks.evaluate(
        "canvas => new Set(new Uint32Array("
        "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"
    )
    assert colours > 2, "the chart is blank"
    printed = page.locator(".jp-OutputArea-output", has_text="interpreter:").inner_text()
    assert printed.strip() == f"interpreter: {sys.executable}"

    with page.expect_response(lambda answer: answer.request.method == "PUT" and "trial.py" in answer.url) as saved:
        page.keyboard.press("Control+s")
    assert saved.value.ok
    assert (checkout / "notebooks" / "trial.py").read_text() == NOTEBOOK
    assert not list(checkout.glob("notebooks/*.ipynb"))


def test_a_changed_setting_is_kept_under_build_and_ours_stands(checkout, server):
    ours = {path: path.read_bytes() for path in (checkout / "notebooks" / ".jupyter").rglob("*.json")}
    request(f"{server}/lab/api/settings/{TRACKER}", "PUT", json.dumps({"raw": '{"recordTiming": true}'}).encode())

    assert request(f"{server}/lab/api/settings/{TRACKER}")["settings"] == {"recordTiming": True}
    assert len(list((checkout / "build" / "lab" / "settings").rglob("*.jupyterlab-settings"))) == 1
    assert ours and all(path.read_bytes() == before for path, before in ours.items())
