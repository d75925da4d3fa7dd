import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from ddd_utils import paths
from ddd_utils.analysis.psychophysics import PRINTED
from ddd_utils.errors import InputError
from ddd_utils.files import write_json
from ddd_utils.report import claims, errata, verdicts
from ddd_utils.report.claims import Basis

OBSTACLES = ["", "another data set", "other networks", "other training", "simulated observers"]
UNTESTED = [*OBSTACLES[1:], "not computed", "no observers", "undefined here", "another number of them"]
UNDECIDED = ["no interval", "one training run", "the interval allows both"]
IMAGENET = Basis(13, 50_000, "imagenet")

finite = st.floats(-2, 2, allow_nan=False)
stated = st.sampled_from(sorted(claims.registry().values(), key=lambda claim: claim.id))
deterministic = settings(max_examples=200)


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    return tmp_path


def found(value=0.5, interval=(0.4, 0.6), **more):
    return claims.Record(value=value, interval=interval, **{"dataset": "imagenet"} | more)


def row(claim_id, preset="quick"):
    return verdicts.table(preset).set_index("id").loc[claim_id]


@st.composite
def records(draw):
    limits = sorted([draw(finite), draw(finite)])
    return claims.Record(
        value=draw(st.none() | finite),
        interval=draw(st.none() | st.just(tuple(limits))),
        m=draw(st.none() | st.integers(0, 3)),
        dataset=draw(st.sampled_from(["imagenet", "gaussian", "cifar100", "human", "simulated", "any"])),
        obstacle=draw(st.sampled_from(OBSTACLES)),
    )


class TestRegistry:
    def test_holds_no_id_twice(self):
        entries = claims.paper()["claims"].values()
        ids = [item["id"] for section in entries for entry in section for item in claims._items(entry)]
        assert len(ids) == len(set(ids)) == len(claims.registry())

    @pytest.mark.parametrize("claim", claims.registry().values(), ids=lambda claim: claim.id)
    def test_every_claim_has_a_kind_with_a_rule(self, claim):
        least, most = verdicts.zone(claim)
        assert least < most and (np.isfinite(least) or np.isfinite(most))
        if claim.value is not None and claim.kind != "bound":
            assert least <= claim.value <= most
        assert (claim.kind == "bound") == (claim.at_least is not None or claim.at_most is not None)
        assert (claim.kind == "arithmetic") == (claim.networks == "none")
        assert claim.reading_error >= 0 and claim.tolerance > 1 and "{" not in claim.statement
        assert f"{0.5:{claim.format}}"

    def test_twenty_matter(self):
        short = [claim.short for claim in claims.registry().values() if claim.short]
        assert len(short) == len(set(short)) == 20
        assert max(map(len, short)) < 60  # a phone has no room for more

    def test_what_was_bound_to_come_out_so_is_outside_the_score(self):
        known = [claim.id for claim in claims.registry().values() if verdicts.verdict(claim, None).outside]
        drops = ["variants_kappa_drop", "sota_kappa_drop"]
        arithmetic = ["distinct_networks", "kl_decreasing_steps", "human_p_value", *errata.arithmetic()]
        assert sorted(known) == sorted(drops + arithmetic)

    def test_claims_about_what_depends_on_the_number_of_networks_say_theirs(self):
        sota = ("trivial_share", "kappa_in_between", "lowest_kappa")
        assert {claims.claim(f"sota_{name}").m for name in sota} == {11}
        assert claims.claim("impossible_share").m == 13 and claims.claim("sota_kappa_all").m is None

    def test_claims_with_several_values_give_them_by_condition(self):
        assert claims.paper_values("kappa_gaussian")["architecture"] == 0.49
        assert len(claims.paper_values("kappa_imagenet")) == 12
        assert claims.paper_values("accuracy_mean") == {}

    def test_a_printed_accuracy_of_an_observer_is_a_whole_number_of_trials(self):
        trials = claims.paper()["printed"]["trials"]
        for name, right in (("human_accuracy_lowest", 107), ("human_accuracy_highest", 132)):
            claim = claims.claim(name)
            assert abs(claim.value - right / trials) <= claim.reading_error

    def test_the_figures_about_people_are_those_checked_against_each_other(self):
        for name, text in PRINTED.items():
            figure, _, quantity = name.replace(" of the", "").replace("sd of", "sd").partition(" ")
            if quantity in ("accuracy", "kappa"):
                assert claims.claim(f"human_{quantity}_{figure}").value == float(text)
        assert claims.claim("human_p_value").value == float(PRINTED["p-value of the lowest"])

    def test_unknown_claim_names_the_nearest(self):
        with pytest.raises(InputError, match=r"no claim 'acuracy_mean'.*'accuracy_mean'"):
            claims.claim("acuracy_mean")


