"""Images that pretrained models are shown: folders, arrays, and what they are listed as."""

import os
import pickle
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import fill, header, image_bytes, listed, numbers, refusal, write_tar

from ddd_utils.errors import InputError

LOCAL = Path(os.environ.get("DDD_DATA", "/none"))


def test_one_folder_a_class(tmp_path):
    names = ["dog/b.png", "dog/a.JPEG", "cat/images/deep/1.png", "cat/2.png", "Emu/x.png"]
    fill(tmp_path, [*names, ".hidden/1.png", "dog/.2.png"])
    (tmp_path / "dog" / "notes.txt").touch()
    found = listed(tmp_path)
    assert found.ids == ("Emu/x.png", "cat/2.png", "cat/images/deep/1.png", "dog/a.JPEG", "dog/b.png")
    assert found.keys == ("Emu", "cat", "cat", "dog", "dog")
    assert found.order == ("Emu", "cat", "dog")
    assert numbers(found) == [4, 3, 2, 1, 0]


def test_images_lie_class_after_class_and_a_class_may_be_empty(tmp_path):
    fill(tmp_path, ["a/1.png", "a-b/1.png", "a/2.png"])
    (tmp_path / "none").mkdir()
    found = listed(tmp_path)
    assert found.keys == ("a", "a", "a-b")
    assert found.order == ("a", "a-b", "none")


def test_a_single_folder_is_a_class(tmp_path):
    assert listed(fill(tmp_path, ["cat/1.png", "cat/2.png"])).keys == ("cat", "cat")


def test_no_images_at_all(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.svg").touch()
    assert "no images (.bmp, .gif, .jfif, .jpeg" in refusal(tmp_path)
    assert "did you mean" in refusal(tmp_path / "cta")
    (tmp_path / "image.jpg").write_bytes(image_bytes(0))
    assert "image.jpg: not a whole tar" in refusal(tmp_path / "image.jpg")


def test_images_beside_folders_of_classes_need_a_table(tmp_path):
    fill(tmp_path, ["cat/1.png", "dog/2.png", "logo.png"])
    assert "'logo.png' is in no folder of a class, and there is no table of labels (labels.csv," in refusal(tmp_path)


def test_links_are_followed_but_not_in_circles(tmp_path):
    fill(tmp_path / "store", ["1.png", "2.png"])
    fill(tmp_path / "set", ["cat/3.png"])
    (tmp_path / "set" / "dog").symlink_to(tmp_path / "store")
    (tmp_path / "set" / "cat" / "again").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "cat" / "4.png").symlink_to(tmp_path / "store" / "1.png")
    found = listed(tmp_path / "set")
    assert found.ids == ("cat/3.png", "cat/4.png", "dog/1.png", "dog/2.png")
    assert numbers(found) == [0, 0, 0, 1]


def test_a_link_to_nothing_is_named(tmp_path):
    fill(tmp_path, ["cat/1.png", "dog/1.png"])
    (tmp_path / "cat" / "2.png").symlink_to("gone.png")
    assert "cat/2.png: No such file or directory" in refusal(tmp_path)


def test_pipes_are_no_images(tmp_path):
    fill(tmp_path, ["cat/1.png", "dog/1.png"])
    os.mkfifo(tmp_path / "cat" / "2.png")
    assert len(listed(tmp_path).ids) == 2


@pytest.mark.parametrize("name", [b"\xff.png", b"a\nb.png"])
def test_names_that_cannot_be_written_down_are_refused(tmp_path, name):
    fill(tmp_path, ["cat/1.png", "dog/1.png"])
    try:
        (tmp_path / "cat" / os.fsdecode(name)).touch()
    except OSError:
        pytest.skip("this file system takes no such name")
    assert "is no printable UTF-8 text; rename it" in refusal(tmp_path)


def test_a_damaged_image_is_named_only_when_it_is_read(tmp_path):
    fill(tmp_path, ["cat/1.png", "dog/1.png"])
    (tmp_path / "cat" / "1.png").write_bytes(image_bytes(0)[:40])
    found = listed(tmp_path)
    with pytest.raises(InputError, match=r"cat/1\.png: not a whole image \(.+\)$"):
        found.images.image(0)
    assert found.images.image(1).size == (3, 2)


