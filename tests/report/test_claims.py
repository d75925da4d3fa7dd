import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ddd_utils.analysis.psychophysics import PRINTED
from ddd_utils.errors import InputError
from ddd_utils.report import claims, verdicts
from ddd_utils.report.claims import Basis
from ddd_utils.report.verdicts import REASONS

OBSTACLES = ["", "another data set", "other networks", "other training", "simulated observers"]
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

    def test_every_claim_can_be_judged(self):
        for claim in claims.registry().values():
            assert (claim.kind == "sign") == (claim.sign is not None), claim.id
            assert claim.kind == "sign" or claim.value is not None, claim.id
            assert claim.kind != "arithmetic" or (claim.dataset, claim.networks) == ("any", "none"), claim.id
            assert claim.reading_error >= 0 and "{" not in claim.statement, claim.id
            f"{0.5:{claim.format}}"

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


class TestVerdict:
    @deterministic
    @given(stated, st.none() | records())
    def test_a_reason_is_given_exactly_when_it_is_not_comparable_and_comes_from_the_list(self, claim, record):
        judged, reason = verdicts.verdict(claim, record)
        assert judged in ("agree", "differ", "not comparable")
        assert (reason in REASONS) if judged == "not comparable" else reason == ""

    @deterministic
    @given(stated, records(), finite, finite, st.floats(0, 1), st.floats(0, 1))
    def test_widening_never_turns_agreement_with_a_figure_into_a_difference(self, claim, record, a, b, left, right):
        low, high = min(a, b), max(a, b)
        narrow = verdicts.verdict(claim, record.model_copy(update={"interval": (low, high)}))
        wide = verdicts.verdict(claim, record.model_copy(update={"interval": (low - left, high + right)}))
        if claim.kind == "sign":  # nor may a wider interval decide what a narrower one leaves open, or decide otherwise
            assert wide == narrow or wide == ("not comparable", "interval includes zero")
        elif narrow[0] == "agree":
            assert wide[0] == "agree"
        else:
            assert wide[0] == narrow[0] or (narrow[0], wide[0]) == ("differ", "agree")

    @pytest.mark.parametrize(
        ("interval", "expected"),
        [((0.68, 0.70), "agree"), ((0.70, 0.72), "differ"), ((0.69055, 0.72), "agree"), ((0.69056, 0.72), "differ")],
    )
    def test_a_figure_agrees_within_the_interval_widened_by_the_reading_error(self, interval, expected):
        assert verdicts.verdict(claims.claim("accuracy_mean"), found(0.7, interval)) == (expected, "")

    @pytest.mark.parametrize(
        ("interval", "expected"),
        [
            ((0.1, 0.2), ("agree", "")),
            ((-0.2, -0.1), ("differ", "")),
            ((-0.2, 0.0), ("differ", "")),
            ((-0.1, 0.2), ("not comparable", "interval includes zero")),
            ((0.0, 0.2), ("not comparable", "interval includes zero")),
        ],
    )
    def test_a_sign_needs_the_whole_interval(self, interval, expected):
        claim = claims.claim("kl_predicts_accuracy")
        assert verdicts.verdict(claim, found(0.1, interval, dataset="digits")) == expected
        mirrored = claim.model_copy(update={"sign": "negative"})
        assert verdicts.verdict(mirrored, found(-0.1, (-interval[1], -interval[0]))) == expected

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"value": None}, "undefined here"),
            ({"obstacle": "another data set"}, "another data set"),
            ({"obstacle": "other training", "interval": None}, "other training"),
            ({"value": None, "obstacle": "other networks"}, "undefined here"),
            ({"interval": None}, "no interval"),
        ],
    )
    def test_each_obstacle_has_its_reason(self, change, reason):
        assert verdicts.verdict(claims.claim("accuracy_mean"), found(**change)) == ("not comparable", reason)

    def test_people_are_missing_or_simulated(self):
        claim = claims.claim("human_accuracy_mean")
        nobody = found(None, None, m=0, dataset="human")
        simulated = found(obstacle="simulated observers")
        assert verdicts.verdict(claim, nobody)[1] == "no observers"
        assert verdicts.verdict(claim, simulated)[1] == "simulated observers"

    def test_arithmetic_needs_neither_interval_nor_the_papers_data(self):
        record = found(1800.0, None, dataset="anything")
        assert verdicts.verdict(claims.claim("energy_kwh"), record) == ("agree", "")
        assert verdicts.verdict(claims.claim("energy_kwh"), record.model_copy(update={"value": 1700.0})) == (
            "differ",
            "",
        )

    def test_rounding_of_the_machine_does_not_decide(self):
        record = found(0.1 + 0.2 - 0.3 + 0.30945, None)  # half a unit of the last digit away, give or take 1e-17
        assert verdicts.verdict(claims.claim("spike_none"), record)[0] == "agree"


class TestBook:
    def test_what_is_recorded_comes_back(self, build):
        book = claims.Book("training_variants", "quick")
        book.record(
            "accuracy_mean", np.float32(0.5), (np.float64(0.4), 0.6), Basis(13, 2000, "gaussian", "another data set")
        )
        assert json.loads((build / "quick/claims/training_variants.json").read_text())["accuracy_mean"]["m"] == 13
        shown = row("accuracy_mean")
        assert shown["here"] == "50.00% (40.00% to 60.00%)" and shown["paper"] == "69.05%"
        assert (shown["M"], shown["n"], shown["data set"]) == (13, 2000, "gaussian")
        assert (shown["verdict"], shown["reason"]) == ("not comparable", "another data set")

    @pytest.mark.parametrize("preset", ["quick", "/some/where/quick.yaml", Path("x/quick.yml")])
    def test_a_preset_is_a_name_or_a_file(self, preset):
        claims.Book("human_results", "quick").record("human_p_value", 5.006e-8)
        assert row("human_p_value", preset)["verdict"] == "agree"

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
            "not comparable",
            "undefined here",
        )

    def test_a_later_record_of_the_same_claim_counts(self):
        book = claims.Book("human_results", "quick")
        book.record("human_p_value", 1.0)
        book.record("human_p_value", 5e-8)
        assert row("human_p_value")["verdict"] == "agree"

    def test_a_new_book_forgets_the_last_one(self):
        claims.Book("human_results", "quick").record("human_p_value", 5e-8)
        claims.Book("human_results", "quick")
        assert row("human_p_value")["reason"] == "not computed"

    def test_presets_do_not_mix(self):
        claims.Book("human_results", "quick").record("human_p_value", 5e-8)
        assert row("human_p_value", "smoke")["reason"] == "not computed"

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
        assert [list(content) for content in seen] == [["human_p_value"]]

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
        ["", "{", "[]", '{"accuracy_mean": 3}', '{"accuracy_mean": {"value": NaN, "dataset": "x"}}'],
    )
    def test_a_corrupt_file_is_named_and_counts_as_not_computed(self, content):
        claims.Book("human_results", "quick").record("human_p_value", 5e-8)
        path = claims.Book("training_variants", "quick").path
        path.write_text(content)
        shown = row("accuracy_mean")
        assert shown["reason"] == "not computed"
        assert shown["note"] == "quick/claims/training_variants.json cannot be read: run training_variants again"
        assert row("human_p_value")["verdict"] == "agree"

    def test_a_sign_shows_its_direction_and_the_papers_figure(self):
        assert row("sota_kappa_drop")["paper"] == "above 0 (+0.368)"
        assert row("never_learned")["paper"] == "above 0"
