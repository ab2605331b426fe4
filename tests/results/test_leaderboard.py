from pathlib import Path
from typing import Any

import pytest
from fabricated import FD, SUCCESS, digest, measured, plan_of, record, save, typical, untrained

from ganbench.results.leaderboard import Leaderboard, build_leaderboards
from ganbench.results.plan import write_plan
from ganbench.results.record import Record
from ganbench.results.store import read_profile


def board_of(root: Path, *records: Record) -> Leaderboard:
    (board,) = build_leaderboards(read_profile(save(root, *records)))
    return board


def note_with(board: Leaderboard, text: str) -> str:
    return next((note for note in board.footnotes if text in note), "")


def provenance(**changes: Any) -> dict[str, Any]:
    return {**record().provenance, **changes}


def test_rows_are_real_then_baselines_then_methods_from_best_to_worst(tmp_path: Path) -> None:
    board = board_of(tmp_path, *typical())
    labels = [row.label for row in board.rows]
    assert labels[0] == "real"
    assert set(labels[1:3]) == {"identity", "random_target"}
    assert labels[3:] == ["cyclegan", "half_cycle", "cyclegan-l2", "dtn"]  # incomplete ones last
    assert board.headline is not None
    assert board.headline.quantity == SUCCESS


def test_without_a_judge_the_frechet_distance_ranks(tmp_path: Path) -> None:
    board = board_of(tmp_path, record("near", metrics={FD: 50.0}), record("far", metrics={FD: 90.0}))
    assert [row.label for row in board.rows] == ["near", "far"]


def test_cells_are_mean_and_spread_over_seeds(tmp_path: Path) -> None:
    records = [record("cyclegan", seed, {FD: value}) for seed, value in enumerate((10.0, 20.0, 60.0))]
    cell = board_of(tmp_path, *records, record("one", 0, {FD: 5.0})).cells["cyclegan", FD]
    assert cell.mean == 30.0
    assert cell.std == pytest.approx(700**0.5)  # divisor N − 1
    assert cell.values == {0: 10.0, 1: 20.0, 2: 60.0}
    assert cell.n == 250


def test_one_seed_has_no_spread(tmp_path: Path) -> None:
    assert board_of(tmp_path, record()).cells["cyclegan", FD].std is None


def test_the_best_is_marked_in_the_declared_direction_among_complete_methods(tmp_path: Path) -> None:
    board = board_of(tmp_path, *typical())
    best = {key: label for (label, key), cell in board.cells.items() if cell.best and key in (FD, SUCCESS)}
    # real, identity, random_target and the half-failed cyclegan-l2 all have a lower distance
    assert best == {FD: "cyclegan", SUCCESS: "cyclegan"}
    assert not any(cell.best for (_, key), cell in board.cells.items() if key == "collapse_pixel")


def test_values_that_look_equal_are_both_best(tmp_path: Path) -> None:
    pairs = {"a": 50.01, "b": 50.02, "c": 51.0}
    board = board_of(tmp_path, *(record(label, metrics={FD: value}) for label, value in pairs.items()))
    assert [label for label in pairs if board.cells[label, FD].best] == ["a", "b"]


def test_a_lone_method_is_not_the_best_of_anything(tmp_path: Path) -> None:
    assert not any(cell.best for cell in board_of(tmp_path, record(), record(seed=1)).cells.values())


def test_few_seeds_establish_no_order(tmp_path: Path) -> None:
    board = board_of(tmp_path, *typical())
    assert "With 2 training seeds per method the order of the methods is not established" in "\n".join(board.footnotes)
    many = [record(label, seed, {FD: 10.0 * seed + len(label)}) for label in ("a", "bb") for seed in range(4)]
    board = board_of(tmp_path / "many", *many)
    assert not note_with(board, "not established")
    assert board.cells["bb", FD].tied
    assert note_with(board, "≈")


def test_one_method_without_seeds_does_not_speak_for_the_others(tmp_path: Path) -> None:
    untrained = record("style", 0, {FD: 30.0})
    two = [record("a", seed, {FD: 10.0 + seed}) for seed in range(2)]
    board = board_of(tmp_path, untrained, *two)
    assert note_with(board, "With 2 training seeds")
    four = [record(label, seed, {FD: 10.0 * len(label) + seed}) for label in ("a", "bb") for seed in range(4)]
    board = board_of(tmp_path / "four", untrained, *four)
    assert note_with(board, "style: of fewer than 4 seeds")
    assert not note_with(board, "not established")


