import base64
import hashlib
import io
import json
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup
from made_experiment import HOSTILE, made, pictures
from made_models import made as made_models
from PIL import Image

from ddd_utils.report import game


def embedded(html):
    return json.loads(BeautifulSoup(html, "html.parser").find("script", type="application/json").string)


def decoded(address):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))


def test_the_page_holds_the_study_and_the_same_study_makes_the_same_bytes():
    study = made()
    assert embedded(game.laboratory(study)) == study
    assert game.laboratory(study) == game.laboratory(made())
    assert study["key"] != made(trials=9)["key"] and study["key"] != made(feedback="delayed")["key"]


def test_each_trial_names_its_images_once():
    study = game.study([("t", "i", True), ("t", "j", False)], pictures(["t", "i", "j"]), "imagenet", 5, 0)
    assert study["names"] == ["t", "i", "j"] and len(study["pictures"]) == 3
    assert study["trials"] == [
        {"left": 1, "right": 0, "impossible": "left"},
        {"left": 0, "right": 2, "impossible": "right"},
    ]
    assert "none of 5 networks gets it wrong" in study["rule"]


def test_names_from_outside_cannot_leave_their_place():
    html = game.laboratory(made(tail=HOSTILE))
    assert HOSTILE not in html and "onerror" in html
    soup = BeautifulSoup(html, "html.parser")
    assert len(soup.find_all("script")) == 2
    assert all(name.endswith(HOSTILE) for name in embedded(html)["names"])


def test_the_policy_lets_in_the_pages_own_script_and_style_only():
    soup = BeautifulSoup(game.laboratory(made()), "html.parser")
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    for text in (soup.find_all("script")[-1].string, soup.style.string):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert not re.search(r"style=|https?://(?!www\.w3\.org/2000/svg)", str(soup))


def test_large_photographs_are_made_small_and_noise_is_cut():
    image = np.random.default_rng(0).integers(0, 256, (300, 200, 3)).astype(np.uint8)
    photograph, noise = (
        decoded(game.study([("t", "i", True)], {"t": image, "i": image}, name, 5, 0, side=60)["pictures"][0])
        for name in ("imagenet", "gaussian")
    )
    assert photograph.shape == (60, 40, 3) and photograph.std() < 40
    assert np.array_equal(noise, image[:60, :60])


@pytest.mark.parametrize(
    ("dataset", "way", "said"),
    [
        ("imagenet", "delayed", "reached 81.4% on average (71.8% to 88.6%)."),
        ("imagenet", "immediate", "without being told after each pair"),
        ("imagenet", "again", "knew these pairs from before"),
        *[("gaussian", way, "the rule is learned in a few trials") for way in game.WAYS],
        *[("digits", way, "handwritten digits") for way in game.WAYS],
    ],
)
def test_the_papers_observers_are_named_where_they_can_be_compared(dataset, way, said):
    beside = made(dataset=dataset)["beside"]
    assert set(beside) == set(game.WAYS)
    assert said in beside[way] and ("81.4%" in beside[way]) == (dataset == "imagenet")


def test_the_paper_had_149_trials():
    assert game.most_trials() == 149


def test_the_first_section_with_a_game_gives_it_to_the_report(tmp_path):
    assert game.kept(tmp_path) is None
    for section, trials in (("training_variants", 4), ("sota_comparison", 5)):
        game.keep(tmp_path, section, made(trials=trials, practice=0))
        assert len(game.kept(tmp_path).study["trials"]) == trials
    game.forget(tmp_path, "sota_comparison")
    game.forget(tmp_path, "sota_comparison")
    bundle = game.kept(tmp_path)._repr_mimebundle_()
    assert bundle[game.MIME] == made(trials=4, practice=0)
    assert "4 pairs" in bundle["text/plain"] and f"{tmp_path / 'report.html'}, where" in bundle["text/plain"]
    game.keep(tmp_path, "training_variants", made(trials=game.FEWEST - 1, practice=0))
    assert game.kept(tmp_path) is None


def test_the_reader_is_asked_when_to_be_told_and_the_study_says_what_stands_there_first():
    for feedback in ("immediate", "delayed"):
        soup = BeautifulSoup(game.figure(made(feedback=feedback)), "html.parser")
        assert [choice["value"] for choice in soup.select("input")] == ["immediate", "delayed"]
        assert [choice["value"] for choice in soup.select("input[checked]")] == [feedback]


def test_the_figure_of_the_report_escapes_what_it_is_given():
    study = made(trials=4, practice=0, tail=HOSTILE) | {"rule": "<b>rule</b>"}
    soup = BeautifulSoup(game.figure(study), "html.parser")
    assert embedded(str(soup)) == study and soup.b is None and "<b>rule</b>" in soup.get_text()


@pytest.mark.parametrize("pictured", [True, False])
def test_a_section_with_images_keeps_pairs_of_them(tmp_path, monkeypatch, pictured):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    answers = made_models(6, pictures=pictured)
    game.keep_pairs("quick", "sota_comparison", answers, range(5), 1)
    found = game.kept(tmp_path / "quick")
    assert (found is not None) == pictured
    if found:
        scores = dict(zip(answers.image_ids, answers.correct()[:5].sum(axis=0), strict=True))
        study = found.study
        for trial in study["trials"]:
            impossible = study["names"][trial[trial["impossible"]]]
            assert scores[impossible] <= 1
        assert 4 <= len(study["trials"]) <= game.MOST
