from math import comb

import numpy as np
import pandas as pd
import pytest

from ddd_utils.analysis import consistency, observer_trials, psychophysics
from ddd_utils.errors import InputError

HEADER = "observer,trial_index,trivial_image,impossible_image,response,rt\n"
GOOD = HEADER + "ann,0,t1.png,i1.png,i1.png,812.5\nann,1,t2.png,i2.png,t2.png,1500\n"


def trials(observer, pairs, correct):
    return pd.DataFrame(
        {
            "observer": observer,
            "trial_index": range(len(pairs)),
            "trivial_image": [f"t{pair}" for pair in pairs],
            "impossible_image": [f"i{pair}" for pair in pairs],
            "correct": np.array(correct, bool),
        }
    )


def test_no_folder_and_no_files_are_no_observers(tmp_path):
    for folder in (tmp_path / "missing", tmp_path):
        table, problems = psychophysics.read_observers(folder)
        assert problems == [] and table.empty and list(table.columns) == [*psychophysics.COLUMNS, "correct"]
        assert observer_trials.accuracy(table).empty and observer_trials.observer_consistency(table).empty


def test_a_response_is_right_when_it_is_the_impossible_image(tmp_path):
    (tmp_path / "ann.csv").write_text(GOOD)
    # What a spreadsheet and jsPsych add: a byte order mark, other columns in another order, an empty last line.
    (tmp_path / "bob.csv").write_text(
        "\ufeffrt,response,impossible_image,trivial_image,trial_index,observer,trial_type\n7,i1,i1,t1,0,bob,2afc\n\n",
        encoding="utf-8",
    )
    table, problems = psychophysics.read_observers(tmp_path)
    assert problems == []
    assert table["correct"].tolist() == [True, False, True]
    assert table["observer"].tolist() == ["ann", "ann", "bob"]
    assert table["rt"].tolist() == [812.5, 1500, 7]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (HEADER.replace("response", "respose") + "x,0,t,i,i,1\n", r"row 1: column 'response' .*did you mean 'respose'"),
        (HEADER + "x,0,t,i,i,1\nx,1,t,i,other,1\n", "row 3, column 'response': 'other' is neither 't' nor 'i'"),
        (HEADER + "x,0,t,i,i,1\nx,0,t,i,i,1\n", r"row 3, column 'trial_index': observer 'x' has trial 0 twice .*row 2"),
        (HEADER + "x,zero,t,i,i,1\n", "row 2, column 'trial_index': 'zero'"),
        (HEADER + "x,0,t,i,i,nan\n", "row 2, column 'rt': 'nan'"),
        (HEADER + "x,0,t,i,i\n", "row 2, column 'rt': ''"),
        (HEADER + ",0,t,i,i,1\n", "row 2, column 'observer': empty"),
        (HEADER + "x,0,i,i,i,1\n", "row 2, column 'impossible_image'"),
        (HEADER, "no trials"),
        ("", "row 1: column 'observer' is missing"),
        (HEADER + 'x,0,"t', "unreadable"),
        (HEADER.encode() + b"\xff\xfe,0,t,i,i,1\n", "unreadable"),
    ],
)
def test_a_malformed_file_is_named_and_left_out_whole(tmp_path, text, where):
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "bad.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    table, problems = psychophysics.read_observers(tmp_path)
    assert len(problems) == 1 and problems[0].startswith("bad.csv: ") and "\n" not in problems[0]
    with pytest.raises(InputError, match=where):
        raise InputError(problems[0])
    assert set(table["observer"]) == {"ann"} and len(table) == 2


AS_EXCEL_SAVES = {
    "semicolons": lambda text: text.replace(",", ";").replace(".5", ",5").encode(),
    "tabs, UTF-16": lambda text: text.replace(",", "\t").encode("utf-16"),
    "a mark and other line ends": lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
    "spaces": lambda text: text.replace(",", " , ").encode(),
}


