"""A preset says everything in one place; a mistake in it gets one line with the nearest right key."""

import ast
import itertools
import re

import jupytext
import papermill
import pytest
import yaml

from ddd_utils import files, paths
from ddd_utils.config import params
from ddd_utils.config.image_sets import Photographs
from ddd_utils.config.schema import ModelSet, PretrainedSet, Published, Table, Variants
from ddd_utils.errors import InputError, nearest

PRESETS = sorted(path.stem for path in paths.PARAMS.glob("*.yaml"))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid(preset):
    assert params.load(preset).sections


# "sota" stands for "sota_comparison", and "experiment" for that of the training variants.
MISTAKES = [
    ("training_variants.tolerence=1", "training_variants.tolerence: unknown key (did you mean 'tolerance'?)"),
    ("trainingvariants.tolerance=1", "trainingvariants: unknown key (did you mean 'training_variants'?)"),
    ("training_variants.tolerance=some", "tolerance: a whole number is needed, not 'some'"),
    ("experiment.epochs=-3", "experiment.epochs: at least 1 is needed, not -3"),
    ("experiment.dataset.name=gausian", "'gausian' is not one of"),
    ("experiment.dataset.train_image=3", "unknown key (did you mean 'train_images'?)"),
    ("controls.other_bases=[{dataset: {name: digits}, epoch: 3}]", "unknown key (did you mean 'epochs'?)"),
    ("sota.models=models/smal.yaml", "there is no file 'models/smal.yaml' (did you mean 'models/small"),
    ("sota.models=[{modl: test_resnet}, test_vit]", "unknown key (did you mean 'model'?)"),
    ("sota.models=[test_resnet, test_resnet]", "two models are called 'test_resnet'"),
    ("sota.models=[test_resnet", "--set sota_comparison.models, line 1"),
    ("subsetting.variants=kl_divergence", "'kl_divergence' is not one of training_variants"),
    ("sota.models=null", "sota_comparison.models: this key is needed, or else `responses`"),
    ("sota.responses={published: imagnet}", "'imagnet' is not one of imagenet (did you mean 'imagenet'?)"),
    ("sota.responses={publishd: imagenet}", "unknown key (did you mean 'published'?)"),
    ("sota.responses={published: imagenet, top: 3}", "responses.top: '3' is not one of 1, 5"),
    ("sota.responses={published: imagenet, models: vgg11}", "responses.models: a list is needed"),
    ("sota.responses={published: imagenet, models: []}", "responses.models: a longer list is needed"),
    ("sota.responses={published: imagenet, models: [a, 1]}", "responses.models.1: a text is needed"),
    (
        "sota.missing=wrng",
        "sota_comparison.missing: 'wrng' is not one of refuse, wrong, leave_out (did you mean 'wrong'?)",
    ),
    ("sota.responses=7", "sota_comparison.responses: a text is needed, not 7"),
    ("sota.responses=''", "sota_comparison.responses: there is no table ''"),
    ("sota.images={path: notebooks, lables: x}", "images.lables: unknown key (did you mean 'labels'?)"),
    ("sota.images={path: notebooks, among: some}", "images.among: 'some' is not one of present, all"),
    ("sota.images={path: notebooks, mapping: {a: 3}}", "mapping.a: a text is needed, not 3"),
    ("sota.images={name: torchvison}", "'torchvison' is not one of gaussian"),
    ("sota.models=[{model: a, pretrained: {file: b, strp: c}}, d]", "0.pretrained.strp: unknown key (did you mean 's"),
    (
        "sota.models=[{model: a, pretrained: {url: 'http://b'}}, d]",
        "0.pretrained.url: an address that begins with https:// is needed",
    ),
    ("sota.models=[{model: a, pretrained: {key: b}}, d]", "a checkpoint needs either `file` or `url`"),
    ("sota.models=[{model: a, pretrained: {open_clip: b, templates: [c]}}, d]", "templates: 'c' needs one {}"),
    ("sota.models=[{model: a, classes: imagnet}, d]", "'imagnet' is not one of imagenet, images, numbers (did you"),
    ("sota.models=[{model: a, pretrained: true}, b]", "'a' is pretrained, but 'fashion_mnist' is for"),
    ("sota={models: [{model: a, pretrained: false}, b], images: notebooks}", "'a' is to be trained here, but 'photo"),
    ("tolerance", "expected section.key=value"),
    ("subsetting.tolerance.deep=1", "'tolerance' is a value"),
    ("raw.x=1", "unknown key 'raw'"),
]


