"""A report of 60 models and 50,000 images: made-up answers, drawn by the functions that the sections draw with."""

from functools import cached_property

import numpy as np
import pandas as pd
from made_notebooks import Preset, chart, code, executed, prose, shown
from nbformat.v4 import new_output
from PIL import Image

from ddd_utils import charts
from ddd_utils.analysis import consistency, difficulty, dynamics, nulls, score_models, wrong_answers
from ddd_utils.analysis.examples import answers_of, examples
from ddd_utils.analysis.exploration import explore
from ddd_utils.analysis.nulls import subset_curve
from ddd_utils.report import explorer, game, page
from ddd_utils.responses import Responses

MODELS, IMAGES, CLASSES = 60, 50_000, 1000
TRAINED, EPOCHS, STEPS = 10, 30, (10, 20)
FAMILIES, TOLERANCE = 6, 1
CONDITIONS = ["base", "optimizer", "batch_size", "architecture", *["initialisation"] * 3, *["combined"] * 3]


class Answers:
    """Answers of models that share the images' difficulty, and a little more within a family."""

    def __init__(self, seed: int = 0):
        self.rng = np.random.default_rng(seed)
        self.names = [f"architecture_{k % FAMILIES}_size_{k // FAMILIES}.recipe_in1k" for k in range(MODELS)]
        self.labels = np.arange(IMAGES) % CLASSES
        self.ease = 0.7 + 1.5 * self.noise(IMAGES)
        families = self.noise(FAMILIES, IMAGES)
        margin = self.ease + 0.5 * families[np.arange(MODELS) % FAMILIES] + self.noise(MODELS, IMAGES)
        self.predictions = self.answered(margin + np.linspace(-0.5, 0.5, MODELS)[:, None])
        self.correct = self.predictions == self.labels

    def noise(self, *shape: int) -> np.ndarray:
        return self.rng.standard_normal(shape, np.float32)

    def answered(self, margin: np.ndarray) -> np.ndarray:
        """Answer rightly where the margin is positive, or else with one of a few wrong labels."""
        astray = self.rng.integers(1, 9, margin.shape, np.int16)
        return np.where(margin > 0, self.labels, (self.labels + astray) % CLASSES).astype(np.int16)

    @cached_property
    def explorer(self) -> explorer.Explorer:
        """What a click opens, with as many pictures as there may be."""
        networks = pd.DataFrame({"network": self.names, "condition": self.names, "instance": 1})
        ids = np.array([f"ILSVRC2012_val_{image:08d}.JPEG" for image in range(IMAGES)])
        responses = Responses(self.predictions[:, None], self.labels.astype(np.int16), ids, networks)
        found = explore(self.correct, self.names, self.labels, tolerance=TOLERANCE)
        pictures = self.pictures(len(found.images), explorer.SIDE)
        return explorer.Explorer(found, responses, range(MODELS), self.classes, pictures)

    @property
    def classes(self) -> list[str]:
        return [f"a class of the number {label}" for label in range(CLASSES)]

    @cached_property
    def over_time(self) -> np.ndarray:
        """Answers of networks in training, (networks, epochs, images)."""
        progress = np.linspace(-3, 0.5, EPOCHS + 1, dtype=np.float32)[:, None]
        return np.stack([self.answered(self.ease + progress + self.noise(EPOCHS + 1, IMAGES)) for _ in range(TRAINED)])

    def pictures(self, count: int, side: int) -> list[np.ndarray]:
        """Make pictures as detailed as photographs are."""
        small = self.rng.integers(0, 256, (count, side // 3, side // 3, 3)).astype(np.uint8)
        return [np.asarray(Image.fromarray(image).resize((side, side))) for image in small]


def models(answers: Answers) -> list:
    """Draw what the section on models draws, pictures with everyone's answers included."""
    correct, names = answers.correct, answers.names
    counts = score_models.score_counts(difficulty.scores(correct), MODELS)
    smooth = score_models.fit_beta_binomial(counts)
    mislabelled = answers.rng.random(IMAGES) < np.where(answers.ease < -1, 0.3, 0.02)
    kinds, order = difficulty.classify(correct, TOLERANCE), list(difficulty.DIFFICULTIES)
    rates = wrong_answers.error_rates(mislabelled, difficulty.scores(correct), range(MODELS + 1))
    same = wrong_answers.same_wrong_answer(answers.predictions, answers.labels)
    linked, accuracy = answers.explorer.linked, correct.mean(axis=1)
    histogram = charts.score_bars(
        difficulty.score_histogram(correct), TOLERANCE, "Scores", {smooth.name: smooth.probabilities}
    )
    matrix = consistency.pairwise_matrix(correct, names)
    return [
        answers.explorer,
        linked(histogram, "score"),
        linked(charts.kappa_matrix(matrix, "Kappa", "cluster", accuracy), "pair"),
        linked(charts.accuracy_against_kappa(pairs(matrix, accuracy), "Accuracy against kappa"), "pair"),
        linked(charts.wrong_answer_matrix(same, names, "Same wrong answers", accuracy=accuracy), "pair"),
        charts.label_error_dots(rates, "Label errors"),
        charts.label_error_rows(wrong_answers.error_rates(mislabelled, kinds, order, "group"), "Label errors"),
        charts.class_accuracy_dots(difficulty.class_accuracy(correct, answers.labels), "Classes"),
        *galleries(answers),
    ]


def pairs(matrix: consistency.KappaMatrix, accuracy: np.ndarray) -> pd.DataFrame:
    """List the pairs of models."""
    i, j = np.triu_indices(MODELS, 1)
    p, q = accuracy[i], accuracy[j]
    frame = pd.DataFrame({"one": np.take(matrix.labels, i), "other": np.take(matrix.labels, j)})
    limits = {column: getattr(matrix, column)[i, j] for column in ("kappa", "lower", "upper")}
    return frame.assign(accuracy_one=p, accuracy_other=q, largest=consistency.kappa_bounds(p, q)[1], **limits)


def galleries(answers: Answers) -> list:
    """Show pictures of every kind of image."""
    classes = answers.classes
    return [
        charts.answers_gallery(
            answers.pictures(len(found), 160),
            [f"ILSVRC2012_val_{image:08d}.JPEG" for image in found],
            np.take(classes, answers.labels[found]),
            [answers_of(answers.predictions[:, k], answers.labels[k], classes, answers.names) for k in found],
        )
        for found in examples(answers.correct, TOLERANCE, labels=answers.labels).values()
    ]


def subsets(answers: Answers) -> list:
    """Draw what the section on subsets draws."""
    correct, names = answers.correct, answers.names
    between = difficulty.classify(correct, TOLERANCE) == "in-between"
    matrices = [consistency.pairwise_matrix(some, names) for some in (correct, correct[:, between])]
    null = nulls.score_stratified_kappa(correct, groups=5)
    ranked = null.table(names)
    means = {"what": "all images"}
    for kind in ("observed", "expected"):
        mean = getattr(null, f"mean_{kind}")
        means |= {kind: mean.value, f"{kind}_lower": mean.lower, f"{kind}_upper": mean.upper}
    linked, accuracy = answers.explorer.linked, correct.mean(axis=1)
    panels = ("all images", "in-between")
    significant = null.adjusted_p_values() < 0.05
    return [
        linked(charts.kappa_matrices(*matrices, panels, "Kappa", "cluster", accuracy), "pair"),
        linked(charts.excess_matrix(null, names, "Excess", significant, accuracy=accuracy), "pair"),
        charts.excess_dots(pd.concat([ranked.head(10), ranked.tail(3)]), "Excess"),
        charts.expectation_dots(pd.DataFrame([means]), "Mean kappa"),
        charts.subset_size_curves(subset_curve(correct, TOLERANCE, sizes=range(5, 61, 5), subsets=2), "Subsets"),
    ]


def variants(answers: Answers) -> list:
    """Draw what the section on training variants draws."""
    instances = pd.Series(CONDITIONS).groupby(CONDITIONS).cumcount() + 1
    named = [f"{condition}_{instance}" for condition, instance in zip(CONDITIONS, instances, strict=True)]
    networks = pd.DataFrame({"network": named, "condition": CONDITIONS, "instance": instances})
    correct = answers.over_time == answers.labels
    last, changes = correct[:, -1], dynamics.swaps(answers.over_time, answers.labels)
    compared = consistency.compare_with_base(last[:, :2000], networks, draws=100)
    return [
        charts.consistency_dots(compared.single, compared.means, "Kappa with the base"),
        charts.accuracy_dots(
            consistency.condition_accuracies(last, networks), networks.assign(accuracy=last.mean(axis=1)), "Accuracy"
        ),
        charts.decision_map(correct[0], STEPS, "Decisions of the base"),
        charts.overlay_map(correct, STEPS, "Decisions of all networks"),
        charts.swap_curves(changes, networks, STEPS, "Changes"),
        charts.swap_comparison(changes[changes["network"] < 2], "network", STEPS, "Changes of two"),
        charts.swap_bars(changes, "Kinds of changes"),
    ]


def played(answers: Answers) -> dict:
    """Make the largest game that there can be."""
    rows = [(f"t{k}", f"i{k}", k % 2 == 0) for k in range(game.MOST)]
    names = [name for row in rows for name in row[:2]]
    pictures = dict(zip(names, answers.pictures(len(names), game.SIDE), strict=True))
    study = game.study(rows, pictures, "imagenet", MODELS, TOLERANCE)
    return game.Game(study, "report.html")._repr_mimebundle_()


def build():
    """Write the report, under the folder that holds everything made, and return its path."""
    answers = Answers()
    sections = {
        "summary": [code("game", new_output("display_data", played(answers)))],
        "sota_comparison": [drawn(figure) for figure in models(answers)],
        "subsetting": [drawn(figure) for figure in subsets(answers)],
        "training_variants": [drawn(figure) for figure in variants(answers)],
    }
    outcomes = {name: executed(name, prose(f"# {name}"), *cells) for name, cells in sections.items()}
    return page.build(Preset(list(sections)), outcomes, {})


def drawn(figure):
    """Make the cell that a figure comes from."""
    if isinstance(figure, explorer.Explorer):
        return code("explored", new_output("display_data", figure._repr_mimebundle_()))
    picture = hasattr(figure, "_repr_html_") and not hasattr(figure, "to_dict")
    return code("draw()", shown(text__html=figure._repr_html_()) if picture else chart(figure.to_dict()))
