"""The experiment taken by a real browser, with the network off."""

import pandas as pd
import pytest
from made_experiment import HOSTILE, made
from observer import begin, consent, marks, missed, part, play, score, until_found, wait_for

from ddd_utils.analysis import observer_trials, psychophysics

NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } })"


@pytest.fixture
def opened(browser):
    """Open a page, in the context of another if given; no request and no complaint may come of it."""
    trouble, contexts = [], []

    def watch(tab, address):
        def local(request):
            return request.url.split("#")[0] == address or request.url.startswith(("data:", "blob:"))

        tab.on("request", lambda request: None if local(request) else trouble.append(request.url))
        tab.on("console", lambda said: trouble.append(said.text) if said.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: trouble.append(str(error)))
        tab.set_default_timeout(120_000)
        tab.goto(address)
        return tab

    def open_it(path, context=None, before="", **settings):
        if context is None:
            context = browser.new_context(offline=True, **settings)
            contexts.append(context)
            context.add_init_script(before)
        return watch(context.new_page(), path.as_uri())

    yield open_it
    for context in contexts:
        context.close()
    assert trouble == []


def saved(tab, folder):
    with tab.expect_download() as download:
        part(tab, "save").click()
    folder.mkdir(exist_ok=True)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_an_experiment_is_taken_left_resumed_saved_and_analysed(opened, written, tmp_path):
    path = written(made(tail=HOSTILE))
    tab = opened(path)
    consent(tab)
    play(tab, [1, 2], 2, "Practice pair")
    part(tab, "go").click()
    play(tab, [1, 2, 3, 4], 10, wrong={2})
    assert part(tab, "running").text_content() == "3 of 4 right"
    wait_for(tab, "Pair 5 of 10")
    tab.close()

    tab = opened(path, tab.context)
    until_found(tab, "4 of 10 answers of the observer ann-1")
    part(tab, "continue").click()
    part(tab, "go").click()
    play(tab, range(5, 11), 10)
    assert part(tab, "running").text_content() == "9 of 10 right"
    assert score(tab).startswith("9 of 10 right: 90.0% (95% interval 59.6% to 98.2%")
    assert "81.4%" in part(tab, "beside").text_content()
    assert tab.locator(".result svg circle").count() == 2
    assert marks(tab)[:3] == ["1 ✓", "2 ✗", "3 ✓"]
    assert missed(tab) == [("Pair 2", f"t1{HOSTILE}", f"i1{HOSTILE}")]
    assert tab.evaluate("window.hacked") is None

    file = saved(tab, tmp_path / "observers")
    assert file.name.startswith("ann-1-")
    trials, problems = psychophysics.read_observers(file.parent)
    assert problems == [] and trials["trial_index"].tolist() == list(range(10))
    assert trials["correct"].tolist() == [number != 1 for number in range(10)]
    marks_of = pd.read_csv(file)
    assert marks_of["resumed"].tolist() == [0] * 4 + [1] * 6 and marks_of["hidden"].sum() == 0
    assert trials["trivial_image"][3] == f"t3{HOSTILE}" and trials["rt"].between(0, 60_000).all()
    assert observer_trials.accuracy(trials)[["observer", "correct"]].iloc[0].tolist() == ["ann-1", 9]


def test_with_delayed_feedback_nothing_is_told_until_the_end(opened, written):
    tab = opened(written(made(trials=4, practice=0, feedback="delayed")))
    consent(tab)
    part(tab, "go").click()
    play(tab, [1, 2, 3, 4], 4, feedback=False, wrong={4})
    assert part(tab, "running").text_content() == part(tab, "said").text_content() == ""
    assert score(tab).startswith("3 of 4 right")
    assert "81.4% on average (71.8% to 88.6%)" in part(tab, "beside").text_content()
    assert marks(tab) == ["1 ✓", "2 ✓", "3 ✓", "4 ✗"]
    assert missed(tab) == [("Pair 4", "t3", "i3")]


