"""A small experiment with images that anyone can tell apart: impossible ones are dark."""

import numpy as np

from ddd_utils.report import game

HOSTILE = '</script><img src=x onerror="window.hacked=1">,"\n=1+1'


def pictures(names, side=20):
    return {name: np.full((side, side, 3), 30 if name.startswith("i") else 220, np.uint8) for name in names}


def made(trials=10, practice=2, feedback="immediate", dataset="imagenet", tail=""):
    rows = [(f"t{k}{tail}", f"i{k}{tail}", k % 2 == 0) for k in range(trials + practice)]
    shown = pictures([name for row in rows for name in row[:2]])
    return game.study(rows[:trials], shown, dataset, 11, 1, feedback, practice=rows[trials:])
