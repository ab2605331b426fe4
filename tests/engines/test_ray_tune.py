import json
import threading

import pytest
from ray import cloudpickle

from ganbench.engines.ray_tune import _progress_callback, _start_ray
from ganbench.errors import InputError
from ganbench.progress import Progress


def test_progress_reaches_a_display_that_cannot_be_pickled():
    lock, seen = threading.RLock(), []

    def notify(progress):
        with lock:
            seen.append(progress)

    callback = _progress_callback(notify)
    cloudpickle.dumps(callback)  # Ray does this before a run
    progress = json.dumps({"trial": "a", "stage": "training", "step": 3, "steps": 4})
    callback.on_trial_result(1, [], None, {"progress": progress})
    assert seen == [Progress("a", "training", 3, 4)]


def test_a_machine_too_busy_for_ray_is_told_what_to_do(monkeypatch):
    def init(address, **settings):
        assert address == "local"  # never a cluster that happens to run here
        raise Exception("The current node timed out during startup.")  # as Ray does

    monkeypatch.setattr("ray.init", init)
    with pytest.raises(InputError, match=r"timed out during startup.*--engine serial"):
        _start_ray(None)
