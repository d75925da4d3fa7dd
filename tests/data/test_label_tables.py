"""Tables that say what images are of: those of common data sets, and those that are wrong."""

import csv
import io
import re

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import fill, listed, numbers, refusal, write_tar

VAL = ["ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG", "ILSVRC2012_val_00000003.JPEG"]
DEVKIT = "ILSVRC2012_validation_ground_truth.txt"


def write_meta(folder, wnids):
    synsets = np.array([(number, wnid) for number, wnid in wnids.items()], [("ILSVRC2012_ID", "O"), ("WNID", "O")])
    scipy.io.savemat(folder / "meta.mat", {"synsets": synsets[:, None]})


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "image,label\n1.png,cat\n2.png,dog\n"),
        ("labels.csv", "\ufeffNr;Class;FileName\r\n7;cat;1.png\r\n8;dog;2.png\r\n"),
        ("labels.csv", 'category,name\n"cat",sub/1.png\n\n dog , ./sub/2.png \n'),
        ("labels.csv", "wnid\tfile\ncat\tC:\\set\\1.png\ndog\tC:\\set\\2.png\n"),
        ("labels.csv", "File Name,Ground-Truth\n1.png,cat\n2.png,dog\n"),
        ("labels.csv", "id;target\n1;cat\n2;dog\n"),
        ("labels.csv", "path,true_label,fold\nsub/1.png,cat,0\nsub/2.png,dog,1\n"),
        ("val_annotations.txt", "1.png\tcat\t0\t32\t44\t62\n2.png\tdog\t52\t55\t57\t59\n"),
        ("LOC_val_solution.csv", "ImageId,PredictionString\n2,dog 85 1 499 272 dog 1 2 3 4 \n1,cat 0 0 9 9 \n"),
        ("val.txt", "1.png cat\n2.png dog"),
        ("val.txt", "filename label\n2.png dog\n1.png cat\n"),
    ],
)
def test_well_known_tables(tmp_path, name, text, beside):
    fill(tmp_path / "set", ["1.png", "2.png"])
    (tmp_path / ("" if beside else "set") / name).write_text(text, "utf-8", newline="")
    found = listed(tmp_path / "set")
    assert found.ids == ("1.png", "2.png")
    assert found.keys == found.order == ("cat", "dog")
    assert numbers(found) == [0, 1]


def test_numbers_stay_text_and_sort_by_value(tmp_path):
    fill(tmp_path, ["1.png", "2.png", "3.png"])
    (tmp_path / "val.txt").write_text("1.png 10\n2.png 9\n3.png 9\n")
    found = listed(tmp_path)
    assert found.keys == ("10", "9", "9")
    assert found.order == ("9", "10")


def test_tiny_imagenets_folder(tmp_path):
    fill(tmp_path / "val" / "images", ["val_0.JPEG", "val_1.JPEG"])
    (tmp_path / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn01\t0\t0\t1\t1\nval_1.JPEG\tn02\t0\t0\t1\t1\n")
    assert listed(tmp_path / "val").keys == listed(tmp_path / "val" / "images").keys == ("n01", "n02")


def test_folders_of_classes_come_before_tables_above_the_images_that_were_not_asked_for(tmp_path):
    fill(tmp_path / "set", ["cat/1.png", "dog/2.png"])
    (tmp_path / "labels.csv").write_text("image,label\n1.png,x\n2.png,y\n")
    assert listed(tmp_path / "set").keys == ("cat", "dog")
    assert listed(tmp_path / "set", labels=str(tmp_path / "labels.csv")).keys == ("x", "y")


@pytest.mark.parametrize("place", ["set", "", "elsewhere"])
def test_a_table_may_lie_anywhere(tmp_path, monkeypatch, place):
    fill(tmp_path / "set", ["1.png"])
    (tmp_path / "elsewhere").mkdir()
    table = tmp_path / place / "mine.csv"
    table.write_text("image,label\n1.png,cat\n")
    assert listed(tmp_path / "set", labels=str(table)).keys == ("cat",)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert listed(tmp_path / "set", labels="mine.csv").keys == ("cat",)
    assert "no table of labels 'mime.csv'" in (said := refusal(tmp_path / "set", labels="mime.csv"))
    assert place == "elsewhere" or "did you mean 'mine.csv'?" in said


def test_rows_may_give_the_end_of_a_path_or_more_than_it(tmp_path):
    fill(tmp_path, ["a/1.png", "b/1.png", "b/2.png", "café.png"])
    table = tmp_path / "labels.csv"
    table.write_text("image,label\na/1.png,w\nset/b/1.png,x\n2,y\ncafe\u0301.png,z\n", "utf-8")
    assert listed(tmp_path).keys == ("w", "x", "y", "z")
    table.write_text("image,label\n1.png,w\n", "utf-8")
    assert "labels.csv: row 2: '1.png' may be 'a/1.png' or 'b/1.png'" in refusal(tmp_path)


def test_a_whole_path_comes_before_its_end(tmp_path):
    fill(tmp_path, ["1.png", "b/1.png", "c.jpg", "c.jpg.png"])
    (tmp_path / "labels.csv").write_text("image,label\n1.png,v\nb/1.png,w\nc.jpg,x\nc.jpg.png,y\n")
    assert listed(tmp_path).keys == ("v", "w", "x", "y")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("image,label\n1.png,cat\n2.pgn,dog\n", "labels.csv: row 3: there is no image '2.pgn' (did you mean '2.png'?)"),
        ("image,label\n1.png,cat\n", "labels.csv: no row for the image '2.png'"),
        ("image,label\n", "no row for the image '1.png' and 1 more"),
        ("image,label\n1.png,cat\n1.png,cat\n", "row 3: '1.png' has a row already"),
        ("image,label\n1.png,cat\n2.png\n", "row 3: not an image and its class"),
        ("image,label\n1.png,cat\n,dog\n", "row 3: not an image and its class"),
        ("picture,label\n1.png,cat\n", "its header has no column of images (image, image_id,"),
        ("1.png,cat\n2.png,dog\n", "its header has no column of images"),
        ("image,kind\n1.png,cat\n", "its header has no column of classes (label, labels,"),
        ("", "its header has no column"),
        ("ImageId,PredictionString\n1,\n", "row 2: not an image and its class"),
        ('image,label\n1.png,"cat\n2.png,dog\n', "no row for the image '2.png'"),
        ("image,label\n" + "x" * 200_000 + ",cat\n", "field larger than field limit"),
    ],
)
def test_wrong_tables_are_named_with_the_row(tmp_path, text, why):
    fill(tmp_path, ["1.png", "2.png"])
    (tmp_path / "labels.csv").write_text(text)
    assert why in refusal(tmp_path)


