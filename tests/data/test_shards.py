"""Images as others hand them out: webdataset's tars, Hugging Face's Parquet and metadata, ImageNet-C's folders."""

import json
import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import fill, image_bytes, listed, numbers, refusal, write_tar
from PIL import Image

from ddd_utils import files
from ddd_utils.data import parquet
from ddd_utils.data.class_spaces import class_space
from ddd_utils.data.photographs import NotAnImage
from ddd_utils.errors import InputError

ANIMALS = ["emu", "cat", "dog"]


def write_shards(folder, shards=3, each=4, beside=lambda label: {".cls": str(label)}):
    """Write image k of class k % 3, with what lies beside it."""
    for shard in range(shards):
        contents = {}
        for image in range(shard * each, (shard + 1) * each):
            contents[f"s{image:03d}.png"] = image
            contents |= {f"s{image:03d}{end}": text for end, text in beside(image % 3).items()}
        write_tar(folder / f"val-{shard:03d}.tar", contents)
    return folder


def write_parquet(path, images, labels, names=None, paths=True, groups=4):
    rows = [
        {"bytes": content, "path": f"{path.stem}-{row}.png" if paths else None} for row, content in enumerate(images)
    ]
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(rows, struct), "label": labels})
    if names:
        features = {"label": {"names": names, "_type": "ClassLabel"}, "image": {"_type": "Image"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, row_group_size=groups)
    return path


@pytest.mark.parametrize("pattern", ["val-{000..002}.tar", "val-*.tar", "val-{000,001,002}.tar", "{val,val}-00?.tar"])
def test_shards_are_named_by_a_pattern(tmp_path, pattern):
    write_shards(tmp_path)
    if "?" in pattern:
        assert "there is no image folder" in refusal(tmp_path / pattern)
        return
    found = listed(tmp_path / pattern)
    assert found.ids[3:5] == ("val-000.tar/s003.png", "val-001.tar/s004.png")
    assert found.keys == tuple(str(number % 3) for number in range(12))
    assert found.order == ("0", "1", "2")
    assert numbers(found) == list(range(12))
    assert numbers(pickle.loads(pickle.dumps(found))) == numbers(found)


def test_a_shard_alone_and_unpacked_ones_are_read_alike(tmp_path):
    write_shards(tmp_path)
    alone = listed(tmp_path / "val-001.tar")
    assert (alone.ids[0], alone.keys) == ("s004.png", ("1", "2", "0", "1"))
    fill(tmp_path / "loose", ["a.png", "b.png"])
    for name, label in (("a", "dog"), ("b", "cat\n")):
        (tmp_path / "loose" / f"{name}.cls").write_text(label)
    assert listed(tmp_path / "loose").keys == ("dog", "cat")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("val-{000..003}.tar", "val-003.tar: No such file or directory"),
        ("vax-*.tar", "there is no file"),
        ("", "there are 3 .tar; give files that hold images as a pattern, such as {}/val-*.tar"),
        ("val-{0..99999999999}.tar", "there is no image folder"),
    ],
)
def test_shards_that_are_not_all_there_are_named(tmp_path, name, said):
    write_shards(tmp_path)
    assert said.replace("{}", str(tmp_path)) in refusal(tmp_path / name)


def test_a_tar_of_tars_is_named(tmp_path):
    inner = write_tar(tmp_path / "n01440764.tar", {"a.png": 1}).read_bytes()
    said = refusal(write_tar(tmp_path / "train.tar", {"n01440764.tar": inner, "n01443537.tar": inner}))
    assert said.endswith("there are 2 .tar; unpack it")


def test_a_table_beside_shards_comes_before_what_else_is_written_beside_images(tmp_path):
    write_shards(tmp_path, 1, 2, lambda label: {".json": "{}"})
    (tmp_path / "labels.csv").write_text("image,label\ns000.png,cat\ns001.png,dog\n")
    assert listed(tmp_path / "val-000.tar").keys == ("cat", "dog")


