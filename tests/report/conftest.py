import pytest
from made_notebooks import Preset, chart, code, executed, prose, shown, stream
from made_page import BARS, BESIDE, CHROMIUM, ELSEWHERE, FORMULA, FRAME, HOSTILE, LONG, SHARES, TWO_SETS
from nbformat.v4 import new_output

from ddd_utils import paths
from ddd_utils.files import write_text
from ddd_utils.report import claims, game, page, verdicts
from ddd_utils.report.headline import claims_table


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """Build a page of three sections, the last one failed; some claims are recorded for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(tmp_path_factory.mktemp("page")))
        record_claims()
        write_text(paths.build() / "tiny" / BESIDE, "image,score\n")
        outcomes = {
            "summary": executed(
                "summary",
                prose(
                    f"# First\nSee [the second](second.ipynb#Deep-inside), [the list]({BESIDE}), [a page]({ELSEWHERE})."
                ),
                code("f", shown(text__html=FRAME._repr_html_())),
                prose("## Every claim"),
                code("g", shown(text__html=claims_table(verdicts.table("tiny")).data)),
            ),
            "second": executed(
                "second",
                prose(f"# Second\n\n{FORMULA}\n\n{LONG}\n\n## Deep inside\n\n### Deeper still"),
                code(f"b = {'+'.join(['value'] * 60)}", stream("stdout", "printed " * 60)),
                *[code("b", chart(BARS)) for _ in range(5)],
                code("c", chart(TWO_SETS)),
            ),
            "third": executed("third", code("h", shown(text__html=HOSTILE)), error=HOSTILE + "\n" + "long line " * 60),
        }
        preset = Preset(list(outcomes), {"second": {"deep": {"key": "value" * 30}}})
        made = {"gaussian-0a1b2c3d": {"commit": "f" * 40, "files": {}}}
        return page.build(preset, outcomes, {"second": {"device": HOSTILE, "inputs": made}})


def record_claims():
    book = claims.Book("training_variants", "tiny")
    for kind, share in SHARES.items():
        limits = (share - 0.01, share + 0.01)
        book.record(
            f"{kind}_share", share, limits, claims.Basis(13, 2000, "gaussian", "another data set"), "tolerance 0"
        )
    here = claims.Basis(4, 50_000, "imagenet")
    book.record("kappa_imagenet.initialisation", 0.7, (0.6, 0.8), here, runs=[0.699, 0.7, 0.701])
    book.record("kappa_imagenet.combined", 0.2, (0.1, 0.3), here, runs=[0.199, 0.2, 0.201])
    book.record("kappa_imagenet.optimizer", 0.7, (0.6, 0.8), here)
    book.record("distinct_networks", 10)


@pytest.fixture
def written(tmp_path):
    """Write the page of an experiment."""

    def write(study):
        path = tmp_path / "experiment.html"
        path.write_text(game.laboratory(study), "utf-8")
        return path

    return write


@pytest.fixture
def with_game(tmp_path, monkeypatch):
    """Build a report that has nothing but the game."""
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))

    def build(study):
        shown = new_output("display_data", game.Game(study, "report.html")._repr_mimebundle_())
        return page.build(Preset(["summary"]), {"summary": executed("summary", prose("# One"), code("g", shown))}, {})

    return build


# What the page says for a moment (2.5 s) stays: a busy machine may look later.
STAYS = "{ const later = setTimeout; setTimeout = (what, ms) => (ms === 2500 ? 0 : later(what, ms)); }"


# One a file: a driver that outlives its file would not let the next one start.
@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, timeout=300_000)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, request):
    """Open the report, or another page, with the network off; what it asked for and complained of must be nothing."""
    contexts, trouble = [], []

    def open_it(width=1280, height=800, path=None, **settings):
        path = path or request.getfixturevalue("report")
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **settings)
        contexts.append(context)
        context.add_init_script(STAYS)
        tab = context.new_page()
        tab.set_default_timeout(120_000)
        tab.on("request", lambda asked: trouble.append(asked.url) if not is_local(asked.url, path) else None)
        tab.on(
            "console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None
        )
        tab.on("pageerror", lambda error: trouble.append(str(error)))
        tab.goto(path.as_uri())
        return tab

    def is_local(url, path):
        return url.split("#")[0] in (path.as_uri(), path.with_name(BESIDE).as_uri()) or url.startswith(
            ("data:", "blob:")
        )

    yield open_it
    for context in contexts:
        context.close()
    assert trouble == []


@pytest.fixture
def all_drawn():
    """Scroll over every chart, as a reader does, until each is drawn."""

    def scroll(tab):
        for figure in tab.locator("figure.chart").all():
            figure.scroll_into_view_if_needed()
        tab.wait_for_function("() => !document.querySelector('figure.chart:not([data-drawn])')")

    return scroll
