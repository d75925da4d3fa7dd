import base64
import io
import re

import numpy as np
from bs4 import BeautifulSoup
from made_models import made
from PIL import Image

from ddd_utils import charts
from ddd_utils.analysis.examples import Answer, answers_of, examples
from ddd_utils.charts.gallery import MOST_PICTURES
from ddd_utils.report import explorer, markup

HOSTILE = '<img src=x onerror="alert(1)">&'


def decoded(page):
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in re.findall(r"base64,([^\"]+)", page)]


def pictures(*shapes):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*shape, 3)).astype(np.uint8) for shape in shapes]


def one(answers, image=None, name="a.jpg", label="tabby"):
    image = pictures((20, 20))[0] if image is None else image
    return markup.clean(charts.answers_gallery([image], [name], [label], [answers]).data)


def lines(soup):
    return [line.get_text(" ", strip=True) for line in soup.find_all("li")]


def test_gallery_pictures_are_the_images_and_captions_are_escaped():
    images = np.array(pictures((6, 5), (6, 5)))
    images[1] = images[1][..., :1]
    page = charts.gallery(images, ["<b>3</b> & 8", 'a "quoted" one']).data
    assert "<b>" not in page
    assert 'alt="&lt;b&gt;3&lt;/b&gt; &amp; 8"' in page
    shown = decoded(page)
    assert [image.mode for image in shown] == ["RGB", "L"]
    assert all(np.array_equal(np.asarray(d.convert("RGB")), i) for d, i in zip(shown, images, strict=True))


def test_tiny_images_keep_their_pixels_and_photographs_are_small_files():
    tiny, photograph = pictures((64, 48), (160, 107))
    smooth = np.asarray(Image.fromarray(photograph[:4, :3]).resize((107, 160), Image.Resampling.BICUBIC))
    page = charts.answers_gallery([tiny, smooth], ["a", "b"], ["x", "y"], [[], []]).data
    shown = decoded(page)
    assert [image.format for image in shown] == ["PNG", "JPEG"] and shown[1].size == (107, 160)
    assert np.array_equal(np.asarray(shown[0]), tiny)
    assert np.abs(np.asarray(shown[1], int) - smooth).mean() < 8
    assert page.count("pixelated") == 1 and len(page) < 20_000


def test_the_right_answer_comes_first_and_has_a_tick():
    predictions, names = [2, 1, 1, 0, 1, -1], [f"model {i}" for i in range(6)]
    soup = one(answers_of(predictions, 1, ["tiger", "tabby", "lynx"], names))
    assert soup.strong.get_text() == "tabby"
    assert [line.split(" model")[0] for line in lines(soup)] == [
        "✓ tabby (3 of 6)",
        "tiger (1 of 6)",
        "lynx (1 of 6)",
        "not recorded (1 of 6)",
    ]
    assert soup.find(class_="right").get_text() == "✓ tabby (3 of 6)"
    assert soup.img["alt"] == "a.jpg: tabby, 3 of 6 right"


def test_answers_are_folded_under_their_count_and_name_who_gave_them_unless_all_did():
    names = [f"model {i}" for i in range(5)]
    soup = one(answers_of([0] * 4 + [1], 0, ["a", "b"], names))
    assert [fold.summary.get_text() for fold in soup.find_all("details")] == ["4 of 5 right"]
    assert [who.get_text() for who in soup.find_all(class_="who")] == [", ".join(names[:-1]), names[-1]]
    assert lines(one([Answer("tabby", True, tuple(names))])) == ["✓ tabby (all 5)"]


def test_what_comes_from_outside_is_text():
    soup = one([Answer(HOSTILE, False, (HOSTILE, "b")), Answer("x", False, ("c",))], name=HOSTILE, label=HOSTILE)
    assert len(soup.find_all("img")) == 1 and soup.img["alt"].startswith(f"{HOSTILE}: {HOSTILE}, 0 of 3")
    assert soup.strong.get_text() == HOSTILE
    assert soup.find(class_="who").get_text() == f"{HOSTILE}, b"
    assert lines(soup)[0].startswith(HOSTILE)


def test_the_page_keeps_the_gallery_whole():
    answers = answers_of([0, 1, 1, 2, 1, 3], 1, list("abcd"), list("uvwxyz"))
    made = charts.answers_gallery(pictures((20, 20), (90, 160)), ["a", "b"], ["x", "y"], [answers] * 2).data
    assert str(markup.clean(made)).count("<") == str(made).count("<") and "<details>" in made
    assert "aspect-ratio:1" in str(markup.clean(made)) and "minmax" in str(markup.clean(made))


def test_a_gallery_has_its_limit():
    many = MOST_PICTURES + 3
    page = charts.answers_gallery(pictures(*[(8, 8)] * many), ["a"] * many, ["x"] * many, [[]] * many).data
    assert page.count("<figure") == MOST_PICTURES
    assert charts.answers_gallery([], [], [], []).data.count("<figure") == 0


def test_examples_of_a_kind_have_their_rule_and_the_answers_to_each():
    answers = made(6)
    rule, shown = explorer.examples_gallery(answers, range(5), "trivial", 1)
    assert rule == "**Trivial**: at most 1 of 5 networks wrong"
    figures = BeautifulSoup(shown.data, "html.parser").find_all("figure")
    chosen = examples(answers.correct()[:5], 1, labels=answers.labels)["trivial"]
    assert [figure.strong.text for figure in figures] == [answers.class_names[answers.labels[i]] for i in chosen]
    assert all("model 5" not in figure.text for figure in figures)
    answers.predictions[:] = answers.labels
    assert explorer.examples_gallery(answers, range(5), "impossible", 0) == [
        "**Impossible**: none of 5 networks right. There is none."
    ]
