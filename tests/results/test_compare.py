import json
from pathlib import Path

import pytest
from fabricated import FD, SUCCESS, measured, record, save, untrained

from ganbench.errors import InputError, NothingComparableError
from ganbench.report.comparison import to_data
from ganbench.results.compare import Comparison, Finding, compare_results


def seeds(label="cyclegan", shift=0.0, count=5, **changes):
    values = [{FD: 180.0 + seed + shift, SUCCESS: 0.5 + 0.01 * seed - shift / 100, "collapse_pixel": 0.7 + shift / 10}
              for seed in range(count)]  # fmt: skip
    return [record(label, seed, values[seed], **changes) for seed in range(count)]


def compared(tmp_path: Path, a, b) -> Comparison:
    save(tmp_path / "a", *a)
    save(tmp_path / "b", *b)
    (comparison,), _ = compare_results(tmp_path / "a", tmp_path / "b")
    return comparison


def found(comparison: Comparison, quantity: str, label: str = "cyclegan") -> Finding:
    return next(f for f in comparison.findings if (f.label, f.column.quantity) == (label, quantity))


def words(comparison: Comparison) -> dict[str, str]:
    return {finding.column.quantity: finding.word for finding in comparison.findings}


def test_equal_results_are_the_same_even_of_a_single_seed(tmp_path: Path) -> None:
    assert set(words(compared(tmp_path, seeds(count=1), seeds(count=1))).values()) == {"same"}


def test_a_difference_beyond_chance_has_a_word_in_the_declared_direction(tmp_path: Path) -> None:
    comparison = compared(tmp_path, seeds(), seeds(shift=20))
    assert found(comparison, FD).word == "worse"
    assert found(comparison, SUCCESS).word == "worse"
    assert found(comparison, "collapse_pixel").word == "higher"
    assert found(comparison, "training_seconds").word == "same"
    difference = found(comparison, FD).difference
    assert difference is not None
    assert difference.mean == pytest.approx(20)
    assert difference.interval is not None
    assert difference.interval.excludes(0)
    back = compared(tmp_path / "back", seeds(shift=20), seeds())
    assert (found(back, FD).word, found(back, "collapse_pixel").word) == ("better", "lower")


def test_overlapping_values_are_inconclusive(tmp_path: Path) -> None:
    finding = found(compared(tmp_path, seeds(), seeds(shift=0.5)), FD)
    assert finding.word == "inconclusive"
    assert "p = " in finding.reason


def test_three_seeds_cannot_decide(tmp_path: Path) -> None:
    comparison = compared(tmp_path, seeds(count=3), seeds(shift=50, count=3))
    assert found(comparison, FD).word == "inconclusive"
    assert "can't go below p = 0.1" in found(comparison, FD).reason
    assert "Fewer than 4 training seeds" in "\n".join(comparison.notes)


def test_what_failed_is_no_success(tmp_path: Path) -> None:
    lost = record("cyclegan", 5, {}, status="diverged", error="NaN")
    comparison = compared(tmp_path, seeds(count=6), [*seeds(shift=-20), lost])
    assert found(comparison, FD).word == "inconclusive"
    assert comparison.statuses["cyclegan"] == ("6/6 ok", "5/6 ok, 1 diverged: NaN")


def test_metrics_and_rows_of_one_side_are_named(tmp_path: Path) -> None:
    extra = [record("dtn", seed) for seed in range(2)]
    bare = [record("cyclegan", seed, {FD: 180.0}) for seed in range(2)]
    comparison = compared(tmp_path, [*seeds(count=2), *extra], bare)
    assert found(comparison, SUCCESS).reason == "not measured in B"
    assert found(comparison, FD, "dtn").reason == "B has no values of this row"
    assert comparison.statuses["dtn"] == ("2/2 ok", None)
    back = compared(tmp_path / "back", bare, seeds(count=2))
    assert (found(back, SUCCESS).word, found(back, SUCCESS).reason) == ("not comparable", "not measured in A")


