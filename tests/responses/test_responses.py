"""The one table everything meets at: saved and loaded without loss, and refused by name when it is torn."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from ddd_utils import experiments
from ddd_utils.config.schema import Table
from ddd_utils.errors import InputError
from ddd_utils.files import write_parquet
from ddd_utils.responses import Responses, Source, read_predictions, write_predictions
from ddd_utils.responses.runs import read_run


@pytest.fixture
def responses():
    random = np.random.default_rng(0)
    networks = pd.DataFrame({"network": ["a", "b"], "condition": ["a", "b"], "instance": [1, 1]})
    predictions = random.integers(0, 3, (2, 4, 5)).astype(np.int16)
    return Responses(
        predictions, np.arange(5, dtype=np.int16) % 3, np.array(list("vwxyz")), networks, {"dataset": "toy"}
    )


def test_save_and_load_give_back_the_table(responses, tmp_path):
    responses.save(tmp_path)
    again = Responses.load(tmp_path)
    assert np.array_equal(again.predictions, responses.predictions)
    assert again.predictions.dtype == np.int16
    assert np.array_equal(again.labels, responses.labels)
    assert list(again.image_ids) == list(responses.image_ids)
    assert list(again.networks["network"]) == ["a", "b"]
    assert again.info["dataset"] == "toy"
    some = Responses.load(tmp_path, again.networks[1:])
    assert list(some.networks) == list(again.networks) and some.networks["network"].to_dict() == {0: "b"}


def test_correct_compares_with_the_labels(responses):
    assert np.array_equal(responses.correct(), responses.predictions[:, -1] == responses.labels)
    assert np.array_equal(responses.correct(0), responses.predictions[:, 0] == responses.labels)


@dataclass(frozen=True)
class HandMade:
    """A source of one's own: two images, and answers made on the spot."""

    folder: Path
    config: BaseModel
    class_names: tuple = ("one", "two", "three")
    images: tuple = (np.zeros((4, 8, 3), np.uint8), np.zeros((2, 2, 3), np.uint8))

    def files(self):
        return [self.folder / "experiment.json"]

    def complete(self):
        return self.folder.exists()

    def load(self):
        return Responses.load(self.folder).attributed(self, file="mine.csv")

    def alternatives(self):
        return {}


def test_responses_ask_their_source(responses, tmp_path):
    source: Source = HandMade(tmp_path, Table(path="mine.csv"))
    responses.save(tmp_path)
    answers = source.load()
    assert (answers.source, answers.config, answers.info["file"]) == (source, source.config, "mine.csv")
    assert list(answers.class_names) == ["one", "two", "three"] and answers.has_images
    assert [image.shape for image in answers.images([1, 0])] == [(2, 2, 3), (4, 8, 3)]
    assert [image.shape for image in answers.thumbnails(np.array([0, 1]), side=4)] == [(2, 4, 3), (2, 2, 3)]
    assert answers.thumbnails([]) == []
    assert experiments.alternatives(answers) == {}


def test_responses_without_a_source_have_names_and_no_images(responses):
    assert responses.class_names == ["0", "1", "2"]
    assert replace(responses, info={"classes": ["a", "b", "c"]}).class_names == ["a", "b", "c"]
    assert (responses.decay_epochs, responses.provenance, responses.has_images) == ([], {}, False)
    with pytest.raises(InputError, match=r"^Responses: these answers come without images$"):
        responses.thumbnails([0])


def test_some_networks_are_chosen_by_row(responses, tmp_path):
    answers = responses.attributed(HandMade(tmp_path, Table(path="mine.csv")))
    for rows in ([1], np.array([False, True])):
        chosen = answers.select(rows)
        assert np.array_equal(chosen.predictions, responses.predictions[1:])
        assert chosen.networks["network"].to_dict() == {0: "b"}
        assert list(chosen.networks) == list(responses.networks)
        assert chosen.source is answers.source and chosen.config is answers.config
    assert answers.select([1, 0]).networks["network"].tolist() == ["b", "a"]


@pytest.mark.parametrize("images", [[1], np.arange(5) == 1])
def test_some_images_are_chosen_and_keep_their_pictures(responses, tmp_path, images):
    answers = responses.attributed(HandMade(tmp_path, Table(path="mine.csv")))
    chosen = answers.select(images=images)
    assert np.array_equal(chosen.predictions, responses.predictions[:, :, [1]])
    assert (chosen.labels.tolist(), chosen.image_ids.tolist()) == ([responses.labels[1]], [responses.image_ids[1]])
    assert [image.shape for image in chosen.images([0])] == [(2, 2, 3)]
    assert chosen.info["all_images"] == len(responses.labels) and "all_images" not in answers.info


