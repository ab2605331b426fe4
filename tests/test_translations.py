"""What a trial stores beside its outputs: what comes back of them, and how an older trial gets it."""

import numpy as np
import pytest
from runs import records, run_serial

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


def test_outputs_are_translated_back_where_the_method_can(cli, tiny_suite, results):
    code, _, err = run_serial(cli, tiny_suite(BOTH, ("[sharpness]", "[cycle]")), results)
    assert code == 0, err
    found, arrays = records(results), stored(folder_of(results, "cyclegan"))
    assert set(arrays) == {"outputs", *NAMES}
    assert all(array.shape == (8, 3, 16, 16) and array.dtype == np.uint8 for array in arrays.values())
    assert set(stored(folder_of(results, "half_cycle"))) == {"outputs"}
    assert set(found["cyclegan"].metrics) == {"cycle_l1", "cycle_l1_noise8", "cycle_hiding"}
    assert len(found["cyclegan"].per_image["cycle_l1"]) == 8
    assert found["half_cycle"].missing == found["identity"].missing == {"cycle": NO_WAY_BACK}
    assert "real images" in found["real"].missing["cycle"]


def test_a_trial_of_an_earlier_version_gets_it_from_its_checkpoint(cli, tiny_suite, results):
    run_serial(cli, tiny_suite(BOTH), results)
    checkpoint = folder_of(results, "cyclegan") / CHECKPOINT_FILE
    before, written = make_older(results), checkpoint.stat().st_mtime_ns
    code, _, err = run_serial(cli, tiny_suite(BOTH, ("[sharpness]", "[sharpness, cycle]")), results)
    assert code == 0, err
    after = stored(folder_of(results, "cyclegan"))
    assert set(after) == set(before)
    assert all(np.array_equal(after[name], before[name]) for name in before)
    assert "cycle_l1" in records(results)["cyclegan"].metrics
    assert checkpoint.stat().st_mtime_ns == written  # not trained again


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_without_a_checkpoint_that_fits_there_is_a_remedy(cli, tiny_suite, results, damage):
    run_serial(cli, tiny_suite(BOTH), results)
    make_older(results)
    checkpoint = folder_of(results, "cyclegan") / CHECKPOINT_FILE
    checkpoint.unlink() if damage == "gone" else checkpoint.write_text("broken")
    code, _, err = run_serial(cli, tiny_suite(BOTH, ("[sharpness]", "[sharpness, cycle]")), results)
    assert code == 0, err
    record = records(results)["cyclegan"]
    assert record.status == "ok"
    assert "sharpness" in record.metrics
    assert "--force" in record.missing["cycle"]
