"""Data sets of torchvision: those that are there, those that are downloaded, and those that are no photographs."""

import json
import struct
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from image_files import colour, fill, numbers
from PIL import Image

from ddd_utils import paths
from ddd_utils.config.image_sets import Torchvision
from ddd_utils.data.listing import listing
from ddd_utils.errors import InputError


def listed(dataset, root="none", **arguments):
    return listing(Torchvision(name="torchvision", dataset=dataset, root=str(root), arguments=arguments))


def refusal(*args, **more):
    with pytest.raises(InputError) as caught:
        listed(*args, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def write_mnist(root):
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 2), ("t10k", 3)):
        pixels = np.full((count, 28, 28), 9, np.uint8) * np.arange(count, dtype=np.uint8)[:, None, None]
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, *pixels.shape) + pixels.tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + bytes([7, 0, 7][:count]))


def test_the_test_part_is_taken(tmp_path):
    write_mnist(tmp_path)
    found = listed("MNIST", tmp_path)
    assert found.ids == ("image-0", "image-1", "image-2")
    assert found.keys == ("7 - seven", "0 - zero", "7 - seven")
    assert len(found.order) == 10
    assert numbers(found) == [0, 9, 18]
    assert len(listed("MNIST", tmp_path, train=True).ids) == 2
    assert listed("MNIST", tmp_path, train=True).state != found.state == listed("MNIST", tmp_path).state


def test_changed_pixels_change_the_state(tmp_path):
    write_mnist(tmp_path)
    first = listed("MNIST", tmp_path).state
    file = tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    assert listed("MNIST", tmp_path).state != first


def test_the_root_is_relative_to_the_repository(tmp_path, monkeypatch):
    write_mnist(tmp_path / "data")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    assert len(listed("MNIST", "data").ids) == 3


def test_sets_with_a_test_split(tmp_path):
    fill(tmp_path / "food-101" / "images", ["pie/1.jpg", "soup/2.jpg", "soup/3.jpg"])
    meta = tmp_path / "food-101" / "meta"
    meta.mkdir()
    (meta / "test.json").write_text(json.dumps({"pie": ["pie/1"], "soup": ["soup/2", "soup/3"]}))
    found = listed("Food101", tmp_path)
    assert found.ids == ("pie/1.jpg", "soup/2.jpg", "soup/3.jpg")
    assert found.keys == ("pie", "soup", "soup")
    assert found.order == ("pie", "soup")
    assert numbers(found) == [0, 1, 2]
    first = found.state
    (tmp_path / "food-101" / "images" / "pie" / "1.jpg").write_bytes(b"damaged")
    found = listed("Food101", tmp_path)
    assert found.state != first
    with pytest.raises(InputError, match=r"^pie/1\.jpg: not a whole image"):
        found.images.image(0)
    assert "Unknown value 'tset' for argument split. Valid values are" in refusal("Food101", tmp_path, split="tset")


def test_imagenet_has_a_val_split_and_several_names_a_class(tmp_path):
    fill(tmp_path / "val", ["n01440764/a.JPEG", "n02012849/b.JPEG"])
    torch.save(({"n01440764": ("tench", "Tinca tinca"), "n02012849": ("crane",)}, []), tmp_path / "meta.bin")
    found = listed("ImageNet", tmp_path)
    assert found.keys == found.order == ("n01440764", "n02012849")
    assert found.ids == ("n01440764/a.JPEG", "n02012849/b.JPEG")


def test_images_are_turned_upright_and_transparent_ones_white(tmp_path):
    (tmp_path / "cat").mkdir()
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (4, 2), colour(5)).save(tmp_path / "cat" / "turned.png", exif=exif)
    image = Image.new("P", (1, 1), 1)
    image.putpalette([0, 0, 0, 5, 5, 5])
    image.save(tmp_path / "cat" / "clear.png", transparency=b"\xff\0")
    found = listed("ImageFolder", tmp_path)
    assert found.images.image(1).size == (2, 4)
    assert np.asarray(found.images.image(0)).tolist() == [[[255] * 3]]


def test_labels_are_asked_for_where_nothing_else_tells_them():
    found = listed("FakeData", size=5, num_classes=3, image_size=(3, 8, 8))
    assert set(found.keys) <= set("012")
    assert found.order == tuple(sorted(set(found.keys)))
    state = torch.get_rng_state()
    again = [np.asarray(found.images.image(2)) for _ in range(2)]
    assert np.array_equal(*again)
    assert torch.equal(torch.get_rng_state(), state)


class Made(torchvision.datasets.VisionDataset):
    """A data set that is absent until it is downloaded."""

    error, here, item = None, False, Image.new("RGB", (2, 2))

    def __init__(self, root, split="train", download=False):
        if split not in ("train", "val"):
            raise ValueError(f"Unknown value '{split}' for argument split. Valid values are ('train', 'val').")
        if download and type(self).error:
            raise type(self).error
        if not (download or type(self).here):
            raise RuntimeError("Dataset not found.\nYou can use download=True to download it")
        type(self).here, self.split = True, split

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return type(self).item, index % 2


@pytest.fixture
def made(monkeypatch):
    class STL10(Made):
        pass

    monkeypatch.setattr(torchvision.datasets, "STL10", STL10)
    return STL10


def test_what_is_absent_is_downloaded(made):
    found = listed("STL10")
    assert made.here
    assert found.images.dataset.split == "val"
    assert found.keys == ("0", "1", "0")


@pytest.mark.parametrize("error", [URLError("no route\nto host"), OSError("disk full"), RuntimeError("bad MD5")])
def test_what_cannot_be_downloaded_is_named_with_its_place(made, error):
    made.error = error
    said = refusal("STL10", "/data")
    assert said.startswith("torchvision's STL10 is not in /data and cannot be downloaded: ")
    assert " ".join(str(error).split()) in said
    assert "Dataset not found" in refusal("STL10", download=False)


def test_attributes_that_contradict_the_items_are_not_believed(made):
    made.labels = [1, 1, 1]
    made.classes = ["cat", "dog"]
    assert listed("STL10").keys == ("cat", "dog", "cat")
    made.classes = ["cat"]
    assert "labels run from 0 to 1, but 1 classes are named" in refusal("STL10")


@pytest.mark.parametrize("label", ["a caption", [1, 2], 0.5, None, -1, {"boxes": 3}])
def test_sets_without_classes_are_refused(made, monkeypatch, label):
    monkeypatch.setattr(made, "__getitem__", lambda self, index: (self.item, label))
    assert "torchvision's STL10: its items are no images with a class each" in refusal("STL10")


def test_items_that_are_no_images_are_named(made):
    made.item = torch.zeros(3, 4, 4)
    with pytest.raises(InputError, match="image-0: not a whole image"):
        listed("STL10").images.image(0)


def test_mistyped_names_are_suggested():
    assert refusal("STL-10") == "torchvision has no data set 'STL-10' (did you mean 'STL10'?)"
    assert refusal("MNIST", trian=True) == "torchvision's MNIST takes no 'trian' (did you mean 'train'?)"
    assert "takes no 'download'" in refusal("ImageNet", download=True)
    assert "torchvision's EMNIST: " in refusal("EMNIST")
