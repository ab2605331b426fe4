"""Methods that end badly, in processes of their own: they hang, or are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from runs import records
from test_training import make_spec

from ganbench.engines.nodes import stand_on
from ganbench.faults import HANG_FILE
from ganbench.results.store import find_record

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
    with stand_on(Path(spec.profile_dir)) as footing:
        given = {"spec": spec.model_dump_json(), "footing": footing.model_dump_json()}
        _trainable(given | {"stop_file": str(tmp_path / "stop")})
    assert [json.loads(each["progress"])["stage"] for each in told] == ["failed"]
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
