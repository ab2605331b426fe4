import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fabricated import FD, digest, measured, plan_of, record, save, typical

from ganbench.errors import InputError
from ganbench.results import files
from ganbench.results.plan import check_same_suite, read_plan, write_plan
from ganbench.results.record import SCHEMA_VERSION
from ganbench.results.store import (
    find_record,
    profile_directory,
    read_profile,
    read_record,
    read_results,
    trial_directory,
    write_record,
)

HOSTILE = ["", "../up", "a/b", "a\\b", ".hidden", "-option", "a b", "a\nb", "naïve", "x" * 65, "a\x00b", "C:"]


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    one = record(curve=[{"step": 1.0, "loss": 0.25}], per_image={FD: [1.5, 2.5]}, files={"samples": "samples.png"})
    assert read_record(write_record(tmp_path / "trial", one)) == one


def test_directory_names_carry_label_seed_and_hash(tmp_path: Path) -> None:
    path = trial_directory(profile_directory(tmp_path, "faces", "cpu"), "cyclegan-l2", 3, "0123456789abcdef")
    assert path == tmp_path / "faces" / "cpu" / "cyclegan-l2-seed3-01234567"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_never_become_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="must be 1 to 64 letters"):
        trial_directory(tmp_path, name, 0, "0" * 64)
    with pytest.raises(InputError):
        profile_directory(tmp_path, name, "cpu")
    with pytest.raises(ValueError, match="pattern"):
        record(label=name, method="cyclegan")


def test_a_crash_while_writing_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_record(tmp_path, record(seed=0))

    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    for place, name in ((files.os, "fsync"), (Path, "replace")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, crash)
            with pytest.raises(KeyboardInterrupt):
                write_record(tmp_path, record(seed=1))
        assert read_record(path).seed == 0
        assert names_in(tmp_path) == ["record.json"]


def test_written_files_have_ordinary_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    written = write_record(tmp_path, record())
    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_is_refused_on_every_way(tmp_path: Path, bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        measured(FD, bad)
    with pytest.raises(ValueError, match="provenance"):
        write_record(tmp_path, record(provenance={"hidden": [bad]}))
    with pytest.raises(ValueError, match="options"):
        write_record(tmp_path, record(options={"not plain": object()}))
    assert find_record(tmp_path) is None
    text = write_record(tmp_path, record()).read_text().replace("180.0", str(bad).replace("nan", "NaN"), 1)
    (tmp_path / "record.json").write_text(text.replace("inf", "Infinity"))
    with pytest.raises(InputError, match="not valid JSON"):
        read_record(tmp_path / "record.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not valid JSON"),
        (b'{"suite": "x"', "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[1, 2]", "must be a JSON object. Got list"),
        (b'{"suite": 7}', "suite"),
    ],
)
def test_broken_records_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as raised:
        read_record(path)
    assert str(path) in str(raised.value)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    ("key", "value"),
    [("seed", "0"), ("seed", -1), ("metrics", []), ("status", "fine"), ("label", "../x"), ("unheard_of", 1)],
)
def test_wrong_types_and_unknown_keys_are_refused(tmp_path: Path, key: str, value: object) -> None:
    path = write_record(tmp_path, record())
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(InputError, match=key):
        read_record(path)


def test_oversized_files_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_record(tmp_path, record())
    monkeypatch.setattr(files, "MAX_JSON_BYTES", 100)
    with pytest.raises(InputError, match="larger"):
        read_record(path)


def test_a_newer_schema_stops_everything(tmp_path: Path) -> None:
    profile = save(tmp_path, *typical())
    path = next(profile.glob("*/record.json"))
    path.write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1, "unheard_of": 1}))
    with pytest.raises(InputError, match=r"newer ganbench.*Upgrade"):
        read_results(tmp_path)


def test_one_broken_record_does_not_hide_the_others(tmp_path: Path) -> None:
    profile = save(tmp_path, *typical())
    broken = next(profile.glob("dtn*/record.json"))
    broken.write_text("{")
    (results,) = read_results(tmp_path)
    assert len(results.records) == len(typical()) - 1
    assert len(results.problems) == 1
    assert str(broken) in results.problems[0]


def test_many_broken_records_are_told_in_brief(tmp_path: Path) -> None:
    profile = save(tmp_path, *typical())
    for name in range(12):
        (profile / f"broken{name:02}").mkdir()
        (profile / f"broken{name:02}" / "record.json").write_text("{")
    (results,) = read_results(tmp_path)
    assert len(results.problems) == 12
    assert len(results.problems_in_brief) == 11
    assert results.problems_in_brief[-1] == f"… and 2 more in {profile}."


def test_results_are_found_from_every_level(tmp_path: Path) -> None:
    save(tmp_path, record(), record(profile="long"), record(suite="other"))
    names = [(results.suite, results.profile) for results in read_results(tmp_path)]
    assert names == [("other", "cpu"), ("unpaired_faces", "cpu"), ("unpaired_faces", "long")]
    assert len(read_results(tmp_path / "unpaired_faces")) == 2
    assert len(read_results(tmp_path / "unpaired_faces" / "long")) == 1


