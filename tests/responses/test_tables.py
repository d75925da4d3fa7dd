"""Anyone's table: read the same from every format, and refused in one line that names file, row and column."""

import gzip
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddd_utils.errors import InputError
from ddd_utils.responses import Responses

ROWS = [
    {"model": "m1", "image": "i1", "prediction": "cat", "label": "cat"},
    {"model": "m1", "image": "i2", "prediction": "cat", "label": "dog"},
    {"model": "m2", "image": "i2", "prediction": "dog", "label": "dog"},
    {"model": "m2", "image": "i1", "prediction": "dog", "label": "cat"},
]
JUDGED = [
    {"model": model, "image": image, "correct": correct}
    for model, image, correct in (("a", "x", "True"), ("a", "y", "0"), ("b", "x", "FALSE"), ("b", "y", "1.0"))
]


def write(folder, rows, suffix=".csv"):
    path, frame = folder / f"table{suffix}", pd.DataFrame(rows)
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


def complaint(path):
    """Return what is said about a table, without the name of the file, which must come first."""
    with pytest.raises(InputError) as caught:
        Responses.from_table(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message.removeprefix(f"{path}: ")


def changed(rows, row, **cells):
    return [*rows[:row], {**rows[row], **cells}, *rows[row + 1 :]]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_class_names_are_numbered_and_everything_keeps_its_first_order(tmp_path, suffix):
    responses = Responses.from_table(write(tmp_path, ROWS, suffix))
    assert list(responses.networks["network"]) == list(responses.networks["condition"]) == ["m1", "m2"]
    assert list(responses.image_ids) == ["i1", "i2"]
    assert responses.labels.tolist() == [0, 1]
    assert responses.predictions[:, 0].tolist() == [[0, 0], [1, 1]]
    assert responses.predictions.dtype == responses.labels.dtype == np.int16


@pytest.mark.parametrize("name", ["imagenet.csv", "cifar10.csv", "synthetic.v2.csv"])
def test_a_files_name_is_not_the_name_of_its_data_set(tmp_path, name):
    path = write(tmp_path, ROWS).rename(tmp_path / name)
    info = Responses.from_table(path).info
    assert (info["dataset"], info["file"]) == ("table", name)


NAMED = [{**row, "label": {"x": "tench", "y": "crane"}[row["image"]]} for row in JUDGED]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("rows", "classes", "known"),
    [
        (ROWS, ["cat", "dog"], True),
        ([{**row, "prediction": 3, "label": 4} for row in ROWS], None, True),
        (NAMED, ["crane", "tench"], True),
        ([{**row, "label": 3} for row in JUDGED], None, True),
        (JUDGED, None, False),
    ],
)
def test_class_names_are_kept_by_label(tmp_path, rows, classes, known, suffix):
    info = Responses.from_table(write(tmp_path, rows, suffix)).info
    assert info.get("classes") == classes
    assert info["labels_known"] is known


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("kind", [int, float, str])
def test_class_indices_stay_as_they_are(tmp_path, suffix, kind):
    answers = {"a": [32767, 10], "b": [-1, 2]}
    rows = [
        {"model": model, "image": image, "prediction": kind(answer), "label": kind(10)}
        for model in answers
        for image, answer in enumerate(answers[model])
    ]
    responses = Responses.from_table(write(tmp_path, rows, suffix))
    assert responses.predictions[:, 0].tolist() == list(answers.values())
    assert responses.labels.tolist() == [10, 10]
    assert list(responses.image_ids) == ["0", "1"]


