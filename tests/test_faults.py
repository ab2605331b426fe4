"""What a failing trial leaves: a record that says why and what to do, files that are whole, and others that go on."""

import fcntl
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from runs import records, run_serial
from test_training import make_spec

from ganbench import atomic_file
from ganbench.errors import BusyError, StorageError
from ganbench.faults import HANG_FILE
from ganbench.locks import locked
from ganbench.methods.base import METHODS, Method
from ganbench.results.files import write_atomic
from ganbench.results.store import find_record


@pytest.fixture
def add_method(monkeypatch):
    """Register a method for one test."""

    def add(name, cls):
        METHODS.names()
        monkeypatch.setitem(METHODS._things, name, cls)

    return add


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


HOLD = """
import sys, time
from pathlib import Path
from ganbench.locks import locked
with locked(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Hold a lock from another process; return it."""
    started = []

    def hold(path):
        process = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.wait()


def test_a_second_run_in_a_results_directory_is_refused_and_says_who_is_there(cli, tiny_suite, finished, holder):
    suite, lock = tiny_suite(), finished / "tiny" / "cpu" / ".lock"
    other = holder(lock)
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path != lock}
    code, _, err = run_serial(cli, suite, finished, "--seeds", "7")
    assert code == 2
    assert f"is in use by process {other.pid} on {os.uname().nodename}" in err
    assert before == {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path != lock}
    other.kill()  # whatever a crash leaves doesn't block
    other.wait()
    assert lock.exists()
    assert run_serial(cli, suite, finished, "--seeds", "7")[0] == 0
    assert not lock.exists()


def test_a_run_can_wait_for_another(tmp_path, holder):
    path = tmp_path / ".lock"
    other, said = holder(path), []

    def end(text):
        said.append(text)
        other.kill()
        other.wait()

    with locked(path, "the directory", 60, end) as waited:
        assert waited
    assert f"process {other.pid}" in said[0]
    with locked(path, "the directory") as waited:
        assert not waited
        with pytest.raises(BusyError, match=f"process {os.getpid()}"), locked(path, "the directory"):
            pass
    assert not path.exists()


def test_a_run_that_waited_does_only_what_the_other_left(cli, tiny_suite, finished, holder):
    suite, profile = tiny_suite(), finished / "tiny" / "cpu"
    (folder,) = profile.glob("half_cycle-*")
    done = (folder / "record.json").read_bytes()
    (folder / "record.json").unlink()
    other = holder(profile / ".lock")

    def end():
        (folder / "record.json").write_bytes(done)
        other.kill()

    threading.Timer(3, end).start()
    code, _, err = run_serial(cli, suite, finished, "--wait")
    assert code == 0, err
    assert f"is in use by process {other.pid}" in err
    assert "waiting until it has ended" in err
    assert (folder / "record.json").read_bytes() == done


def test_a_lock_that_was_removed_meanwhile_is_no_lock(tmp_path, monkeypatch):
    path, real_flock, calls = tmp_path / ".lock", fcntl.flock, []

    def flock(file, operation):
        real_flock(file, operation)
        calls.append(file)
        if len(calls) == 1:  # between opening and locking, the last holder removed its file, and another came
            path.unlink()
            path.touch()

    monkeypatch.setattr(fcntl, "flock", flock)
    with locked(path, "it", 5):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert len(calls) == 2


def test_nobody_writes_beside_a_leftover_worker(cli, tiny_suite, finished, holder, monkeypatch):
    monkeypatch.setattr("ganbench.trial.LEFTOVER_SECONDS", 0.5)
    (folder,) = (finished / "tiny" / "cpu").glob("half_cycle-*")
    (folder / "record.json").unlink()
    leftover = holder(folder / ".lock")
    code, _, err = run_serial(cli, tiny_suite(), finished)
    assert code == 2
    assert f"process {leftover.pid}" in err
    assert not (folder / "record.json").exists()


