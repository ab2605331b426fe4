"""What a trial stores beside its outputs: what comes back of them, and how an older trial gets it."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from runs import records, run_serial
from tiny_suite import TINY_SUITE

from ganbench.checkpoint import CHECKPOINT_FILE
from ganbench.metrics.base import NO_WAY_BACK
from ganbench.translations import BACK, TRANSLATIONS_FILE

BOTH = ("methods: [half_cycle]", "methods: [half_cycle, cyclegan]")
NAMES = {f"{BACK}0", f"{BACK}8"}


def stored(folder):
    with np.load(folder / TRANSLATIONS_FILE) as arrays:
        return dict(arrays)


def folder_of(results, label):
    (folder,) = (results / "tiny" / "cpu").glob(f"{label}-seed0-*")
    return folder


def make_older(results):
    """Take from the stored translations what versions before did not store; return what it was."""
    folder = folder_of(results, "cyclegan")
    arrays = stored(folder)
    np.savez(folder / TRANSLATIONS_FILE, **{name: array for name, array in arrays.items() if name not in NAMES})
    return arrays


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train both methods once, without asking for the cycle; return the folder of suite and results."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.yaml").write_text(TINY_SUITE.replace(*BOTH))
    command = ["run", folder / "tiny.yaml", "--engine", "serial", "--results", folder / "results"]
    done = subprocess.run([sys.executable, "-m", "ganbench", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def add_cycle(cli, trained, results):
    """Run the suite again, the metric added; return the records."""

    def run():
        suite = trained / "tiny.yaml"
        suite.write_text(TINY_SUITE.replace(*BOTH).replace("[sharpness]", "[sharpness, cycle]"))
        code, _, err = run_serial(cli, suite, results)
        assert code == 0, err
        return records(results)

    return run


@pytest.fixture
def results(trained, tmp_path):
    return shutil.copytree(trained / "results", tmp_path / "results")


def test_outputs_are_translated_back_where_the_method_can(results, add_cycle):
    arrays, found = stored(folder_of(results, "cyclegan")), add_cycle()
    assert set(arrays) == {"outputs", *NAMES}
    assert all(array.shape == (8, 3, 16, 16) and array.dtype == np.uint8 for array in arrays.values())
    assert set(stored(folder_of(results, "half_cycle"))) == {"outputs"}
    assert set(found["cyclegan"].metrics) == {"sharpness", "cycle_l1", "cycle_l1_noise8", "cycle_hiding"}
    assert len(found["cyclegan"].per_image["cycle_l1"]) == 8
    assert found["half_cycle"].missing == found["identity"].missing == {"cycle": NO_WAY_BACK}
    assert "real images" in found["real"].missing["cycle"]


def test_a_trial_of_an_earlier_version_gets_it_from_its_checkpoint(results, add_cycle):
    checkpoint = folder_of(results, "cyclegan") / CHECKPOINT_FILE
    before, written = make_older(results), checkpoint.stat().st_mtime_ns
    found, after = add_cycle(), stored(folder_of(results, "cyclegan"))
    assert set(after) == set(before)
    assert all(np.array_equal(after[name], before[name]) for name in before)
    assert "cycle_l1" in found["cyclegan"].metrics
    assert checkpoint.stat().st_mtime_ns == written  # not trained again


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_without_a_checkpoint_that_fits_there_is_a_remedy(results, add_cycle, damage):
    make_older(results)
    checkpoint = folder_of(results, "cyclegan") / CHECKPOINT_FILE
    checkpoint.unlink() if damage == "gone" else checkpoint.write_text("broken")
    record = add_cycle()["cyclegan"]
    assert record.status == "ok"
    assert "sharpness" in record.metrics
    assert "--force" in record.missing["cycle"]
