import made_charts
import numpy as np
import pandas as pd
import pytest
from made_charts import consistency, curve, every_chart, excess, nulls, pixels, rows

from ddd_utils import charts
from ddd_utils.analysis import difficulty
from ddd_utils.charts import names_and_colours
from ddd_utils.charts.forms import COLUMN
from ddd_utils.charts.names_and_colours import ACCENT, CLASS_COLOURS, CONDITION_NAMES, MUTED, SECOND, SERIES
from ddd_utils.experiments.plans import EXTRA_EPOCHS


@pytest.fixture(scope="module")
def predictions():
    return made_charts.predictions()


@pytest.fixture(scope="module")
def networks():
    return made_charts.networks()


@pytest.fixture(scope="module")
def specifications(predictions, networks):
    return {name: chart.to_dict() for name, chart in every_chart(predictions, networks).items()}


@pytest.mark.parametrize("name", ["consistency", "overlay", "histogram", "models", "curve", "excess", "nulls"])
def test_charts_fit_the_column(name, predictions):
    names = list(CONDITION_NAMES)
    many = pd.DataFrame({"condition": names, "network": names, "kappa": 0.5, "lower": 0.4, "upper": 0.6, "note": "n"})
    histogram = difficulty.score_histogram(np.eye(30))
    drawn = {
        "consistency": lambda: charts.consistency_dots(many, many, "title"),
        "overlay": lambda: charts.overlay_map(predictions[0] == predictions[1], [30], "title"),
        "histogram": lambda: charts.score_bars(histogram, 1, "title"),
        "models": lambda: charts.score_bars(histogram, 1, "title", {"beta-binomial": histogram["share"]}),
        "curve": lambda: charts.subset_size_curves(curve(), "title"),
        "excess": lambda: charts.excess_dots(excess(), "title"),
        "nulls": lambda: charts.expectation_dots(nulls(), "title"),
    }
    assert 500 < pixels(drawn[name]()) <= COLUMN


