"""Images read from within a tar: nothing in it reaches anything outside."""

import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import colour, header, image_bytes, listed, numbers, refusal, write_tar

from ddd_utils.errors import InputError

LOCAL = Path(os.environ.get("DDD_DATA", "/none"))
TWO = {"cat/1.png": 1, "dog/2.png": 2}


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("top", ["", "./", "set/val/"])
def test_one_folder_a_class(tmp_path, top, kind):
    names = {f"{top}{name}": number for name, number in TWO.items()}
    hidden = {f"{top}cat/._1.png": 3, f"{top}.x/1.png": 4, f"{top}cat/notes.txt": "none"}
    found = listed(write_tar(tmp_path / "set.tar", {**hidden, **names}, format=kind))
    assert found.ids == tuple(name.removeprefix("./") for name in names)
    assert found.keys == found.order == ("cat", "dog")
    assert numbers(found) == [1, 2]


def test_a_class_may_be_empty(tmp_path):
    tar = write_tar(tmp_path / "set.tar", [(header("emu/", tarfile.DIRTYPE), b""), *TWO.items()])
    assert listed(tar).order == ("cat", "dog", "emu")


def test_tables_within(tmp_path):
    contents = {
        "tiny/val/images/val_0.JPEG": 0,
        "tiny/val/images/val_1.JPEG": 1,
        "tiny/val/val_annotations.txt": "val_0.JPEG\tn02\nval_1.JPEG\tn01\n",
    }
    tar = write_tar(tmp_path / "set.tar", {**contents, "tiny/mine.csv": "image,label\nval_0,a\nval_1,b\n"})
    assert listed(tar).keys == ("n02", "n01")
    assert listed(tar, labels="mine.csv").keys == listed(tar, labels="tiny/mine.csv").keys == ("a", "b")
    assert "'minx.csv' (did you mean 'mine.csv'?)" in refusal(tar, labels="minx.csv")


def test_tables_beside(tmp_path):
    tar = write_tar(tmp_path / "set.tar", {"1.png": 1, "2.png": 2})
    assert "no table of labels" in refusal(tar)
    (tmp_path / "labels.csv").write_text("image,label\n1.png,cat\n2.png,dog\n")
    assert listed(tar).keys == listed(tar, labels="labels.csv").keys == ("cat", "dog")


def test_names_that_lead_outside_are_only_names(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    for place in (tmp_path / "x.png", tmp_path / "labels.csv"):
        place.write_bytes(b"not to be touched")
    absolute = str(tmp_path / "y.png").removeprefix("/")
    tar = write_tar(tmp_path / "in" / "set.tar", {"../x.png": 1, "a/../../../b/x.png": 2, f"/{absolute}": 3})
    before = sorted(tmp_path.rglob("*"))
    tar_only = listed(tar, labels=str(write_labels(tmp_path / "in" / "l.csv", ["x.png", "a/b/x.png", absolute])))
    assert sorted(tar_only.ids) == sorted(["x.png", "a/b/x.png", absolute])
    assert sorted(numbers(tar_only)) == [1, 2, 3]
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "in" / "l.csv"])
    assert (tmp_path / "x.png").read_bytes() == b"not to be touched"


def write_labels(path, names):
    path.write_text("image,label\n" + "".join(f"{name},{number}\n" for number, name in enumerate(names)))
    return path


def test_only_files_count(tmp_path):
    (tmp_path / "secret.png").write_bytes(image_bytes(9))
    odd = [
        (header("cat/soft.png", tarfile.SYMTYPE, str(tmp_path / "secret.png")), b""),
        (header("cat/hard.png", tarfile.LNKTYPE, "cat/1.png"), b""),
        (header("cat/device.png", tarfile.CHRTYPE), b""),
        (header("cat/pipe.png", tarfile.FIFOTYPE), b""),
        (header("cat/folder.png", tarfile.DIRTYPE), b""),
    ]
    assert listed(write_tar(tmp_path / "set.tar", [*odd, *TWO.items()])).ids == tuple(TWO)


def test_of_two_files_of_one_name_the_later_one_counts(tmp_path):
    tar = write_tar(tmp_path / "set.tar", [("cat/1.png", 1), ("dog/2.png", 2), ("./cat/1.png", 5)])
    found = listed(tar)
    assert found.ids == tuple(TWO)
    assert numbers(found) == [5, 2]


@pytest.mark.parametrize("name", ["a\nb.png", "\udcff.png"])
def test_names_that_cannot_be_written_down_are_refused(tmp_path, name):
    assert "is no printable UTF-8 text" in refusal(write_tar(tmp_path / "set.tar", {f"cat/{name}": 1}))