def test_without_feedback_nothing_is_told_even_at_the_end(opened, written, tmp_path):
    tab = opened(written(made(trials=2, practice=2, feedback="none")))
    consent(tab)
    play(tab, [1, 2], 2, "Practice pair")
    part(tab, "go").click()
    play(tab, [1, 2], 2, feedback=False, wrong={2})
    trials, _ = psychophysics.read_observers(saved(tab, tmp_path / "observers").parent)
    assert trials["correct"].tolist() == [True, False]
    assert tab.locator(".result").count() == 0 and "right" not in tab.locator("main").inner_text().lower()


def test_a_pause_hides_the_images_and_stops_the_clock(opened, written, tmp_path):
    tab = opened(written(made(trials=1, practice=0, feedback="none")))
    consent(tab)
    began = tab.evaluate("performance.now()")
    part(tab, "go").click()
    wait_for(tab, "Pair 1 of 1")
    part(tab, "pause").click()
    assert not tab.locator(".pair").is_visible()
    tab.keyboard.press("ArrowLeft")
    tab.wait_for_timeout(1500)
    part(tab, "resume-clock").click()
    play(tab, [1], 1, feedback=False)
    took = tab.evaluate("performance.now()") - began
    trials, _ = psychophysics.read_observers(saved(tab, tmp_path / "observers").parent)
    assert trials["rt"][0] <= took - 1500


def test_where_nothing_can_be_kept_the_page_says_so_and_works(opened, written):
    tab = opened(written(made(trials=1, practice=0)), before=NO_STORAGE)
    assert part(tab, "forgetful").is_visible()
    consent(tab)
    part(tab, "go").click()
    play(tab, [1], 1)
    assert "1 of 1 right" in score(tab)


def test_the_next_observer_starts_anew_and_a_code_has_plain_characters(opened, written):
    tab = opened(written(made(trials=1, practice=0)))
    tab.get_by_role("checkbox").check()
    part(tab, "code").fill("../a b")
    tab.keyboard.press("Enter")
    assert not part(tab, "begin").is_visible()
    part(tab, "code").fill("a_b")
    tab.keyboard.press("Enter")
    part(tab, "begin").click()
    part(tab, "go").click()
    play(tab, [1], 1)
    part(tab, "over").click()
    assert "not saved" in part(tab, "saved").text_content()
    part(tab, "over").click()
    tab.get_by_role("checkbox").wait_for()
    assert not part(tab, "resume").is_visible() and part(tab, "code").input_value() == ""


