"""The main job, end to end, on the smallest suite: what a user types, and what he finds afterwards."""

import os

import numpy as np
import pytest
from PIL import Image
from runs import content, records, run_serial

from ganbench.methods.base import Method
from ganbench.results.store import read_profile


def test_a_run_ends_in_records_tables_and_pictures(cli, tiny_suite, results):
    code, out, err = run_serial(cli, tiny_suite(("[sharpness]", "[frechet, collapse]")), results)
    assert code == 0, err
    found = records(results)
    assert set(found) == {"half_cycle", "identity", "mean_target", "random_target", "real"}
    assert {record.status for record in found.values()} == {"ok"}
    assert found["real"].metrics["collapse_pixel"].value == pytest.approx(1.0)
    half_cycle = found["half_cycle"]
    assert "fd_efficientnet-lite0" in half_cycle.metrics
    assert half_cycle.budget.images_seen == 8
    assert len(half_cycle.curve) == 4
    assert half_cycle.timings.training_seconds > 0
    assert half_cycle.provenance["packages"]["torch"]
    profile = results / "tiny" / "cpu"
    for name in ("leaderboard.csv", "leaderboard.md", "comparison.png"):
        assert (profile / name).stat().st_size > 0
    for record in found:
        (folder,) = profile.glob(f"{record}-seed0-*")
        with Image.open(folder / "samples.png") as picture:
            assert min(picture.size) > 100
    for row in ("half_cycle", "identity", "real"):
        assert row in out
    assert "5 ok" in err


def test_records_name_the_code_as_it_was_when_the_run_was_planned(cli, tiny_suite, results, monkeypatch):
    states = iter([{"git_commit": "planned", "git_dirty": False}])
    monkeypatch.setattr("ganbench.spec.git_state", lambda: next(states))
    run_serial(cli, tiny_suite(), results)
    assert {record.provenance["git_commit"] for record in records(results).values()} == {"planned"}


def test_the_reference_row_is_held_out_real_images_and_identity_copies(tiny_suite, finished):
    from ganbench.variants import load_suite

    data = load_suite(tiny_suite()).dataset("cpu").load(16)
    for label, domain in (("real", "adventurer"), ("identity", "avataaars")):
        (folder,) = (finished / "tiny" / "cpu").glob(f"{label}-seed0-*")
        with np.load(folder / "translations.npz") as stored:
            assert np.array_equal(stored["outputs"], data.images(domain, "test").numpy())


def test_the_same_command_twice_gives_identical_records(cli, tiny_suite, tmp_path):
    suite = tiny_suite()
    for name in ("one", "two"):
        assert run_serial(cli, suite, tmp_path / name)[0] == 0
    one, two = records(tmp_path / "one"), records(tmp_path / "two")
    assert set(one) == set(two)
    for label in one:
        assert content(one[label]) == content(two[label])


def test_a_second_run_does_nothing_but_say_so(cli, tiny_suite, finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("record.json")}
    code, _, err = run_serial(cli, tiny_suite(), finished)
    assert code == 0
    assert "Nothing to do: all 5 trials are finished" in err
    assert before == {path: path.stat().st_mtime_ns for path in finished.rglob("record.json")}


def test_a_metric_that_is_added_is_filled_in_without_training(cli, tiny_suite, results):
    suite = tiny_suite()
    run_serial(cli, suite, results)
    before = records(results)["half_cycle"]
    checkpoints = {path: path.stat().st_mtime_ns for path in results.rglob("checkpoint.pt")}
    code, _, err = run_serial(cli, tiny_suite(("[sharpness]", "[sharpness, kernel]")), results)
    assert code == 0, err
    after = records(results)["half_cycle"]
    assert "kid_efficientnet-lite0" in after.metrics
    assert before.metrics.items() <= after.metrics.items()
    assert after.timings.training_seconds == before.timings.training_seconds
    assert after.curve == before.curve
    assert checkpoints == {path: path.stat().st_mtime_ns for path in results.rglob("checkpoint.pt")}


def test_only_the_named_methods_run_and_baselines_always(cli, tiny_suite, results):
    suite = tiny_suite(("[half_cycle]", "[half_cycle, cyclegan]"))
    run_serial(cli, suite, results, "--only", "cyclegan")
    assert "cyclegan" in records(results)
    assert "half_cycle" not in records(results)
    assert "real" in records(results)
    code, _, err = run_serial(cli, suite, results, "--only", "cyclegam")
    assert code == 2
    assert "Did you mean 'cyclegan'?" in err