def test_the_state_tells_changed_folders_from_unchanged_ones(tmp_path):
    fill(tmp_path, ["cat/1.png", "dog/1.png"])
    states = [listed(tmp_path).state]
    assert listed(tmp_path).state == states[0]
    path = tmp_path / "cat" / "1.png"
    time = path.stat().st_mtime_ns
    path.write_bytes(image_bytes(200))
    os.utime(path, ns=(time, time + 1))
    states.append(listed(tmp_path).state)
    path.rename(tmp_path / "cat" / "2.png")
    states.append(listed(tmp_path).state)
    (tmp_path / "emu").mkdir()
    states.append(listed(tmp_path).state)
    (tmp_path / "mine.csv").write_text("image,label\ncat/2.png,x\ndog/1.png,y\n")
    assert listed(tmp_path).state == states[-1]
    states.append(listed(tmp_path, labels="mine.csv").state)
    (tmp_path / "mine.csv").write_text("image,label\ncat/2.png,y\ndog/1.png,x\n")
    states.append(listed(tmp_path, labels="mine.csv").state)
    assert len(set(states)) == len(states)


def test_listings_travel_to_other_processes(tmp_path):
    fill(tmp_path / "set", ["cat/1.png", "dog/1.png"])
    write_tar(tmp_path / "set.tar", {"cat/1.png": 0, "dog/1.png": 1})
    np.savez(tmp_path / "set.npz", x=np.arange(8, dtype=np.uint8).reshape(2, 2, 2), y=[0, 1])
    for name in ("set", "set.tar", "set.npz"):
        found = listed(tmp_path / name)
        sent = pickle.loads(pickle.dumps(found))
        assert numbers(sent) == numbers(found)


@settings(max_examples=30)
@given(st.sets(st.tuples(st.sampled_from("abc"), st.text("xy-_ .é", max_size=4)), min_size=1))
def test_a_tar_is_listed_like_its_folder(tmp_path_factory, files):
    tmp_path = tmp_path_factory.mktemp("sets")
    names = sorted(f"{label}/i{name}.png" for label, name in files)
    folder = listed(fill(tmp_path / "set", names))
    tar = listed(write_tar(tmp_path / "set.tar", {f"./top/{name}": number for number, name in enumerate(names)}))
    assert tar.keys == folder.keys
    assert tar.order == folder.order
    assert tar.ids == tuple(f"top/{name}" for name in folder.ids)
    assert numbers(tar) == numbers(folder)


def test_arrays(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 5, 3), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", x=pixels, y=np.array([10, 2, 2, 0]))
    found = listed(tmp_path / "set.npz")
    assert found.ids == ("image-0", "image-1", "image-2", "image-3")
    assert found.keys == ("10", "2", "2", "0")
    assert found.order == ("0", "2", "10")
    assert np.array_equal(np.stack([np.asarray(found.images.image(i)) for i in range(4)]), pixels)


def test_arrays_with_named_classes(tmp_path):
    np.savez(tmp_path / "set.npz", x=np.full((2, 3, 3), 9, np.uint8), y=np.array([2, 0]))
    found = listed(tmp_path / "set.npz", classes=("cat", "dog", "emu"))
    assert found.keys == ("emu", "cat")
    assert found.order == ("cat", "dog", "emu")
    assert found.state != listed(tmp_path / "set.npz").state
    assert np.asarray(found.images.image(0)).tolist() == [[[9] * 3] * 3] * 3
    assert "labels run from 0 to 2, but 2 classes are named" in refusal(tmp_path / "set.npz", classes=("a", "b"))
    assert "two classes are called 'a'" in refusal(tmp_path / "set.npz", classes=("a", "b", "a"))


def test_damaged_arrays_are_named(tmp_path):
    (tmp_path / "set.npz").write_bytes(b"PK\3\4")
    assert "set.npz: not a whole .npz file" in refusal(tmp_path / "set.npz")