def test_a_class_is_a_line_or_a_field_beside_its_image(tmp_path):
    fields = {"width": 3, "wnid": "n01440764", "score": 1}
    write_shards(tmp_path, 1, 2, lambda label: {".json": json.dumps(fields)})
    path = tmp_path / "val-000.tar"
    assert listed(path).keys == ("n01440764",) * 2
    assert listed(path, labels="width").keys == ("3",) * 2
    assert "s000.json: no 'height' among width, wnid, score; name the field" in refusal(path, labels="height")


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({".json": '{"label": 1'}, "s000.json: not a JSON object"),
        ({".json": "[1]"}, "s000.json: not a JSON object"),
        ({".json": '{"width": 3}'}, "s000.json: no class among width; name the field with `labels`"),
        ({".json": '{"class": 3, "wnid": 3}'}, "s000.json: several classes among class, wnid; name the field"),
        ({".json": '{"label": [1, 2]}'}, "s000.json: no class among label"),
        ({".json": '{"label": null}'}, "s000.json: no class among label"),
        ({".cls": ""}, "s000.cls: not one line with a class"),
        ({".cls": "1\n2"}, "s000.cls: not one line with a class"),
        ({".cls": b"\xff\xfe"}, "s000.cls: not a text file in UTF-8"),
        ({".cls": "-1"}, "the label -1 stands for no class"),
    ],
)
def test_what_is_no_class_beside_an_image_is_named(tmp_path, beside, said):
    write_shards(tmp_path, 1, 1, lambda label: beside)
    assert said in refusal(tmp_path / "val-000.tar")


def test_an_image_without_a_class_beside_it_is_named(tmp_path):
    path = write_tar(tmp_path / "val.tar", {"a.png": 1, "a.cls": "1", "b.png": 2})
    assert refusal(path).endswith("val.tar/b.cls: no such file")


def test_numbers_are_named_and_those_out_of_range_refused(tmp_path):
    write_shards(tmp_path)
    assert listed(tmp_path / "val-*.tar", classes=tuple(ANIMALS)).keys[:4] == ("emu", "cat", "dog", "emu")
    assert listed(tmp_path / "val-*.tar", classes=tuple(ANIMALS)).order == tuple(ANIMALS)
    assert "labels run from 0 to 2, but 2 classes are named" in refusal(tmp_path / "val-*.tar", classes=("a", "b"))
    write_shards(tmp_path, beside=lambda label: {".cls": ANIMALS[label]})
    assert listed(tmp_path / "val-*.tar", classes=tuple(ANIMALS)).order == tuple(ANIMALS)
    said = refusal(tmp_path / "val-*.tar", classes=("emu", "cat", "dogs"))
    assert "the class 'dog' is not among `classes` (did you mean 'dogs'?)" in said


def test_a_cut_off_shard_gives_what_is_whole_or_a_line(tmp_path):
    write_shards(tmp_path, 2)
    content = (tmp_path / "val-001.tar").read_bytes()
    for length in range(0, len(content), 700):
        (tmp_path / "val-001.tar").write_bytes(content[:length])
        try:
            found = listed(tmp_path / "val-*.tar")
            numbers(found)
        except InputError as error:
            assert "val-001.tar" in str(error) and "\n" not in str(error)


def test_no_list_of_a_tars_members_is_kept(tmp_path):
    found = listed(write_tar(tmp_path / "set.tar", {f"cat/{number}.png": number for number in range(50)}))
    assert len(pickle.dumps(found)) < 50 * 120


# Parquet, as Hugging Face's tools write it.


@pytest.mark.parametrize("pattern", ["test-*.parquet", "test-{0..1}.parquet"])
def test_parquet_holds_images_labels_and_names(tmp_path, pattern):
    write_parquet(tmp_path / "test-0.parquet", map(image_bytes, range(9)), [k % 3 for k in range(9)], ANIMALS)
    write_parquet(tmp_path / "test-1.parquet", map(image_bytes, range(9, 14)), [k % 3 for k in range(9, 14)], ANIMALS)
    found = listed(tmp_path / pattern)
    assert found.ids[8:10] == ("test-0-8.png", "test-1-0.png")
    assert found.keys == tuple(ANIMALS[k % 3] for k in range(14))
    assert found.order == tuple(ANIMALS)
    assert numbers(found) == list(range(14))
    assert numbers(pickle.loads(pickle.dumps(found))) == list(range(14))