def test_failed_skipped_and_pending_rows_stay_visible_with_their_reason(tmp_path: Path) -> None:
    profile = save(tmp_path, *typical())
    write_plan(profile, plan_of(*typical(), record("pix2pix", 0), record("half_cycle", 2)))
    (board,) = build_leaderboards(read_profile(profile))
    status = {row.label: row.status for row in board.rows}
    assert status["cyclegan"] == "2/2 ok"
    assert status["cyclegan-l2"] == "1/2 ok, 1 diverged: loss became NaN at step 312"
    assert status["dtn"] == "skipped: needs labels of the source images, and the dataset has none"
    assert status["pix2pix"] == "pending"
    assert status["half_cycle"] == "2/3 ok, 1 pending"


def test_means_over_surviving_seeds_are_flagged(tmp_path: Path) -> None:
    board = board_of(tmp_path, *typical())
    assert {label for (label, _), cell in board.cells.items() if cell.partial} == {"cyclegan-l2"}
    assert note_with(board, "†")
    assert not note_with(board_of(tmp_path / "whole", record(), record("b")), "†")


def test_a_tracebacks_last_line_is_the_reason(tmp_path: Path) -> None:
    error = 'Traceback (most recent call last):\n  File "x.py", line 1\nRuntimeError: out of memory\n'
    assert board_of(tmp_path, record(status="failed", error=error)).rows[0].status == (
        "failed: RuntimeError: out of memory"
    )


def test_values_of_different_protocols_never_share_a_column(tmp_path: Path) -> None:
    other = {FD: measured(FD, 90.0, resize="bicubic", version=2)}
    board = board_of(
        tmp_path, record("a", 0), record("b", 0), record("c", 0, metrics={}).model_copy(update={"metrics": other})
    )
    keys = [column.key for column in board.columns if column.quantity == FD]
    assert keys == [f"{FD}@a", f"{FD}@b"]
    assert {label for label, key in board.cells if key == f"{FD}@a"} == {"a", "b"}
    assert {label for label, key in board.cells if key == f"{FD}@b"} == {"c"}
    assert "resize: bilinear / bicubic; version: 1 / 2" in note_with(board, "several columns")


def test_deterministic_methods_share_the_column_of_diversity(tmp_path: Path) -> None:
    sure = {"lpips_diversity": measured("lpips_diversity", 0.0, n=0, deterministic=True, inputs=0)}
    noisy = {"lpips_diversity": measured("lpips_diversity", 0.3, n=4500, deterministic=False, inputs=100)}
    records = [record(label).model_copy(update={"metrics": sure}) for label in ("a", "b")]
    board = board_of(tmp_path, *records, record("c").model_copy(update={"metrics": noisy}))
    assert [column.key for column in board.columns if column.group != "cost"] == ["lpips_diversity"]
    assert [board.cells[label, "lpips_diversity"].deterministic for label in "abc"] == [True, True, False]
    assert board.cells["c", "lpips_diversity"].best
    assert board.columns[0].protocol["inputs"] == 100
    assert not note_with(board, "different numbers")
    (alone,) = build_leaderboards(read_profile(save(tmp_path / "alone", *records)))
    assert alone.columns[0].key == "lpips_diversity"


def test_seeds_of_different_protocols_are_not_averaged(tmp_path: Path) -> None:
    other = record("a", 1).model_copy(update={"metrics": {FD: measured(FD, 90.0, version=2)}})
    board = board_of(tmp_path, record("a", 0, {FD: 10.0}), other)
    assert {cell.mean for (_, key), cell in board.cells.items() if key.startswith(FD)} == {10.0, 90.0}


def test_different_data_never_share_a_table(tmp_path: Path) -> None:
    new = [record("a"), record("b")]
    old = record("c", data_fingerprint="e" * 64)
    boards = build_leaderboards(read_profile(save(tmp_path, *new, old)))
    assert [[row.label for row in board.rows] for board in boards] == [["a", "b"], ["c"]]
    assert [board.fingerprint[0] for board in boards] == ["f", "e"]


