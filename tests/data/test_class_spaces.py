"""Classes of images and outputs of models find each other, or it is said in a line why not."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from timm.data import ImageNetInfo

from ddd_utils.data import class_spaces
from ddd_utils.data.class_spaces import NEVER, class_space, imagenet_index, imagenet_names, synsets
from ddd_utils.errors import InputError

CLASS_INFO = Path(os.environ.get("DDD_DATA", ""), "imagenetv2", "class_info.json")
DOGS = ["n02085620", "n02085782"]


def test_imagenets_classes_are_those_that_timm_ships():
    """The list of ours stands in for timm's where timm is not installed."""
    info = ImageNetInfo()
    assert list(synsets()) == info.label_names()
    assert [", ".join(names) for _, names in class_spaces._classes()] == [
        info.index_to_description(index, detailed=False) for index in range(1_000)
    ]
    assert len(set(imagenet_names())) == 1_000


@pytest.mark.skipif(not CLASS_INFO.is_file(), reason="DDD_DATA has no imagenetv2/class_info.json")
def test_names_are_those_of_imagenetv2():
    information = sorted(json.loads(CLASS_INFO.read_text()), key=lambda entry: entry["cid"])
    assert [entry["wnid"] for entry in information] == list(synsets())
    for entry, name in zip(information, imagenet_names(), strict=True):
        assert name in (entry["synset"][0], f"{entry['synset'][0]} ({entry['wnid']})")


@pytest.mark.parametrize("key", ["n01440764", "tench", "Tinca_tinca", "TENCH", "0"])
def test_a_class_is_found_by_each_of_its_names(key):
    assert imagenet_index(key) == 0


def test_all_names_of_imagenets_classes_in_its_order_are_its_classes():
    """As Hugging Face lists them: two classes are called crane, of which one is written otherwise."""
    names = [", ".join(each) for _, each in class_spaces._classes()]
    names[names.index("crane", 200)] = "crane2"
    found = class_space(names[::-1], names)
    assert found.labels.tolist() == list(range(1_000))[::-1] and found.names == imagenet_names()
    assert (found.answers_of(1_000) == np.arange(1_000)).all()
    assert class_space(["tench, Tinca tinca"], ["tench, Tinca tinca"]).labels.tolist() == [0]
    for other in (sorted(names), [*names[:-20], *map(str, range(2_000, 2_020))]):
        assert class_space(other, other).synsets is None


def test_a_number_beyond_imagenets_is_named():
    with pytest.raises(InputError, match="'1000' is no index of ImageNet's 1,000 classes, which are counted from 0"):
        class_space(["1000"], ["999", "1000"], "indices")


def test_the_classes_that_outputs_stand_for_are_written_out():
    found = class_space(["b"], list("abcde"))
    assert found.meaning(np.array([4, 3, NEVER, 1, 0])) == "e, d, none, ..., a"
    assert found.meaning(np.array([1, 0])) == "b, a"


def test_a_name_of_two_classes_is_not_guessed():
    assert imagenet_index("crane") is None
    assert [name for name in imagenet_names() if name.startswith("crane (")] == [
        "crane (n02012849)",
        "crane (n03126707)",
    ]


def test_the_thousand_classes_keep_imagenets_order():
    space = class_space(synsets()[::-1], synsets())
    np.testing.assert_array_equal(space.labels, np.arange(1_000)[::-1])
    np.testing.assert_array_equal(space.answers_of(1_000), np.arange(1_000))
    assert space.present.all()


@pytest.mark.parametrize("outputs", [11_821, 21_843, 21_841, 11_221])
def test_larger_imagenets_answer_with_the_thousand(outputs):
    space = class_space(synsets(), synsets())
    answers = space.answers_of(outputs)
    for label in (0, 281, 817):
        assert synsets(outputs)[np.flatnonzero(answers == label)[0]] == synsets()[label]
    assert (answers == NEVER).sum() > outputs - 1_001


def test_a_subset_is_chosen_among_all_or_among_those_present():
    space = class_space(["n01443537", "n01440764", "n01443537"], ["n01440764", "n01443537"])
    assert np.flatnonzero(space.present).tolist() == [0, 1]
    assert space.labels.tolist() == [1, 0, 1]
    assert len(space.names) == 1_000


def test_a_folder_without_images_is_no_class_of_imagenets():
    order = ["__MACOSX", "n01440764", "n01443537"]
    assert class_space(["n01443537"], order).synsets is not None
    # Among classes of one's own it stays one: a network may have an output for it.
    assert class_space(["cat"], ["cat", "dog"]).own.tolist() == [0, 1]