def test_parquet_without_names_or_paths(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", map(image_bytes, range(3)), [10, 2, 2], paths=False)
    found = listed(path)
    assert (found.ids[0], found.keys, found.order) == ("image-0", ("10", "2", "2"), ("2", "10"))
    assert listed(path, classes=tuple("abcdefghijk")).keys == ("k", "c", "c")
    text = write_parquet(tmp_path / "b.parquet", map(image_bytes, range(3)), ["dog", "cat", "dog"])
    assert listed(text).order == ("cat", "dog")
    plain = pa.table({"img": list(map(image_bytes, range(3))), "fine_label": [0, 1, 1], "coarse_label": [5, 5, 5]})
    pq.write_table(plain, tmp_path / "c.parquet")
    assert "no column of classes (numbers or names); name one with `labels`: img" in refusal(tmp_path / "c.parquet")
    assert listed(tmp_path / "c.parquet", labels="coarse_label").keys == ("5",) * 3
    assert numbers(listed(tmp_path / "c.parquet", labels="fine_label")) == [0, 1, 2]


@pytest.mark.parametrize(
    ("labels", "names", "said"),
    [
        ([0, 1, 3], ANIMALS, "labels run from 0 to 3, but 3 classes are named"),
        ([-1, -1, -1], ANIMALS, "the label -1 stands for no class; images without labels have it"),
        ([0, None, 1], ANIMALS, "no 'label' in row 2"),
        ([0.5, 1.0, 2.0], None, "no column of classes (numbers or names)"),
        ([0, 1, 2], ["a", "b", "a"], "two classes are called 'a'"),
    ],
)
def test_labels_that_make_no_sense_are_named(tmp_path, labels, names, said):
    assert said in refusal(write_parquet(tmp_path / "a.parquet", map(image_bytes, range(3)), labels, names))


def test_bytes_that_are_no_image_are_named_only_when_they_are_read(tmp_path):
    contents = [image_bytes(0), b"no image", None, image_bytes(3)[:40]]
    found = listed(write_parquet(tmp_path / "a.parquet", contents, [0, 1, 0, 1]))
    assert found.images.image(0).size == (3, 2)
    for index, why in ((1, "not a whole image"), (2, "no bytes of an image in its row"), (3, "not a whole image")):
        with pytest.raises(NotAnImage, match=rf"^a-{index}\.png: {why}"):
            found.images.image(index)


@pytest.mark.parametrize("damage", ["cut", "text", "gone", "other columns", "no images", "no rows"])
def test_parquet_that_cannot_be_read_is_named(tmp_path, damage):
    path = write_parquet(tmp_path / "a-0.parquet", map(image_bytes, range(3)), [0, 1, 2])
    other = write_parquet(tmp_path / "a-1.parquet", map(image_bytes, range(3)), [0, 1, 2])
    said = "a-1.parquet: not a whole Parquet file"
    if damage == "cut":
        other.write_bytes(path.read_bytes()[:-20])
    elif damage == "text":
        other.write_text("PAR1 and more")
    elif damage == "gone":
        other.unlink()
        said = "a-1.parquet: no such file"
    elif damage == "other columns":
        pq.write_table(pa.table({"label": [1]}), other)
        said = "a-1.parquet: its columns are not those of a-0.parquet"
    elif damage == "no images":
        pq.write_table(pa.table({"label": [1]}), path)
        said = "a-0.parquet: no column of images in bytes"
    else:
        for each in (path, other):
            write_parquet(each, [], pa.array([], pa.int64()))
        said = "a-0.parquet: no rows"
    assert said in refusal(tmp_path / "a-{0..1}.parquet")


def test_a_parquet_that_changes_while_it_is_read_is_named(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", map(image_bytes, range(3)), [0, 1, 2])
    found = listed(path)
    path.write_bytes(b"something else")
    with pytest.raises(InputError, match=r"a\.parquet: not a whole Parquet file"):
        found.images.image(0)


def test_of_a_parquet_that_was_written_anew_nothing_old_is_shown(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", map(image_bytes, range(3)), [0, 1, 2])
    before = listed(path)
    assert numbers(before) == [0, 1, 2]
    write_parquet(path, map(image_bytes, range(7, 10)), [0, 1, 2])
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert numbers(listed(path)) == [7, 8, 9] and listed(path).state != before.state
    write_parquet(path, [image_bytes(0)], [0])
    with pytest.raises(InputError, match=r"a\.parquet: not a whole Parquet file"):
        before.images.image(len(before.ids) - 1) if parquet._step.cache_clear() is None else None


def test_threads_read_parquet_in_any_order(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", map(image_bytes, range(250)), [0] * 250, groups=100)
    found = listed(path)
    order = [*range(250), *np.random.default_rng(0).permutation(250)]
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda index: np.asarray(found.images.image(index))[0, 0, 0], order))
    assert seen == [index % 256 for index in order]


def test_one_large_row_group_is_not_read_at_once(tmp_path):
    """What is held of 4,096 images of 20 kB at a time is a part of them, though all are in one row group."""
    random = np.random.default_rng(0)
    path = tmp_path / "a.parquet"
    table = pa.table({"image": [random.bytes(20_000) for _ in range(4_096)], "label": [0] * 4_096})
    pq.write_table(table, path, row_group_size=4_096)
    size = table.nbytes
    del table
    found, held, most = listed(path), pa.total_allocated_bytes(), 0
    for index in range(0, 4_096, 16):
        with pytest.raises(NotAnImage):
            found.images.image(index)
        most = max(most, pa.total_allocated_bytes() - held)
    assert 0 < most < size * 0.7
    parquet._step.cache_clear()
    parquet._begun.cache_clear()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_whatever_is_in_a_parquet_is_images_or_an_error(tmp_path_factory, changes):
    path = tmp_path_factory.mktemp("sets") / "a.parquet"
    content = bytearray(write_parquet(path, map(image_bytes, range(3)), [0, 1, 2], ANIMALS).read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path.write_bytes(content)
    try:
        found = listed(path)
        for index in range(len(found.ids)):
            found.images.image(index)
    except InputError as error:
        assert "\n" not in str(error)


# Metadata beside images, as Hugging Face's ImageFolder takes them.


def test_metadata_say_what_images_are_of(tmp_path):
    fill(tmp_path / "set", ["0.png", "deep/1.png"])
    rows = [{"file_name": "deep/1.png", "label": 3, "box": [1]}, {"box": [], "file_name": "0.png", "label": 10}]
    (tmp_path / "set" / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    found = listed(tmp_path / "set")
    assert (found.keys, found.order) == (("10", "3"), ("3", "10"))
    (tmp_path / "set" / "metadata.jsonl").unlink()
    (tmp_path / "set" / "metadata.csv").write_text("file_name,label\n0.png,cat\ndeep/1.png,dog\n")
    assert listed(tmp_path / "set").keys == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"file_name": "0.png", "label": 1}\n{"file_name": "1.png", "la\n',
            "metadata.jsonl: row 2: not a JSON object",
        ),
        ('{"file_name": "0.png", "label": 1}\n\n{"file_name": "1.png"}', "row 3: not an image and its class"),
        ('{"file_name": "0.png", "label": 1}\n{"file_name": "2.png", "label": 1}', "row 2: there is no image '2.png'"),
        ('{"file_name": "0.png", "text": "a cat"}', "its header has no column of classes (label, labels,"),
        ("5\n", "row 1: not a JSON object"),
        ("[" * 9_999, "row 1: not a JSON object"),
        ("", "its header has no column of images"),
    ],
)
def test_wrong_metadata_are_named_with_the_row(tmp_path, text, said):
    fill(tmp_path, ["0.png", "1.png"])
    (tmp_path / "metadata.jsonl").write_text(text)
    assert said in refusal(tmp_path)


def test_metadata_without_classes_leave_them_to_the_folders(tmp_path):
    fill(tmp_path, ["cat/0.png", "dog/1.png"])
    (tmp_path / "metadata.csv").write_text("file_name,text\ncat/0.png,a cat\ndog/1.png,a dog\n")
    assert listed(tmp_path).keys == ("cat", "dog")
    (tmp_path / "metadata.csv").write_text("file_name,label\ncat/0.png,x\ndog/1.png,y\n")
    assert listed(tmp_path).keys == ("x", "y")


# ImageNet-C by corruption and severity.


@pytest.fixture
def corrupted(tmp_path):
    for number, (kind, severity) in enumerate(
        [(kind, severity) for kind in ("fog", "snow") for severity in range(1, 6)]
    ):
        folder = tmp_path / "set" / kind / str(severity)
        for label, image in (("n01440764", "a.png"), ("n01443537", "b.png")):
            (folder / label).mkdir(parents=True)
            (folder / label / image).write_bytes(image_bytes(10 * number))
    return tmp_path / "set"


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({"corruption": "fog", "severity": 2}, ["n01440764/a.png", "n01443537/b.png"]),
        (
            {"corruption": ["snow"], "severity": [1, 3]},
            [f"{s}/{each}" for s in "13" for each in ("n01440764/a.png", "n01443537/b.png")],
        ),
        ({"corruption": "fog"}, [f"{s}/{each}" for s in "12345" for each in ("n01440764/a.png", "n01443537/b.png")]),
        (
            {"severity": 5},
            [f"{c}/5/{each}" for c in ("fog", "snow") for each in ("n01440764/a.png", "n01443537/b.png")],
        ),
    ],
)
def test_imagenet_c_is_read_by_corruption_and_severity(corrupted, asked, ids):
    found = listed(corrupted, **asked)
    assert list(found.ids) == ids
    assert set(found.keys) == {"n01440764", "n01443537"}
    assert found.order == ("n01440764", "n01443537")
    times = len(ids) // 2
    told = [note for note in found.notes if "as in ImageNet-C" in note]
    assert told == ([f"2 names of images are in up to {times} folders each, as in ImageNet-C"] if times > 1 else [])


