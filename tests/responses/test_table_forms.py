"""Tables as people have them: each usual form says what the plain one says; what is refused is told how to mend it."""

import gzip

import numpy as np
import pandas as pd
import pytest

from ddd_utils.errors import InputError
from ddd_utils.responses import Responses, read_responses

RNG = np.random.default_rng(0)
MODELS, CLASSES = ["resnet50", "vgg16", "vit_b"], np.array(["bear", "bird", "cat", "dog"])
IMAGES = [f"img_{number:03}.png" for number in range(30)]
LABELS = RNG.integers(0, 4, 30)
ANSWERS = np.where(RNG.random((3, 30)) < 0.7, LABELS, RNG.integers(0, 4, (3, 30)))
RIGHT = (ANSWERS == LABELS).tolist()
LONG = pd.DataFrame([(model, image) for model in MODELS for image in IMAGES], columns=["model", "image"]).assign(
    prediction=CLASSES[ANSWERS].ravel(), label=np.tile(CLASSES[LABELS], 3)
)
JUDGED = LONG[["model", "image"]].assign(correct=LONG["prediction"] == LONG["label"])
NUMBERED = LONG.assign(prediction=ANSWERS.ravel(), label=np.tile(LABELS, 3))
WIDE = pd.DataFrame({"image": IMAGES, **dict(zip(MODELS, CLASSES[ANSWERS], strict=True))})
TEXT = LONG.to_csv(index=False)


def right(path, **how):
    return Responses.from_table(path, **how).correct().tolist()


def refusal(path, **how):
    with pytest.raises(InputError) as caught:
        Responses.from_table(path, **how)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


