"""`ganbench reproduce`: a trial once more from its record, and what is said of the scores."""

import json

import pytest

from ganbench.recorded_trial import spec_of
from ganbench.reproduce import ABSOLUTE, RELATIVE, differences, word_of
from ganbench.results.record import Measured
from ganbench.results.store import read_record


@pytest.fixture
def path(finished):
    return next(finished.glob("tiny/cpu/half_cycle-*/record.json"))


def change(path, **fields):
    """Rewrite keys of a record; a key like ``metrics__sharpness__value`` is nested."""
    content = json.loads(path.read_text())
    for key, value in fields.items():
        *places, last = key.split("__")
        part = content
        for place in places:
            part = part[place]
        part[last] = value
    path.write_text(json.dumps(content))


def value(number, std=None):
    return Measured(
        value=number, std=std, n=1, protocol={}, title="t", group="quality", higher_is_better=True
    )  # fmt: skip


def test_a_finished_trial_is_reproduced_to_the_bit_and_left_alone(path, cli, tmp_path):
    before = {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()}
    code, out, told = cli("reproduce", path, "--into", tmp_path / "again", "--json")
    found = json.loads(out)
    assert (code, found["verdict"]) == (0, "identical"), told
    assert found["metrics"]["sharpness"]["word"] == "identical"
    assert found["same_pictures"] is True
    assert found["losses_differ_from_step"] is None
    assert {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()} == before
    assert "training" in told  # progress is shown as in a run
    assert list((tmp_path / "again").glob("tiny/cpu/half_cycle-*/record.json"))


def test_other_scores_are_told_with_exit_code_1_and_what_differs_here(path, cli):
    recorded = read_record(path).metrics["sharpness"].value
    change(path, metrics__sharpness__value=recorded * 1.01, provenance__python="3.1.0")
    code, out, _ = cli("reproduce", path.parent)  # the trial's directory will do
    assert code == 1
    assert "Not reproduced" in out
    assert "different" in out
    assert "python: 3.1.0 → " in out


def test_float_noise_counts_as_reproduced(path, cli):
    recorded = read_record(path).metrics["sharpness"].value
    change(path, metrics__sharpness__value=recorded * (1 + RELATIVE / 10))
    code, out, _ = cli("reproduce", path, "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "noise")


def test_a_value_that_is_not_measured_here_leaves_it_undecided(path, cli):
    change(path, metrics__sharpness__protocol={"version": 0})
    code, out, _ = cli("reproduce", path, "--json")
    assert (code, json.loads(out)["verdict"]) == (4, "incomplete")


def test_records_of_before_say_by_their_hash_whether_pictures_were_mirrored(path, tmp_path):
    record = read_record(path)
    spec = spec_of(record, path, tmp_path)
    mirrored = spec.model_copy(update={"flip": True})
    early = record.model_copy(
        update={
            "training_hash": mirrored.training_hash,
            "provenance": {key: value for key, value in record.provenance.items() if key != "asked"},
        }
    )
    assert spec_of(early, path, tmp_path) == mirrored


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "failed"}, "only a finished trial can be reproduced"),
        ({"method": "external"}, "made by another program"),
        ({"method": "cyclegam"}, "Did you mean"),
        ({"options__lr": 1.0}, "is not that of the options, budget and data"),
        ({"options__lrr": 1.0}, "unknown key 'lrr'"),
        ({"dataset": {}}, "'name' is missing"),
        ({"budget__threads": 1000}, "cpus_per_trial must be at most"),
        ({"budget__image_size": 10**9}, "image_size"),
        ({"provenance__asked": {"extractor": ["x"]}}, "Unknown extractor"),
        ({"provenance__asked": {"flip": "yes"}}, "flip"),
        ({"evaluated": {"nonsense": "00"}}, "nonsense"),
    ],
)
def test_a_record_that_cannot_be_run_here_is_refused_by_name(fields, said, path, cli):
    change(path, **fields)
    code, _, told = cli("reproduce", path)
    assert code == 2
    assert said in " ".join(told.split())
    assert str(path) in told


def test_other_images_are_refused_with_the_record_and_both_fingerprints(path, cli, tmp_path):
    spec = spec_of(read_record(path), path, tmp_path).model_copy(update={"data_fingerprint": "0" * 64})
    change(path, data_fingerprint="0" * 64, training_hash=spec.training_hash)
    code, _, told = cli("reproduce", path)
    assert code == 2
    assert f"{path}: dataset avatars: the images changed" in told
    assert "000000000000" in told


def test_all_problems_come_together(path, cli):
    change(path, method="cyclegam", dataset={}, evaluated={"nonsense": "00"})
    _, _, told = cli("reproduce", path)
    assert told.count(f"{path}: ") == 3


def test_a_folder_that_holds_the_trial_already_is_refused(path, finished, cli):
    code, _, told = cli("reproduce", path, "--into", finished)
    assert code == 2
    assert "--into" in told
    assert path.exists()


def test_noise_ends_where_a_rounding_ends():
    assert word_of(value(2.0), value(2.0)) == "identical"
    assert word_of(value(2.0), value(2.0 * (1 + RELATIVE / 2))) == "noise"
    assert word_of(value(2.0), value(2.0 * (1 + RELATIVE * 2))) == "different"
    assert word_of(value(0.0), value(ABSOLUTE / 2)) == "noise"  # KID cancels to about 0
    assert word_of(value(0.5), value(0.5 + 1e-4)) == "different"  # one picture of 10,000
    assert word_of(value(1.0, 0.5), value(1.0, 0.6)) == "different"


def test_differences_of_environments_name_each_place():
    one = {"packages": {"torch": "1"}, "python": "3", "hardware": {"memory_gib": 1.0}}
    other = {"packages": {"torch": "2"}, "python": "3", "hardware": {"memory_gib": 2.0}, "git_commit": None}
    assert differences(one, other) == {"packages.torch": ("1", "2")}
