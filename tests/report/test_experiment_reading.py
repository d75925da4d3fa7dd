"""The experiment and the game for those who listen, or see little: accessibility in every state."""

import axe
import pytest
from made_experiment import made
from observer import begin, consent, part, play, score, sides, until_found, wait_for

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


@axe.needed
@SCHEMES
def test_axe_finds_nothing_serious_on_any_screen_of_the_experiment(opened, written, scheme):
    tab = opened(path=written(made(trials=10, practice=1)), color_scheme=scheme)
    found = {"consent": axe.grave(tab)}
    tab.get_by_role("checkbox").press("Space")
    part(tab, "code").fill("ann")
    tab.keyboard.press("Enter")
    found["instructions"] = axe.grave(tab)
    part(tab, "begin").click()
    wait_for(tab, "Practice pair 1 of 1")
    found["trial"] = axe.grave(tab)
    tab.keyboard.press(f"Arrow{sides(tab)[1].capitalize()}")
    found["answer"] = axe.grave(tab)
    part(tab, "pause").click()
    found["pause"] = axe.grave(tab)
    part(tab, "resume-clock").click()
    part(tab, "next").click()
    part(tab, "go").wait_for()
    found["ready"] = axe.grave(tab)
    part(tab, "go").click()
    play(tab, range(1, 11), 10, wrong={1, 2})
    score(tab)
    part(tab, "save").click()
    found["end"] = axe.grave(tab)
    assert not any(found.values()), found


@axe.needed
def test_axe_finds_nothing_serious_where_answers_are_kept(opened, written):
    tab = opened(path=written(made(trials=2, practice=0)))
    consent(tab)
    part(tab, "go").click()
    play(tab, [1], 2)
    tab.reload()
    until_found(tab, "1 of 2 answers")
    assert axe.grave(tab) == []


@axe.needed
@SCHEMES
@pytest.mark.parametrize("feedback", ["immediate", "delayed"])
def test_axe_finds_nothing_serious_in_the_game(opened, with_game, scheme, feedback):
    tab = opened(path=with_game(made(trials=10, practice=0, feedback=feedback)), color_scheme=scheme)
    begin(tab)
    found = {"before": axe.grave(tab)}
    tab.keyboard.press(f"Arrow{sides(tab)[1].capitalize()}")
    found["answer"] = axe.grave(tab)
    if feedback == "immediate":
        part(tab, "next").click()
    play(tab, range(2, 11), 10, feedback=feedback == "immediate", wrong={2, 3})
    score(tab)
    found["end"] = axe.grave(tab)
    assert not any(found.values()), found
