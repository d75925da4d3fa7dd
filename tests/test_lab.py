"""`make lab` in a real browser: from the start page to a section whose charts are drawn, all without the network."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import ports
import pytest

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
TOKEN = "trial"
FIRST = "The same network, trained again"
TRACKER = "@jupyterlab/notebook-extension:tracker"
INTERPRETER = "# %%\nimport sys\n\nprint('interpreter:', sys.executable)\n"

# Eleven networks that are trained in a second or two, once their processes have started.
EXPERIMENT = {
    "dataset": {"name": "digits", "train_images": 200, "image_size": 8},
    "base": {"model": "plain_convnet", "arguments": {"stages": [1, 1], "width": 16}},
    "other": {"model": "plain_convnet", "arguments": {"stages": [1, 1], "width": 20}},
    "epochs": 2,
    "batch_size": 10,
    "bn_recalibration": 100,
    "instances": dict.fromkeys(
        ("initialisation", "learning_rate", "cuda_nondeterministic", "data_order", "combined"), 1
    ),
}
# Keeps every state of the progress that is on the page, so that none is missed between two looks at it: a line of text,
# then one for each network. (What lies outside the window has no innerText.)
WATCH = """
window.progress = [];
new MutationObserver(() => document.querySelectorAll(".ddd-progress").forEach((each) => {
    const text = (row) => [...row.cells].map((cell) => cell.textContent).join(" ");
    const rows = [...each.querySelectorAll("tr")].map(text);
    const shown = [each.firstChild.textContent, ...rows].join("\\n");
    if (shown !== window.progress.at(-1)) window.progress.push(shown);
})).observe(document, {childList: true, characterData: true, subtree: true});
"""

# JupyterLab takes cells that are out of sight from the page, and its kernel is idle between two of them: the notebook
# itself is asked how many charts it holds, and whether it ran through so many times.
CELLS = "[...window.jupyterapp.shell.currentWidget.content.model.cells]"
CHARTS = f"""
{CELLS}
    .flatMap((cell) => cell.toJSON().outputs ?? [])
    .filter((output) => Object.keys(output.data ?? {{}}).some((kind) => kind.includes("vegalite"))).length