def test_a_number_among_names_is_a_name(tmp_path):
    rows = [{key: "7" if cell == "cat" else cell for key, cell in row.items()} for row in ROWS]
    responses = Responses.from_table(write(tmp_path, rows))
    assert responses.labels.tolist() == [0, 1]
    assert responses.predictions[:, 0].tolist() == [[0, 0], [1, 1]]
    assert responses.info["classes"] == ["7", "dog"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_correct_alone_is_enough_and_a_label_beside_it_is_kept(tmp_path, suffix):
    responses = Responses.from_table(write(tmp_path, JUDGED, suffix))
    assert responses.correct().tolist() == [[True, False], [False, True]]
    labelled = [{**row, "label": {"x": 4, "y": 9}[row["image"]]} for row in JUDGED]
    responses = Responses.from_table(write(tmp_path, labelled, suffix))
    assert responses.labels.tolist() == [4, 9]
    assert responses.predictions[:, 0].tolist() == [[4, -1], [-1, 9]]


def test_correct_beside_a_prediction_must_agree(tmp_path):
    rows = [{**row, "correct": row["prediction"] == row["label"]} for row in ROWS]
    assert np.array_equal(
        Responses.from_table(write(tmp_path, rows)).predictions, Responses.from_table(write(tmp_path, ROWS)).predictions
    )
    assert complaint(write(tmp_path, changed(rows, 2, correct=False))) == (
        "row 4: 'correct' is 'False', but 'prediction' is 'dog' and 'label' is 'dog'"
    )


def test_categories_that_occur_nowhere_are_no_classes(tmp_path):
    frame = pd.DataFrame(ROWS)
    names = pd.CategoricalDtype(["emu", "dog", "cat", "ant"])
    path = tmp_path / "table.parquet"
    frame.astype({"model": "category", "prediction": names, "label": names}).to_parquet(path)
    assert Responses.from_table(path).labels.tolist() == [0, 1]


def test_an_image_id_keeps_its_zeros_quotes_commas_and_line_breaks(tmp_path):
    names = {"i1": "007", "i2": 'the "big", \n élan'}
    responses = Responses.from_table(write(tmp_path, [{**row, "image": names[row["image"]]} for row in ROWS]))
    assert list(responses.image_ids) == list(names.values())


def test_line_breaks_in_cells_do_not_tear_a_long_table(tmp_path):
    path, images = tmp_path / "long.csv", 25_000
    rows = (f'{model},"image\n{image}\n\n,,",{image % 2}\n' for model in "ab" for image in range(images))
    path.write_text("model,image,correct\n" + "".join(rows))
    assert path.stat().st_size > 2**20
    assert np.array_equal(Responses.from_table(path).correct(), np.tile(np.arange(images) % 2 == 1, (2, 1)))


def test_a_byte_order_mark_is_not_part_of_a_heading(tmp_path):
    path = write(tmp_path, ROWS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(Responses.from_table(path).networks) == 2


WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=4).filter(
    lambda word: word not in ("NA", "NaN", "nan")
)


@st.composite
def tables(draw):
    models = draw(st.lists(WORDS, min_size=2, max_size=4, unique=True))
    images = draw(st.lists(WORDS, min_size=1, max_size=6, unique=True))
    numbers = st.sampled_from([0, 1, 2, 32767])
    labels = draw(st.lists(numbers, min_size=len(images), max_size=len(images)))
    answers = st.sampled_from([-1, 0, 1, 32767])
    predictions = [draw(st.lists(answers, min_size=len(images), max_size=len(images))) for _ in models]
    rows = [
        {"model": model, "image": image, "prediction": prediction, "label": label}
        for model, given in zip(models, predictions, strict=True)
        for image, prediction, label in zip(images, given, labels, strict=True)
    ]
    return draw(st.permutations(rows)), models, images, np.array(predictions), np.array(labels)


@given(tables(), st.sampled_from([".csv", ".parquet"]))
@settings(max_examples=80)
def test_any_table_comes_back_whatever_the_order_of_its_rows(tmp_path_factory, table, suffix):
    rows, models, images, predictions, labels = table
    responses = Responses.from_table(write(tmp_path_factory.getbasetemp(), rows, suffix))
    found, ids = list(responses.networks["network"]), list(responses.image_ids)
    assert found == list(dict.fromkeys(row["model"] for row in rows))
    assert ids == list(dict.fromkeys(row["image"] for row in rows))
    order = np.ix_([models.index(name) for name in found], [images.index(name) for name in ids])
    assert np.array_equal(responses.predictions[:, 0], predictions[order])
    assert np.array_equal(responses.labels, labels[order[1][0]])


@given(st.lists(st.sampled_from(ROWS), min_size=1, max_size=6), st.data())
@settings(max_examples=80)
def test_csv_and_parquet_say_the_same_of_a_faulty_table(tmp_path_factory, rows, data):
    cells = st.sampled_from(["cat", "dgo", "", "NaN", "1", "2.5", None])
    column = data.draw(st.sampled_from(list(ROWS[0])))
    rows = changed(rows, data.draw(st.integers(0, len(rows) - 1)), **{column: data.draw(cells)})
    folder = tmp_path_factory.getbasetemp()
    try:
        expected = Responses.from_table(write(folder, rows)).predictions.tolist()
    except InputError as error:
        expected = str(error).replace(".csv", ".parquet")
    try:
        found = Responses.from_table(write(folder, rows, ".parquet")).predictions.tolist()
    except InputError as error:
        found = str(error)
    assert found == expected


NUMBERED = [{**row, "prediction": 3, "label": 4} for row in ROWS]
POLICY = "state `missing: wrong` to count them as wrong, or `missing: leave_out` to leave their images out"
LACKING = f"has none for 1 of 2 images: {POLICY}"
DOUBLE, INDEX = "more than one row for", "a class index is a whole number from 0 to 32767"
FURTHER = "; models with further classes take class indices or a column 'correct' instead"
UNKNOWN = f"an unknown class, 'dgo', the label of no image (did you mean 'dog'?){FURTHER}"
FAULTS = {
    "no row": (ROWS[:3], f"no row for model 'm2' and image 'i1'; 'm2' {LACKING}"),
    "no last row": (ROWS[:2] + ROWS[3:], f"no row for model 'm2' and image 'i2'; 'm2' {LACKING}"),
    "double": ([*ROWS, ROWS[2]], f"rows 4 and 6: {DOUBLE} model 'm2' and image 'i2'"),
    "first of two doubles": ([*ROWS, ROWS[0], ROWS[2]], f"rows 2 and 6: {DOUBLE} model 'm1' and image 'i1'"),
    "last pair doubled first": ([*ROWS, ROWS[2], ROWS[0]], f"rows 4 and 6: {DOUBLE} model 'm2' and image 'i2'"),
    "double for missing": ([*ROWS[:3], ROWS[0]], f"rows 2 and 5: {DOUBLE} model 'm1' and image 'i1'"),
    "labels differ": (changed(ROWS, 3, label="dog"), "rows 2 and 5: 'label' of image 'i1' differs, 'cat' and 'dog'"),
    "empty cell": (changed(ROWS, 1, label=None), "row 3: 'label' is empty"),
    "no model": (changed(ROWS, 2, model=""), "row 4: 'model' is empty"),
    "written as missing": (changed(ROWS, 2, image="NA"), "row 4: 'image' is empty ('NA')"),
    "two lines": (
        changed(ROWS, 3, prediction="a\nb"),
        f"row 5: 'prediction' is an unknown class, 'a\\nb', the label of no image{FURTHER}",
    ),
    "no truth": (changed(JUDGED, 1, correct="perhaps"), "row 3: 'correct' is 'perhaps', not true or false"),
    "unknown class": (changed(ROWS, 3, prediction="dgo"), f"row 5: 'prediction' is {UNKNOWN}"),
    "fraction": (
        changed(NUMBERED, 1, prediction=2.5),
        f"row 3: 'prediction' is 2.5; {INDEX}, or -1 for a wrong answer that is not recorded",
    ),
    "too large": (
        changed(NUMBERED, 3, prediction=32768),
        f"row 5: 'prediction' is 32768; {INDEX}, or -1 for a wrong answer that is not recorded",
    ),
    "negative label": (changed(NUMBERED, 0, label=-1), f"row 2: 'label' is -1; {INDEX}"),
    "one model": (ROWS[:2], "holds one model, 'm1'; a comparison takes two"),
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_by_row_and_column(tmp_path, name, suffix):
    rows, message = FAULTS[name]
    assert complaint(write(tmp_path, rows, suffix)) == message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\n", "there is no column 'model' in []; needed is a row for each model and image"),
        ("a.csv", b"model,image,correct\n", "has no rows"),
        ("a.csv", b"model,image,correct,image\na,b,1,c\n", "there are 2 columns 'image'"),
        ("a.csv", b"model,image,correct\na,b,1\n\na,c,1,1\n", "row 4 has 4 cells, the headings are 3"),
        ("a.csv", "model,image,correct\na,b,1\na,\u00e9,1\n".encode("latin-1"), "row 3 is not UTF-8"),
        ("a.csv", "model,image,correct\n".encode("utf-16"), "has no rows"),
        ("a.csv", b'model,image,correct\na,"b\nc",1\n\nb,,1\n', "row 4: 'image' is empty"),
        ("a.csv.gz", b"model,image,correct\n", "cannot be read as a table: Not a gzipped file (b'mo')"),
        ("a.parquet", b"", "is empty"),
        ("a.parquet", b"model,image,correct\n", "not a whole Parquet file (torn or truncated)"),
        ("a.xlsx", b"PK", "unknown kind of table '.xlsx'; it may be .csv, .tsv, .txt, .csv.gz, .parquet, "),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    assert complaint(path).startswith(message)


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    assert complaint(tmp_path) == "is a folder, not a table"
    assert complaint(tmp_path / "none.csv") == "no such file"


def test_a_table_of_no_rows_or_of_lists_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame(ROWS)[:0].to_parquet(path)
    assert complaint(path) == "has no rows"
    pd.DataFrame([{**row, "label": [1]} for row in ROWS]).to_parquet(path)
    assert complaint(path).startswith("column 'label' holds list<")


@pytest.mark.parametrize("keep", [3, 60, -9])
def test_a_torn_file_is_refused(tmp_path, keep):
    path = write(tmp_path, ROWS, ".parquet")
    path.write_bytes(path.read_bytes()[:keep])
    assert complaint(path) == "not a whole Parquet file (torn or truncated)"
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"model,image,correct\n" + os.urandom(9000).hex().encode())[:2000])
    assert complaint(path).startswith("cannot be read as a table: ")


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path, suffix):
    rows, refused = [{**row, "prediction": "cat", "label": "cat"} for row in ROWS], 0
    path = write(tmp_path, rows, suffix)
    if suffix == ".parquet":
        # Uncompressed, where damage reaches text, and codes: those of columns with one value can point to a second.
        pd.DataFrame(rows).to_parquet(path, compression=None)
    whole = path.read_bytes()
    for position in range(min(len(whole), 300)):
        damaged = bytearray(whole)
        damaged[position] = 127
        path.write_bytes(damaged)
        try:
            Responses.from_table(path)
        except InputError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
            refused += 1
    assert refused > 50