def test_a_distance_below_that_of_real_images_is_an_alarm(tmp_path: Path) -> None:
    board = board_of(tmp_path, *typical())
    assert {label for (label, key), cell in board.cells.items() if cell.alarm} == {"random_target"}
    assert "random_target" in note_with(board, "memorization alarm")


def test_missing_metrics_name_their_remedy(tmp_path: Path) -> None:
    remedy = "the weights are absent. Get them with: ganbench weights fetch squeezenet"
    done = [record("a", missing={"lpips": remedy}), record("b", missing={"lpips": remedy, "judge": "no labels"})]
    real = untrained("real", {FD: 30.0}, reference=True).model_copy(update={"missing": {"input_copying": "no input"}})
    board = board_of(tmp_path, *done, real)
    assert f"Not measured: lpips: {remedy}." in board.footnotes
    assert "Not measured: judge for b: no labels." in board.footnotes
    assert not note_with(board, "input_copying")  # real images are no translation: no lack


def test_footnotes_do_not_publish_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    missing = {"lpips": "needs /home/somebody/.cache/torch/x.pth"}
    assert "somebody" not in "".join(board_of(tmp_path, record(missing=missing)).footnotes)
    monkeypatch.setenv("HOME", "/")
    assert note_with(board_of(tmp_path, record(missing=missing)), "/home/somebody/.cache/torch/x.pth")


def test_other_code_versions_and_uncommitted_changes_are_flagged(tmp_path: Path) -> None:
    odd = record("b", provenance=provenance(ganbench="0.2.0", git_dirty=True))
    board = board_of(tmp_path, record("a"), odd)
    assert "a: 0.1.0 (aaaaaaaa); b: 0.2.0 (aaaaaaaa)" in note_with(board, "different versions")
    assert note_with(board, "uncommitted changes").endswith(": b.")
    assert not note_with(board_of(tmp_path / "same", record("a"), record("b")), "version")


def test_records_left_out_are_counted(tmp_path: Path) -> None:
    old = [record("cyclegan", seed, training_hash=digest("old", seed)) for seed in (0, 1, 2)]
    profile = save(tmp_path, *typical(), *old)
    write_plan(profile, plan_of(*typical()))
    (board,) = build_leaderboards(read_profile(profile))
    assert "3 records of an earlier version of this suite are not shown." in board.footnotes


def test_unreadable_records_are_named_below_the_table(tmp_path: Path) -> None:
    profile = save(tmp_path, *typical())
    (profile / "dtn-seed9-00000000").mkdir()
    (profile / "dtn-seed9-00000000" / "record.json").write_text("{")
    (board,) = build_leaderboards(read_profile(profile))
    assert note_with(board, "dtn-seed9-00000000")


def test_costs_belong_to_what_was_trained(tmp_path: Path) -> None:
    board = board_of(tmp_path, *typical())
    assert board.cells["cyclegan", "training_seconds"].mean == pytest.approx(91.4)
    assert board.cells["cyclegan", "updates"].mean == 800
    assert ("identity", "training_seconds") not in board.cells
    assert ("identity", "peak_memory_mib") in board.cells


def test_unequal_numbers_of_images_are_pointed_out(tmp_path: Path) -> None:
    few = record("b").model_copy(update={"metrics": {FD: measured(FD, 90.0, n=100)}})
    assert "100, 250" in note_with(board_of(tmp_path, record("a"), few), "different numbers of images")


def test_the_caption_says_how_it_was_measured(tmp_path: Path) -> None:
    caption = " · ".join(board_of(tmp_path, *typical()).caption)
    for part in ("unpaired_faces", "profile cpu", "avataaars → adventurer", "32 px", "800 steps of batch 8",
                 "seeds 0, 1", "n = 250", "2026-03-01", "Xeon, 1 thread"):  # fmt: skip
        assert part in caption


def test_an_empty_directory_gives_a_table_of_pending_rows(tmp_path: Path) -> None:
    write_plan(tmp_path, plan_of(record("a"), record("b")))
    (board,) = build_leaderboards(read_profile(tmp_path))
    assert [row.status for row in board.rows] == ["pending", "pending"]
    assert board.columns == ()