@pytest.fixture(scope="module")
def reference():
    path = Path(os.environ.get("DDD_DATA", "no such folder")).parent / "paper" / "reference.yaml"
    if not path.is_file():
        pytest.skip("the figures read off the paper are beside DDD_DATA, which is not set")
    return yaml.safe_load(path.read_text("utf-8"))


class TestAgainstTheFiguresReadOffThePaper:
    @pytest.mark.parametrize(
        ("entry", "where"),
        [
            ("kappa_imagenet", ("imagenet_resnet18", "error_consistency_to_base")),
            ("kappa_cifar100", ("controls", "error_consistency_to_base", "cifar100")),
            ("kappa_gaussian", ("controls", "error_consistency_to_base", "gaussian")),
            ("kappa_vgg11", ("controls", "base_vgg11")),
            ("kappa_densenet121", ("controls", "base_densenet121")),
            ("rsa_to_base", ("rsa", "correlation_to_base")),
        ],
    )
    def test_conditions(self, reference, entry, where):
        for key in where:
            reference = reference[key]
        assert claims.paper_values(entry) == {key: value for key, value in reference.items() if key != "base"}

    @pytest.mark.parametrize(("prefix", "block"), [("variants", "imagenet_resnet18"), ("sota", "imagenet_sota")])
    @pytest.mark.parametrize("subset", ["all", "in_between"])
    def test_mean_kappas_are_the_means_of_the_published_matrices(self, reference, prefix, block, subset):
        matrix = np.array(reference[block][f"kappa_{subset}"])
        mean = matrix[np.triu_indices(len(matrix), 1)].mean()
        assert claims.claim(f"{prefix}_kappa_{subset}").value == pytest.approx(mean, abs=5e-5)

    def test_people(self, reference):
        human = reference["human"]
        printed = {name: claims.claim(f"human_{name}").value for name in ("accuracy_mean", "kappa_mean", "kappa_sd")}
        assert printed == {name: human[name] for name in printed}


def judged(claim_id, value, interval, **more):
    return verdicts.verdict(claims.claim(claim_id), found(value, interval, **more))


