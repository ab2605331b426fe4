"""The main job, end to end, on the smallest suite: what a user types, and what he finds afterwards."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_suite import TINY_SUITE

from ganbench.methods.base import METHODS, Method
from ganbench.results.store import read_profile

TIMES = ("timings", "provenance", "curve")


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def add_method(monkeypatch):
    """Register a method for one test."""

    def add(name, cls):
        METHODS.names()
        monkeypatch.setitem(METHODS._things, name, cls)

    return add


def records(results):
    return {record.label: record for record in read_profile(results / "tiny" / "cpu").records.values()}


def content(record):
    """What must be the same in two runs: everything but times."""
    fields = record.model_dump(exclude=set(TIMES))
    curve = [{key: value for key, value in row.items() if key != "seconds"} for row in record.curve]
    return {**fields, "curve": curve}


def run_serial(cli, suite, results, *flags):
    return cli("run", suite, "--engine", "serial", "--results", results, *flags)


@pytest.fixture(scope="module")
def one_run(tmp_path_factory):
    """Run the tiny suite once for all tests that only look at what a run leaves."""
    folder = tmp_path_factory.mktemp("one_run")
    suite = folder / "tiny.yaml"
    suite.write_text(TINY_SUITE)
    command = ["run", suite, "--engine", "serial", "--results", folder / "results"]
    done = subprocess.run([sys.executable, "-m", "ganbench", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "results"


@pytest.fixture
def finished(one_run, results):
    """Return a private copy of a finished run."""
    shutil.copytree(one_run, results)
    return results


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


def test_reports_of_every_form(cli, tiny_suite, finished):
    code, markdown, _ = cli("report", finished, "--markdown")
    assert code == 0
    assert "| **half_cycle**" in markdown or "| half_cycle" in markdown
    rows = list(csv.DictReader(io.StringIO(cli("report", finished, "--csv")[1])))
    assert {row["label"] for row in rows} >= {"real", "identity", "half_cycle"}
    (board,) = json.loads(cli("report", finished, "--json")[1])
    assert board["suite"] == "tiny"
    assert "half_cycle" in cli("report", finished)[1]
    assert cli("report", finished, "--csv", "--json")[0] == 2


def test_a_report_without_records_says_what_to_do(cli, tmp_path):
    code, _, err = cli("report", tmp_path)
    assert code == 2
    assert "holds no records" in err
    assert "ganbench run" in err


def test_a_record_of_a_newer_schema_is_refused(cli, tiny_suite, finished):
    path = next(finished.rglob("record.json"))
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    for verb in (("report", finished), ("run", tiny_suite(), "--engine", "serial", "--results", finished)):
        code, _, err = cli(*verb)
        assert code == 2
        assert "newer" in err


def test_a_checkpoint_translates_pictures(cli, tiny_suite, finished, tmp_path):
    (checkpoint,) = (finished / "tiny" / "cpu").glob("half_cycle-*/checkpoint.pt")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGBA", (40, 30), (200, 30, 30, 255)).save(pictures / "red.png")
    Image.new("L", (16, 16), 90).save(pictures / "grey.jpg")
    code, _, err = cli("translate", checkpoint, pictures, tmp_path / "out")
    assert code == 0, err
    for name in ("red.png", "grey.png"):
        with Image.open(tmp_path / "out" / name) as made:
            assert (made.size, made.mode) == ((16, 16), "RGB")
    (pictures / "broken.png").write_text("no picture")
    code, _, err = cli("translate", checkpoint, pictures, tmp_path / "out")
    assert code == 2
    assert "broken.png: is not a readable picture" in err
    assert cli("translate", pictures / "broken.png", pictures, tmp_path / "out")[0] == 2


@pytest.mark.parametrize("kind", ["methods", "losses", "datasets", "metrics", "extractors", "suites"])
def test_everything_can_be_listed(cli, kind):
    folder = Path(__file__).parent.parent / "suites"
    code, out, _ = cli("list", kind, "--suites", folder)
    assert code == 0
    expected = {"methods": "cyclegan", "losses": "lsgan", "datasets": "Pablo Stanley", "metrics": "frechet",
                "extractors": "efficientnet-lite0", "suites": "unpaired_faces"}  # fmt: skip
    assert expected[kind] in out
    assert json.loads(cli("list", kind, "--suites", folder, "--json")[1])


def test_validate_says_what_a_suite_would_run(cli, tiny_suite):
    code, out, _ = cli("validate", tiny_suite())
    assert code == 0
    assert "valid suite 'tiny'" in out
    assert "half_cycle" in out
    assert cli("validate", tiny_suite(("seeds", "seedz")))[0] == 2


def test_folders_that_the_environment_names_are_found_by_workers_too(cli, tiny_suite, results, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANBENCH_WEIGHTS", "my_weights")
    run_serial(cli, tiny_suite(), results, "--dry-run")
    assert os.environ["GANBENCH_WEIGHTS"] == str(tmp_path / "my_weights")


def test_the_version(cli):
    import ganbench

    assert ganbench.__version__ in cli("--version")[1]


# what needs a process of its own


def start(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "ganbench", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        start_new_session=True,
    )


@pytest.mark.parametrize("engine", ["serial", "ray"])
def test_ctrl_c_saves_and_the_same_command_goes_on(tiny_suite, results, engine):
    suite = tiny_suite(("steps: 4", "steps: 800"))
    process = start("run", suite, "--engine", engine, "--results", results)
    deadline = time.monotonic() + 120
    while not list(results.rglob("step_0000200.png")):
        assert time.monotonic() < deadline, "training did not begin"
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    record = records(results)["half_cycle"]
    assert record.status == "interrupted"
    again = subprocess.run(
        [sys.executable, "-m", "ganbench", "run", suite, "--engine", "serial", "--results", results, "--only",
         "half_cycle"], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "goes on from step" in again.stderr
    finished = records(results)["half_cycle"]
    assert finished.status == "ok"
    assert finished.curve[-1]["step"] == 800


def test_ray_and_serial_give_identical_scores(tiny_suite, tmp_path):
    suite = tiny_suite(("[half_cycle]", "[half_cycle, cyclegan]"), ("seeds: [0]", "seeds: [0, 1]"))
    for engine in ("ray", "serial"):
        done = start("run", suite, "--engine", engine, "--results", tmp_path / engine)
        _, err = done.communicate(timeout=200)
        assert done.returncode == 0, err
    found = {}
    for engine in ("ray", "serial"):
        read = read_profile(tmp_path / engine / "tiny" / "cpu").records.values()
        found[engine] = {(record.label, record.seed): content(record) for record in read}
    assert len(found["ray"]) == 9
    assert found["ray"] == found["serial"]


PLUGIN = """
from ganbench.methods.base import METHODS, Method