@pytest.mark.parametrize("how", AS_EXCEL_SAVES)
@pytest.mark.parametrize("name", ["ann.csv", "ANN.CSV"])
def test_files_as_excel_saves_them_are_read(tmp_path, how, name):
    (tmp_path / name).write_bytes(AS_EXCEL_SAVES[how](HEADER + "ann,0,t,i,i,827.5\nann,1,t,j,t,900\n"))
    table, problems = psychophysics.read_observers(tmp_path)
    assert problems == [] and table["rt"].tolist() == [827.5, 900] and table["correct"].tolist() == [True, False]


def test_a_decimal_comma_is_none_between_commas_and_a_workbook_is_named(tmp_path):
    (tmp_path / "bob.csv").write_text(HEADER + 'bob,0,t,i,i,"1,234"\n')
    (tmp_path / "cyd.xlsx").write_bytes(b"PK")
    table, problems = psychophysics.read_observers(tmp_path)
    assert table.empty and "column 'rt': '1,234' is not a time" in problems[0]
    assert problems[1] == "cyd.xlsx: a workbook; save its sheet as CSV"


def test_the_same_trial_in_two_files_counts_once(tmp_path):
    (tmp_path / "first.csv").write_text(GOOD)
    (tmp_path / "second.csv").write_text(GOOD)
    table, problems = psychophysics.read_observers(tmp_path)
    assert len(table) == 2 and problems[0].startswith("second.csv: row 2") and "first.csv" in problems[0]


def test_accuracy_with_wilson_interval_and_exact_p_value():
    row = observer_trials.accuracy(trials("ann", range(149), np.arange(149) < 107)).iloc[0]
    assert (row["observer"], row["trials"], row["correct"]) == ("ann", 149, 107)
    assert row["accuracy"] == 107 / 149
    assert row["p_value"] == pytest.approx(sum(comb(149, k) for k in range(107, 150)) / 2**149)
    all_right = observer_trials.accuracy(trials("bob", range(10), np.ones(10))).iloc[0]
    assert all_right["p_value"] == pytest.approx(2**-10) and all_right["upper"] == pytest.approx(1)
    assert observer_trials.accuracy(trials("cyd", range(10), np.zeros(10))).iloc[0]["p_value"] == 1
    # The limits of Wilson's interval are the shares from which the observed one is 1.96 standard errors away.
    for limit in (row["lower"], row["upper"]):
        assert abs(107 / 149 - limit) / np.sqrt(limit * (1 - limit) / 149) == pytest.approx(1.95996, abs=1e-4)


def test_observers_are_compared_on_the_pairs_both_have_seen():
    table = pd.concat(
        [
            trials("ann", [1, 2, 3, 4, 9], [1, 1, 0, 0, 1]),
            trials("bob", [4, 3, 2, 1, 1], [0, 0, 1, 1, 0]),  # another order, and pair 1 shown again
            trials("cyd", [7], [1]),
        ]
    )
    found = observer_trials.observer_consistency(table)
    assert found["shared_trials"].tolist() == [4, 0, 0]
    assert found.loc[0, ["observer_a", "observer_b", "kappa"]].tolist() == ["ann", "bob", 1]
    assert found["kappa"].isna().tolist() == [False, True, True]
    assert found[["lower", "upper"]].isna().to_numpy().tolist() == [[False] * 2, [True] * 2, [True] * 2]


def test_the_interval_of_two_observers_is_fleiss():
    table = pd.concat(
        [trials("ann", range(160), np.arange(160) % 3 > 0), trials("bob", range(160), np.arange(160) % 4 > 0)]
    )
    found = observer_trials.observer_consistency(table).iloc[0]
    error = consistency.standard_errors([np.arange(160) % 3 > 0, np.arange(160) % 4 > 0])[0, 1]
    assert [found["lower"], found["upper"]] == pytest.approx(found["kappa"] + 1.959964 * error * np.array([-1, 1]))


def test_a_pair_is_shared_when_both_its_images_are():
    table = pd.concat(
        [trials("ann", [1, 2], [1, 0]), trials("bob", [1, 2], [1, 0]).assign(impossible_image=["i1", "i1"])]
    )
    assert observer_trials.observer_consistency(table)["shared_trials"].tolist() == [1]


