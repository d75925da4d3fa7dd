"""Files to take away from a report: the difficulty of each image, and the images that tell models apart."""

from pathlib import Path

import pandas as pd

from ddd_utils.analysis.examples import decisive_images, difficulty_table
from ddd_utils.config import params
from ddd_utils.errors import InputError
from ddd_utils.files import write_csv, write_text
from ddd_utils.report.sentences import Prose
from ddd_utils.responses import Responses

DIFFICULTY, DECISIVE = "difficulty.csv", "decisive_images.txt"


def take_away(preset: str | Path, answers: Responses, tolerance: int, alpha: float, beta: float) -> Prose:
    """
    Write the difficulty of each image and the list of the decisive ones beside the report.

    Parameters
    ----------
    preset : str or Path
        Whose report.
    answers : Responses
    tolerance : int
        As in `difficulty.classify`.
    alpha, beta : float
        Of the Beta distribution of difficulty, see `score_models.fit_beta_binomial`.

    Returns
    -------
    Prose
        What is in the two files, with links.

    Raises
    ------
    InputError
        If a decisive image's name has a line break.
    """
    correct, classes = answers.correct(), answers.info.get("classes")
    labels = answers.labels if answers.info.get("labels_known", True) else None
    table = difficulty_table(answers.image_ids, labels, correct, tolerance, alpha, beta, classes)
    decisive = decisive_images(correct, answers.image_ids, tolerance=tolerance)
    write_difficulty(params.load(preset).folder, table, decisive)
    return Prose(
        f"- [{DIFFICULTY}]({DIFFICULTY}): {len(table):,} images with label, score, class at tolerance {tolerance} and "
        "posterior mean difficulty (the probability that one more such model is wrong)\n"
        f"- [{DECISIVE}]({DECISIVE}): the {len(decisive):,} most decisive images, one name a line"
    )


def write_difficulty(folder: str | Path, table: pd.DataFrame, decisive: list[str]) -> tuple[Path, Path]:
    """
    Write the difficulty of the images and the list of the decisive ones.

    Parameters
    ----------
    folder : str or Path
        Where the report goes, ``build()/<preset>``; made if absent.
    table : DataFrame
        From `analysis.examples.difficulty_table`.
    decisive : list of str
        From `analysis.examples.decisive_images`; one name a line.

    Returns
    -------
    (Path, Path)
        ``difficulty.csv`` and ``decisive_images.txt``, each written whole or not at all.

    Raises
    ------
    InputError
        If a name has a line break, which a list of lines cannot hold.
    """
    broken = [name for name in decisive if {"\n", "\r"} & set(name)]
    if broken:
        raise InputError(f"image {broken[0]!r}: its name has a line break and cannot stand in {DECISIVE}")
    paths = Path(folder) / DIFFICULTY, Path(folder) / DECISIVE
    write_csv(paths[0], table)
    write_text(paths[1], "".join(f"{name}\n" for name in decisive))
    return paths
