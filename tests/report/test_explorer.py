import json
import re

import nbformat
import pytest
from made_explorer import CLASSES, HOSTILE, made, marks
from made_models import made as made_models
from made_notebooks import Preset, code, executed, prose, shown

from ddd_utils import charts
from ddd_utils.analysis import difficulty
from ddd_utils.report import cells, explorer, markup, page
from ddd_utils.report.text import written


def rendered(*outputs):
    page = cells.Page(["s"])
    outcome = executed("s", *[code("x", output) for output in outputs])
    return cells.render(nbformat.read(outcome.notebook, as_version=4).cells, "s", page)


def output(made):
    return shown(**{key.replace("/", "__"): value for key, value in made._repr_mimebundle_().items()})


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))


def test_it_holds_every_answer_to_the_chosen_images():
    made_one, responses, found = made()
    data = made_one.data
    assert data["networks"] == ["a10", HOSTILE, "a9", "initialisation", "e"]
    for image, at in zip(data["images"], found.images, strict=True):
        assert image["name"] == responses.image_ids[at] and image["picture"].startswith("data:image/png")
        assert data["classes"][image["label"]] == CLASSES[responses.labels[at]]
        given = [CLASSES[answer] for answer in responses.predictions[1:, -1, at]]
        assert [data["classes"][answer] for answer in image["answers"]] == given
    assert len(data["pairs"]["kappa"]) == len(data["pairs"]["excess"]) == len(data["pairs"]["p"]) == 10


def test_an_answer_that_was_not_recorded_has_no_class():
    data = made(missing=[2])[0].data
    right = [image["answers"][1] == image["label"] for image in data["images"]]
    assert {image["answers"][1] for image, good in zip(data["images"], right, strict=True) if not good} == {-1}


def test_a_network_says_how_many_others_of_its_condition_it_stands_for():
    _, responses, found = made()
    responses.networks["condition"] = list("uvuwuu")
    data = explorer.Explorer(found, responses, [1, 2, 3, 4, 5], CLASSES).data
    assert data["spare"] == [0, 1, 0, 1, 1]  # the first "u" is left out


def test_the_in_between_images_have_counts_and_kappas_of_their_own():
    data, responses, found = made()[0].data, *made()[1:]
    score = responses.correct()[1:].sum(axis=0)
    some = responses.correct()[1:, (score > 1) & (score < 4)]
    assert data["between"]["total"] == some.shape[1] and data["between"]["both"][0][2] == (some[0] & some[2]).sum()
    assert data["between"]["kappa"][1].startswith(written(found.between.kappa.kappa[0, 2], ".3f") + " [")


def test_factors_are_counted_by_the_number_of_networks_right():
    (one, responses, found), looked = made(marked=True), marks()
    score, factors = responses.correct()[1:].sum(axis=0), one.data["factors"]
    assert factors["names"] == list(looked.factors)
    for right in range(6):
        images = [image for image in range(60) if looked.known[image] and score[image] == right]
        assert factors["known"][right] == len(images)
        assert [each[right] for each in factors["marked"]] == [looked.marked[images, at].sum() for at in (0, 1)]
    for image, at in zip(one.data["images"], found.images, strict=True):
        assert image["marked"] == [factor for factor in (0, 1) if looked.marked[at, factor]]
    assert "factors" not in made()[0].data and "marked" not in made()[0].data["images"][0]


def test_the_same_contents_have_the_same_key_and_stand_on_a_page_once():
    one, again, other = made()[0], made()[0], made(pictures=False)[0]
    assert one.data["key"] == again.data["key"] != other.data["key"]
    outcomes = {
        name: executed(name, code("x", output(each))) for name, each in zip("stu", (one, again, other), strict=True)
    }
    html = page.build(Preset([*outcomes]), outcomes).read_text("utf-8")
    assert [html.count(f'data-key="{each.data["key"]}"') for each in (one, other)] == [1, 1]
    assert markup.clean(rendered(output(one))).find("img") is None  # a script of ours is no script of theirs


def test_what_is_rendered_early_makes_the_same_page_and_links_of_another_page_are_made_anew():
    outcomes = {name: executed(name, prose("# One\n\n[two](u.ipynb)"), code("x", output(made()[0]))) for name in "st"}
    preset, later = Preset(["s", "t", "u"]), {"u": executed("u", prose("# Two"))}

    def built(outcomes, names):
        early = page.rendered(preset, outcomes, names)
        together = outcomes | later
        found = [page.build(preset, together, None, None, each).read_text("utf-8") for each in (early, {})]
        return [re.sub(r"<time.*?</time>", "", each) for each in found]

    for names in ("stu", "st"):
        one, other = built(outcomes, names)
        assert one == other and one.count('href="#u"') == 2 + one.count('href="#t"')


def test_the_data_cannot_leave_their_element():
    html = explorer.element(made()[0].data)
    inside = html.partition(">")[2].removesuffix("</script>")
    assert "<" not in inside and json.loads(inside) == made()[0].data


def test_a_chart_is_linked_and_others_are_not():
    one, responses, _ = made()
    histogram = difficulty.score_histogram(responses.correct()[1:])
    chart = charts.score_bars(histogram, 1, "Scores")
    linked = one.linked(chart, "score").to_dict()
    assert explorer.attributes(linked) == f' data-explore="{one.data["key"]}" data-by="score"'
    assert explorer.attributes(chart.to_dict()) == ""
    assert explorer.attributes({"usermeta": {"explore": {"key": '"><b>', "by": "onload"}}}) == ""
    kind = "application/vnd.vegalite.v5+json"
    assert f'data-explore="{one.data["key"]}"' in rendered(shown(**{kind: linked}))


def test_a_notebook_says_where_it_is_seen():
    text = made()[0]._repr_mimebundle_()["text/plain"]
    assert "In the report" in text and "40 of 60 images" in text


def test_an_explorer_is_made_from_the_responses_alone():
    answers = made_models(6)
    found = explorer.explored(answers, [1, 2, 3, 4, 5], 1).data
    assert found["networks"] == [f"model {i}" for i in range(1, 6)]
    assert sum(found["scores"]) == 90 and found["between"]["total"] > 0
    assert explorer.explored(answers, [1, 2, 3, 4, 5]).data == found
    assert all(image["picture"].startswith("data:image/png") for image in found["images"])
    without = explorer.explored(made_models(6, pictures=False), range(6), 1).data
    assert not any("picture" in image for image in without["images"])