TRIAL = ["subj", "Session", "trial", "rt", "object_response", "category", "condition", "imagename"]
OBSERVERS = {"s01": "subject-01", "s02": "subject-02", "dnn": "resnet50"}
SEEN = [
    # category, condition and file of the photograph; then what each observer answered
    ("oven", "cr", "n04111531_14126.png", ("oven", "cat", "oven")),
    ("bear", "bw", "n02134084_5274.png", ("na", "bear", "oven")),
    ("cat", "bw", "n02123394_133.png", ("cat", "NaN", "cat")),
]


def trials(number=True, conditions=()):
    """Write down trials as model-vs-human does: the file's name tells trial, experiment and observer."""
    rows = []
    for who, (short, subject) in enumerate(OBSERVERS.items()):
        # Everyone sees the photographs in an order of their own.
        for trial, (category, condition, file, answers) in enumerate(np.roll(np.array(SEEN, object), who, axis=0), 1):
            for shown in conditions or (condition,):
                name = f"{trial:04}_cl_{short}_{shown}_{category}_40_{file}" if number else file
                cells = (subject, 1, trial, 0.8, answers[who], category, shown, name)
                rows.append(dict(zip(TRIAL, cells, strict=True)))
    return rows


def test_trials_of_people_and_networks_become_responses(tmp_path):
    responses = Responses.from_table(write(tmp_path, trials()))
    assert list(responses.networks["network"]) == list(OBSERVERS.values())
    assert list(responses.image_ids) == [file for _, _, file, _ in SEEN]
    assert responses.labels.tolist() == [2, 0, 1]
    assert responses.info["classes"] == ["bear", "cat", "oven"]
    assert responses.predictions[:, 0].tolist() == [[2, -1, 1], [1, 0, -1], [2, 2, 1]]