FULL = """let puts = 0; const put = Storage.prototype.setItem;
Storage.prototype.setItem = function (...given) {
  puts += 1;
  if (puts > 4) throw new DOMException("full", "QuotaExceededError");
  return put.apply(this, given);
}"""
OUT_OF_SIGHT = """() => {
  Object.defineProperty(document, 'hidden', { value: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def test_a_store_that_fails_half_way_is_told_and_the_answers_can_be_saved_at_any_time(opened, written, tmp_path):
    tab = opened(written(made(trials=4, practice=0)), before=FULL)
    consent(tab)
    part(tab, "go").click()
    play(tab, [1, 2], 4)
    assert not part(tab, "stopped").is_visible()
    play(tab, [3], 4)
    assert part(tab, "stopped").is_visible()
    with tab.expect_download() as download:
        part(tab, "save-now").click()
    assert pd.read_csv(download.value.path())["trial_index"].tolist() == [0, 1, 2]
    play(tab, [4], 4)
    assert len(pd.read_csv(saved(tab, tmp_path))) == 4


def test_a_second_tab_takes_over_and_the_first_is_told(opened, written):
    path = written(made(trials=4, practice=0))
    first = opened(path)
    consent(first)
    part(first, "go").click()
    play(first, [1], 4)
    second = opened(path, first.context)
    until_found(second, "1 of 4 answers")
    part(second, "continue").click()
    first.get_by_role("heading", name="goes on in another tab").wait_for()
    with first.expect_download() as download:
        part(first, "save-these").click()
    assert len(pd.read_csv(download.value.path())) == 1
    part(second, "go").click()
    play(second, [2], 4)
    assert "of 2 right" in part(second, "running").text_content()


def test_how_often_the_page_was_out_of_sight_is_recorded(opened, written):
    tab = opened(written(made(trials=2, practice=0)))
    consent(tab)
    part(tab, "go").click()
    wait_for(tab, "Pair 1 of 2")
    tab.evaluate(OUT_OF_SIGHT)
    part(tab, "resume-clock").click()
    play(tab, [1], 2)
    with tab.expect_download() as download:
        part(tab, "save-now").click()
    assert pd.read_csv(download.value.path())["hidden"].tolist() == [1]


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_its_screen(opened, written, width):
    tab = opened(written(made()), viewport={"width": width, "height": 640})
    consent(tab)
    wait_for(tab, "Practice pair 1 of 2")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [choice.bounding_box() for choice in tab.locator(".choice").all()]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["y"] + boxes[0]["height"] < 640


def test_the_game_is_played_in_the_report(opened, with_game):
    tab = opened(with_game(made(trials=4, practice=0)), permissions=["clipboard-write"])
    tab.wait_for_selector('.choice img[src^="data:"]')
    assert tab.evaluate("document.activeElement === document.body")
    begin(tab)
    play(tab, [1, 2, 3, 4], 4, wrong={1})
    assert score(tab).startswith("3 of 4 right")
    shared = part(tab, "sharing").text_content()
    assert (
        shared.startswith("Find those tricky images: 3 of 4 right, 75.0%. The paper's observers") and "81.4%" in shared
    )
    part(tab, "copy").click()
    tab.wait_for_function("() => document.querySelector('[data-part=copy]').textContent === 'Copied'")
    assert "same pairs" in part(tab, "again").text_content()
    assert missed(tab) == [("Pair 1", "t0", "i0")]
    part(tab, "again").click()
    wait_for(tab, "Pair 1 of 4")


def test_the_reader_of_the_report_chooses_when_to_be_told(opened, with_game):
    tab = opened(with_game(made(trials=4, practice=0)))
    tab.get_by_role("radio", name="after each pair").focus()
    tab.keyboard.press("ArrowRight")  # the other radio button, and not an answer
    assert part(tab, "count").text_content() == "Pair 1 of 4"
    begin(tab)
    play(tab, [1], 4, feedback=False)
    assert part(tab, "running").text_content() == part(tab, "said").text_content() == ""
    assert tab.get_by_role("radio", name="after each pair").is_disabled()
    play(tab, [2, 3, 4], 4, feedback=False, wrong={3})
    assert score(tab).startswith("3 of 4 right")
    assert "81.4% on average" in part(tab, "beside").text_content()
    assert marks(tab) == ["1 ✓", "2 ✓", "3 ✗", "4 ✓"]
    assert missed(tab) == [("Pair 3", "t2", "i2")]


def test_the_choice_can_be_changed_between_rounds_and_is_remembered_nowhere(opened, with_game):
    tab = opened(with_game(made(trials=4, practice=0)))
    begin(tab)
    play(tab, [1, 2, 3, 4], 4)
    tab.get_by_role("radio", name="only at the end").check()
    part(tab, "again").click()
    play(tab, [1, 2, 3, 4], 4, feedback=False)
    assert score(tab).startswith("4 of 4 right")
    # Who has been told the answers once is no comparison for people who have not.
    assert "knew these pairs from before" in part(tab, "beside").text_content()
    assert tab.evaluate("localStorage.length") == 0
    tab.reload()
    assert tab.get_by_role("radio", name="after each pair").is_checked()


# Selectors that name a class at their end, and find something inside the game.
REACHING = """() => {
  const inner = (rules) => [...rules].flatMap((rule) => [rule, ...(rule.cssRules ? inner(rule.cssRules) : [])]);
  const found = (selector) => [...document.querySelectorAll(selector)];
  return [...document.styleSheets].flatMap((sheet) => inner(sheet.cssRules))
    .flatMap((rule) => (rule.selectorText ?? "").split(/,(?![^(]*[)])/))
    .filter((selector) => !selector.includes(".experiment") && /[.][^ >+~]+$/.test(selector))
    .filter((selector) => found(selector).some((one) => one.parentElement.closest("[data-game]")));
}"""


def test_the_classes_of_the_report_do_not_reach_into_the_game(opened, with_game):
    """One of the same name once put the answer to each pair into a corner of the window."""
    tab = opened(with_game(made(trials=4, practice=0)))
    begin(tab)
    play(tab, [1, 2, 3, 4], 4, wrong={1})
    score(tab)
    assert tab.evaluate(REACHING) == []
