"""Images from .npz files: checked, never confused, and trained on like any other set."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from ddd_utils import files
from ddd_utils.config import params
from ddd_utils.config.image_sets import Digits, Npz
from ddd_utils.config.schema import TrainingVariants
from ddd_utils.data import datasets
from ddd_utils.data.loader import Loader
from ddd_utils.errors import InputError

CPU = torch.device("cpu")
REAL = Path(os.environ.get("DDD_DATA", "/none")) / "cifar10"


def images(count, shape=(8, 8, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


@pytest.fixture
def config(tmp_path):
    np.savez(tmp_path / "train.npz", x=images(6), y=np.array([0, 1, 2, 0, 1, 2]))
    np.savez_compressed(tmp_path / "test.npz", x=images(3, seed=1), y=np.array([2, 0, 1], np.uint8))
    return Npz(train=str(tmp_path / "train.npz"), test=str(tmp_path / "test.npz"))


def test_images_and_labels_arrive_as_stored(config):
    data = datasets.load(config)
    assert np.array_equal(data.train.pixels.transpose(0, 2, 3, 1), images(6))
    assert data.test.labels.tolist() == [2, 0, 1]
    assert data.test.ids == ["test-0", "test-1", "test-2"]
    assert data.classes == ("0", "1", "2")
    assert config.sizes == (6, 3)
    assert np.array_equal(datasets.test_pixels(config, np.array([2])), data.test.pixels[[2]])


def test_augmentation_is_done_only_where_asked_for(config):
    plain, shifted = config, config.model_copy(update={"augmentation": "flip_and_shift"})
    seen = [
        [next(Loader(datasets.load(each), CPU).train_batches([np.arange(6)], 0, e))[0] for e in (0, 1)]
        for each in (plain, shifted)
    ]
    assert torch.equal(*seen[0])
    assert not torch.equal(*seen[1])
    mean, sd = (torch.tensor(each).view(3, 1, 1) for each in (datasets.IMAGENET_MEAN, datasets.IMAGENET_SD))
    pixels = torch.from_numpy(datasets.load(plain).train.pixels)
    assert torch.allclose(seen[0][0], (pixels / 255 - mean) / sd, atol=1e-5)


def test_gray_images_have_three_equal_channels(config):
    np.savez(config.train, x=images(6, (8, 8)), y=np.arange(6) % 3)
    pixels = datasets.load(config).train.pixels
    assert pixels.shape == (6, 3, 8, 8)
    assert np.array_equal(pixels[:, 0], images(6, (8, 8)))
    assert np.array_equal(pixels[:, 0], pixels[:, 2])


def test_classes_can_be_named_in_a_preset(config):
    named = config.model_copy(update={"classes": ("cat", "dog", "emu", "fox")})
    assert datasets.load(named).classes == ("cat", "dog", "emu", "fox")
    given = Npz.model_validate({"name": "npz", "train": "a", "test": "b", "classes": ["cat", "dog"]})
    assert given.classes == ("cat", "dog")
    assert hash(given) == hash(given.model_copy())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": images(6).astype(float)}, "train.npz: x is float64, but images are uint8"),
        ({"x": images(6, (8, 8, 4))}, "train.npz: x has shape (6, 8, 8, 4), not (images, height, width, 3)"),
        ({"x": images(6, (8, 9, 3))}, "train.npz: x has images of 8 x 9 pixels"),
        ({"x": images(6, (16, 16))}, "test.npz: images of 8 pixels a side, but 16 in"),
        ({"x": images(0)}, "train.npz: x has shape (0, 8, 8, 3)"),
        ({"x": images(5)}, "train.npz: y has shape (6,), but x holds 5 images"),
        ({"x": None}, "train.npz: no array 'x'; it has y"),
        ({"y": None, "Y": np.arange(6)}, "train.npz: no array 'y'"),
        ({"y": np.arange(6.0)}, "train.npz: y is float64, but labels are whole numbers"),
        ({"y": np.arange(6)[:, None]}, "train.npz: y has shape (6, 1), but x holds 6 images"),
        ({"y": np.arange(-1, 5)}, "train.npz: y runs from -1 to 4"),
        ({"y": np.arange(6) + 40_000}, "train.npz: y runs from 40000 to 40005"),
        ({"y": np.arange(1, 7)}, "train.npz: y runs from 1 to 6 without 0"),
        ({"y": np.zeros(6, int)}, "test.npz: label 1 is not in"),
        ({"y": np.array([None] * 6)}, "train.npz: y cannot be read (Object arrays cannot be loaded"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(config, change, message):
    arrays = {"x": images(6), "y": np.arange(6) % 3} | change
    np.savez(config.train, **{key: array for key, array in arrays.items() if array is not None})
    with pytest.raises(InputError) as caught:
        datasets.load(config)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_few_names_are_too_few(config):
    with pytest.raises(InputError, match=r"train\.npz: y runs from 0 to 2, but only 2 classes are named"):
        datasets.load(config.model_copy(update={"classes": ("cat", "dog")}))


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-40], lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"\0" * 900]
)
def test_a_torn_file_is_named(config, damage):
    path = Path(config.train)
    path.write_bytes(damage(path.read_bytes()))
    for use in (lambda: datasets.load(config), lambda: config.sizes):
        with pytest.raises(InputError, match=r"train\.npz: not a whole \.npz file"):
            use()


def test_changed_bytes_inside_the_archive_are_noticed(config):
    content = bytearray(Path(config.train).read_bytes())
    content[400] ^= 1
    Path(config.train).write_bytes(content)
    with pytest.raises(InputError, match=r"train\.npz: .*Bad CRC-32 for file 'x\.npy'"):
        datasets.load(config)


def test_a_missing_file_names_the_nearest(config, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"there is no file '.*tran\.npz' \(did you mean '.*train\.npz'\?\)"):
        datasets.load(config.model_copy(update={"train": str(tmp_path / "tran.npz")}))
    monkeypatch.setenv("DDD_DATA", str(tmp_path))
    assert files.find("train.npz", "file") == (tmp_path / "train.npz").resolve()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DDD_DATA")
    assert Npz(train="train.npz", test="test.npz").sizes == (6, 3)
    with pytest.raises(InputError, match=r"looked in the working folder, the repository, DDD_DATA \(not set\)"):
        files.find("nothing/like/it.npz", "file")


def test_a_changed_file_is_another_data_set(config):
    before, first = datasets.fingerprint(config), datasets.load(config).train.pixels
    assert datasets.fingerprint(config) == before
    stat = Path(config.train).stat()
    np.savez(config.train, x=images(6, seed=9), y=np.arange(6) % 3)
    os.utime(config.train, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert Path(config.train).stat().st_size == stat.st_size
    assert datasets.fingerprint(config) != before
    assert not np.array_equal(datasets.load(config).train.pixels, first)
    swapped = config.model_copy(update={"train": config.test, "test": config.train})
    assert datasets.fingerprint(swapped) != datasets.fingerprint(config)


def test_other_sets_need_no_fingerprint():
    assert datasets.fingerprint(Digits()) is None


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("{name: npz, train: a, tset: b}", "dataset.tset: unknown key (did you mean 'test'?)"),
        ("{name: npz, train: a}", "dataset.test: this key is needed"),
        ("{name: npz, train: a, test: b, augmentation: flip}", "dataset.augmentation: 'flip' is not one of none"),
        ("{name: npy, train: a, test: b}", "dataset.name: 'npy' is not one of"),
    ],
)
def test_mistakes_in_a_preset_are_named(tmp_path, dataset, message):
    preset = tmp_path / "mine.yaml"
    preset.write_text(f"training_variants:\n  experiment:\n    dataset: {dataset}\n")
    with pytest.raises(InputError) as caught:
        params.load(preset)
    assert f"training_variants.experiment.{message}" in str(caught.value)


def test_the_cifar10_preset_trains_all_conditions_on_arrays():
    section = params.load("cifar10").training_variants
    assert isinstance(section, TrainingVariants)
    images = section.experiment.dataset
    assert isinstance(images, Npz)
    assert (images.train, images.test, len(images.classes)) == ("cifar10/train.npz", "cifar10/test.npz", 10)


@pytest.mark.skipif(not REAL.is_dir(), reason="DDD_DATA names no folder with cifar10/")
def test_real_photographs_of_cifar10():
    config = Npz(train="cifar10/train.npz", test="cifar10/test.npz", augmentation="flip_and_shift")
    assert config.sizes == (10_000, 10_000)
    data = datasets.load(config)
    assert data.test.pixels.shape == (10_000, 3, 32, 32)
    assert np.bincount(data.test.labels).tolist() == [1_000] * 10
    # The best-known means of CIFAR-10's channels.
    assert data.train.pixels.mean(axis=(0, 2, 3)) / 255 == pytest.approx([0.4914, 0.4822, 0.4465], abs=0.005)