@pytest.mark.parametrize(("override", "message"), MISTAKES)
def test_a_mistake_is_named_in_one_line(override, message):
    setting = re.sub("^sota", "sota_comparison", re.sub("^experiment", "training_variants.experiment", override))
    with pytest.raises(InputError) as caught:
        params.load("quick", [setting])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'quick'"):
        params.load("quik")


def test_overrides_replace_values_and_merge_mappings():
    preset = params.load("quick", ["training_variants.experiment={epochs: 3, weight_decay: 1e-3}"])
    experiment = preset.training_variants.experiment
    assert (experiment.epochs, experiment.weight_decay) == (3, 1e-3)
    assert experiment.dataset == params.load("quick").training_variants.experiment.dataset


def test_a_list_of_names_is_a_model_set():
    preset = params.load("quick", ["sota_comparison.models=[test_resnet,test_convnext]"])
    assert [model.model for model in preset.sota_comparison.models] == ["test_resnet", "test_convnext"]


def test_another_kind_of_images_replaces_the_one_that_was_there(tmp_path):
    asked = f"sota_comparison.images={{path: {tmp_path}, among: all}}"
    asked = ["sota_comparison.models=[resnet18, resnet50]", asked]
    shown = params.load("quick", asked).sota_comparison.experiment
    assert isinstance(shown, PretrainedSet) and shown.images == Photographs(path=str(tmp_path), among="all")
    merged = params.load("quick", [*asked, "sota_comparison.images={among: present}"]).sota_comparison.images
    assert merged == Photographs(path=str(tmp_path))


def test_images_and_models_are_found_again_from_a_notebooks_folder(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    (tmp_path / "w.pth").write_bytes(b"weights")
    (tmp_path / "mine.yaml").write_text("[{model: resnet18, pretrained: {file: w.pth}}, resnet50]")
    monkeypatch.chdir(tmp_path)
    by_file = params.load("quick", ["sota_comparison={models: mine.yaml, images: photos}"])
    inline = params.load(
        "quick", ["sota_comparison={models: [{model: a, pretrained: {file: w.pth}}, b], images: {path: photos}}"]
    )
    monkeypatch.chdir(paths.NOTEBOOKS)
    for preset in (by_file, inline):
        given = preset.parameters("sota_comparison")
        again = params.experiment({key: given[key] for key in ("models", "images")})
        assert again.images.path == str(tmp_path / "photos")
        assert again.models[0].pretrained.file == str(tmp_path / "w.pth")


def test_images_to_be_shown_win_over_a_presets_responses(tmp_path):
    asked = f"sota_comparison={{models: [resnet18, resnet50], images: {tmp_path}}}"
    assert isinstance(params.load("published", [asked]).sota_comparison.experiment, PretrainedSet)
    both = f"sota_comparison={{responses: {{published: imagenet}}, models: [resnet18, resnet50], images: {tmp_path}}}"
    assert isinstance(params.load("quick", [both]).sota_comparison.experiment, Published)


def test_a_preset_may_name_images_of_another_machine():
    assert params.load("photographs").sota_comparison.experiment.images.path == "/data/imagenet/val"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("kl_divergence: {experiment: training_variants}", "no section 'training_variants'"),
        ("summary:\nsummary:\n", "the key 'summary' is given twice"),
    ],
)
def test_a_reference_without_its_section_and_a_doubled_key_are_refused(tmp_path, content, message):
    (tmp_path / "mine.yaml").write_text(content)
    with pytest.raises(InputError, match=message):
        params.load(tmp_path / "mine.yaml")


def test_a_resolved_preset_means_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    preset = params.load("quick", ["subsetting.tolerance=2"])
    again = params.load(preset.write())
    assert again == preset
    assert again.parameters("subsetting")["tolerance"] == 2


def test_a_section_lends_its_experiment():
    preset = params.load("smoke")
    assert params.experiment("training_variants", "smoke") == preset.training_variants.experiment
    assert params.experiment("kl_divergence", "smoke") == preset.training_variants.experiment
    assert isinstance(params.experiment("sota_comparison", "smoke"), ModelSet)
    with pytest.raises(InputError, match="did you mean 'sota_comparison'"):
        params.experiment("sota_comparision", "smoke")


