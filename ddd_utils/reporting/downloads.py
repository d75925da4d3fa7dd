"""Files to take away from a report: the difficulty of each image, and the images that tell models apart."""

from pathlib import Path

import pandas as pd

from ddd_utils.errors import InputError
from ddd_utils.files import write_csv, write_text

DIFFICULTY, DECISIVE = "difficulty.csv", "decisive_images.txt"


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