def test_keys_that_make_no_sense_are_named(tmp_path):
    np.savez(tmp_path / "set.npz", x=np.zeros((1, 3, 3), np.uint8), y=[0])
    assert "`labels` names a table, but" in refusal(tmp_path / "set.npz", labels="labels.csv")
    fill(tmp_path / "set", ["a/1.png"])
    assert "`classes` names classes that are numbers, but those of" in refusal(tmp_path / "set", classes=("a",))


@pytest.mark.skipif(not (LOCAL / "imagenet_sample").is_dir(), reason="DDD_DATA names no folder with imagenet_sample/")
def test_real_photographs():
    found = listed("imagenet_sample/val")
    assert len(found.ids) == len(found.order) == 200
    assert found.keys == found.order
    assert all(key[0] == "n" and len(key) == 9 for key in found.order)
    assert min(found.images.image(7).size) > 100


@pytest.mark.skipif(not (LOCAL / "cifar10").is_dir(), reason="DDD_DATA names no folder with cifar10/")
def test_real_arrays():
    found = listed("cifar10/test.npz")
    assert len(found.ids) == 10_000
    assert found.order == tuple("0123456789")
    assert found.images.image(9_999).size == (32, 32)


def test_what_archivers_and_file_servers_leave_is_no_class_at_any_level(tmp_path):
    junk = ["cat/@eaDir/1.png", "__MACOSX/1.png", "cat/__MACOSX/2.png", "$RECYCLE.BIN/1.png", "#recycle/cat/1.png"]
    found = listed(fill(tmp_path, ["cat/1.png", "dog/1.png", *junk]))
    assert (found.ids, found.order) == (("cat/1.png", "dog/1.png"), ("cat", "dog"))


def test_files_that_are_not_read_and_empty_classes_are_told(tmp_path, lines):
    fill(tmp_path, ["cat/1.png", "dog/1.png"])
    for name in ("cat/2.heic", "cat/3.AVIF", "cat/notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "emu").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    found = listed(tmp_path)
    files = "Files not taken for images: 1 hidden or left by systems, 1 .heic, 1 .avif"
    assert [line.partition(": ")[2] for line in lines] == list(found.notes) == [files, "1 classes without images: emu"]
    assert all(found.notes.values())


def test_what_systems_leave_is_counted_and_needs_no_mending(tmp_path):
    fill(tmp_path, ["cat/1.png", "dog/1.png", "cat/.2.png", "dog/Thumbs.db"])
    assert listed(tmp_path).notes == {"Files not taken for images: 2 hidden or left by systems": ""}
    odd = (header("cat/soft.png", tarfile.SYMTYPE, "1.png"), b"")
    tar = listed(write_tar(tmp_path / "set.tar", [odd, ("cat/1.png", 1), ("cat/._1.png", 2)]))
    assert list(tar.notes) == ["Files not taken for images: 1 links and the like in a tar, 1 hidden or left by systems"]
    assert all(tar.notes.values())


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        (("train/cat", "train/dog", "val/cat", "val/dog"), "'train' and 'val' both have a folder 'cat'.*/train"),
        (
            ("fog/1/n01440764", "fog/2/n01440764"),
            "'fog' seems to be a corruption of ImageNet-C.* give `corruption` and",
        ),
        (("1/n01440764", "2/n01440764"), "'1' and '2' both have a folder 'n01440764'"),
        (("val/n01440764", "val/n01443537"), "all images lie in folders of 'val'"),
    ],
)
def test_a_level_too_high_is_refused_with_the_one_meant(tmp_path, folders, told):
    fill(tmp_path, [f"{folder}/a.png" for folder in folders])
    assert re.search(told, refusal(tmp_path))


def test_a_table_beside_folders_says_what_the_images_are(tmp_path, lines):
    fill(tmp_path, ["batch0/0.png", "batch0/1.png", "batch1/2.png"])
    (tmp_path / "labels.csv").write_text("image,label\n0.png,cat\n1.png,dog\n2.png,cat\n")
    assert listed(tmp_path).keys == ("cat", "dog", "cat")
    assert any("classes are those of labels.csv" in line for line in lines)