def test_sections_name_all_experiments_they_need():
    quick, smoke = params.load("quick"), params.load("smoke")
    needed = {preset.name: params.experiments(preset, "controls") for preset in (quick, smoke)}
    controls = quick.controls
    assert needed["quick"] == [quick.training_variants.experiment, controls.noise, *controls.other_bases]
    controls = smoke.controls
    assert needed["smoke"] == [controls.natural, smoke.training_variants.experiment, *controls.other_bases]
    assert all(isinstance(each, Variants) for each in itertools.chain(*needed.values()))
    assert params.experiments(quick, "summary") == []


def test_a_table_of_marks_is_found_from_where_one_stands(tmp_path, monkeypatch):
    (tmp_path / "mine.csv").write_text("image,blurred\n")
    monkeypatch.chdir(tmp_path)
    found = params.load("published", ["why_impossible.marks=mine.csv"])
    assert (paths.ROOT / found.why_impossible.marks).samefile("mine.csv")
    with pytest.raises(InputError, match=r"there is no table 'mime\.csv'"):
        params.load("published", ["why_impossible.marks=mime.csv"])


def test_the_published_preset_trains_nothing():
    preset = params.load("published")
    needed = [config for section in preset.sections for config in params.experiments(preset, section)]
    assert needed == [Published(published="imagenet")] * 4
    sections = ["sota_comparison", "why_impossible", "subsetting", "how_many_opinions", "human_results"]
    assert preset.sections == ["summary", *sections]


def test_published_models_are_chosen_by_name_in_a_setting():
    preset = params.load("published", ["sota_comparison.responses={models: [alexnet, vgg11], top: 5}"])
    assert params.experiments(preset, "subsetting") == [
        Published(published="imagenet", models=["alexnet", "vgg11"], top=5)
    ]


def test_a_model_set_is_the_same_experiment_by_name_and_by_parts():
    block = params.load("quick").raw["sota_comparison"]
    parts = {key: block[key] for key in ("responses", "models", "images", "training")}
    assert params.experiment(parts) == params.experiment("sota_comparison", "quick")
    assert isinstance(params.experiment(parts), ModelSet)


@pytest.fixture
def table(tmp_path, monkeypatch):
    path = tmp_path / "mine" / "my models.csv"
    path.parent.mkdir()
    path.write_text("model,image,correct\n")
    monkeypatch.chdir(path.parent)
    return path


def test_a_table_wins_over_the_models_beside_it(table):
    preset = params.load("quick", ["sota_comparison.responses=my models.csv"])
    assert params.experiments(preset, "sota_comparison") == [Table(path=str(table))]
    assert Table(path=str(table)) in params.experiments(preset, "subsetting")


def test_a_table_is_found_again_from_a_notebooks_folder(table, monkeypatch):
    given = params.load("quick", ["sota_comparison.responses=my models.csv"]).parameters("sota_comparison")
    monkeypatch.chdir(paths.NOTEBOOKS)
    assert params.experiment({key: given[key] for key in ("responses", "models")}) == Table(path=str(table))


def test_a_table_in_the_repository_is_named_from_there(tmp_path, table, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.chdir("/")
    preset = params.load("quick", ["sota_comparison.responses=mine/my models.csv"])
    assert preset.parameters("sota_comparison")["responses"] == "mine/my models.csv"
    assert preset.sota_comparison.experiment == Table(path=str(table))


def test_a_missing_table_is_named_with_the_nearest(table):
    with pytest.raises(InputError, match=r"there is no table 'my_models\.csv' \(did you mean 'my models\.csv'\?\)"):
        params.load("quick", ["sota_comparison.responses=my_models.csv"])


@pytest.fixture
def own_section(tmp_path, monkeypatch):
    """A notebook of one's own beside the paper's, and a preset with a block for it."""
    (tmp_path / "width.py").write_text(
        '# %% [markdown]\n# # Does width matter?\n\n# %% tags=["parameters"]\n'
        'preset = "quick"\nexperiment = "training_variants"\nothers: list = []\nwidest = 64\n'
    )
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path)
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    path = tmp_path / "mine.yaml"
    small = "{dataset: {name: digits}, base: {model: resnet18, arguments: {width: 8}}}"
    shared = yaml.safe_dump({"training_variants": params.load("quick").raw["training_variants"]})
    path.write_text(f"width: {{experiment: training_variants, others: [{small}], widest: 32}}\n{shared}")
    return path