"""
RAN = f"""(times) => {{
    const code = {CELLS}.filter((each) => each.type === "code");
    return code.at(-1).executionCount === times * code.length;
}}"""

pytestmark = pytest.mark.skipif(CHROMIUM is None or shutil.which("make") is None, reason="needs Chromium and make")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with what `make lab` reads, and an environment that stands for the installed one."""
    tmp_path = tmp_path_factory.mktemp("checkout")
    for name in ("Makefile", "requirements.txt", "jupytext.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / ".installed").touch()
    (tmp_path / "build" / "lab" / "workspaces").mkdir(parents=True)
    (tmp_path / "build" / "lab" / "workspaces" / "of-the-last-time").touch()
    return tmp_path


@pytest.fixture(scope="module")
def server(checkout):
    """Start `make lab` on a free port, return its address, and stop it (and only it) afterwards."""
    [port] = ports.free(1)
    options = ("--no-browser", "--expose-app-in-browser", "--ServerApp.port_retries=0")
    arguments = " ".join([*options, f"--port={port}", f"--IdentityProvider.token={TOKEN}"])
    private = {
        f"JUPYTER_{kind}_DIR": str(checkout / "jupyter" / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    log = checkout / "lab.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            ["make", "lab", f"LAB_ARGS={arguments}"],
            cwd=checkout,
            env=environment | private | {"IPYTHONDIR": str(checkout / "ipython"), "DDD_BUILD": str(checkout / "build")},
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
            process.wait(timeout=200)


def request(url, method="GET", data=None):
    headers = {"Authorization": f"token {TOKEN}"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as answer:
        return json.loads(answer.read() or "null")


def wait_until_up(address, process, log):
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return request(f"{address}/api/status")
        except OSError:  # nobody listens yet, or answers in time
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture
def page():
    """A page of headless Chromium that reaches this machine and nothing else."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=300_000)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(300_000)
        refused = []
        page.route(
            lambda url: urllib.parse.urlsplit(url).hostname not in ("127.0.0.1", None),
            lambda route: (refused.append(route.request.url), route.abort()),
        )
        yield page
        browser.close()
        assert not refused


def run_all(page):
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def cell(page, code):
    return page.locator(".jp-NotebookPanel .jp-CodeCell", has_text=code).first


def set_parameters(page, **values):
    """Write a section's parameters over those in its first cell with code, as a user would; return what is typed."""
    typed = "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
    cell(page, 'preset = "').locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(typed)
    return typed


def picture(canvas):
    return canvas.evaluate("canvas => canvas.toDataURL()")


def test_a_reloaded_start_page_is_there_once(server, page):
    """It stands first in this file: the workspace keeps the notebooks that are opened later."""
    tabs = page.locator("#jp-main-dock-panel .lm-TabBar-tab")
    page.goto(f"{server}/?token={TOKEN}")
    page.locator(".jp-MarkdownViewer").get_by_role("link", name=FIRST).wait_for()
    for _ in range(2):
        page.wait_for_timeout(1500)  # the workspace is saved a moment after it has changed
        page.reload()
        page.locator(".jp-MarkdownViewer").get_by_role("link", name=FIRST).wait_for()
        page.wait_for_timeout(1500)
        assert tabs.all_inner_texts() == ["start.md"]


def test_from_the_start_page_a_changed_section_shows_progress_redraws_its_charts_and_is_saved(checkout, server, page):
    section = checkout / "notebooks" / "training_variants.py"
    first, _, _ = section.read_text().partition("# %% [markdown]\n# ## Pictures")  # what follows takes more seconds
    section.write_text(first + INTERPRETER)
    assert not (checkout / "build" / "lab" / "workspaces" / "of-the-last-time").exists()
    page.goto(f"{server}/?token={TOKEN}")
    page.locator(".jp-MarkdownViewer").get_by_role("link", name=FIRST).click()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()

    set_parameters(page, preset="smoke", experiment=EXPERIMENT, tolerance=0)
    page.evaluate(WATCH)
    run_all(page)
    histogram = cell(page, "charts.score_bars(").locator(".jp-OutputArea-output canvas.marks")
    trouble = page.locator('.jp-OutputArea-output[data-mime-type$="stderr"]')
    histogram.or_(trouble).first.wait_for(timeout=600_000)  # eleven networks, on a busy machine
    assert not trouble.all_inner_texts()
    shown = page.evaluate("window.progress")
    assert all(f"{name}  waiting" in shown[0] for name in ("plus_10_epochs", "half_data_2", "combined_1"))
    assert any(re.search(r"\nbase, plus_1_epoch, plus_10_epochs  epoch [1-9]\d* of 12\n", each) for each in shown)
    assert re.fullmatch(r"11 networks trained in \d+ (s|min)", shown[-1])
    assert page.locator(".ddd-progress").count() == 1
    assert cell(page, "experiments.responses(").locator(".ddd-progress").count() == 1

    page.wait_for_function(RAN, arg=1)
    charts, before = page.evaluate(CHARTS), picture(histogram)
    assert charts > 2
    typed = set_parameters(page, preset="smoke", experiment=EXPERIMENT, tolerance=2)
    run_all(page)
    page.wait_for_function(RAN, arg=2)
    deadline = time.monotonic() + 300
    while picture(histogram) == before:
        assert time.monotonic() < deadline, "the chart is still the old one"
        time.sleep(0.1)
    assert page.evaluate(CHARTS) == charts
    assert not trouble.all_inner_texts()
    assert page.locator(".ddd-progress").count() == 0, "all was cached, there is nothing to follow"

    printed = page.locator(".jp-OutputArea-output", has_text="interpreter:").inner_text()
    assert printed.strip() == f"interpreter: {sys.executable}"
    with page.expect_response(lambda answer: answer.request.method == "PUT" and section.name in answer.url) as saved:
        page.keyboard.press("Control+s")
    assert saved.value.ok
    before, parameters, after = re.split(
        r'(?<=tags=\["parameters"\]\n)(.*?)(?=\n\n# %%)', first, maxsplit=1, flags=re.DOTALL
    )
    assert parameters.startswith('preset = "quick"')
    assert section.read_text() == before + typed + after + INTERPRETER
    assert not list(checkout.glob("notebooks/*.ipynb"))


def test_a_changed_setting_is_kept_under_build_and_ours_stands(checkout, server):
    ours = {path: path.read_bytes() for path in (checkout / "notebooks" / ".jupyter").rglob("*.json")}
    request(f"{server}/lab/api/settings/{TRACKER}", "PUT", json.dumps({"raw": '{"recordTiming": true}'}).encode())

    assert request(f"{server}/lab/api/settings/{TRACKER}")["settings"] == {"recordTiming": True}
    assert len(list((checkout / "build" / "lab" / "settings").rglob("*.jupyterlab-settings"))) == 1
    assert ours and all(path.read_bytes() == before for path, before in ours.items())