def test_a_photograph_under_several_conditions_is_several_images(tmp_path):
    responses = Responses.from_table(write(tmp_path, trials(conditions=("c05", "c10"))))
    assert list(responses.image_ids)[:2] == ["n04111531_14126.png (c05)", "n04111531_14126.png (c10)"]
    assert responses.predictions.shape == (3, 1, 6)


def test_a_condition_that_networks_leave_out_is_not_another_one(tmp_path):
    rows = [{**row, "condition": None} if row["subj"] == "resnet50" else row for row in trials(number=False)]
    assert list(Responses.from_table(write(tmp_path, rows)).image_ids) == [file for _, _, file, _ in SEEN]


def test_trials_without_a_condition_that_others_state_are_doubles(tmp_path):
    rows = trials(conditions=("c05", "c10"))
    rows = [{**row, "condition": None} if row["subj"] == "resnet50" else row for row in rows]
    assert complaint(write(tmp_path, rows)) == (
        "rows 14 and 15: more than one row for subj 'resnet50' and imagename 'n02134084_5274.png'"
    )


def test_file_names_of_ones_own_are_kept_whole(tmp_path):
    rows = [{**row, "imagename": f"my_{row['imagename']}"} for row in trials(number=False)]
    assert Responses.from_table(write(tmp_path, rows)).image_ids[0] == "my_n04111531_14126.png"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda rows: [*rows, {**rows[4], "Session": 2}],
            "rows 6 and 11: more than one row for subj 'subject-02' and imagename 'n04111531_14126.png'",
        ),
        (
            lambda rows: rows[:-1],
            "no row for subj 'resnet50' and imagename 'n04111531_14126.png'; 'resnet50' has none for 1 of 3 images: "
            + POLICY,
        ),
        (
            lambda rows: changed(rows, 1, object_response="ovne"),
            "row 3: 'object_response' is an unknown class, 'ovne', the label of no image (did you mean 'oven'?)"
            + FURTHER,
        ),
        (
            lambda rows: changed(rows, 1, object_response=""),
            f"row 3: 'object_response' is empty; of 9 answers 1 are missing: {POLICY}",
        ),
        (lambda rows: changed(rows, 1, category="na"), "row 3: 'category' is empty ('na')"),
    ],
)
def test_a_fault_in_trials_is_named_by_their_own_headings(tmp_path, change, message):
    assert complaint(write(tmp_path, change(trials()))) == message


def test_as_many_classes_as_numbers_of_two_bytes_can_name(tmp_path, monkeypatch):
    from ddd_utils.responses import classes

    monkeypatch.setattr(classes, "HIGHEST", 3)
    for names in ("abcd", "abcde"):
        rows = [f"{model},{name}.png,{name},{name}" for model in ("one", "two") for name in names]
        (tmp_path / f"{names}.csv").write_text("\n".join(["model,image,prediction,label", *rows]))
    assert list(Responses.from_table(tmp_path / "abcd.csv").class_names) == list("abcd")
    with pytest.raises(InputError, match="has 5 classes, more than 4"):
        Responses.from_table(tmp_path / "abcde.csv")