class TestVerdict:
    @deterministic
    @given(stated, st.none() | records())
    def test_a_reason_is_given_where_nothing_is_decided_and_comes_from_the_list(self, claim, record):
        found = verdicts.verdict(claim, record)
        reasons = {"not tested": UNTESTED, "not decidable": UNDECIDED, "holds": [""]}
        assert found.outcome == "contradicted" or found.reason in reasons[found.outcome]

    @deterministic
    @given(stated, records(), finite, finite, st.floats(0, 1), st.floats(0, 1), st.floats(1, 3))
    def test_a_wider_interval_only_leaves_more_open(self, claim, record, a, b, left, right, factor):
        low, high = min(a, b), max(a, b)
        known = {"interval": (low, high), "spread": 0.1, "repeats": 3}
        wider = {"interval": (low - left, high + right), "spread": 0.1 * factor, "repeats": 3}
        narrow, wide = (verdicts.verdict(claim, record.model_copy(update=each)) for each in (known, wider))
        assert wide.outcome in (narrow.outcome, "not decidable")

    @deterministic
    @given(stated, records())
    def test_nothing_holds_whose_size_is_beyond_the_tolerance(self, claim, record):
        if verdicts.verdict(claim, record).outcome == "holds" and claim.kind in ("share", "kappa", "lowest"):
            assert record.value >= claim.value / claim.tolerance - claim.reading_error - 1e-9
            if claim.kind != "lowest":
                assert record.value <= claim.value * claim.tolerance + claim.reading_error + 1e-9

    @pytest.mark.parametrize(
        ("claim_id", "value", "interval", "outcome", "reason"),
        [
            # A magnitude is one: the same sign is not enough.
            ("lowest_condition_kappa", 0.06, (0.04, 0.08), "contradicted", "same sign, 11 times weaker"),
            ("lowest_condition_kappa", 0.30, (0.25, 0.35), "contradicted", "same sign, 2.1 times weaker"),
            ("lowest_condition_kappa", 0.61, (0.55, 0.67), "holds", ""),
            ("lowest_condition_kappa", 0.95, (0.93, 0.97), "holds", ""),  # at least as alike as the paper's
            ("lowest_condition_kappa", 0.43, (0.38, 0.48), "not decidable", "the interval allows both"),
            ("lowest_condition_kappa", 0.01, (-0.02, 0.04), "contradicted", "not apart from 0"),
            ("lowest_condition_kappa", -0.1, (-0.2, -0.05), "contradicted", "the opposite sign"),
            ("plus_1_epoch_rank", 1, (1, 1), "holds", ""),
            ("plus_1_epoch_rank", 1, (1, 2), "not decidable", "the interval allows both"),
            ("plus_1_epoch_rank", 3, (2, 4), "contradicted", ""),
            ("never_learned", 0.0005, (0.0001, 0.003), "holds", ""),  # one image of 2,000 proves "some"
            ("never_learned", 0.0, (0.0, 0.002), "not decidable", "the interval allows both"),
            ("impossible_beyond_labels", 0.21, (0.19, 0.23), "contradicted", ""),
            ("impossible_label_errors", 0.43, (0.41, 0.45), "contradicted", ""),
            ("impossible_label_errors", 0.06, (0.05, 0.07), "holds", ""),
            ("architecture_minus_nondeterminism_gaussian", -0.42, (-0.44, -0.40), "holds", ""),
            (
                "architecture_minus_nondeterminism_gaussian",
                -0.04,
                (-0.06, -0.02),
                "contradicted",
                "same sign, 10 times weaker",
            ),
            ("kappa_gaussian.optimizer", 0.84, None, "not decidable", "no interval"),
            ("first_classes_accuracy", 0.5, (0.4, 0.6), "contradicted", "2.0 times smaller"),
        ],
    )
    def test_known_answers(self, claim_id, value, interval, outcome, reason):
        assert judged(claim_id, value, interval) == verdicts.Verdict(outcome, reason)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"value": None}, "undefined here"),
            ({"obstacle": "another data set"}, "another data set"),
            ({"value": None, "obstacle": "other networks"}, "other networks"),
            ({"m": 30}, "another number of them"),
        ],
    )
    def test_each_obstacle_has_its_reason(self, change, reason):
        record = found(**{"m": 13, **change})
        assert verdicts.verdict(claims.claim("trivial_share"), record) == verdicts.Verdict("not tested", reason)

    @pytest.mark.parametrize(
        ("m", "interval", "outcome"),
        [
            (30, (0.30, 0.34), "holds"),  # of eleven of them, the lowest is no lower
            (30, (0.05, 0.10), "not decidable"),
            (11, (0.05, 0.10), "contradicted"),
            (4, (0.05, 0.10), "contradicted"),  # of eleven, the lowest would be no higher
            (4, (0.30, 0.34), "not decidable"),
        ],
    )
    def test_the_lowest_of_another_number_of_models_is_a_bound_for_that_of_eleven(self, m, interval, outcome):
        assert judged("sota_lowest_kappa", np.mean(interval), interval, m=m).outcome == outcome

    def test_on_the_papers_own_images_the_error_is_that_of_training_runs(self):
        claim, narrow = claims.claim("kappa_imagenet.initialisation"), (0.699, 0.701)
        one = found(0.7, narrow)
        assert verdicts.verdict(claim, one) == verdicts.Verdict("not decidable", "one training run")
        several = one.model_copy(update={"repeats": 5, "spread": 0.001})
        assert verdicts.verdict(claim, several).outcome == "holds"
        assert verdicts.verdict(claim, several.model_copy(update={"spread": 0.1})).outcome == "not decidable"
        other = several.model_copy(update={"value": 0.4, "interval": (0.39, 0.41)})
        assert verdicts.verdict(claim, other).outcome == "contradicted"
        single = claims.claim("kappa_imagenet.optimizer")  # the paper has one network of it
        assert verdicts.verdict(single, several).reason == "one training run"

    @pytest.mark.parametrize("difference", [0.0, 0.3])
    def test_the_interval_between_runs_covers_the_difference_of_two_laboratories(self, difference):
        random, claim = np.random.default_rng(5), claims.claim("kappa_imagenet.initialisation")
        covered = []
        for _ in range(500):
            base, theirs = random.normal(0, 0.02, (2, 1)), random.normal(0, 0.02, (2, 5))
            ours, papers = 0.7 + theirs[0] + base[0] + difference, 0.7 + theirs[1] + base[1]
            record = found(ours.mean(), None, repeats=5, spread=ours.std(ddof=1))
            lower, upper = verdicts._between_runs(claim, record, record.value)
            covered.append(lower - difference <= papers.mean() <= upper - difference)
        assert 0.92 < np.mean(covered) < 0.99

    def test_the_papers_own_spread_of_people_widens_the_interval(self):
        claim, record = claims.claim("human_accuracy_mean"), found(0.8136, (0.80, 0.83), m=9, dataset="human")
        lower, upper = verdicts._deciding(claim, record, record.value)
        assert upper - record.value == pytest.approx(np.hypot(0.0164, stats.t.ppf(0.975, 8) * 0.0629 / 3))
        assert lower < 0.80 and verdicts.verdict(claim, record).outcome == "holds"

    def test_people_are_missing_or_simulated(self):
        claim = claims.claim("human_accuracy_mean")
        assert verdicts.verdict(claim, found(None, None, m=0, dataset="human")).reason == "no observers"
        assert verdicts.verdict(claim, found(obstacle="simulated observers")).reason == "simulated observers"

    def test_arithmetic_needs_neither_interval_nor_the_papers_data(self):
        record = found(1800.0, None, dataset="anything")
        assert verdicts.verdict(claims.claim("energy_kwh"), record) == verdicts.Verdict("holds", "", "arithmetic")
        assert judged("energy_kwh", 1700.0, None).outcome == "contradicted"

    def test_rounding_of_the_machine_does_not_decide(self):
        record = found(0.1 + 0.2 - 0.3 + 0.30945, None)  # half a unit of the last digit away, give or take 1e-17
        assert verdicts.verdict(claims.claim("spike_none"), record).outcome == "holds"

    def test_what_is_found_on_data_chosen_for_it_is_outside_the_score(self):
        record = found(0.65, (0.6, 0.7), dataset="fashion_mnist", outside="chosen after a trial")
        claim = claims.claim("lowest_condition_kappa")
        assert verdicts.verdict(claim, record) == verdicts.Verdict("holds", "", "chosen after a trial")