def test_a_choice_of_a_choice_keeps_count_of_the_images(responses, tmp_path):
    answers = responses.attributed(HandMade(tmp_path, Table(path="mine.csv")))
    chosen = answers.select([1], images=[1, 0]).select(images=[1])
    assert np.array_equal(chosen.predictions, responses.predictions[1:, :, [0]])
    assert [image.shape for image in chosen.images([0])] == [(4, 8, 3)]
    assert chosen.info["all_images"] == len(responses.labels)


def test_plus_k_is_the_same_run_seen_later(responses, tmp_path):
    responses.save(tmp_path)
    networks = pd.DataFrame({"network": ["base", "plus"], "run": ["a", "a"], "first_epoch": [0, 1]})
    longer = np.concatenate([responses.predictions[0], responses.predictions[1, :1]])
    write_predictions(tmp_path / "a.parquet", longer)
    views = Responses.load(tmp_path, networks).predictions
    assert np.array_equal(views[0], longer[:-1])
    assert np.array_equal(views[1], longer[1:])


def test_parts_that_do_not_fit_are_refused(responses):
    with pytest.raises(InputError, match="do not fit"):
        Responses(responses.predictions, responses.labels[:-1], responses.image_ids, responses.networks)


@pytest.mark.parametrize("keep", [0, 10, -9])
def test_a_torn_parquet_file_is_named(responses, tmp_path, keep):
    responses.save(tmp_path)
    file = tmp_path / "b.parquet"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"b\.parquet: not a whole Parquet file"):
        Responses.load(tmp_path)


def test_a_missing_file_and_damaged_json_are_named(responses, tmp_path):
    responses.save(tmp_path)
    (tmp_path / "b.parquet").unlink()
    with pytest.raises(InputError, match=r"b\.parquet: no such file"):
        Responses.load(tmp_path)
    (tmp_path / "experiment.json").write_text("{")
    with pytest.raises(InputError, match=r"experiment\.json: damaged"):
        Responses.load(tmp_path)


def test_rows_out_of_order_are_refused(tmp_path):
    columns = {"epoch": np.zeros(4, np.int16), "image": np.array([0, 1, 3, 2], np.int32)}
    write_parquet(tmp_path / "x.parquet", {**columns, "prediction": np.zeros(4, np.int16)})
    with pytest.raises(InputError, match="not in order"):
        read_predictions(tmp_path / "x.parquet", 4)
    with pytest.raises(InputError, match="not whole epochs"):
        read_predictions(tmp_path / "x.parquet", 3)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    write_predictions(path, np.zeros((1, 3), np.int16))
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ddd_utils.files.pq.write_table", full)
    with pytest.raises(OSError, match=r"No space left on device: .*a\.parquet"):
        write_predictions(path, np.ones((2, 3), np.int16))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def sure(models=2, images=3, **given):
    networks = pd.DataFrame({"network": [f"m{row}" for row in range(models)]}).assign(condition="c", instance=1)
    predictions = np.zeros((models, 1, images), np.int16)
    ids = np.array([f"i{column}" for column in range(images)])
    return Responses(predictions, np.zeros(images, np.int16), ids, networks, **given)


def test_probabilities_are_kept_in_half_precision_and_selected_with_the_answers(tmp_path):
    known = np.array([[0.1, 0.5, 1], [np.nan] * 3], np.float16)
    sure(probability=known, margin=known / 2).save(tmp_path / "kept")
    found = Responses.load(tmp_path / "kept")
    np.testing.assert_array_equal(found.probability, known)
    np.testing.assert_array_equal(found.margin, known / 2)
    assert found.probability.dtype == np.float16 and found.probability_label is None
    assert found.select([1, 0], [2, 0]).probability[1].tolist() == known[0, [2, 0]].tolist()
    assert sure().certainty == {}


def test_probabilities_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"margin of shape \(2, 4\) does not fit 2 networks and 3 images"):
        sure(margin=np.zeros((2, 4)))


def test_a_network_without_probabilities_beside_one_with_them(tmp_path):
    sure(probability=np.ones((2, 3), np.float16)).save(tmp_path)
    write_predictions(tmp_path / "m0.parquet", np.zeros((1, 3), np.int16))  # as older versions wrote it
    found = Responses.load(tmp_path)
    assert np.isnan(found.probability[0]).all() and found.probability[1].tolist() == [1, 1, 1]


def test_of_several_epochs_the_last_has_the_probabilities(tmp_path):
    write_predictions(tmp_path / "a.parquet", np.zeros((3, 2), np.int16), certainty={"probability": np.array([0.5, 1])})
    assert read_predictions(tmp_path / "a.parquet", 2).shape == (3, 2)
    assert read_run(tmp_path / "a.parquet", 2)[1]["probability"].tolist() == [0.5, 1]