def test_a_section_needs_a_notebook_and_a_block_and_nothing_else(own_section):
    preset = params.load(own_section, ["width.widest=16"])
    assert preset.sections == ["summary", "training_variants", "width"]
    assert preset.width.widest == preset.parameters("width")["widest"] == 16
    lent = preset.training_variants.experiment
    assert params.experiments(preset, "width") == [lent, preset.width.others[0]]
    assert preset.width.others[0].base.arguments == {"width": 8}
    assert params.experiment("width", own_section) == lent
    assert params.load(preset.write()) == preset


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("widht.widest=1", "widht: unknown key (did you mean 'width'?)"),
        ("width.widesst=1", "width.widesst: unknown key (did you mean 'widest'?)"),
        ("width.experiment={dataset: {name: digits}, epoch: 3}", "width.experiment.epoch: unknown key (did you mean"),
        ("width.others=[{dataset: {name: digts}}]", "width.others.0.dataset.name: 'digts' is not one of"),
        ("width.experiment=controls", "width.experiment: the preset has no section 'controls'"),
        ("width=3", "width: a section is a mapping"),
    ],
)
def test_a_mistake_in_a_section_of_ones_own_is_named_in_one_line(own_section, override, message):
    with pytest.raises(InputError) as caught:
        params.load(own_section, [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sections_of_ones_own_may_name_one_another(own_section):
    own_section.with_name("depth.py").write_text('# %% tags=["parameters"]\nother = "width"\n')
    preset = params.load(own_section, ["depth.other=width", "width.experiment=depth"])
    assert params.experiments(preset, "depth") == params.experiments(preset, "width") == preset.width.others


def test_a_section_of_ones_own_is_saved_from_its_notebook(own_section):
    cell = {"__name__": "__main__", "preset": str(own_section), "experiment": "training_variants", "widest": 8, "x": 1}
    params.save(own_section.with_name("saved.yaml"), width=cell)
    saved = params.load(own_section.with_name("saved.yaml")).raw["width"]
    assert saved == {**params.load(own_section).raw["width"], "widest": 8}


@pytest.mark.parametrize("section", params.SECTIONS)
def test_a_notebook_starts_with_the_quick_preset(section):
    """A notebook that is run alone has the quick preset's parameters, and names each that there is."""
    notebook = jupytext.read(paths.NOTEBOOKS / f"{section}.py")
    declared = papermill.inspect_notebook(notebook)
    given = {name: ast.literal_eval(each["default"]) for name, each in declared.items()}
    assert given == {"preset": "quick", **dict.fromkeys(params.section_keys(section))}
    started = params.of_notebook(section, {"__name__": "__main__", **given})
    block = getattr(started, section)
    assert block == (getattr(params.load("quick"), section) or type(block)())


def test_a_parameter_of_a_notebook_changes_what_it_names_alone():
    cell = {"__name__": "__main__", "preset": "quick", "models": None, "training": {"epochs": 3}, "tolerance": None}
    quick = params.load("quick").sota_comparison
    assert params.of_notebook("sota_comparison", cell).sota_comparison == quick.model_copy(
        update={"training": quick.training.model_copy(update={"epochs": 3})}
    )


def test_the_people_preset_trains_nothing_and_finds_tables(tmp_path):
    assert params.load("people").sections == ["summary", "human_results", "people"]
    table = tmp_path / "mine.csv"
    table.write_text("model,image,correct\n")
    assert params.load("people", [f"people.tables=[{table}]"]).people.tables == [str(table)]
    with pytest.raises(InputError, match=r"there is no table '.*mine\.cvs' \(did you mean '.*mine\.csv'"):
        params.load("people", [f"people.tables=[{tmp_path}/mine.cvs]"])


WRONG = {
    "sota_comparison.tolerance": [True, 1.5, "one", -1, None, [1], {"a": 1}],
    "sota_comparison.models": [[5, "b"], [None, "b"], [["a"], "b"], [{}, "b"], [{"model": 18}, "b"]],
    "sota_comparison.images": [5, {"folder": "x"}, [1], True, {"name": 3}, {"path": 3}],
    "training_variants.experiment": [5, [], "x", {"dataset": 3}, {"dataset": {"name": "digits"}, "learning_rate": "a"}],
    "cluster": [3, {"mem_gb": "a"}, {"gpus_per_node": 0.5}],
}
WRONG |= {
    f"sota_comparison.models.0.{key}": values
    for key, values in {
        "pretrained": ["best.pth", "IMAGENET1K_V1", 3, {"torchvision": True}, {"url": "http://a.org/b"}, {}],
        "preprocessing": [3, {"size": "224"}, {"size": [224]}, {"size": 0}, {"mean": 0.5}, {"mean": [0.5]}],
        "arguments": [["x"], 3],
        "classes": [{"a": 0}, [0, 1], [], 3],
    }.items()
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values], ids=str)
def test_a_mistake_is_told_in_a_presets_words(key, value):
    """Whatever is wrong: the key, what is needed and what was given, and none of pydantic's words."""
    section, _, inner = key.partition(".")
    if inner.startswith("models.0"):
        value = [{"model": "resnet18", inner.rpartition(".")[2]: value}, "resnet34"]
        inner = "models"
    block = {"images": {"path": "x"}, "models": ["a", "b"]} if section == "sota_comparison" else {}
    given = {section: value if not inner else block | {inner: value}}
    with pytest.raises(InputError) as caught:
        params._validate(given, "mine", "mine.yaml")
    told = str(caught.value)
    assert "\n" not in told and not re.search(
        r"[Ii]nput should|valid (integer|string|list|dict|tuple)|discriminator|Model\b", told
    )
    assert told.startswith("mine.yaml: ")


def test_a_file_that_is_not_there_is_told_by_what_lies_beside_it(tmp_path):
    for name in ("best.pth", "v.pth", "notes.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "photos").mkdir()
    told = {
        ("bets.pth", "file"): f"there is no file '{tmp_path}/bets.pth' (did you mean '{tmp_path}/best.pth'?)",
        ("O.pth", "file"): f"there is no file '{tmp_path}/O.pth'; looked in",  # only the ending is alike
        ("photos", "file"): f"'{tmp_path}/photos' is a folder, and no file",
        ("v.pth", "folder"): f"'{tmp_path}/v.pth' is a file, and no image folder",
        ("phots/x.pth", "file"): f"x.pth', nor a folder '{tmp_path}/phots' (did you mean '{tmp_path}/photos'?)",
    }
    for (name, kind), message in told.items():
        with pytest.raises(InputError) as caught:
            files.find(str(tmp_path / name), kind)
        assert message in str(caught.value)


def test_nothing_is_meant_where_nothing_is_near():
    assert nearest("dinov2_vitb14", ["tiny_vit_21m_384", "resnet50"]) == nearest("xyzzy", ["quick", "paper"]) == ""
    assert nearest("resnet5O", ["resnet50", "vgg"]) == " (did you mean 'resnet50'?)"


def test_what_is_not_said_is_as_in_the_paper():
    experiment = params.experiment({"dataset": {"name": "cifar10"}})
    assert set(experiment.instances.model_dump().values()) == {5}
    assert (experiment.epochs, experiment.batch_size, experiment.learning_rate, experiment.seed) == (90, 256, 0.1, 1312)
    assert (experiment.momentum, experiment.weight_decay, experiment.base.model) == (0.9, 1e-4, "resnet18")
    assert (experiment.other.model, experiment.other.batch_size) == ("densenet121", 64)
    assert experiment.dataset.sizes == (50_000, 10_000)
    assert params.experiment({"dataset": {"name": "gaussian"}}).dataset.seed == 1312


def test_a_folders_photographs_are_counted(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        (tmp_path / part / "cat").mkdir(parents=True)
        for number in range(count):
            (tmp_path / part / "cat" / f"{number}.png").touch()
    images = {"name": "folder", "train": str(tmp_path / "train"), "test": str(tmp_path / "test")}
    assert params.experiment({"dataset": images}).dataset.sizes == (3, 2)


@pytest.mark.parametrize(
    ("images", "least"), [({"name": "folder", "train": "a", "test": "b"}, 1), ({"name": "fashion_mnist"}, 28)]
)
def test_bounds_of_the_size_of_images_are_inside(images, least):
    for size in (least, 4_096):
        assert params.experiment({"dataset": {**images, "image_size": size}}).dataset.image_size == size
    for size in (least - 1, 4_097):
        with pytest.raises(InputError, match="image_size: "):
            params.experiment({"dataset": {**images, "image_size": size}})


@pytest.mark.parametrize(
    ("key", "least", "most"),
    [("epochs", 1, 100_000), ("batch_size", 4, 1_000_000), ("representation_images", 3, None), ("seed", 0, None)],
)
@pytest.mark.parametrize("block", ["training_variants.experiment", "sota_comparison.training"])
def test_bounds_are_inside(block, key, least, most):
    for value in (least, most):
        if value is not None:
            params.load("smoke", [f"{block}.{key}={value}"])
    for value in (least - 1, most and most + 1):
        if value is not None:
            with pytest.raises(InputError, match=f"{key}: "):
                params.load("smoke", [f"{block}.{key}={value}"])