@pytest.mark.parametrize(("mode", "kind"), [("gz", "gzip"), ("bz2", "bzip2"), ("xz", "xz")])
def test_compressed_tars_are_refused(tmp_path, mode, kind):
    path = tmp_path / "set.tar"
    with tarfile.open(path, f"w:{mode}") as archive:
        archive.add(__file__)
    assert f"set.tar: compressed ({kind}); decompress it first" in refusal(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "set.tar"
    for content, why in [
        (b"\x28\xb5\x2f\xfd", "compressed (Zstandard)"),
        (b"PK\3\4", "a zip file; unpack it"),
        (b"", "not a whole tar (empty file)"),
        (b"text" * 1_000, "not a whole tar"),
        (bytes(10_240), "no images"),
    ]:
        path.write_bytes(content)
        assert f"set.tar: {why}" in refusal(path)


def test_what_is_whole_in_a_cut_off_tar_can_be_read(tmp_path):
    whole = write_tar(tmp_path / "whole.tar", {"cat/1.png": 1, "dog/2.png": 2, "dog/3.png": 3}).read_bytes()
    path = tmp_path / "cut.tar"
    for length in range(0, 6 * 512 + 1, 64):
        path.write_bytes(whole[:length])
        if length < 512:
            assert "cut.tar: not a whole tar" in refusal(path)
            continue
        found = listed(path)
        for index, name in enumerate(found.ids):
            if length >= (2 * index + 1) * 512 + len(image_bytes(0)):
                assert np.asarray(found.images.image(index))[0, 0].tolist() == list(colour(index + 1))
            else:
                with pytest.raises(InputError, match=rf"{name}: not whole \(the tar is cut off\)$"):
                    found.images.image(index)


def test_a_damaged_header_in_the_middle_is_not_the_end(tmp_path):
    path = write_tar(tmp_path / "set.tar", {"cat/1.png": 1, "dog/2.png": 2, "dog/3.png": 3})
    content = bytearray(path.read_bytes())
    content[2 * 512 + 3] ^= 1
    path.write_bytes(content)
    assert "set.tar: not a whole tar (damaged at byte 1,024)" in refusal(path)


def test_a_size_below_zero_does_not_lead_back(tmp_path):
    path = write_tar(tmp_path / "set.tar", {"cat/1.png": 1, "dog/2.png": 2})
    content = bytearray(path.read_bytes())
    content[2 * 512 + 124 : 2 * 512 + 136] = (-1024).to_bytes(12, "big", signed=True)
    content[2 * 512 + 148 : 2 * 512 + 156] = b" " * 8
    content[2 * 512 + 148 : 2 * 512 + 155] = b"%06o\0" % sum(content[2 * 512 : 3 * 512])
    path.write_bytes(content)
    assert "set.tar: not a whole tar" in refusal(path)


def test_a_tar_that_is_gone_is_named(tmp_path):
    path = write_tar(tmp_path / "set.tar", TWO)
    found = listed(path)
    path.unlink()
    with pytest.raises(InputError, match=r"set\.tar: No such file or directory$"):
        found.images.image(0)


def test_the_state_tells_a_changed_tar_from_an_unchanged_one(tmp_path):
    path = write_tar(tmp_path / "set.tar", TWO)
    first = listed(path).state
    assert listed(path).state == first
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert listed(path).state != first


def test_threads_do_not_get_in_one_anothers_way(tmp_path):
    names = {f"{number % 7}/{number}.png": number for number in range(200)}
    found = listed(write_tar(tmp_path / "set.tar", names))
    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(lambda index: np.asarray(found.images.image(index))[0, 0, 0], list(range(200)) * 5))
    assert seen == [names[name] for name in found.ids] * 5


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4 * 512), st.integers(0, 255)), min_size=1, max_size=20), st.booleans())
def test_whatever_is_in_a_tar_is_images_or_an_error(tmp_path_factory, changes, long):
    path = tmp_path_factory.mktemp("tars") / "set.tar"
    content = bytearray(
        write_tar(path, {("x" * 120 if long else "x") + name: number for name, number in TWO.items()}).read_bytes()
    )
    for place, value in changes:
        content[place] = value
    path.write_bytes(content)
    try:
        found = listed(path)
        for index in range(len(found.ids)):
            found.images.image(index)
    except InputError as error:
        assert "\n" not in str(error)


@pytest.mark.skipif(not (LOCAL / "tiny_imagenet").is_dir(), reason="DDD_DATA names no folder with tiny_imagenet/")
def test_a_real_tar():
    found = listed("tiny_imagenet/val.tar")
    assert len(found.ids) == 10_000
    assert len(found.order) == len(set(found.keys)) == 200
    assert found.ids[0] == "tiny-imagenet-200/val/images/val_0.JPEG"
    assert found.keys[0] == "n03444034"
    with ThreadPoolExecutor(4) as pool:
        assert {image.size for image in pool.map(found.images.image, range(0, 10_000, 100))} == {(64, 64)}
