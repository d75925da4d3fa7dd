"""Marks on images: the files of ImageNet-X, read without importing the package, and anyone's table."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_models import made

from ddd_utils.errors import InputError
from ddd_utils.experiments import factors, imagenet_facts, marks
from ddd_utils.experiments.published import imagenet_responses

FACTORS = factors.FACTORS
IDS = [f"val/n{image}/ILSVRC2012_val_{image:08d}.JPEG" for image in range(1, 6)]


def line(image, *marked):
    record = {"file_name": IDS[image - 1].rpartition("/")[2], "class": 0, **{f: int(f in marked) for f in FACTORS}}
    return json.dumps({**record, "justification": "a \u201cbig\u201d one", "one_word": "big"})


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of this name that must not be imported: images 1 to 4, of which 4 is a prototype."""
    folder = tmp_path / "imagenet_x" / "annotations"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise RuntimeError('imported')\n")
    lines = [line(3, "pose", "smaller"), line(1), line(4, "pose"), line(2, "texture", "color")]
    (folder / factors.MARKS).write_text("\n".join(lines))
    (folder / factors.TOP).write_text("\n".join([line(1, "pose"), line(2, "color"), line(3, "smaller"), line(4)]))
    (folder / factors.PROTOTYPES).write_text("file_name\nILSVRC2012_val_00000004.JPEG\nother.JPEG\n")
    (folder / factors.SUPERCLASSES).write_text("wnid,name,metaclass\nn1,fish,0\nn2,bird,1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    assert "imagenet_x" not in sys.modules


def named(found, which):
    return [{found.factors[at] for at in np.flatnonzero(row)} for row in which]


def test_the_annotations_are_read_without_the_package(package):
    found = factors.imagenet_x(package, IDS)
    assert found.known.tolist() == [True, True, True, False, False]
    assert named(found, found.marked) == [set(), {"texture", "colour"}, {"pose", "smaller"}, set(), set()]
    assert named(found, found.top) == [{"pose"}, {"colour"}, {"smaller"}, set(), set()]
    assert (found.prototypes, found.superclasses.tolist()) == (1, ["fish", "bird"])
    assert found.source.startswith("ImageNet-X")


def test_imagenet_has_its_marks_where_the_package_is(package):
    responses = made(images=5, pictures=False, on_imagenet=True)
    assert marks(replace(responses, image_ids=np.array(IDS))).known.tolist() == [True, True, True, False, False]


def test_without_the_package_a_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert 'pip install ".[factors]"' in marks(made(on_imagenet=True))
    assert "why_impossible.marks: my_marks.csv" in marks(made())


@pytest.mark.parametrize("name", [factors.MARKS, factors.TOP, factors.PROTOTYPES, factors.SUPERCLASSES])
@pytest.mark.parametrize("torn", [None, "\x00{", '{"file_name": '])
def test_a_damaged_file_is_named(package, name, torn):
    if torn is None:
        (package / name).unlink()
    elif name.endswith("jsonl"):
        (package / name).write_text(torn)
    else:
        (package / name).write_text("")
    with pytest.raises(InputError, match=r"annotations: cannot be read \(.+\); install the package imagenet-x again"):
        factors.imagenet_x(package, IDS)


def table(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_table_of_ones_own(tmp_path):
    path = table(tmp_path, "blurred,image,<b>\n1,b.png,0\n0,x/a.png,TRUE\n1,elsewhere.png,1\n")
    found = factors.own_marks(path, ["x/a.png", "y/b.png", "c.png"])
    assert (found.factors, found.source) == (("blurred", "<b>"), "mine.csv")
    assert found.known.tolist() == [True, True, False]
    assert found.marked.tolist() == [[False, True], [True, False], [False, False]]
    assert (found.top, found.superclasses, found.prototypes) == (None, None, 0)


def test_a_table_is_found_beside_the_data(tmp_path, monkeypatch):
    table(tmp_path, "image,blurred\n0.png,1\n")
    monkeypatch.setenv("DDD_DATA", str(tmp_path))
    assert marks(made(), "mine.csv").known.sum() == 1
    with pytest.raises(InputError, match=r"there is no table 'mime.csv' \(did you mean 'mine.csv'\?\)"):
        marks(made(), "mime.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("picture,blurred\na,1\n", "there is no column 'image'"),
        ("imag,blurred\na,1\n", r"there is no column 'image' \(did you mean 'imag'\?\)"),
        ("image\na\n", "there is no column beside 'image'"),
        ("image,blurred,blurred\na,1,1\n", "there are 2 columns 'blurred'"),
        ("image,blurred\na,1\nb,often\n", "row 3: 'blurred' is 'often'; a factor is marked 1 or 0"),
        ("image,blurred\na,1\nb,\n", "row 3: 'blurred' is ''; a factor is marked 1 or 0"),
        ("image,blurred\na,1\nb,0\na,1\n", "row 4: a second row for image 'a'"),
        ("image,blurred\nd.png,1\n", r"none of its images is among these, such as 'd.png' \(did you mean"),
    ],
)
def test_a_faulty_table_is_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        factors.own_marks(table(tmp_path, text), ["a", "b", "c.png"])


DATA = Path(os.environ.get("DDD_DATA", "/none"))
REAL = importlib.util.find_spec("imagenet_x") is not None and (DATA / "imagenetx").is_dir()


@pytest.mark.skipif(not REAL, reason="needs the package imagenet-x, and DDD_DATA with imagenetx/")
def test_error_ratios_of_the_main_factor_are_those_of_the_package():
    responses = imagenet_responses(["SimCLR", "ViT"])
    found, wrong = factors.imagenet_x(factors._annotations(), responses.image_ids), ~responses.correct()
    program = (
        "import imagenet_x as x, sys;print(x.error_ratio(x.get_factor_accuracies(sys.argv[1])).to_json(orient='index'))"
    )
    command = [sys.executable, "-c", program, str(DATA / "imagenetx")]
    theirs = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for model, errs in zip(responses.networks["network"], wrong, strict=True):
        for at, factor in enumerate(factors.FACTORS):
            ratio = errs[found.top[:, at]].mean() / errs[found.known].mean()
            assert ratio == pytest.approx(theirs[model][factor])
    assert imagenet_facts(responses).wrong_label is None  # the responses do not claim to be ImageNet's
