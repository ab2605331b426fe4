"""The Ray engine: Ray Tune schedules the trials, on one machine or a cluster. The only file that imports ray.

Ray carries trials to workers and progress back, nothing more: scores are read from the records alone, since Ray's
result frame keeps partial metrics of failed trials.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganbench.errors import InputError
from ganbench.hardware import check_resources
from ganbench.progress import Notify, Progress, Throttle
from ganbench.spec import TrialSpec

RETRIES = 2  # of a trial whose worker died, each from its last checkpoint
REPORT_SECONDS = 2.0  # a worker's progress reaches the screen this often
OBJECT_STORE_BYTES = 100 * 2**20  # trials exchange paths, not arrays


def run(specs: Sequence[TrialSpec], notify: Notify, stop_file: Path, address: str | None = None) -> None:
    """Run all trials through Ray Tune, as many at a time as the resources allow.

    Args:
        specs: trials, the longest first.
        notify: receives the progress of all trials.
        stop_file: where it appears, trials save their state and end.
        address: of a running Ray cluster; None starts Ray on this machine for the time of the run.

    Raises:
        InputError: a trial asks for more than the cluster has.
        GanbenchError: a trial whose worker died, once more after each of its retries, can't even be recorded as failed.
    """
    _quiet_environment()
    import ray
    from ray import tune

    started_here = not ray.is_initialized()
    if started_here:
        _start_ray(address)
    try:
        _check_cluster(specs)
        with tempfile.TemporaryDirectory(prefix="ganbench-ray-") as scratch:
            trainable = tune.with_resources(_trainable, _resources(specs[0]))
            tuner = tune.Tuner(
                trainable,
                param_space={
                    "spec": tune.grid_search([spec.model_dump_json() for spec in specs]),
                    "stop_file": str(stop_file),
                },
                tune_config=tune.TuneConfig(reuse_actors=True, trial_dirname_creator=lambda trial: trial.trial_id),
                run_config=tune.RunConfig(
                    storage_path=scratch,
                    name="trials",
                    verbose=0,
                    callbacks=[_progress_callback(notify)],
                    failure_config=tune.FailureConfig(max_failures=RETRIES),
                ),
            )
            grid = tuner.fit()
    finally:
        if started_here:
            ray.shutdown()
    if not stop_file.exists():
        _record_deaths(grid, notify)


def _record_deaths(grid: Any, notify: Notify) -> None:
    """Record as failed the trials whose workers died; a retry goes on from the checkpoint, so there were several."""
    from ganbench.trial import record_death

    for result in grid:
        if result.error is not None:
            record_death(TrialSpec.model_validate_json(result.config["spec"]), notify)


def _trainable(config: dict[str, Any]) -> None:
    """What runs in a worker: one trial, whose progress becomes Ray's results."""
    from ray import tune

    from ganbench.faults import hung
    from ganbench.trial import record_death, run_trial

    def report(progress: Progress) -> None:
        tune.report({"progress": asdict(progress)})

    stop_file, spec = Path(config["stop_file"]), TrialSpec.model_validate_json(config["spec"])
    tell = Throttle(report, REPORT_SECONDS)
    if hung(spec):  # the worker before ended itself for the time limit: it would hang again
        record_death(spec, tell)
    elif not stop_file.exists():
        run_trial(spec, tell, stop_file.exists)


def _progress_callback(notify: Notify) -> Any:
    from ray import tune

    class ProgressCallback(tune.Callback):
        def __init__(self, notify: Notify) -> None:
            self.notify = notify

        def __getstate__(self) -> dict[str, Any]:
            return {}  # Ray saves its callbacks; a live display can't be pickled, and a restored one would show nothing

        def on_trial_result(
            self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
        ) -> None:  # Ray calls it with these keywords and may add others: tune.Callback's signature has **info
            if "progress" in result:
                self.notify(Progress(**result["progress"]))

    return ProgressCallback(notify)


def _resources(spec: TrialSpec) -> dict[str, float]:
    return {"cpu": spec.threads, "gpu": spec.gpus}


def _start_ray(address: str | None) -> None:
    import ray

    if address is None:
        ray.init(
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=OBJECT_STORE_BYTES,
        )
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"--ray-address: no Ray cluster answers at {address!r} ({reason}).") from None


def _check_cluster(specs: Sequence[TrialSpec]) -> None:
    import ray

    have = ray.cluster_resources()
    spec = specs[0]
    check_resources(spec.threads, spec.gpus, have.get("CPU", 0), have.get("GPU", 0), f"profile {spec.profile}")


def _quiet_environment() -> None:
    """Keep Ray from printing, from writing logs of its own, and from handling Ctrl-C, which ganbench does."""
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # a worker's death is told by its trial's record
    # on a busy machine a worker may take minutes to start; Ray would give it up after one, and start another, for ever
    os.environ.setdefault("RAY_worker_register_timeout_seconds", "600")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"
    os.environ["TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S"] = "0"