def test_rows_of_images_that_are_not_here_are_counted(tmp_path, lines):
    fill(tmp_path, VAL[1:])
    rows = "".join(f"{name[:-5]},n{number} 1 2 3 4\n" for number, name in enumerate(VAL))
    (tmp_path / "LOC_val_solution.csv").write_text("ImageId,PredictionString\n" + rows)
    assert listed(tmp_path).keys == ("n1", "n2")
    assert lines == ["LOC_val_solution.csv: 1 rows are of images that are not here"]


def test_what_is_no_text_is_refused(tmp_path):
    fill(tmp_path, ["1.png"])
    (tmp_path / "labels.csv").write_bytes("image,label\n1.png,é\n".encode("latin-1"))
    assert "labels.csv: not a text file in UTF-8" in refusal(tmp_path)
    (tmp_path / "labels.csv").unlink()
    (tmp_path / "val.txt").write_text("65\n")
    assert "val.txt: row 1: not an image and its class" in refusal(tmp_path)


def test_the_development_kits_ground_truth(tmp_path):
    fill(tmp_path / "val", VAL)
    kit = tmp_path / "kit"
    kit.mkdir()
    (kit / DEVKIT).write_text("490\n361\n490\n")
    asked = {"labels": str(kit / DEVKIT)}
    assert f"{DEVKIT}: its numbers are the development kit's own; put the kit's meta.mat beside it" in refusal(
        tmp_path / "val", **asked
    )
    write_meta(kit, {361: "n01751748", 490: "n01440764", 1_001: "n00001740"})
    found = listed(tmp_path / "val", **asked)
    assert found.keys == ("n01440764", "n01751748", "n01440764")
    assert found.order == ("n01440764", "n01751748")
    (kit / DEVKIT).write_text("490\n361\n")
    assert "2 labels for 3 images" in refusal(tmp_path / "val", **asked)
    (kit / DEVKIT).write_text("490\n361\nx\n")
    assert "row 3: meta.mat has no class 'x'" in refusal(tmp_path / "val", **asked)
    for content in (b"", b"no such thing" * 100):
        (kit / "meta.mat").write_bytes(content)
        assert "meta.mat: not the kit's table of classes" in refusal(tmp_path / "val", **asked)


def test_the_development_kit_within_a_tar(tmp_path):
    write_meta(tmp_path, {1: "n02119789", 2: "n01440764"})
    tar = write_tar(
        tmp_path / "val.tar",
        {
            **dict(zip(VAL, (2, 1, 0), strict=True)),
            DEVKIT: "2\n1\n2\n",
            "meta.mat": (tmp_path / "meta.mat").read_bytes(),
        },
    )
    assert listed(tar).keys == ("n01440764", "n02119789", "n01440764")


NAMES = st.text("ab .,;'\"é-_/", min_size=1, max_size=8).map(lambda name: re.sub("/+", "/", f"i{name}j"))


@settings(max_examples=50)
@given(st.dictionaries(NAMES, st.text("abc ,\"'0", min_size=1, max_size=5).map(lambda key: f"x{key}x"), min_size=1))
def test_any_names_and_classes_come_back_from_a_csv_file(tmp_path_factory, classes):
    tmp_path = tmp_path_factory.mktemp("sets")
    names = {f"{name}.png": key for name, key in classes.items() if "/." not in name and "./" not in name}
    if not names:
        return
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("image", "label"), *names.items()])
    tar = write_tar(tmp_path / "set.tar", {**dict.fromkeys(names, 0), "labels.csv": file.getvalue()})
    found = listed(tar, labels="labels.csv")
    assert dict(zip(found.ids, found.keys, strict=True)) == names
