import os
from pathlib import Path

import numpy as np
import pytest

from ddd_utils.errors import InputError
from ddd_utils.experiments.people import whole_numbers

FOLDER = Path(os.environ.get("DDD_DATA", "")) / "meding2022"


def saved(path, values):
    array = np.empty(len(values), object)
    array[:] = values
    np.save(path, array, allow_pickle=True)
    return path


def test_whole_numbers_come_back_as_they_were(tmp_path):
    values = [3, -1, 2**40, 3]
    found = whole_numbers(saved(tmp_path / "a.npy", [np.int64(value) for value in values]))
    assert found.dtype == np.int64 and found.tolist() == values


class Runs:
    """An object that writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_nothing_in_the_file_is_run(tmp_path):
    path = saved(tmp_path / "a.npy", [Runs(tmp_path / "ran"), np.int64(1)])
    with pytest.raises(InputError, match=r"a\.npy: does not hold 2 whole numbers"):
        whole_numbers(path)
    assert not (tmp_path / "ran").exists()
    np.load(path, allow_pickle=True)
    assert (tmp_path / "ran").exists()  # so the file was harmful


@pytest.mark.parametrize("values", [[1.5, np.float64(2)], ["x", "y"], [np.float64(1), np.float64(2)]])
def test_other_objects_are_refused(tmp_path, values):
    with pytest.raises(InputError, match="does not hold 2 whole numbers of 64 bits"):
        whole_numbers(saved(tmp_path / "a.npy", values))


def test_other_files_are_refused(tmp_path):
    np.save(tmp_path / "numbers.npy", np.arange(3))
    (tmp_path / "text.npy").write_text("no array")
    cut = saved(tmp_path / "cut.npy", [np.int64(1), np.int64(2)])
    cut.write_bytes(cut.read_bytes()[:-20])
    for name in ("numbers.npy", "text.npy", "cut.npy", "missing.npy"):
        with pytest.raises(InputError, match=name):
            whole_numbers(tmp_path / name)


@pytest.mark.skipif(
    "DDD_DATA" not in os.environ or not FOLDER.is_dir(), reason="DDD_DATA names no folder with meding2022/"
)
def test_the_images_of_the_second_experiment_have_the_difficulty_they_were_shown_with():
    images = whole_numbers(FOLDER / "indices.npy")[6:]
    share = np.load(FOLDER / "Rebuttal_mean_decisions_correct.npy").ravel()
    extreme = np.select([share[images] == 0, share[images] == 1], [0, 2], 1)
    assert np.flatnonzero(extreme != np.load(FOLDER / "order.npy")).tolist() == [43, 221, 253]
