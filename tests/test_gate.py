"""The gate's rule and its comparisons, on fabricated snapshots and records."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "results"))

from fabricated import FD, SUCCESS, measured, plan_of, record, save, untrained

from ganbench.errors import InputError, NothingComparableError
from ganbench.gate.compare import compare
from ganbench.gate.formats import notable, reasons
from ganbench.gate.take import choose, choose_like, take
from ganbench.gate.tolerance import Tolerance, parse_tolerances
from ganbench.gate.verdict import Verdict, judge
from ganbench.results.plan import write_plan
from ganbench.results.record import Budget

GOOD = [0.70, 0.71, 0.72, 0.73, 0.74]
WORSE = [value - 0.1 for value in GOOD]


def rows(values=GOOD, label="cyclegan", name=SUCCESS, **changes):
    return [record(label, seed, {name: value}, **changes) for seed, value in enumerate(values)]


@pytest.fixture
def snap(tmp_path):
    """Return the snapshot of records, as a run would have left them."""

    def of(*records, planned=None):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        directory = save(root, *records)
        if planned is not None:
            write_plan(directory, plan_of(*planned))
        return take(choose(root))

    return of


def only(report):
    (finding,) = report.findings
    return finding


def quantity(values, better=True, digits=3):
    from ganbench.gate.snapshot import Quantity

    seeds = {str(seed): value for seed, value in enumerate(values)}
    return Quantity(title="q", higher_is_better=better, n=1, digits=digits, protocol={}, seeds=seeds)


@pytest.mark.parametrize(
    ("before", "after", "better", "expected"),
    [
        (GOOD, WORSE, True, Verdict.REGRESSED),
        (GOOD, WORSE, False, Verdict.IMPROVED),
        (WORSE, GOOD, True, Verdict.IMPROVED),
        (GOOD, GOOD, True, Verdict.SAME),
        (GOOD, [value + 0.03 for value in GOOD], True, Verdict.SAME),
        (GOOD, [0.2, 0.4, 0.7, 0.8, 0.8], True, Verdict.INCONCLUSIVE),
        (GOOD[:3], WORSE[:3], True, Verdict.INCONCLUSIVE),
        (GOOD[:1], WORSE[:1], True, Verdict.INCONCLUSIVE),
        (GOOD[:4], WORSE[:4], True, Verdict.REGRESSED),
    ],
)
def test_beyond_the_tolerance_only_evidence_gives_a_verdict(before, after, better, expected):
    assert judge(quantity(before, better), quantity(after, better), 0.04, 1)[0] is expected


def test_three_seeds_never_alarm_however_far_they_lie_apart():
    assert judge(quantity([1, 1, 1]), quantity([0, 0, 0]), 0.05, 1)[0] is Verdict.INCONCLUSIVE


def test_a_change_of_exactly_the_tolerance_is_the_same():
    assert judge(quantity([0.7] * 5), quantity([0.8] * 5), 0.1, 1)[0] is Verdict.SAME  # 0.10000000000000009


def test_more_comparisons_ask_for_more_evidence():
    after = [0.60, 0.64, 0.66, 0.70, 0.69]
    assert judge(quantity(GOOD), quantity(after), 0.04, 1)[0] is Verdict.REGRESSED
    assert judge(quantity(GOOD), quantity(after), 0.04, 40)[0] is Verdict.INCONCLUSIVE


def test_one_outlier_is_no_regression():
    assert judge(quantity([0.7] * 5), quantity([0.7, 0.7, 0.7, 0.7, 0.0]), 0.04, 1)[0] is Verdict.INCONCLUSIVE


def test_equal_methods_rarely_alarm_and_worse_ones_mostly_do():
    """Ten methods at once, five seeds a side, no tolerance at all: what Bonferroni promises for the whole table."""
    generator = np.random.default_rng(0)
    alarms, caught = 0, 0
    for _ in range(150):
        before, after = generator.normal(size=(2, 10, 5))
        verdicts = [
            judge(quantity(a), quantity(b), 0.0, 10)[0] for a, b in zip(before.tolist(), after.tolist(), strict=True)
        ]
        alarms += Verdict.REGRESSED in verdicts
        caught += judge(quantity(before[0].tolist()), quantity((after[0] - 4).tolist()), 0.0, 2)[0] is Verdict.REGRESSED
    assert alarms <= 0.05 * 150
    assert caught >= 0.9 * 150


def test_equal_results_are_the_same_and_pass(snap):
    report = compare(snap(*rows()), snap(*rows()), {})
    assert (only(report).verdict, report.exit_code) == (Verdict.SAME, 0)


def test_a_regression_ends_in_exit_code_1(snap):
    report = compare(snap(*rows()), snap(*rows(WORSE)), {})
    assert (only(report).verdict, report.exit_code, report.verdict) == (Verdict.REGRESSED, 1, Verdict.REGRESSED)


def test_an_improvement_passes(snap):
    report = compare(snap(*rows(WORSE)), snap(*rows()), {})
    assert (only(report).verdict, report.exit_code) == (Verdict.IMPROVED, 0)


def test_inconclusive_is_never_silently_green(snap):
    before, after = snap(*rows(GOOD[:3])), snap(*rows(WORSE[:3]))
    report = compare(before, after, {})
    assert (only(report).verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 4)
    assert "3 against 3 seeds" in only(report).reason
    assert any("No alarm is possible" in note for note in report.notes)
    assert compare(before, after, {}, allow_inconclusive=True).exit_code == 0


@pytest.mark.parametrize("changes", [{"suite": "other"}, {"profile": "gpu"}, {"data_fingerprint": "e" * 64}])
def test_another_suite_profile_or_images_are_not_comparable(snap, changes):
    report = compare(snap(*rows()), snap(*rows(**changes)), {}, allow_inconclusive=True)
    assert (report.verdict, report.exit_code, report.findings) == (Verdict.NOT_COMPARABLE, 4, ())
    assert next(iter(changes)).replace("data_", "data ") in report.obstacles[0]


def test_another_budget_is_not_comparable(snap):
    fewer = Budget(image_size=32, steps=400, batch_size=8, precision="float32", threads=1)
    report = compare(snap(*rows()), snap(*rows(budget=fewer)), {})
    assert (only(report).verdict, report.exit_code) == (Verdict.NOT_COMPARABLE, 4)
    assert "steps 800 → 400" in only(report).reason


def test_another_number_format_is_told_once_with_the_key_that_fixes_it(snap):
    def trained_in(precision):
        budget = Budget(image_size=32, steps=800, batch_size=8, precision=precision, threads=1)
        values = {SUCCESS: 0.7, FD: 180.0}
        return snap(*(record(label, seed, values, budget=budget) for label in "ab" for seed in range(5)))

    report = compare(trained_in("float32"), trained_in("bfloat16"), {})
    assert [finding.verdict for finding in report.findings] == [Verdict.NOT_COMPARABLE] * 4
    assert [finding.title for finding in notable(report)] == ["success"] * 2
    assert reasons(report) == ["a, b, success ↑: budget: precision float32 → bfloat16."]
    assert "write precision: float32 into the suite's profile" in report.notes[0]


def test_other_threads_are_the_machines_business(snap):
    more = Budget(image_size=32, steps=800, batch_size=8, precision="float32", threads=8)
    assert compare(snap(*rows()), snap(*rows(budget=more)), {}).exit_code == 0


def test_another_protocol_is_not_comparable(snap):
    other = [one.model_copy(update={"metrics": {SUCCESS: measured(SUCCESS, 0.7, judge="large-cnn")}}) for one in rows()]
    report = compare(snap(*rows()), snap(*other), {})
    assert (only(report).verdict, report.exit_code) == (Verdict.NOT_COMPARABLE, 4)
    assert "judge small-cnn → large-cnn" in only(report).reason


def test_real_images_that_score_otherwise_show_that_the_measuring_changed(snap):
    before = snap(*rows(), untrained("real", {SUCCESS: 0.99}, reference=True))
    after = snap(*rows(WORSE), untrained("real", {SUCCESS: 0.80}, reference=True))
    report = compare(before, after, {})
    assert (only(report).verdict, report.exit_code) == (Verdict.NOT_COMPARABLE, 4)
    assert "real" in only(report).reason


def test_without_the_row_of_real_images_nobody_knows_whether_the_measuring_changed(snap):
    before = snap(*rows(), untrained("real", {SUCCESS: 0.99}, reference=True))
    (finding,) = compare(before, snap(*rows()), {}).findings
    assert finding.verdict is Verdict.NOT_COMPARABLE
    assert "real, which nobody trains, has no value" in finding.reason


def test_options_may_differ_since_that_is_what_is_judged_but_are_told(snap):
    report = compare(snap(*rows()), snap(*rows(WORSE, options={"lr": 1e-3})), {})
    assert report.exit_code == 1
    assert "lr 0.0002 → 0.001" in " ".join(report.notes)


def test_a_method_that_vanished_or_failed_is_never_green(snap):
    gone = compare(snap(*rows(), *rows(label="dtn")), snap(*rows()), {})
    assert [finding.verdict for finding in gone.findings] == [Verdict.SAME, Verdict.NOTHING_MEASURED]
    failed = [one.model_copy(update={"status": "failed", "error": "out of memory", "metrics": {}}) for one in rows()]
    broken = compare(snap(*rows()), snap(*failed), {}, allow_inconclusive=True)
    assert (only(broken).verdict, broken.exit_code, gone.exit_code) == (Verdict.NOTHING_MEASURED, 4, 4)
    assert "out of memory" in only(broken).reason


def test_survivors_do_not_speak_for_the_failed(snap):
    survivors = rows()
    survivors[4] = survivors[4].model_copy(update={"status": "diverged", "metrics": {}})
    report = compare(snap(*rows()), snap(*survivors), {})
    assert (only(report).verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 4)
    assert "seed 4 diverged" in only(report).reason


def test_pending_seeds_keep_the_gate_from_being_green(snap):
    report = compare(snap(*rows()), snap(*rows(GOOD[:4]), planned=rows()), {})
    assert (only(report).verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 4)


def test_a_metric_that_is_missing_now_is_never_green_and_says_why(snap):
    both = [record("cyclegan", seed, {SUCCESS: value, FD: 100.0}) for seed, value in enumerate(GOOD)]
    without = [one.model_copy(update={"missing": {FD: "needs the weights file x.pth"}}) for one in rows()]
    report = compare(snap(*both), snap(*without), {})
    assert [finding.verdict for finding in report.findings] == [Verdict.SAME, Verdict.NOTHING_MEASURED]
    assert (report.findings[1].reason, report.exit_code) == ("needs the weights file x.pth", 4)


def test_a_metric_or_method_that_is_new_is_told_but_not_judged(snap):
    both = [record("cyclegan", seed, {SUCCESS: value, FD: 100.0}) for seed, value in enumerate(GOOD)]
    report = compare(snap(*rows()), snap(*both, *rows(label="dtn")), {})
    assert only(report).verdict is Verdict.SAME
    assert "dtn" in report.notes[0]


def test_watched_metrics_alarm_on_corrected_evidence_and_never_stay_undecided(snap):
    def with_fd(values):
        return [record("cyclegan", seed, {SUCCESS: GOOD[seed], FD: value}) for seed, value in enumerate(values)]

    quiet = compare(snap(*with_fd([100, 101, 102, 103, 104])), snap(*with_fd([80, 95, 120, 130, 140])), {})
    assert [(f.declared, f.verdict) for f in quiet.findings] == [(True, Verdict.SAME), (False, Verdict.INCONCLUSIVE)]
    assert quiet.exit_code == 0
    alarm = compare(snap(*with_fd([100, 101, 102, 103, 104])), snap(*with_fd([200, 201, 202, 203, 204])), {})
    assert (alarm.findings[1].verdict, alarm.exit_code) == (Verdict.REGRESSED, 1)


def test_a_tolerance_of_its_own_declares_a_metric(snap):
    def with_fd(values):
        return [record("cyclegan", seed, {SUCCESS: GOOD[seed], FD: value}) for seed, value in enumerate(values)]

    before, after = snap(*with_fd([100, 101, 102, 103, 104])), snap(*with_fd([80, 95, 120, 130, 140]))
    assert compare(before, after, {FD: Tolerance(0.05)}).exit_code == 4
    assert compare(before, after, {FD: Tolerance(20.0, relative=False)}).exit_code == 0


def test_a_declared_metric_that_one_method_cannot_give_does_not_block_it(snap):
    """half_cycle has no way back, and so no cycle error."""
    both = [record("cyclegan", seed, {SUCCESS: value, FD: 100.0}) for seed, value in enumerate(GOOD)]
    kept = snap(*both, *rows(label="half_cycle"))
    report = compare(kept, kept, {FD: Tolerance(0.05)})
    assert (report.exit_code, sum(finding.declared for finding in report.findings)) == (0, 3)


def test_a_method_without_any_declared_metric_blocks(snap):
    kept = snap(*rows(), *[record("dtn", seed, {FD: 100.0}) for seed in range(5)])
    report = compare(kept, kept, {})
    assert report.exit_code == 4
    assert report.findings[1].reason == "the baseline has no value"


def test_without_a_declared_metric_nothing_is_green(snap):
    kept = [record("cyclegan", seed, {"lpips_diversity": 0.3}) for seed in range(5)]
    report = compare(snap(*kept), snap(*kept), {})
    assert (report.exit_code, report.verdict) == (4, Verdict.NOTHING_MEASURED)


def test_what_has_no_better_direction_is_not_in_a_snapshot(snap):
    assert list(snap(record()).rows["cyclegan"].metrics) == [FD, SUCCESS]


def test_seeds_that_were_measured_differently_have_no_mean(snap):
    mixed = rows()
    mixed[0] = mixed[0].model_copy(
        update={"metrics": {SUCCESS: measured(SUCCESS, 0.7, judge="other")}, "options": {"lr": 1.0}}
    )
    with pytest.raises(InputError) as refused:
        snap(*mixed)
    assert len(refused.value.problems) == 2
    assert SUCCESS in str(refused.value)


def test_several_suites_must_be_told_apart(tmp_path):
    root = tmp_path / "both"
    save(root, *rows(), *rows(suite="other"))
    with pytest.raises(InputError, match="2 suites and profiles"):
        choose(root)
    other = take(choose(root / "other"))
    assert choose_like(root, other).suite == "other"
    with pytest.raises(NothingComparableError, match="third/cpu"):
        choose_like(root, other.model_copy(update={"suite": "third"}))


def test_tolerances_are_absolute_or_shares_of_the_baseline():
    found = parse_tolerances(["judge_success=0.02", " fd = 5%"], {"judge_success", "fd"})
    assert found["judge_success"].around(quantity([0.5])) == 0.02
    assert found["fd"].around(quantity([200.0])) == pytest.approx(10)
    assert Tolerance().around(quantity([0.0])) == 0.001  # no finer than what is shown


def test_all_bad_tolerances_are_told_at_once():
    texts = ["fd", "fd=-1", "fd=nan", "fd=1%%", "sucess=1%", "judge_success=1", "judge_success=2"]
    with pytest.raises(InputError) as refused:
        parse_tolerances(texts, {"judge_success", "fd"})
    assert len(refused.value.problems) == 6
    assert "Did you mean 'judge_success'?" in str(refused.value)
    assert "twice" in refused.value.problems[-1]