def test_a_renamed_directory_keeps_its_suite(tmp_path: Path) -> None:
    save(tmp_path, record())
    moved = (tmp_path / "unpaired_faces" / "cpu").rename(tmp_path / "copy")
    (results,) = read_results(moved)
    assert (results.suite, results.profile, len(results.records)) == ("unpaired_faces", "cpu", 1)


def test_records_of_another_suite_are_not_mixed_in(tmp_path: Path) -> None:
    profile = save(tmp_path, record("a"), record("b"))
    write_record(profile / "stray", record(suite="other"))
    (results,) = read_results(tmp_path)
    assert {one.label for one in results.records.values()} == {"a", "b"}
    assert "stray" in results.problems[0]


def test_published_tables_are_not_records(tmp_path: Path) -> None:
    published = tmp_path / "unpaired_faces" / "cpu"
    published.mkdir(parents=True)
    for name in ("leaderboard.csv", "leaderboard.md", "comparison.png"):
        (published / name).write_text("x")
    for root in (tmp_path, published, tmp_path / "absent"):
        with pytest.raises(InputError, match="ganbench run SUITE"):
            read_results(root)
    assert read_profile(published).records == {}


def test_planned_trials_alone_are_results(tmp_path: Path) -> None:
    write_plan(tmp_path / "unpaired_faces" / "cpu", plan_of(record()))
    (results,) = read_results(tmp_path)
    assert results.plan is not None
    assert results.records == {}


def test_the_plan_hides_records_of_earlier_versions(tmp_path: Path) -> None:
    old = [record("cyclegan", seed, training_hash=digest("old", seed)) for seed in (0, 1, 2)]
    profile = save(tmp_path, *typical(), *old)
    write_plan(profile, plan_of(*typical()))
    results = read_profile(profile)
    assert results.stale == 3
    assert not {one.training_hash for one in results.shown.values()} & {one.training_hash for one in old}


def test_without_a_plan_the_newest_record_of_a_seed_is_shown(tmp_path: Path) -> None:
    old = record(training_hash=digest("old"))
    new = record(timings=old.timings.model_copy(update={"finished": "2026-05-01T00:00:00Z"}))
    results = read_profile(save(tmp_path, old, new))
    assert [one.training_hash for one in results.shown.values()] == [new.training_hash]
    assert results.stale == 1


def test_a_plan_of_the_same_file_keeps_the_trials_of_earlier_runs(tmp_path: Path) -> None:
    write_plan(tmp_path, plan_of(record("a"), record("b")))
    write_plan(tmp_path, plan_of(record("b"), record("b", 1)))
    plan = read_plan(tmp_path)
    assert plan is not None
    assert [(trial.label, trial.seed) for trial in plan.trials] == [("b", 0), ("b", 1), ("a", 0)]


def test_a_plan_of_an_edited_file_replaces_the_old_one(tmp_path: Path) -> None:
    write_plan(tmp_path, plan_of(record("a")))
    write_plan(tmp_path, plan_of(record("b"), suite_sha256="2" * 64))
    plan = read_plan(tmp_path)
    assert plan is not None
    assert [trial.label for trial in plan.trials] == ["b"]


def test_two_suites_of_one_name_are_refused(tmp_path: Path) -> None:
    write_plan(tmp_path / "unpaired_faces" / "cpu", plan_of(record()))
    same = Path("/suites/unpaired_faces.yaml")
    other = Path("/elsewhere/unpaired_faces.yaml")
    check_same_suite(tmp_path, "unpaired_faces", same, "1" * 64)
    check_same_suite(tmp_path, "unpaired_faces", same, "2" * 64)  # edited
    check_same_suite(tmp_path, "unpaired_faces", other, "1" * 64)  # moved
    check_same_suite(tmp_path, "new_name", other, "2" * 64)
    with pytest.raises(InputError, match=r"another suite named 'unpaired_faces'.*Rename"):
        check_same_suite(tmp_path, "unpaired_faces", other, "2" * 64)


def test_unwritable_places_are_refused_before_anything_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.check_writable(tmp_path / "new" / "deep")
    assert names_in(tmp_path) == []
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="is a file"):
            files.check_writable(path)
    monkeypatch.setattr(files.os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(InputError, match="no permission"):
        files.check_writable(tmp_path)


def test_a_thousand_records_are_read_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "fsync", lambda _: None)  # only reading is timed
    curve = [{"step": float(step), "seconds": 0.5, "generator": 1.25, "discriminator": 0.5} for step in range(80)]
    per_image = {name: [0.123456] * 250 for name in ("lpips", "ssim", "rate")}
    save(tmp_path, *(record(f"m{i}", seed, curve=curve, per_image=per_image) for i in range(100) for seed in range(10)))
    started = time.perf_counter()
    (results,) = read_results(tmp_path)
    assert len(results.records) == 1000
    assert time.perf_counter() - started < 10  # measured: 2 s on a busy core


def test_reading_records_imports_nothing_heavy() -> None:
    code = "import sys, ganbench.results.store; print([m for m in ('torch', 'pandas', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