def test_the_class_that_is_unknown_is_the_one_that_is_named():
    with pytest.raises(InputError, match="but 'my class' is no class of ImageNet"):
        class_space(["n01440764", "my class"], ["n01440764", "my class"]).answers_of(1_000)


def test_a_class_of_the_images_may_stand_for_several_of_imagenets():
    space = class_space(["dog", "cat"], ["cat", "dog"], {"dog": DOGS, "cat": "tabby"})
    answers = space.answers_of(1_000)
    assert {space.names[answers[synsets().index(dog)]] for dog in DOGS} == {"dog"}
    assert len(space.names) == 999
    assert [space.names[label] for label in space.labels] == ["dog", "tabby"]


def test_a_network_of_the_images_own_classes_answers_in_their_order():
    # The folders' order is alphabetical, ImageNet's is another.
    space = class_space(["zebra", "tench"], ["tench", "zebra"])
    assert space.answers_of(2).tolist() == [space.labels[1], space.labels[0]]
    mapped = class_space(["a", "b"], ["a", "b"], {"a": "zebra", "b": "tench"})
    assert mapped.answers_of(2).tolist() == mapped.labels.tolist()
    assert mapped.labels[0] > mapped.labels[1]


def test_outputs_may_be_named():
    space = class_space(["cat", "dog"], ["cat", "dog"])
    assert space.answers_of(3, ["dog", "bird", "cat"]).tolist() == [1, NEVER, 0]


def test_numbers_are_imagenets_only_if_there_are_a_thousand():
    few, all_of_them = class_space(["3", "1"], ["1", "3"]), class_space(["65"], [str(i) for i in range(1_000)])
    assert few.synsets is None and few.labels.tolist() == [1, 0]
    assert all_of_them.names[all_of_them.labels[0]] == imagenet_names()[65]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: class_space(["cat"], ["cat"], {"cta": "tabby"}), "no class 'cta' (did you mean 'cat'?)"),
        (
            lambda: class_space(["cat"], ["cat"], {"cat": "tabbi"}),
            "'tabbi' is no class of ImageNet (did you mean 'tabby'",
        ),
        (lambda: class_space(["a", "tench"], ["a", "tench"], {"a": "tench"}), "'a' and 'tench' both stand for"),
        (lambda: class_space(["cat", "b"], ["cat", "b"]).answers_of(1_000), "'cat' is no class of ImageNet"),
        (lambda: class_space(["cat", "b"], ["cat", "b"]).answers_of(7), "has 7 outputs, but the images have 2 classes"),
        (lambda: class_space(["cat"], ["cat"]).answers_of(2, ["cat"]), "has 2 outputs, but `classes` names 1"),
        (lambda: class_space(["cat"], ["cat"]).answers_of(1, ["cats"]), "'cat' (did you mean 'cats'?)"),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(ask, message):
    with pytest.raises(InputError) as caught:
        ask()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_larger_imagenet_needs_timm(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError) as caught:
        synsets.__wrapped__(21_841)
    told = 'the list of ImageNet\'s 21,841 classes needs timm, which is not installed: pip install ".[models]"'
    assert str(caught.value) == told


@pytest.mark.parametrize("name", ["{}", "class {}", "class_{}"])
def test_an_order_of_numbers_that_is_not_that_of_text_must_be_stated(name):
    order = sorted(name.format(number) for number in range(12))
    space = class_space(order, order)
    with pytest.raises(InputError, match="state the order of outputs"):
        space.answers_of(12)
    assert [space.names[label] for label in space.answers_of(12, "images")] == order
    assert [space.names[label] for label in space.answers_of(12, "numbers")] == [name.format(n) for n in range(12)]


def test_numbers_from_1_to_1000_are_not_imagenets_indices():
    order = sorted(map(str, range(1, 1_001)))
    for seen in (order, ["1", "2"]):  # with and without images of class 1000
        assert class_space(seen, order).synsets is None


def test_indices_of_some_classes_are_imagenets_if_that_is_stated():
    with pytest.raises(InputError, match=r"may be anyone's; .* give images.mapping: indices"):
        class_space(["0", "65"], ["0", "65"]).answers_of(1_000)
    space = class_space(["0", "65"], ["0", "65"], "indices")
    assert [space.names[label] for label in space.labels] == [imagenet_names()[0], imagenet_names()[65]]


def test_a_name_of_two_classes_is_told_with_both_ids():
    with pytest.raises(InputError, match="'crane' may be any of ImageNet's n02012849 and n03126707"):
        class_space(["crane"], ["crane"]).answers_of(1_000)