def written(folder, text, name="t.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return path


FORMS = {
    "semicolons": lambda: TEXT.replace(",", ";"),
    "tabs": lambda: TEXT.replace(",", "\t"),
    "bars": lambda: TEXT.replace(",", "|"),
    "Excel's first line": lambda: "sep=;\r\n" + TEXT.replace(",", ";").replace("\n", "\r\n"),
    "spaces": lambda: TEXT.replace(",", ", ").replace("\n", " \n"),
    "capitals": lambda: TEXT.replace("model,image,prediction,label", " Model ,IMAGE,Prediction,Label"),
    "a mark": lambda: "\ufeff" + TEXT,
    "old line ends": lambda: TEXT.replace("\n", "\r"),
    "blank lines": lambda: TEXT.replace("\n", "\n\n"),
    "an index": lambda: LONG.to_csv(),
    "quotes": lambda: LONG.to_csv(index=False, quoting=1),
    "a row an image": lambda: WIDE.assign(label=CLASSES[LABELS]).to_csv(index=False),
    "a row an image, indexed": lambda: WIDE.assign(Target=CLASSES[LABELS]).to_csv(),
    "who is right, a row an image": lambda: WIDE.assign(**dict(zip(MODELS, RIGHT, strict=True))).to_csv(index=False),
    "0 and 1, a row an image": lambda: WIDE.assign(**dict(zip(MODELS, np.array(RIGHT, int), strict=True))).to_csv(),
    "floats": lambda: NUMBERED.astype({"prediction": float, "label": float}).to_csv(index=False),
    "large numbers": lambda: NUMBERED.assign(
        prediction=NUMBERED["prediction"] + 100_000, label=NUMBERED["label"] + 100_000
    ).to_csv(index=False),
    "a picture beside its id": lambda: (
        LONG.rename(columns={"image": "id"}).assign(image="<wandb.Image object at 0x7f>").to_csv(index=False)
    ),
    "unknown columns": lambda: LONG.assign(loss=0.1, note="x").to_csv(index=False),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_usual_form_says_what_the_plain_one_says(tmp_path, form):
    path = written(tmp_path, FORMS[form]())
    found = Responses.from_table(path)
    assert found.correct().tolist() == RIGHT and found.networks["network"].tolist() == MODELS
    assert found.image_ids.tolist() == IMAGES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("name", ["t.csv", "t.CSV", "t.tsv", "t.txt", "t.csv.gz"])
def test_text_is_read_under_its_usual_names_and_encodings(tmp_path, name, encoding):
    text = (TEXT.replace("bear", "Bär").replace(",", "\t") if ".tsv" in name else TEXT.replace("bear", "Bär")).encode(
        encoding
    )
    found = Responses.from_table(written(tmp_path, gzip.compress(text) if name.endswith("gz") else text, name))
    assert found.correct().tolist() == RIGHT and "Bär" in found.info["classes"]


def test_files_of_other_programs_are_read(tmp_path):
    LONG.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    NUMBERED.to_json(tmp_path / "n.ndjson", orient="records", lines=True)
    JUDGED.to_feather(tmp_path / "t.feather")
    WIDE.assign(label=CLASSES[LABELS]).to_parquet(tmp_path / "t.parquet")
    assert all(right(path) == RIGHT for path in sorted(tmp_path.iterdir()))


HEADINGS = [
    ("Network", "Filename", "Predicted Class", "Ground Truth"),
    ("arch", "image_path", "pred", "target"),
    ("model_name", "img", "y_pred", "y_true"),
    ("Architecture", "id", "Answer", "class"),
    ("classifier", "file-name", "predicted.label", "TRUE LABEL"),
    ("net", "sample", "argmax", "wnid"),
    ("model_id", "question_id", "answer", "target"),
]


@pytest.mark.parametrize("names", HEADINGS)
def test_usual_headings_are_understood_and_said(tmp_path, names, caplog):
    caplog.set_level("INFO")
    path = written(tmp_path, LONG.set_axis(list(names), axis=1).to_csv(index=False))
    assert right(path) == RIGHT
    assert f"read '{names[0]}' as model, '{names[1]}' as image" in caplog.text


def test_only_what_is_needed_must_be_clear(tmp_path):
    more = {"class": "x", "category": "y", "pred": 1, "y_pred": 2, "hit": "?"}
    assert right(written(tmp_path, JUDGED.assign(**more).to_csv(index=False))) == RIGHT
    assert right(written(tmp_path, LONG.assign(**more).to_csv(index=False))) == RIGHT
    assert "any of 'path', 'file' may be 'image'" in refusal(
        written(tmp_path, JUDGED.rename(columns={"image": "path"}).assign(file="a").to_csv(index=False))
    )


WORDS = ["T F", "yes no", "right wrong", "WAHR FALSCH", "VRAI FAUX", "1.0 0.0"]
JUDGEMENTS = [(name, True, False) for name in ("is_correct", "Correct", "right", "Hit")]
JUDGEMENTS += [("correct", *words.split()) for words in WORDS] + [("correct", " TRUE", " 0")]


@pytest.mark.parametrize(("heading", "true", "false"), JUDGEMENTS)
def test_who_is_right_in_the_headings_and_words_of_programs(tmp_path, heading, true, false):
    frame = JUDGED.replace({"correct": {True: true, False: false}}).rename(columns={"correct": heading})
    assert right(written(tmp_path, frame.to_csv(index=False))) == RIGHT


@pytest.mark.parametrize("transposed", [False, True])
def test_a_matrix_has_its_names_beside_it(tmp_path, transposed):
    np.save(tmp_path / "mine.npy", np.array(RIGHT).T if transposed else np.array(RIGHT))
    assert refusal(tmp_path / "mine.npy").startswith("a matrix has no names: write the models' into 'mine.models.txt'")
    (tmp_path / "mine.models.txt").write_text("\n".join(MODELS) + "\n")
    assert Responses.from_table(tmp_path / "mine.npy").image_ids[:2].tolist() == ["0", "1"]
    (tmp_path / "mine.images.txt").write_text("\n".join(IMAGES))
    found = Responses.from_table(tmp_path / "mine.npy")
    assert found.correct().tolist() == RIGHT and found.image_ids.tolist() == IMAGES
    (tmp_path / "mine.images.txt").write_text("\n".join(IMAGES[:-1]))
    assert "does not fit 3 models and 29 images" in refusal(tmp_path / "mine.npy")
    (tmp_path / "mine.models.txt").write_text("a\na\nb")
    with pytest.raises(InputError, match="a name is there twice"):
        Responses.from_table(tmp_path / "mine.npy")


@pytest.mark.parametrize("what", [np.full((3, 30), 0.4), np.zeros(30, bool), np.array(["a"])])
def test_another_matrix_is_refused(tmp_path, what):
    np.save(tmp_path / "mine.npy", what)
    (tmp_path / "mine.models.txt").write_text("\n".join(MODELS))
    assert "not true or false" in refusal(tmp_path / "mine.npy")


@pytest.mark.parametrize(
    "names",
    [
        ["1", "10", "1e1", "01"],
        ["007", "7", "70", "700"],
        ["1", "1.0", "2", "3"],
        ["n1", "1", "2", "3"],
        ["+1", "1", "2", "3"],
        *[[*"abc", word] for word in ("NA", "nan", "null", "None", "N/A", "-")],
    ],
)
def test_names_that_look_like_numbers_are_kept_apart_and_a_class_may_be_called_as_what_is_missing(tmp_path, names):
    frame = LONG.replace({key: dict(zip(CLASSES, names, strict=True)) for key in ("prediction", "label")})
    found = Responses.from_table(written(tmp_path, frame.to_csv(index=False)))
    assert found.correct().tolist() == RIGHT and found.info["classes"] == sorted(names)


@pytest.mark.parametrize("word", ["", "NA", "nan", "NULL", "None", "N/A", "<NA>", "-", "#N/A"])
@pytest.mark.parametrize("frame", [LONG, NUMBERED])
def test_a_missing_answer_is_refused_or_treated_as_stated(tmp_path, word, frame):
    frame = frame.astype(object)
    frame.loc[[4, 40], "prediction"] = word
    path = written(tmp_path, frame.to_csv(index=False))
    assert refusal(path).startswith("row 6: 'prediction' is ") and "of 90 answers 2 are missing" in refusal(path)
    expected = np.array(RIGHT)
    expected[[0, 1], [4, 10]] = False
    assert right(path, missing="wrong") == expected.tolist()
    assert right(path, missing="leave_out") == np.delete(expected, [4, 10], axis=1).tolist()


def test_missing_rows_and_judgements_are_treated_alike(tmp_path):
    path = written(tmp_path, JUDGED.drop(index=[3, 33]).astype({"correct": object}).to_csv(index=False))
    assert "'resnet50' has none for 1 of 30 images" in refusal(path)
    assert right(path, missing="leave_out") == np.delete(RIGHT, 3, axis=1).tolist()
    said = Responses.from_table(path, missing="leave_out").info["missing"]
    assert said == "Of 90 answers 2 are missing: 1 of 30 images are left out"
    counted = read_responses(path, "wrong")
    assert counted.info["missing"].endswith("they count as wrong")
    assert counted.correct()[:, counted.image_ids == IMAGES[3]].ravel().tolist() == [False, False, RIGHT[2][3]]
    with pytest.raises(InputError, match=r"'wrogn' is none of refuse, wrong, leave_out \(did you mean 'wrong'\?\)"):
        Responses.from_table(path, missing="wrogn")


def test_labels_and_answers_that_are_missing_together_are_no_class(tmp_path):
    frame = LONG.copy()
    frame.loc[frame["image"] == IMAGES[0], ["prediction", "label"]] = "NA"
    assert refusal(written(tmp_path, frame.to_csv(index=False))) == "row 2: 'label' is empty ('NA')"


RENAMED = {
    "the folder": "/home/a/{}".format,
    "the suffix": lambda name: name.replace(".png", ".JPEG"),
    "small and capital letters": str.upper,
    "folder, suffix and capitals": lambda name: f"D:\\X\\{name.upper().replace('.PNG', '.jpg')}",
}


@pytest.mark.parametrize("what", RENAMED)
def test_images_that_have_two_names_are_counted(tmp_path, what):
    frame = LONG.copy()
    frame.loc[60:, "image"] = frame.loc[60:, "image"].map(RENAMED[what])
    said = f"'resnet50' has none for 30 of 60 images, of which 30 have names that differ from others only by {what}"
    assert refusal(written(tmp_path, frame.to_csv(index=False))).endswith(said)


REFUSED = {
    "timm's results": (
        "model,top1,top5,img_size\nresnet50,80.1,94.5,224\n",
        "there is no column 'image' in [model, top1",
    ),
    "one model's answers": ("index,label,prob\n1,3,0.5\n", "there is no column 'model' in [index, label, prob]"),
    "a heading mistyped": (
        TEXT.replace("prediction", "predicton", 1),
        "no column 'prediction' (did you mean 'predicton'?)",
    ),
    "headings apart": (TEXT.replace(",", "~"), "there is no column 'model' in [model~image~prediction~label]"),
    "classes without labels": (WIDE.to_csv(index=False), "without labels the columns resnet50, vgg16, vit_b must say"),
    "two of a kind": (
        LONG.assign(pred=1, y_pred=2).drop(columns="prediction").to_csv(index=False),
        "any of 'pred', 'y_pred' may",
    ),
    "a model twice": (
        WIDE.assign(label=CLASSES[LABELS]).rename(columns={"vit_b": "vgg16"}).to_csv(index=False),
        "there are 2 columns 'vgg16'",
    ),
    "a web page": ("<!DOCTYPE html><html></html>", "a web page, not a table"),
    "a pointer": ("version https://git-lfs.github.com/spec/v1\noid sha256:abc\n", "a pointer of Git LFS"),
    "a workbook called CSV": ("PK\x03\x04abc", "a ZIP archive or Excel workbook"),
    "numbers and names": (
        LONG.assign(label=NUMBERED["label"]).to_csv(),
        "labels are numbers and 'prediction' holds names",
    ),
    "names and numbers": (
        LONG.assign(prediction=NUMBERED["prediction"]).to_csv(),
        "labels are names and 'prediction' holds",
    ),
    "probabilities": (
        NUMBERED.assign(prediction=0.43).to_csv(),
        "row 2: 'prediction' is 0.43; a class index is a whole",
    ),
    "probabilities of being right": (
        JUDGED.assign(correct=0.39).to_csv(),
        "row 2: 'correct' is '0.39', not true or false",
    ),
    "no labels": (NUMBERED.assign(label=-1).to_csv(), "row 2: 'label' is -1; a class index"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_told_with_what_is_meant(tmp_path, name):
    text, message = REFUSED[name]
    assert message in refusal(written(tmp_path, text))


def test_a_refusal_has_the_form_wanted_and_lines_that_convert(tmp_path):
    path = written(tmp_path, LONG.rename(columns={"model": "modell"}).to_csv(index=False), "mine.csv")
    said = refusal(path)
    assert "needed is a row for each model and image" in said
    code = [part for part in said.split("`") if part.startswith("table")]
    assert code == [
        "table = pd.read_csv('mine.csv').rename(columns={'modell': 'model'})",
        "table.to_csv('mine_new.csv', index=False)",
    ]
    scope = {"pd": pd}
    exec("\n".join(code).replace("'mine", f"'{tmp_path}/mine"), scope)  # the lines do what they say
    assert right(tmp_path / "mine_new.csv") == RIGHT


@pytest.mark.parametrize(
    ("name", "reader"), [("a.xlsx", "excel"), ("a.ods", "excel"), ("a.json", "json"), ("a.csv.zip", "csv")]
)
def test_other_files_are_named_with_what_reads_them(tmp_path, name, reader):
    said = refusal(written(tmp_path, "PK", name))
    assert said.startswith("unknown kind of table") and f"`table = pd.read_{reader}('{name}')`" in said


def test_minus_one_is_a_wrong_answer_also_among_names(tmp_path):
    frame = LONG.copy()
    frame.loc[0, "prediction"] = "-1"
    assert Responses.from_table(written(tmp_path, frame.to_csv(index=False))).predictions[0, 0, 0] == -1


def test_a_fault_in_a_row_of_all_models_is_named_by_that_row(tmp_path):
    frame = WIDE.assign(label=CLASSES[LABELS])
    frame.loc[7, "vit_b"] = "brid"
    assert refusal(written(tmp_path, frame.to_csv(index=False))).startswith(
        "row 9: 'prediction' is an unknown class, 'brid'"
    )
    frame.loc[8, "image"] = IMAGES[7]
    assert refusal(written(tmp_path, frame.drop(columns="vit_b").to_csv(index=False))).startswith(
        "rows 9 and 10: more than one"
    )


@pytest.mark.parametrize("numbers", [[0.2, 0.9], [-3.0, 11.5]])
def test_the_range_of_what_is_called_probability_is_known(tmp_path, numbers):
    frame = LONG.assign(prob=np.resize(numbers, 90))
    assert Responses.from_table(written(tmp_path, frame.to_csv(index=False))).info["probabilities"] == tuple(numbers)
    frame.to_parquet(tmp_path / "t.parquet")
    assert Responses.from_table(tmp_path / "t.parquet").info["probabilities"] == tuple(numbers)
    assert "probabilities" not in Responses.from_table(written(tmp_path, frame.assign(prob="high").to_csv())).info


CERTAIN = RNG.random((3, 30))


@pytest.mark.parametrize(
    ("heading", "role"),
    [
        ("probability", "probability"),
        ("Confidence", "probability"),
        ("Predicted Probability", "probability"),
        ("margin", "margin"),
        ("prob_margin", "margin"),
        ("probability_label", "probability_label"),
        ("true class probability", "probability_label"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_probabilities_beside_the_answers_are_read_under_their_usual_names(tmp_path, heading, role, suffix):
    frame = LONG.assign(**{heading: CERTAIN.ravel()}).sample(frac=1, random_state=1)
    path = tmp_path / f"t{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False)
    found = Responses.from_table(path)
    rows = [found.networks["network"].tolist().index(name) for name in MODELS]
    columns = [found.image_ids.tolist().index(name) for name in IMAGES]
    assert list(found.certainty) == [role]
    np.testing.assert_allclose(found.certainty[role][rows][:, columns], CERTAIN, atol=5e-4)


def test_what_is_no_probability_or_may_be_either_is_not_taken_for_one(tmp_path):
    for given in ({"prob": 100 * CERTAIN.ravel()}, {"prob": 0.5, "conf": 0.5}, {"prob": "high"}):
        found = Responses.from_table(written(tmp_path, LONG.assign(**given).to_csv(index=False)))
        assert found.certainty == {} and found.correct().tolist() == RIGHT
    both = LONG.assign(probability=CERTAIN.ravel(), conf=0.1)  # called by its own name
    assert list(Responses.from_table(written(tmp_path, both.to_csv(index=False))).certainty) == ["probability"]


def test_gaps_are_unknown_and_left_out_images_have_no_probability(tmp_path):
    frame = LONG.assign(probability=CERTAIN.ravel())
    frame.loc[2, "probability"] = np.nan
    found = Responses.from_table(written(tmp_path, frame.to_csv(index=False)))
    assert np.flatnonzero(np.isnan(found.probability.ravel())).tolist() == [2]
    less = Responses.from_table(written(tmp_path, frame.drop(index=4).to_csv(index=False)), missing="leave_out")
    assert less.probability.shape == (3, 29)
    np.testing.assert_allclose(less.probability[1], np.delete(CERTAIN[1], 4), atol=5e-4)


# A row an image, with columns of numbers beside those of the models.

BESIDE = {"probability": CERTAIN, "probability_label": CERTAIN[::-1]}
SPELLINGS = {
    "as in a long table": ("{}", "{}_probability", "{}_probability_label"),
    "short": ("{}", "{}_prob", "{}_p_true"),
    "with spaces": ("{}", "{} Confidence", "{} label probability"),
    "in front": ("{}", "prob_{}", "prob_true_{}"),
    "of a prediction": ("{}_pred", "{}_conf", "{}_prob_label"),
    "of a prediction, in front": ("pred_{}", "softmax_{}", "p_label_{}"),
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("answers", ["names", "numbers", "who is right"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_probabilities_may_stand_beside_each_model(tmp_path, spelling, answers, suffix):
    given = {"names": CLASSES[ANSWERS], "numbers": ANSWERS, "who is right": np.array(RIGHT)}[answers]
    labels = {"names": {"label": CLASSES[LABELS]}, "numbers": {"label": LABELS}}.get(answers, {})
    frame = pd.DataFrame({"image": IMAGES, **labels})
    for number, model in enumerate(MODELS):
        columns = (given[number], *(values[number] for values in BESIDE.values()))
        frame = frame.assign(
            **{name.format(model): each for name, each in zip(SPELLINGS[spelling], columns, strict=True)}
        )
    frame = frame[[frame.columns[0], *frame.columns[:0:-1]]]  # in whatever order
    path = tmp_path / f"t{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False)
    found = Responses.from_table(path)
    assert found.networks["network"].tolist() == [SPELLINGS[spelling][0].format(model) for model in MODELS[::-1]]
    assert found.correct().tolist() == RIGHT[::-1]
    assert set(found.certainty) == set(BESIDE)
    for role, values in BESIDE.items():
        np.testing.assert_allclose(found.certainty[role], values[::-1], atol=5e-4)


def test_models_without_probabilities_have_none_and_gaps_stay(tmp_path):
    certain = CERTAIN[1].copy()
    certain[4] = np.nan
    frame = WIDE.assign(label=CLASSES[LABELS], vgg16_prob=certain)
    found = Responses.from_table(written(tmp_path, frame.to_csv(index=False)))
    assert found.networks["network"].tolist() == MODELS and found.correct().tolist() == RIGHT
    assert np.isnan(found.probability[[0, 2]]).all() and np.flatnonzero(np.isnan(found.probability[1])).tolist() == [4]
    assert found.info["probabilities"] == (np.nanmin(certain), np.nanmax(certain))
    percent = Responses.from_table(written(tmp_path, frame.assign(vgg16_prob=100 * certain).to_csv(index=False)))
    assert percent.certainty == {} and percent.info["probabilities"][1] > 1  # told where answers are judged


UNCLEAR = {
    "whole numbers, which may be classes": {"vit_b_softmax": LABELS},
    "of no model": {"alexnet_margin": CERTAIN[0]},
    "of none at all": {"softmax": CERTAIN[0]},
    "two of one model": {"vit_b_softmax": CERTAIN[0], "vit_b_max_prob": CERTAIN[0]},
    "of one of two": {"resnet-50": LABELS, "resnet_50": LABELS, "resnet_50_p_true": CERTAIN[0]},
}


@pytest.mark.parametrize("what", UNCLEAR)
def test_a_column_that_may_be_a_model_or_beside_one_is_refused_with_the_form_wanted(tmp_path, what):
    frame = pd.DataFrame({"image": IMAGES, **dict(zip(MODELS, ANSWERS, strict=True))}).assign(label=LABELS)
    name = list(UNCLEAR[what])[-1]
    said = refusal(written(tmp_path, frame.assign(**UNCLEAR[what]).to_csv(index=False)))
    assert said.startswith(f"'{name}' may be a model, or the ")
    assert said.endswith(
        "beside the column of a model called x may stand x_probability, x_margin and x_probability_label"
    )


def test_a_model_may_be_called_as_a_probability_is_if_it_answers_with_names(tmp_path):
    frame = WIDE.rename(columns={"vit_b": "vgg16_softmax", "resnet50": "conformer"}).assign(label=CLASSES[LABELS])
    found = Responses.from_table(written(tmp_path, frame.to_csv(index=False)))
    assert found.networks["network"].tolist() == ["conformer", "vgg16", "vgg16_softmax"]
    assert found.correct().tolist() == RIGHT and found.certainty == {}


def test_one_model_and_its_probability_are_not_two_models(tmp_path):
    frame = WIDE[["image", "vit_b"]].assign(vit_b_confidence=CERTAIN[0], label=CLASSES[LABELS])
    assert "there is no column 'model'" in refusal(written(tmp_path, frame.to_csv(index=False)))