def test_simulated_observers_are_named_so_and_have_their_latent_accuracy():
    table = psychophysics.simulate(5, 5000, seed=1)
    assert table["observer"].unique().tolist() == [f"simulated {k}" for k in range(1, 6)]
    assert (table["correct"] == (table["response"] == table["impossible_image"])).all()
    latent = table.groupby("observer", sort=False)["latent_accuracy"].first().to_numpy()
    np.testing.assert_allclose(observer_trials.accuracy(table)["accuracy"], latent, atol=0.025)
    consistency = observer_trials.observer_consistency(table)
    assert (consistency["shared_trials"] == 5000).all()
    assert consistency["kappa"].mean() == pytest.approx(0.6, abs=0.06)
    pd.testing.assert_frame_equal(table, psychophysics.simulate(5, 5000, seed=1))


def test_simulated_trials_can_be_read_back(tmp_path):
    table = psychophysics.simulate(2, 10)
    table.to_csv(tmp_path / "simulated.csv", index=False)
    read, problems = psychophysics.read_observers(tmp_path)
    assert problems == []
    pd.testing.assert_frame_equal(read, table[read.columns], check_dtype=False)


def test_a_simulation_takes_observers_and_trials():
    for few in ((0, 149), (3, 0)):
        with pytest.raises(InputError, match="at least one"):
            psychophysics.simulate(*few)
    assert len(psychophysics.simulate(1, 1)) == 1


def test_the_papers_figures_agree_with_each_other():
    table = psychophysics.printed_figures()
    assert table["agrees"].all()
    known = table.drop_duplicates("figure").set_index("figure")
    assert known.loc["lowest accuracy", "lowest"] == 107 / 149
    assert known.loc["highest accuracy", "lowest"] == 132 / 149
    assert known.loc["p-value of the lowest", "lowest"] == pytest.approx(5.006e-8, rel=1e-4)
    assert "one-sided" in known.loc["p-value of the lowest", "how"]


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("lowest accuracy", "0.7190"),
        ("mean accuracy", "0.8139"),
        ("sd of accuracy", "0.02"),
        ("sd of kappa", "0.2000"),
        ("p-value of the lowest", "6e-8"),
        ("mean kappa", "0.4100"),
    ],
)
def test_a_figure_that_cannot_be_is_found(monkeypatch, figure, value):
    monkeypatch.setitem(psychophysics.PRINTED, figure, value)
    table = psychophysics.printed_figures()
    assert not table.loc[table["figure"] == figure, "agrees"].all()


def test_limits_of_the_spread_hold_for_every_sample():
    rng = np.random.default_rng(0)
    for _ in range(200):
        sample = rng.choice([rng.random(), 0.0, 1.0], size=9) + 0.1 * rng.random(9)
        low, mean, high = sample.min(), sample.mean(), sample.max()
        lowest, highest = psychophysics._mean_limits(9, low, high)
        assert lowest == np.mean([*[low] * 8, high]) and highest == pytest.approx(np.mean([low, *[high] * 8]))
        least, most = psychophysics._sd_limits(9, low, mean, high)
        assert least <= sample.std() + 1e-12 and sample.std(ddof=1) <= most + 1e-12


def test_observers_are_simulated_only_where_there_are_none(tmp_path):
    empty = psychophysics.observe(tmp_path)
    assert empty.trials.empty and not empty.simulated
    drawn = psychophysics.observe(tmp_path, 3)
    assert drawn.simulated and drawn.trials["observer"].nunique() == 3 and len(drawn.trials) == 3 * 149
    (tmp_path / "ann.csv").write_text(GOOD)
    (tmp_path / "bob.csv").write_text(HEADER)
    found = psychophysics.observe(tmp_path, 3)
    assert not found.simulated and found.trials["observer"].tolist() == ["ann", "ann"]
    assert found.problems == ["bob.csv: no trials"]
