"""What people say about images of each difficulty, in a table ready to be shown."""

import pandas as pd

from ddd_utils.analysis import humans

QUESTIONS = {
    "categories": "categories in the image",
    "main": "is there a main one? (0 no, 2 yes)",
    "odd": "is it odd? (0 no, 2 very)",
}


def tests(answers: pd.DataFrame) -> pd.DataFrame:
    """
    Show for each question of the second experiment whether the difficulties differ, and how far observers agree.

    Parameters
    ----------
    answers : DataFrame
        From `humans.usable`.

    Returns
    -------
    DataFrame
        One row a question: Kruskal and Wallis' H with its p-value, alone and after Holm, and Krippendorff's alpha.
    """
    both = humans.kruskal_wallis(answers).merge(humans.agreement(answers))
    shown = {"question": both["question"].map(QUESTIONS), "Kruskal-Wallis H": both["statistic"]}
    shown |= {"p-value": both["p_value"].map("{:.2g}".format), "Holm": both["adjusted"].map("{:.2g}".format)}
    limits = [f"{low:.2f} to {high:.2f}" for low, high in both[["lower", "upper"]].to_numpy()]
    return pd.DataFrame({**shown, "agreement (alpha)": both["alpha"], "95 % interval": limits})