def test_other_protocols_and_other_n_are_not_compared(tmp_path: Path) -> None:
    def measuring(value):
        return [one.model_copy(update={"metrics": {FD: value}}) for one in seeds()]

    here = measuring(measured(FD, 90.0))
    comparison = compared(tmp_path, here, measuring(measured(FD, 90.0, resize="bicubic")))
    assert found(comparison, FD).word == "not comparable"
    assert found(comparison, FD).reason == "the protocol differs: resize bilinear in A, bicubic in B"
    fewer = compared(tmp_path / "n", here, measuring(measured(FD, 90.0, n=100)))
    assert found(fewer, FD).reason == "A rests on 250 images or pairs, B on 100"


def test_what_else_differs_is_told(tmp_path: Path) -> None:
    other = {"ganbench": "0.2.0", "git_commit": "b" * 40}
    comparison = compared(tmp_path, seeds(), seeds(options={"lr": 1e-3}, provenance=other))
    text = "\n".join(comparison.notes)
    assert "cyclegan was asked for differently: lr 0.0002 in A, 0.001 in B." in text
    assert "ganbench: 0.1.0 in A, 0.2.0 in B." in text
    assert "git commit: aaaaaaaaaaaa in A, bbbbbbbbbbbb in B." in text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"suite": "other"}, "Only A holds unpaired_faces/cpu; the other side holds other/cpu."),
        ({"profile": "long"}, "Only A holds unpaired_faces/cpu; the other side holds unpaired_faces/long."),
        ({"data_fingerprint": "e" * 64}, "the images differ (data fingerprint ffffffffffff in A, eeeeeeeeeeee in B)"),
    ],
)
def test_nothing_in_common_is_refused_with_the_reason(tmp_path: Path, changes, reason: str) -> None:
    with pytest.raises(NothingComparableError) as raised:
        compared(tmp_path, seeds(), seeds(**changes))
    assert reason in str(raised.value)
    assert raised.value.exit_code == 4


def test_the_verb_prints_a_word_for_every_value(cli, tmp_path: Path) -> None:
    real = untrained("real", {FD: 30.0}, reference=True)
    save(tmp_path / "a", real, *seeds())
    save(tmp_path / "b", real, *seeds(shift=20))
    save(tmp_path / "b", record("new", suite="second"))
    code, out, err = cli("compare", tmp_path / "a", tmp_path / "b")
    assert code == 0
    assert "+20.0" in out
    assert "worse" in out
    assert "Only B holds second/cpu" in err
    code, out, _ = cli("compare", tmp_path / "a", tmp_path / "b", "--json")
    (data,) = json.loads(out)
    metric = {row["label"]: row for row in data["rows"]}["cyclegan"]["metrics"][FD]
    assert (metric["word"], metric["difference"]["least_p"]) == ("worse", pytest.approx(0.00794, abs=1e-5))
    assert metric["difference"]["interval"]["n"] == 5


def test_the_exit_code_says_that_nothing_was_comparable(cli, tmp_path: Path) -> None:
    save(tmp_path / "a", record("a"))
    save(tmp_path / "b", record("b"))
    code, out, _ = cli("compare", tmp_path / "a", tmp_path / "b")
    assert code == 4
    assert "B has no values of this row" in " ".join(out.split())
    assert cli("compare", tmp_path / "a", tmp_path / "absent")[0] == 2
    (tmp_path / "empty").mkdir()
    assert cli("compare", tmp_path / "a", tmp_path / "empty")[0] == 2


def test_absent_results_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        compare_results(tmp_path / "a", tmp_path / "b")


def test_a_comparison_is_plain_data(tmp_path: Path) -> None:
    data = to_data(compared(tmp_path, seeds(count=1), seeds(count=2, shift=3)))
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    (row,) = data["rows"]
    assert row["metrics"][FD]["word"] == "inconclusive"  # one seed against two says nothing