@pytest.mark.parametrize(
    ("claim_id", "command"),
    [
        ("impossible_label_errors", "make report PRESET=published"),
        ("trivial_share", "make report PRESET=paper"),
        ("sota_trivial_share", "make report PRESET=paper"),  # `published` has the authors' own answers
        ("kappa_cifar100.optimizer", "make report PRESET=gpu"),
        ("kappa_vgg11.optimizer", "make report PRESET=paper"),
        ("human_kappa_mean", verdicts.OBSERVE),
        ("energy_kwh", "make report PRESET=quick"),
    ],
)
def test_the_cheapest_preset_that_tests_a_claim_is_named(claim_id, command):
    assert verdicts.would_test(claims.claim(claim_id)) == command


def test_every_claim_can_be_tested():
    assert [claim.id for claim in claims.registry().values() if not verdicts.would_test(claim)] == []


class TestBook:
    def test_what_is_recorded_comes_back(self, build):
        book = claims.Book("training_variants", "quick")
        book.record(
            "accuracy_mean", np.float32(0.5), (np.float64(0.4), 0.6), Basis(13, 2000, "gaussian", "another data set")
        )
        assert (
            json.loads((build / "quick/claims/training_variants.json").read_text())["claims"]["accuracy_mean"]["m"]
            == 13
        )
        shown = row("accuracy_mean")
        assert shown["here"] == "50.00% (40.00% to 60.00%)" and shown["paper"] == "69.05%"
        assert (shown["M"], shown["n"], shown["data set"]) == (13, 2000, "gaussian")
        assert (shown["verdict"], shown["reason"]) == ("not tested", "another data set")
        assert shown["test"] == "make report PRESET=paper"

    @pytest.mark.parametrize("preset", ["quick", "/some/where/quick.yaml", Path("x/quick.yml")])
    def test_a_preset_is_a_name_or_a_file(self, preset):
        claims.Book("human_results", "quick").record("human_p_value", 5.006e-8)
        assert row("human_p_value", preset)["verdict"] == "holds"

    @deterministic
    @given(st.floats(), st.none() | st.tuples(st.floats(), st.floats()).map(sorted))
    def test_the_file_is_json_without_nan_and_reads_back(self, value, interval):
        def refuse(token):
            raise AssertionError(token)

        book = claims.Book("training_variants", "quick")
        if interval and np.isfinite(interval).all() and interval[0] > interval[1]:
            interval = None
        book.record("accuracy_mean", value, interval, IMAGENET)
        json.loads(book.path.read_text(), parse_constant=refuse)
        back = claims.recorded("quick")[0]["accuracy_mean"]
        assert back.value == (value if np.isfinite(value) else None)
        assert back.interval == (tuple(interval) if interval and np.isfinite(interval).all() else None)

    def test_undefined_is_said(self):
        claims.Book("training_variants", "quick").record("accuracy_sd", np.nan, responses=IMAGENET)
        assert tuple(row("accuracy_sd")[["here", "verdict", "reason"]]) == (
            "undefined",
            "not tested",
            "undefined here",
        )

    def test_a_later_record_of_the_same_claim_counts(self):
        book = claims.Book("human_results", "quick")
        book.record("human_p_value", 1.0)
        book.record("human_p_value", 5e-8)
        assert row("human_p_value")["verdict"] == "holds"

    def test_a_new_book_forgets_the_last_one(self):
        claims.Book("human_results", "quick").record("human_p_value", 5e-8)
        claims.Book("human_results", "quick")
        assert row("human_p_value")["reason"] == "not computed"

    def test_clauses_of_the_verdict_come_back_by_name_the_last_of_a_name(self):
        book = claims.Book("training_variants", "quick")
        for effect in (0.1, 0.2):
            book.record_clause(SimpleNamespace(name="fail_alike", as_json=lambda effect=effect: {"effect": effect}))
        book.record("accuracy_mean", 0.7, (0.6, 0.8), IMAGENET)
        assert claims.clauses("quick") == {"fail_alike": {"effect": 0.2}}
        claims.forget("training_variants", "quick")
        assert claims.clauses("quick") == {}

    def test_several_training_runs_are_recorded_with_their_spread(self):
        claims.Book("training_variants", "quick").record("accuracy_mean", 0.7, None, IMAGENET, runs=[0.6, 0.7, 0.8])
        record = claims.recorded("quick")[0]["accuracy_mean"]
        assert (record.repeats, record.spread) == (3, pytest.approx(0.1))

    def test_the_runs_of_a_condition_are_its_networks_kappas_with_the_base(self):
        correct = np.random.default_rng(3).random((4, 60)) < 0.6
        networks = pd.DataFrame({"condition": ["data_order", "base", "data_order", "data_order"]})
        expected = [cohen_kappa_score(correct[1], correct[row]) for row in (0, 2, 3)]
        compared = SimpleNamespace(networks=networks, correct=lambda: correct)
        assert claims._runs(compared) == pytest.approx(expected)

    def test_presets_do_not_mix(self):
        claims.Book("human_results", "quick").record("human_p_value", 5e-8)
        assert row("human_p_value", "smoke")["reason"] == "not computed"

    def test_what_was_computed_with_other_parameters_than_the_reports_counts_as_not_computed(self, build):
        claims.Book("human_results", "quick", digest="a").record("human_p_value", 5e-8)
        for stated, reason in (({}, ""), ({"human_results": "a"}, ""), ({"human_results": "b"}, "not computed")):
            write_json(build / "quick" / paths.DIGESTS, stated)
            assert row("human_p_value")["reason"] == reason

    def test_a_failed_write_leaves_the_old_file_whole(self, build, monkeypatch):
        book = claims.Book("human_results", "quick")
        book.record("human_p_value", 5e-8)
        before = book.path.read_bytes()
        monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            book.record("human_accuracy_mean", 0.5, responses=Basis(9, 149, "human"))
        assert book.path.read_bytes() == before
        assert [path.name for path in book.path.parent.iterdir()] == ["human_results.json"]

    def test_nothing_is_ever_written_in_place(self, monkeypatch):
        seen = []
        replace = Path.replace

        def watch(source, target):
            seen.append(json.loads(source.read_text()))  # whole before it gets its name
            replace(source, target)

        monkeypatch.setattr(Path, "replace", watch)
        claims.Book("human_results", "quick").record("human_p_value", 5e-8)
        assert [list(content["claims"]) for content in seen] == [["human_p_value"]]

    @pytest.mark.parametrize(
        ("act", "message"),
        [
            (lambda book: book.record("accuracy_maen", 1, None, IMAGENET), "no claim 'accuracy_maen'.*'accuracy_mean'"),
            (lambda book: book.record("kl_predicts_accuracy", 1, None, IMAGENET), "belongs to section 'kl_divergence'"),
            (lambda book: book.record("accuracy_mean", 0.7), "needs the responses"),
            (lambda book: book.record("accuracy_mean", 0.7, (0.8, 0.6), IMAGENET), "upside down: 0.8 to 0.6"),
            (lambda book: claims.Book("trainig_variants", "quick"), "'trainig_variants'.*'training_variants'"),
        ],
    )
    def test_bad_input_gets_one_line(self, act, message):
        with pytest.raises(InputError, match=message) as caught:
            act(claims.Book("training_variants", "quick"))
        assert "\n" not in str(caught.value)


class TestTable:
    def test_with_nothing_computed_every_claim_names_the_section_to_run(self):
        table = verdicts.table("quick")
        assert list(table["id"]) == list(claims.registry())
        assert set(table["reason"]) == {"not computed"}
        assert (table["note"] == "run " + table["section"]).all()

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{",
            "[]",
            '{"accuracy_mean": 3}',
            '{"digest": "", "claims": {"accuracy_mean": {"value": NaN}}, "clauses": {}}',
        ],
    )
    def test_a_corrupt_file_is_named_and_counts_as_not_computed(self, content):
        claims.Book("human_results", "quick").record("human_p_value", 5e-8)
        path = claims.Book("training_variants", "quick").path
        path.write_text(content)
        shown = row("accuracy_mean")
        assert shown["reason"] == "not computed"
        assert shown["note"] == "quick/claims/training_variants.json cannot be read: run training_variants again"
        assert row("human_p_value")["verdict"] == "holds"

    def test_a_bound_shows_its_side_and_the_papers_figure(self):
        assert row("sota_kappa_drop")["paper"] == "above 0 (+0.368)"
        assert row("never_learned")["paper"] == "above 0"
        assert row("impossible_label_errors")["paper"] == "at most 25.0%, as we read it"