def luminance(colour):
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    light, dark = sorted((float(luminance(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


# Machado et al. (2009), severity 1, on linear RGB.
COLOUR_BLIND = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def cielab(linear):
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.clip(matrix @ np.clip(linear, 0, 1), 0.009, None) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", COLOUR_BLIND)
def test_the_three_classes_can_be_told_apart_by_all_eyes(eyes):
    seen = [cielab(np.array(COLOUR_BLIND[eyes]) @ luminance(colour)) for colour in CLASS_COLOURS.values()]
    assert min(np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]) > 20


@pytest.mark.parametrize("page", ["#ffffff", "#16181d"])
def test_the_three_classes_stand_out_from_a_light_and_a_dark_page(page):
    assert all(contrast(colour, page) >= 3 for colour in CLASS_COLOURS.values())


def test_no_other_mark_has_the_colour_of_a_class():
    assert not set(CLASS_COLOURS.values()) & {*SERIES, ACCENT, SECOND, MUTED}
    assert all(f"--{kind}: {colour};" in names_and_colours.css() for kind, colour in CLASS_COLOURS.items())


def test_the_three_classes_are_those_of_the_analysis():
    assert tuple(CLASS_COLOURS) == difficulty.DIFFICULTIES


def test_every_condition_of_the_experiment_has_a_name_for_readers():
    assert set(EXTRA_EPOCHS) <= set(CONDITION_NAMES)
    assert charts.condition_name("cuda_nondeterministic") == "CUDA non-determinism"


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("resnet50", "ResNet-50"),
        ("vgg16_bn", "VGG-16 BN"),
        ("squeezenet1_0", "SqueezeNet-1.0"),
        ("inceptionv3", "Inception v3"),
        ("plain_convnet", "plain ConvNet"),
        *[(unknown, unknown) for unknown in ("model_3", "my.net", "ViT narrow", "<b>", "resnet 50")],
    ],
)
def test_architectures_are_spelled_as_readers_know_them_and_other_names_stay(identifier, name):
    assert charts.condition_name(identifier) == charts.condition_name(name) == name


def test_histogram_bars_carry_the_classes_of_the_analysis(predictions):
    correct = predictions[0][:, -1] == predictions[1]
    drawn = rows(charts.score_bars(difficulty.score_histogram(correct), 1, "title").to_dict())
    bars = pd.DataFrame([row for row in drawn if "kind" in row])
    assert bars.groupby("kind")["share"].sum().to_dict() == pytest.approx(difficulty.shares(correct, 1))


def test_single_networks_are_drawn_only_where_a_condition_has_several(specifications):
    drawn = pd.DataFrame([row for row in rows(specifications["consistency"]) if "kind" in row])
    assert drawn.loc[drawn["kind"] == "single network", "network"].tolist() == ["one", "two"]
    assert drawn.loc[drawn["kind"] == "paper", "kappa"].tolist() == [0.7]


def test_a_condition_with_one_network_is_thin_and_grey(specifications):
    drawn = pd.DataFrame([row for row in rows(specifications["consistency"]) if "kind" in row])
    alone = drawn.loc[drawn["kind"] == "one network", "note"]
    assert len(alone) and alone.eq("one network: image error only").all()
    text = str(specifications["consistency"])
    assert "'strokeWidth': {'condition': {'test': \"indexof(datum.note, 'image error only') >= 0\", 'value': 1}" in text


def test_an_axis_makes_room_for_negative_kappa(specifications):
    assert "'domain': [-0.2, 1.0]" in str(specifications["consistency"])


def tooltip_fields(specification):
    """Every list of fields that some mark's tooltip shows."""
    layers = specification.get("layer", [specification])
    return [[entry["field"] for entry in layer.get("encoding", {}).get("tooltip", [])] for layer in layers]


def test_tooltips_give_a_single_network_its_own_interval(networks):
    single, means = consistency(networks)
    single["lower"], single["upper"] = single["kappa"] - 0.05, single["kappa"] + 0.05
    specification = charts.consistency_dots(single, means, "title").to_dict()
    marks = pd.DataFrame([row for row in rows(specification) if row.get("kind") == "single network"])
    assert (marks["upper"] - marks["lower"]).tolist() == pytest.approx([0.1, 0.1])
    assert any({"kappa", "lower", "upper"} <= set(fields) for fields in tooltip_fields(specification))


@pytest.mark.parametrize("chart", ["accuracy", "excess"])
def test_dots_of_a_single_kind_are_drawn(chart):
    vl_convert = pytest.importorskip("vl_convert")
    one = pd.DataFrame({"condition": ["base", "architecture"], "network": ["a", "b"], "accuracy": [0.5, 0.6]})
    drawn = (
        charts.accuracy_dots(one.assign(lower=0.4, upper=0.7), one.iloc[:0], "title")
        if chart == "accuracy"
        else charts.excess_dots(excess(), "title")
    )
    scene = str(vl_convert.vegalite_to_scenegraph(drawn.to_dict()))
    assert scene.count("'size': 90") == 2


def test_what_no_null_model_expects_gets_no_diamond():
    drawn = pd.DataFrame([row for row in rows(charts.expectation_dots(nulls(), "title").to_dict()) if "kind" in row])
    assert drawn.loc[drawn["kind"] == "expected", ["name", "kappa"]].to_numpy().tolist() == [["all images", 0.58]]
    assert drawn.loc[drawn["kind"] == "observed", "kappa"].tolist() == [0.6, 0.3]


def test_histogram_tooltips_count_the_images_that_a_model_expects(predictions):
    histogram = difficulty.score_histogram(predictions[0][:, -1] == predictions[1])
    specification = charts.score_bars(histogram, 1, "title", {"uniform": np.full(5, 0.2)}).to_dict()
    titles = {entry["field"]: entry.get("title") for entry in specification["layer"][-1]["encoding"]["tooltip"]}
    bars = pd.DataFrame([row for row in rows(specification) if "kind" in row])
    assert titles["expected0"] == "expected, binomial" and titles["expected1"] == "expected, uniform"
    assert bars["expected0"].tolist() == pytest.approx((histogram["binomial"] * 300).tolist())
    assert bars["expected1"].tolist() == pytest.approx([60.0] * 5)
    assert bars["images"].tolist() == histogram["images"].tolist()


@pytest.mark.parametrize(
    ("axis", "draw", "tables", "domain"),
    [
        ("x", charts.expectation_dots, (nulls(), nulls().assign(expected_upper=0.9)), [0, 0.9]),
        ("y", charts.subset_size_curves, (curve(), curve().assign(band_lower=-0.5)), [-0.5, 0.7]),
    ],
)
def test_charts_that_are_compared_have_one_domain_and_keep_their_own_other_plots(axis, draw, tables, domain):
    alone = [draw(table, "title").to_dict() for table in tables]
    alike = [chart.to_dict() for chart in charts.alike(axis, *(draw(table, "title") for table in tables))]
    seen = [[layer["encoding"][axis]["scale"]["domain"] for layer in _last_plot(chart)] for chart in alike]
    assert all(one == pytest.approx(domain) for each in seen for one in each)
    assert len({str(_last_plot(chart)) for chart in alone}) == 2
    if axis == "y":  # shares, on the left, are from 0 to 1 still
        assert all("[0, 1]" in str(chart["hconcat"][0]["layer"]) for chart in alike)


def _last_plot(chart):
    return chart.get("hconcat", [chart])[-1]["layer"]


def test_the_curve_stands_in_front_of_the_band_that_selection_allows(specifications):
    kappa = specifications["curve"]["hconcat"][1]
    names = [layer["mark"]["type"] for layer in kappa["layer"]]
    areas = specifications["curve"]["datasets"][kappa["layer"][0]["data"]["name"]]
    assert names == ["area", "line", "point"]
    assert list(dict.fromkeys((row["low"], row["high"]) for row in areas)) == [(-0.2, 0.7), (0.2, 0.4)]
    assert tooltip_fields(kappa)[-1] == ["models", "kappa_in_between", "lower", "upper", "band_lower", "band_upper"]


def cells(chart):
    return pd.DataFrame([row for row in rows(chart.to_dict()) if "bin" in row])


def epochs(chart):
    """Give what the strip over a heat map knows of every epoch."""
    told = [row for row in rows(chart.to_dict()) if "accuracy" in row]
    return pd.DataFrame(told).set_index("epoch")


def test_heat_map_bins_average_neighbouring_images_in_order_of_difficulty():
    correct = np.zeros((5, 1000), bool)
    correct[1:, ::2] = True
    correct[2:, 1::4] = True
    drawn = cells(charts.decision_map(correct, [], "title"))
    final = drawn[drawn["epoch"] == 4].sort_values("bin")["share"].to_numpy()
    assert final.tolist() == [1.0] * 75 + [0.0] * 25
    assert drawn.groupby("epoch")["share"].mean().tolist() == pytest.approx(correct.mean(axis=1))


def test_epoch_zero_does_not_order_the_images():
    correct = np.array([[False, True], [True, False], [True, False]])
    drawn = cells(charts.decision_map(correct, [], "title"))
    assert drawn[(drawn["bin"] == 0) & (drawn["epoch"] > 0)]["share"].tolist() == [1, 1]


def test_learning_rate_steps_are_marked_only_where_there_are_some(predictions):
    correct = predictions[0][0] == predictions[1]
    assert "learning rate / 10" in str(charts.decision_map(correct, [30], "t").to_dict())
    assert "learning rate / 10" not in str(charts.decision_map(correct, [], "t").to_dict())


def test_more_images_make_no_bigger_heat_map():
    sizes = [len(rows(charts.overlay_map(np.zeros((2, 91, n), bool), [], "t").to_dict())) for n in (1000, 50_000)]
    assert sizes[0] == sizes[1]


def test_a_thousand_epochs_leave_room_for_what_is_told_about_each():
    chart = charts.decision_map(np.zeros((1001, 200), bool), [10], "t")
    assert len(rows(chart.to_dict())) <= 5000


def test_images_learned_and_lost_are_counted_from_epoch_to_epoch():
    correct = np.array([[0, 0, 0, 1], [1, 1, 0, 0], [1, 0, 1, 0]], bool)
    told = epochs(charts.decision_map(correct, [], "title"))
    assert told["accuracy"].tolist() == [0.25, 0.5, 0.5]
    assert told["learned"].tolist()[1:] == [2, 1] and told["lost"].tolist()[1:] == [1, 1]
    assert np.isnan(told.loc[0, ["learned", "lost"]]).all()


def test_images_on_which_all_networks_agree_are_counted_in_every_epoch(predictions):
    correct = predictions[0] == predictions[1]
    told = epochs(charts.overlay_map(correct, [], "title"))
    shares = difficulty.shares(correct[:, -1], 0)
    assert told["accuracy"].iloc[-1] == pytest.approx(correct[:, -1].mean(), abs=1e-5)
    assert told["all_right"].iloc[-1] == pytest.approx(shares["trivial"], abs=1e-5)
    assert told["all_wrong"].iloc[-1] == pytest.approx(shares["impossible"], abs=1e-5)


@pytest.mark.parametrize("chart", ["decisions", "overlay"])
def test_the_last_epoch_is_told_until_the_pointer_is_over_another(specifications, chart):
    (pointed,) = specifications[chart]["params"]
    parts = specifications[chart]["vconcat"]
    assert pointed["value"] == [{"epoch": 90}] and pointed["select"]["clear"] is False
    assert pointed["views"] == [part["layer"][0]["name"] for part in parts]
    assert "Before training and at the end: " in specifications[chart]["description"]


def test_parts_of_a_pair_keep_their_own_background_clear_and_stay_usable(predictions):
    classes = difficulty.class_accuracy(predictions[0][:, -1] == predictions[1], predictions[1])
    one = charts.class_accuracy_dots(classes, "one")
    joined = charts.beside(one, charts.class_accuracy_dots(classes, "two")).to_dict()
    assert "background" not in joined["hconcat"][0]
    assert one.background == "transparent"


def test_extremes_pass_over_undefined_values():
    assert (
        names_and_colours.range_in_words({"a": 0.5, "b": float("nan"), "c": 0.25})
        == "highest: a (0.50); lowest: c (0.25)"
    )
    assert names_and_colours.range_in_words({"a": float("nan")}) == "all undefined"