@pytest.mark.parametrize("path", ["", "weather.tar", "{blur,weather}.tar", "*.tar"])
def test_imagenet_c_is_read_from_the_tars_that_it_comes_in(tmp_path, corrupted, path):
    tars = tmp_path / "tars"
    tars.mkdir()
    for tar, kinds in {"weather": ("fog", "snow"), "blur": ("defocus_blur",)}.items():
        images = [(kind, severity) for kind in kinds for severity in range(1, 6)]
        names = {f"./{kind}/{degree}/{key}/a.png": degree for kind, degree in images for key in ("n01440764", "cat")}
        write_tar(tars / f"{tar}.tar", names)
    found = listed(tars / path, corruption=["fog", "snow"], severity=[2, 5])
    assert found.order == ("cat", "n01440764") and numbers(found) == [2, 2, 5, 5] * 2
    assert [name.split("weather.tar/")[-1] for name in found.ids[:2]] == ["fog/2/cat/a.png", "fog/2/n01440764/a.png"]
    assert list(found.notes) == ["2 names of images are in up to 4 folders each, as in ImageNet-C"]
    assert set(numbers(listed(tars / path, severity=4))) == {4}
    assert len(listed(tars / path, severity=[1, 2, 3, 4, 5]).ids) == (20 if path == "weather.tar" else 30)
    assert "no folder 'fgo/2' in its tars (did you mean 'fog/2'?)" in refusal(tars / path, corruption="fgo", severity=2)
    assert "no folder 'frost/5' in its tars" in refusal(tars / path, corruption=["fog", "frost"], severity=5)


