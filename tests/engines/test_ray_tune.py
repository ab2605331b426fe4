import threading

from ray import cloudpickle

from ganbench.engines.ray_tune import _progress_callback
from ganbench.progress import Progress


def test_progress_reaches_a_display_that_cannot_be_pickled():
    lock, seen = threading.RLock(), []

    def notify(progress):
        with lock:
            seen.append(progress)

    callback = _progress_callback(notify)
    cloudpickle.dumps(callback)  # Ray does this before a run
    callback.on_trial_result(1, [], None, {"progress": {"trial": "a", "stage": "training", "step": 3, "steps": 4}})
    assert seen == [Progress("a", "training", 3, 4)]
