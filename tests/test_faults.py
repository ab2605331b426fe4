"""What a failing trial leaves: a record that says why and what to do, files that are whole, and others that go on."""

import math
import os
from pathlib import Path

import pytest
import torch
from runs import records, run_serial

from ganbench import atomic_file
from ganbench.errors import StorageError
from ganbench.methods.base import Method
from ganbench.results.files import write_atomic
from ganbench.results.store import find_record


class Scripted(Method):
    """Does in each step what the test says."""

    summary = "does what a test says"

    def training_step(self, batch, step, generator):
        return {"loss": type(self).act(self, step)}

    def translate(self, source, generator):
        return source


def scripted(act):
    return type("Scripted", (Scripted,), {"act": act})


def run(cli, tiny_suite, results, *replacements, flags=()):
    suite = tiny_suite(("[half_cycle]", "[scripted, half_cycle]"), *replacements)
    code, _, err = run_serial(cli, suite, results, *flags)
    assert "Traceback" not in err
    return code, records(results), err


def test_a_diverged_training_leaves_its_curve_and_its_last_samples(cli, tiny_suite, results, add_method):
    add_method("scripted", scripted(lambda self, step: torch.tensor(1.0 if step < 6 else math.nan)))
    code, found, _ = run(cli, tiny_suite, results, ("steps: 4", "steps: 8"))
    assert code == 3
    assert found["half_cycle"].status == "ok"
    record = found["scripted"]
    assert record.status == "diverged"
    assert [row.get("loss") for row in record.curve] == [1.0] * 6 + [None]
    assert record.budget.images_seen == 14
    assert record.budget.updates == 7
    (folder,) = (results / "tiny" / "cpu").glob("scripted-*")
    assert [path.stem[-1] for path in sorted((folder / "progress").iterdir())] == ["2", "4", "6"]


MEMORY = {
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: "
                        "you tried to allocate 1099511627776 bytes. Error code 12 (Cannot allocate memory)"),
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2000000.00 GiB. GPU 0 has …"),
    "python": MemoryError(),
}  # fmt: skip


def out_of_memory_above(batch_size, failure):
    def act(self, step):
        if self.task.batch_size > batch_size:
            raise failure
        return torch.tensor(1.0)

    return act


@pytest.mark.parametrize("kind", MEMORY)
def test_out_of_memory_fails_with_a_size_that_would_fit(cli, tiny_suite, results, add_method, kind):
    add_method("scripted", scripted(out_of_memory_above(0, MEMORY[kind])))
    code, found, _ = run(cli, tiny_suite, results, ("batch_size: 2", "batch_size: 8"))
    assert code == 3
    assert found["half_cycle"].status == "ok"
    assert found["scripted"].status == "failed"
    error = found["scripted"].error
    assert error.startswith("out of memory with batch_size 8 at image_size 16: ")
    if kind == "python":
        assert "Lower batch_size: 4 should fit." in error
    else:
        assert "Lower image_size: " in error  # not even a batch of one would fit


def test_where_the_suite_allows_it_a_row_with_a_smaller_batch_stands_in(cli, tiny_suite, results, add_method):
    add_method("scripted", scripted(out_of_memory_above(2, MEMORY["python"])))
    change = ("batch_size: 2", "batch_size: 8, on_out_of_memory: halve_batch")
    code, found, err = run(cli, tiny_suite, results, change)
    assert code == 0, err
    assert {label: found[label].status for label in found if "scripted" in label} == {
        "scripted": "skipped", "scripted-batch4": "skipped", "scripted-batch2": "ok"
    }  # fmt: skip
    assert "Row scripted-batch2 stands in its place" in found["scripted-batch4"].error
    assert found["scripted-batch2"].budget.batch_size == 2
    assert found["half_cycle"].budget.batch_size == 8
    table = (results / "tiny" / "cpu" / "leaderboard.md").read_text()
    assert "scripted-batch2" in table
    code, _, err = run(cli, tiny_suite, results, change)
    assert code == 0
    assert "Nothing to do: all 8 trials are finished" in err