def test_what_imagenet_c_does_not_have_is_named(corrupted):
    assert "there is no image folder" in refusal(corrupted, corruption="fgo", severity=2)
    assert "give `corruption` and `severity` beside `path`" in refusal(corrupted)
    (corrupted / "snow" / "5" / "n01440764" / "a.png").unlink()
    assert len(listed(corrupted, severity=5).ids) == 3
    for severity in (0, 6):
        with pytest.raises(ValueError, match="severity"):
            listed(corrupted, severity=severity)


@pytest.mark.parametrize("level", ["", "images"])
def test_objectnets_folders_are_those_of_imagenets_classes_that_it_has(tmp_path, level):
    for folder, number in (("air_freshener", 1), ("pen", 2), ("backpack", 3)):
        path = tmp_path / "images" / folder / "a.png"
        path.parent.mkdir(parents=True)
        framed = np.full((9, 12, 3), (255, 0, 0), np.uint8)
        framed[2:-2, 2:-2] = number
        Image.fromarray(framed).save(path)
    names = {"air_freshener": "Air freshener", "pen": "Pen", "backpack": "Backpack"}
    classes = {"Pen": "ballpoint, ballpoint pen, ballpen, Biro; fountain pen", "Backpack": "backpack, back pack"}
    classes["Backpack"] += ", knapsack, packsack, rucksack, haversack"
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "folder_to_objectnet_label.json").write_text(json.dumps(names))
    mapped = tmp_path / "mappings" / "objectnet_to_imagenet_1k.json"
    mapped.write_text(json.dumps(classes))
    found = listed(tmp_path / level)
    assert [name.rpartition("images/")[2] for name in found.ids] == ["backpack/a.png", "pen/a.png"]
    assert numbers(found) == [3, 2] and found.images.image(0).size == (8, 5)
    assert list(found.notes) == ["1 of ObjectNet's images are of classes that ImageNet does not have"]
    space = class_space(found.keys, found.order)
    outputs = space.answers_of(1_000)
    assert space.labels.tolist() == outputs[[414, 563]].tolist() and outputs[418] == outputs[563]
    mapped.write_text(json.dumps({"Chair": "barber chair"}))
    assert "no folder is one of ObjectNet's that" in refusal(tmp_path / level)
    mapped.write_text("{")
    assert "objectnet_to_imagenet_1k.json: not a JSON object" in refusal(tmp_path / level)


def test_a_pattern_of_folders_is_read_as_they_are(corrupted):
    assert listed(f"{corrupted}/fog/{{1,2}}").ids == listed(corrupted, corruption="fog", severity=[1, 2]).ids
    assert [path.name for path in files.fitting(corrupted / "*")] == ["fog", "snow"]