@METHODS.register("their_negative")
class Negative(Method):
    summary = "the negative of the input"
    trained = False

    def translate(self, source, generator):
        return -source
"""


def test_a_method_in_a_package_of_its_own_is_found_and_run(tiny_suite, tmp_path, results):
    package = tmp_path / "their_package"
    package.mkdir()
    (package / "their_methods.py").write_text(PLUGIN)
    (package / "pyproject.toml").write_text(
        textwrap.dedent("""
        [build-system]
        requires = ["setuptools"]
        build-backend = "setuptools.build_meta"
        [project]
        name = "their-package"
        version = "1.0"
        [project.entry-points."ganbench.methods"]
        their_negative = "their_methods"
        [tool.setuptools]
        py-modules = ["their_methods"]
        """)
    )
    installed = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--target", installed, package], check=True, capture_output=True
    )  # fmt: skip
    process = start(
        "run", tiny_suite(("[half_cycle]", "[their_negative]")), "--results", results, PYTHONPATH=str(installed)
    )
    _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert records(results)["their_negative"].status == "ok"
    (folder,) = (results / "tiny" / "cpu").glob("their_negative-*")
    with np.load(folder / "translations.npz") as stored:
        inputs = next((results / "tiny" / "cpu").glob("identity-*"))
        assert np.abs(255 - stored["outputs"].astype(int) - np.load(inputs / "translations.npz")["outputs"]).max() <= 1