def test_seeds_can_be_chosen(cli, tiny_suite, results):
    run_serial(cli, tiny_suite(), results, "--seeds", "3,4")
    seeds = sorted(r.seed for r in read_profile(results / "tiny" / "cpu").records.values() if r.label == "half_cycle")
    assert seeds == [3, 4]
    code, _, err = run_serial(cli, tiny_suite(), results, "--seeds", "3,x")
    assert code == 2
    assert "--seeds must be distinct whole numbers" in err


def test_a_dry_run_prints_the_plan_and_touches_nothing(cli, tiny_suite, results):
    code, out, _ = run_serial(cli, tiny_suite(), results, "--dry-run")
    assert code == 0
    assert "half_cycle · seed 0" in out
    assert not results.exists()


def test_bad_suites_leave_the_results_untouched(cli, tiny_suite, results):
    code, _, err = run_serial(cli, tiny_suite(("half_cycle", "half_cycel"), ("sharpness", "sharpnes")), results)
    assert code == 2
    assert "half_cycel" in err
    assert "sharpnes" in err
    assert not results.exists()


def test_a_resource_request_that_cannot_be_met_fails_at_once(cli, tiny_suite, results):
    code, _, err = run_serial(cli, tiny_suite(("batch_size: 2", "batch_size: 2, cpus_per_trial: 1000")), results)
    assert code == 2
    assert "cpus_per_trial must be at most" in err
    assert not results.exists()


class Failing(Method):
    summary = "always fails"

    def training_step(self, batch, step, generator):
        raise RuntimeError("the tensor of size 3 is no tensor of size 4")

    def translate(self, source, generator):
        return source


class Diverging(Failing):
    def training_step(self, batch, step, generator):
        return {"loss": batch.x.sum() / 0}


class Picky(Failing):
    @classmethod
    def skip_reason(cls, data):
        return "needs sounds, and the dataset has pictures"


def test_one_failing_method_does_not_take_the_others_with_it(cli, tiny_suite, results, add_method):
    add_method("failing", Failing)
    add_method("diverging", Diverging)
    add_method("picky", Picky)
    suite = tiny_suite(("[half_cycle]", "[failing, diverging, picky, half_cycle]"))
    code, _, err = run_serial(cli, suite, results)
    assert code == 3
    found = records(results)
    assert found["half_cycle"].status == "ok"
    assert found["failing"].status == "failed"
    assert "no tensor of size 4" in found["failing"].error
    assert found["diverging"].status == "diverged"
    assert found["picky"].status == "skipped"
    table = (results / "tiny" / "cpu" / "leaderboard.md").read_text()
    for text in ("failing", "diverging", "needs sounds", "no tensor of size 4"):
        assert text in table
    assert "1 failed" in err
    assert "1 diverged" in err
    # failures never count as done: the same command tries them again
    assert run_serial(cli, suite, results)[0] == 3


def test_two_suites_of_one_name_are_not_mixed(cli, tiny_suite, finished, tmp_path):
    other = tmp_path / "other" / "tiny.yaml"
    other.parent.mkdir()
    other.write_text(tiny_suite().read_text().replace("steps: 4", "steps: 5"))
    code, _, err = run_serial(cli, other, finished)
    assert code == 2
    assert "another suite named 'tiny'" in err


def test_an_unwritable_results_directory_is_refused_before_anything_runs(cli, tiny_suite, tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("")
    code, _, err = run_serial(cli, tiny_suite(), occupied / "results")
    assert code == 2
    assert "results directory" in err


def test_force_trains_again(cli, tiny_suite, finished):
    before = records(finished)["half_cycle"]
    assert run_serial(cli, tiny_suite(), finished, "--force")[0] == 0
    after = records(finished)["half_cycle"]
    assert after.timings.finished > before.timings.finished
    assert content(after) == content(before)


def test_a_record_of_a_newer_schema_is_refused(cli, tiny_suite, finished):
    path = next(finished.rglob("record.json"))
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    for verb in (("report", finished), ("run", tiny_suite(), "--engine", "serial", "--results", finished)):
        code, _, err = cli(*verb)
        assert code == 2
        assert "newer" in err


def test_folders_that_the_environment_names_are_found_by_workers_too(cli, tiny_suite, results, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANBENCH_WEIGHTS", "my_weights")
    run_serial(cli, tiny_suite(), results, "--dry-run")
    assert os.environ["GANBENCH_WEIGHTS"] == str(tmp_path / "my_weights")