PLUGIN = """
import os, signal, time
from pathlib import Path
from ganbench.methods.base import METHODS, Method

class Doomed(Method):
    def training_step(self, batch, step, generator):
        if step == 2:
            self.doom()
        return {"loss": batch.x.mean()}

    def translate(self, source, generator):
        return source

@METHODS.register("hanging")
class Hanging(Doomed):
    summary = "never returns from its third step"

    def doom(self):
        time.sleep(300)

@METHODS.register("dying")
class Dying(Doomed):
    summary = "is killed in its third step, whenever it comes to it"

    def doom(self):
        os.kill(os.getpid(), signal.SIGKILL)

@METHODS.register("dying_once")
class DyingOnce(Dying):
    summary = "is killed in its third step the first time"

    def doom(self):
        died = Path(os.environ["DIED_ONCE"])
        if not died.exists():
            died.touch()
            super().doom()
"""


@pytest.fixture
def start_doomed(tmp_path, tiny_suite, results):
    """Install methods that end badly; start a run of some of them."""
    package = tmp_path / "installed"
    info = package / "doomed_methods-1.0.dist-info"
    info.mkdir(parents=True)
    (package / "doomed_methods.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: doomed-methods\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ganbench.methods]\ndoomed = doomed_methods\n")
    environment = {**os.environ, "PYTHONPATH": str(package), "DIED_ONCE": str(tmp_path / "died")}

    def start(methods, engine, profile):
        suite = tiny_suite(("[half_cycle]", methods), ("steps: 4", f"steps: 4, checkpoint_seconds: 0{profile}"))
        command = [sys.executable, "-m", "ganbench", "run", suite, "--engine", engine, "--results", results]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)

    return start


def test_a_step_that_never_returns_is_ended_at_the_time_limit(start_doomed, results):
    process = start_doomed("[hanging]", "serial", ", time_limit: 20")
    _, err = process.communicate(timeout=280)
    assert process.returncode == 3, err
    assert "Traceback" not in err
    found = records(results)
    record = found["hanging"]
    assert record.status == "failed"
    assert record.error.startswith("time limit: not done within 20 s (a step did not return). Raise time_limit")
    assert "doomed_methods.py" in record.error  # where it hung
    assert [row["step"] for row in record.curve] == [1, 2]  # from the checkpoint
    assert {record.status for record in found.values() if record.baseline} == {"ok"}


def test_a_trial_that_hung_is_not_tried_again_by_ray(tmp_path, monkeypatch):
    from ganbench.engines.ray_tune import _trainable

    told = []
    monkeypatch.setattr("ray.tune.report", told.append)
    spec = make_spec(tmp_path, "half_cycle", time_limit=9.0)
    spec.directory.mkdir(parents=True)
    (spec.directory / HANG_FILE).write_text("Timeout!")
    _trainable({"spec": spec.model_dump_json(), "stop_file": str(tmp_path / "stop")})
    assert [each["progress"]["stage"] for each in told] == ["failed"]
    assert "time limit: not done within 9 s" in find_record(spec.directory).error
    assert not (spec.directory / HANG_FILE).exists()


def test_ctrl_c_twice_ends_at_once_what_would_never_end(start_doomed, results):
    process = start_doomed("[hanging]", "serial", "")
    try:
        deadline = time.monotonic() + 120
        while not list(results.rglob("step_0000002.png")):
            assert time.monotonic() < deadline
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        while not list(results.rglob(".ganbench-stop")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(0.5)
        assert process.poll() is None  # the step at hand has not ended
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "stopped at once; what was finished is kept. The same command goes on." in err
    assert "Traceback" not in err
    assert not list(results.rglob(".ganbench-stop"))


def test_a_worker_of_ray_that_was_killed_is_replaced(start_doomed, results):
    process = start_doomed("[dying, dying_once]", "ray", "")
    _, err = process.communicate(timeout=290)
    assert process.returncode == 3, err
    assert "Traceback" not in err
    assert "the same command goes on" in err
    found = records(results)
    assert {record.status for record in found.values() if record.baseline} == {"ok"}
    assert found["dying"].status == "failed"
    assert "its process died" in found["dying"].error
    assert [row["step"] for row in found["dying"].curve] == [1, 2]
    assert found["dying_once"].status == "ok"  # tried again, from its checkpoint
    assert [row["step"] for row in found["dying_once"].curve] == [1, 2, 3, 4]


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
