"""Who writes in a results directory, and who is kept out."""

import fcntl
import json
import os
import subprocess
import sys
import threading

import pytest
from runs import run_serial

from ganbench.errors import BusyError
from ganbench.locks import locked

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
