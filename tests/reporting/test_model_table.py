import numpy as np
import pandas as pd
import pytest

from ddd_utils.reporting import model_table

CORRECT = np.array([[1, 0, 0, 0], [1, 1, 1, 0]], bool)
TRAINED = {"configuration": {"models": [], "images": {"name": "digits"}, "training": {}}}
PRETRAINED = {
    "configuration": {"models": [], "images": {"among": "present"}},
    "classes_present": 200,
    "classes_all": 1000,
}
NETWORKS = pd.DataFrame(
    {
        "network": ["one", "two"],
        "architecture": ["resnet18", "vit"],
        "parameters": [11_181_642, 5],
        "optimizer": "SGD",
        "learning_rate": 0.01,
        "seconds": 1.5,
        "input_size": 224,
        "crop": "center 0.875, bicubic",
        "precision": "bfloat16",
        "images_per_second": [1234.56, 0.4],
        "weights": "a file",
        "right_present": [1, 3],
        "right_all": [0, 2],
    }
)


@pytest.mark.parametrize(
    ("info", "origin"),
    [
        (TRAINED, "trained"),
        (PRETRAINED, "pretrained"),
        ({"configuration": {}}, "elsewhere"),
        ({"configuration": {"published": "imagenet", "models": "all", "top": 1}}, "elsewhere"),
    ],
)
def test_the_configuration_says_where_answers_come_from(info, origin):
    assert model_table.origin(info) == origin


@pytest.mark.parametrize(("known", "words"), [(10, {}), (1000, ["among the 200 classes present", "among all 1,000"])])
def test_two_choices_only_where_they_differ(known, words):
    choices = model_table.choices({**PRETRAINED, "classes_all": max(known, 200)})
    assert list(choices) == ["present", "all"][: len(words)]
    assert all(text.startswith(word) for text, word in zip(choices.values(), words, strict=True))
    assert model_table.choices(TRAINED) == {}


def test_the_most_accurate_model_comes_first_and_has_its_interval():
    table = model_table.model_table(NETWORKS, CORRECT, TRAINED)
    assert table["network"].tolist() == ["two", "one"] and table["parameters"].tolist() == ["5", "11,181,642"]
    assert table["accuracy"].tolist() == ["0.750 (0.301 to 0.954)", "0.250 (0.046 to 0.699)"]
    assert table.columns.tolist()[-3:] == ["optimizer", "learning rate", "seconds"]


def test_answers_from_elsewhere_come_with_accuracies_alone():
    table = model_table.model_table(NETWORKS[["network"]], CORRECT, {"configuration": {}})
    assert table.columns.tolist() == ["network", "accuracy"]


def test_pretrained_models_have_an_accuracy_for_each_choice():
    table = model_table.model_table(NETWORKS, CORRECT, PRETRAINED)
    assert table.columns.tolist() == [
        "network",
        "right among the 200 classes present",
        "right among all 1,000 classes",
        "parameters",
    ]
    assert table.iloc[0, 1:3].tolist() == ["75.0% (30.1% to 95.4%)", "50.0% (15.0% to 85.0%)"]
    alike = model_table.model_table(NETWORKS, CORRECT, {**PRETRAINED, "classes_all": 200})
    assert alike.columns.tolist() == ["network", "accuracy", "parameters"]


def test_the_way_of_the_images_to_the_models_is_written_out():
    table = model_table.shown_table(NETWORKS)
    assert table["images per second"].tolist() == ["1,234.6", "0.4"]
    assert table["crop"][0].split() == ["center", "0.875,", "bicubic"] and " " not in table["crop"][0]
    assert table["network"].tolist() == ["one", "two"]