def test_a_full_disk_is_told_with_the_path_and_a_remedy_and_the_run_goes_on_afterwards(
    cli, tiny_suite, results, monkeypatch
):
    suite, real_fsync = tiny_suite(), os.fsync
    places = {"plan.json", "pictures.npz", "checkpoint.pt", "step_0000001.png", "translations.npz", "record.json"}
    written = []

    def replace_or_fail(self, target):
        written.append(Path(target).name)
        return real_replace(self, target)

    real_replace = Path.replace
    monkeypatch.setattr(Path, "replace", replace_or_fail)
    assert run_serial(cli, suite, results)[0] == 0
    assert places & set(written) >= {"plan.json", "checkpoint.pt", "translations.npz", "record.json"}
    before = {path: path.read_bytes() for path in results.rglob("*.json")}

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = run_serial(cli, suite, results, "--force")
    assert code == 3
    assert "can't be written: No space left on device. Free some space" in err
    assert "Traceback" not in err
    assert not list(results.rglob(f"{atomic_file.TEMPORARY}*"))
    assert {path: path.read_bytes() for path in results.rglob("plan.json")}.items() <= before.items()
    monkeypatch.setattr(os, "fsync", real_fsync)
    assert run_serial(cli, suite, results)[0] == 0


@pytest.mark.parametrize("what", ["checkpoint.pt", "step_", "translations.npz"])
def test_a_file_that_the_disk_refuses_fails_that_trial_alone(cli, tiny_suite, results, monkeypatch, add_method, what):
    add_method("scripted", scripted(lambda self, step: torch.tensor(1.0)))
    real_replace = Path.replace

    def refuse(self, target):
        if Path(target).name.startswith(what) and "scripted" in str(target):
            raise OSError(28, "No space left on device")
        return real_replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    code, found, _ = run(cli, tiny_suite, results)
    assert code == 3
    assert found["half_cycle"].status == "ok"
    assert found["scripted"].status == "failed"
    assert what in found["scripted"].error
    assert "Free some space" in found["scripted"].error
    monkeypatch.undo()
    add_method("scripted", scripted(lambda self, step: torch.tensor(1.0)))
    assert run(cli, tiny_suite, results)[1]["scripted"].status == "ok"


def test_an_old_file_stays_whole_where_the_new_one_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    write_atomic(path, b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    with pytest.raises(StorageError, match=r"record\.json: can't be written: Read-only file system\. Make the folder"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_half_written_is_swept(cli, tiny_suite, finished):
    (folder,) = (finished / "tiny" / "cpu").glob("half_cycle-*")
    half = folder / f"{atomic_file.TEMPORARY}0123"
    half.write_bytes(b"half")
    (folder / "record.json").unlink()
    assert run_serial(cli, tiny_suite(), finished)[0] == 0
    assert not half.exists()
    assert find_record(folder).status == "ok"


def test_the_time_limit_ends_a_training_between_two_steps(cli, tiny_suite, results, add_method, monkeypatch):
    from ganbench.engines import serial

    done = []
    add_method("scripted", scripted(lambda self, step: done.append(step) or torch.tensor(1.0)))
    monkeypatch.setattr(serial, "_run_apart", lambda spec, notify, stop: serial.run_trial(spec, notify, stop.exists))
    monkeypatch.setattr("ganbench.faults.TimeLimit.is_over", property(lambda limit: len(done) >= 3))
    suite = tiny_suite(("[half_cycle]", "[scripted]"), ("steps: 4", "steps: 40, time_limit: 300"))
    code, _, err = run_serial(cli, suite, results)
    assert code == 3, err
    record = records(results)["scripted"]
    assert record.status == "failed"
    assert "time limit: not done within 300 s (stopped after step 3 of 40; " in record.error
    assert [row["step"] for row in record.curve] == [1, 2, 3]
    monkeypatch.undo()
    add_method("scripted", scripted(lambda self, step: done.append(step) or torch.tensor(1.0)))
    assert run_serial(cli, tiny_suite(("[half_cycle]", "[scripted]"), ("steps: 4", "steps: 40")), results)[0] == 0
    assert done == list(range(40))  # from the checkpoint, with a time of its own
