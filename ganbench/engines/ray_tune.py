"""The Ray engine: Ray Tune schedules the trials, on one machine or a cluster. The only file that imports ray.

Ray carries trials to workers and progress back, nothing more: scores are read from the records alone, since Ray's
result frame keeps partial metrics of failed trials.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

import ganbench
from ganbench.engines import nodes
from ganbench.engines.connection import unreachable
from ganbench.engines.nodes import Footing
from ganbench.errors import GanbenchError, InputError, StorageError
from ganbench.hardware import check_nodes
from ganbench.progress import PREPARATION, Notify, Progress, Throttle
from ganbench.spec import TrialSpec

RETRIES = 2  # of a trial whose worker or node died, each from its last checkpoint
REPORT_SECONDS = 2.0  # a worker's progress reaches the screen this often
LOOK_SECONDS = 1.0  # between two looks at whether the results directory is still there
OBJECT_STORE_BYTES = 100 * 2**20  # trials exchange paths, not arrays


def run(specs: Sequence[TrialSpec], notify: Notify, stop_file: Path, address: str | None = None) -> None:
    """Run all trials through Ray Tune, as many at a time as the resources allow.

    Args:
        specs: trials of one profile, the longest first.
        notify: receives the progress of all trials.
        stop_file: where it appears, trials save their state and end.
        address: of a running Ray cluster; None starts Ray on this machine for the time of the run.

    Raises:
        InputError: no cluster answers, no node has what a trial asks for, or a node has another ganbench, other
            images or another results directory.
        StorageError: the results directory vanished meanwhile.
        GanbenchError: a trial whose worker died, once more after each of its retries, can't even be recorded as failed.
    """
    _quiet_environment()
    import ray

    started_here = not ray.is_initialized()
    if started_here:
        _start_ray(address)
    try:
        with nodes.stand_on(Path(specs[0].profile_dir)) as footing:
            names = _fitting_nodes(specs[0])
            if address is not None:
                _check_nodes(names, footing, specs[0], notify)
            grid = _fit(specs, footing, notify, stop_file)
            if not footing.is_there:
                raise StorageError(nodes.vanished(footing.folder))
    finally:
        if started_here:
            ray.shutdown()
    if not stop_file.exists():
        _record_deaths(grid, notify)


def _fit(specs: Sequence[TrialSpec], footing: Footing, notify: Notify, stop_file: Path) -> Any:
    from ray import tune

    with tempfile.TemporaryDirectory(prefix="ganbench-ray-") as scratch:
        tuner = tune.Tuner(
            tune.with_resources(_trainable, _resources(specs[0])),
            param_space={
                "spec": tune.grid_search([spec.model_dump_json() for spec in specs]),
                "stop_file": str(stop_file),
                "footing": footing.model_dump_json(),
            },
            tune_config=tune.TuneConfig(reuse_actors=True, trial_dirname_creator=lambda trial: trial.trial_id),
            run_config=tune.RunConfig(
                storage_path=scratch,
                name="trials",
                verbose=0,
                callbacks=[_progress_callback(notify)],
                failure_config=tune.FailureConfig(max_failures=RETRIES),
                stop=_vanished_stopper(footing),
            ),
        )
        return tuner.fit()


def _record_deaths(grid: Any, notify: Notify) -> None:
    """Record as failed the trials whose workers died; a retry goes on from the checkpoint, so there were several."""
    from ganbench.trial import record_death

    for result in grid:
        if result.error is not None:
            raised = getattr(result.error, "cause", None)  # what the worker raised, where it lived to do so
            cause = str(raised) if isinstance(raised, GanbenchError) else None
            record_death(TrialSpec.model_validate_json(result.config["spec"]), notify, cause)


def _trainable(config: dict[str, Any]) -> None:
    """What runs in a worker: one trial, whose progress becomes Ray's results."""
    from ray import tune

    from ganbench.faults import hung
    from ganbench.trial import record_death, run_trial

    def report(progress: Progress) -> None:
        tune.report({"progress": json.dumps(asdict(progress))})  # as text: of numbers Ray keeps statistics

    nodes.enter(Footing.model_validate_json(config["footing"]))
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
                self.notify(Progress(**json.loads(result["progress"])))

    return ProgressCallback(notify)


def _resources(spec: TrialSpec) -> dict[str, float]:
    return {"cpu": spec.threads, "gpu": spec.gpus}


def _start_ray(address: str | None) -> None:
    import ray

    if address is None:
        _start_here()
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(unreachable(address, str(error).splitlines()[0])) from None


def _start_here() -> None:
    import ray

    # ray.init waits seconds for its processes: enough for the import of what comes after it
    Thread(target=import_module, args=("ray.tune",), daemon=True).start()
    try:
        ray.init(
            address="local",  # else Ray joins any cluster that runs on this machine
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=OBJECT_STORE_BYTES,
        )
    except Exception as error:  # Ray raises plain ones, such as where it isn't up after 30 seconds
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"Ray could not start on this machine ({reason}). Start the command again once the machine is less busy, "
            "or run without Ray: --engine serial."
        ) from None


def _fitting_nodes(spec: TrialSpec) -> dict[str, str]:
    """Return id and name of the nodes that can run trials like ``spec``; `InputError` where there is none."""
    import ray

    alive = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
    names = {key: f"{node['NodeManagerHostname']} ({key[:8]})" for key, node in alive.items()}
    have = {
        names[key]: (node["Resources"].get("CPU", 0.0), node["Resources"].get("GPU", 0.0))
        for key, node in alive.items()
    }
    fitting = check_nodes(spec.threads, spec.gpus, have, f"profile {spec.profile}")
    return {key: name for key, name in names.items() if name in fitting}


def _check_nodes(names: Mapping[str, str], footing: Footing, spec: TrialSpec, notify: Notify) -> None:
    """Examine every node, all at once, while the driver reads what they write; raise `InputError` with all problems."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    stage, problems = "checking the nodes", dict[str, list[str]]()
    examine = ray.remote(num_cpus=0, max_retries=0)(_examination())
    tasks = {}
    for key in names:
        nodes.write_answer(footing, key)
        here = NodeAffinitySchedulingStrategy(key, soft=False)
        task = examine.options(scheduling_strategy=here).remote(footing.model_dump_json(), spec.model_dump_json(), key)
        tasks[task] = key
    waiting = list(tasks)
    while waiting:
        notify(Progress(PREPARATION, stage, len(tasks) - len(waiting), len(tasks)))
        ended, waiting = ray.wait(waiting, timeout=0.02)
        for key in [tasks[task] for task in waiting]:
            if problem := nodes.read_problem(footing, key):
                problems[key] = [problem]
        for task in ended:
            key = tasks[task]
            found = _result(task) or [nodes.read_problem(footing, key, ended=True)]
            problems[key] = [*problems.get(key, []), *filter(None, found)]
    notify(Progress(PREPARATION, "ok", 1, 1))
    if any(problems.values()):
        raise InputError([f"node {names[key]} {problem}" for key, found in problems.items() for problem in found])


def _examination() -> Callable[[str, str, str], list[str]]:
    """Return what examines a node. A function within a function travels whole: the node may have no ganbench."""
    version = ganbench.__version__

    def examine(footing: str, spec: str, node: str) -> list[str]:
        try:
            import ganbench

            found = ganbench.__version__
        except (ImportError, AttributeError) as error:
            return [f"has no ganbench ({error}). Install ganbench {version} in the Python that runs Ray there."]
        if found != version:
            return [f"has ganbench {found}, and the driver {version}. Install the same version on both."]
        from ganbench.engines import nodes
        from ganbench.spec import TrialSpec

        return nodes.examine(nodes.Footing.model_validate_json(footing), TrialSpec.model_validate_json(spec), node)

    return examine


def _result(task: Any) -> list[str]:
    import ray

    try:
        found: list[str] = ray.get(task)
    except ray.exceptions.RayError as error:
        return [f"can't be examined: {str(error).strip().splitlines()[-1]}"]
    return found


def _vanished_stopper(footing: Footing) -> Any:
    """Return what ends the run where its results directory vanished: each trial would fail, again and again."""
    from ray import tune

    class VanishedStopper(tune.Stopper):
        def __init__(self) -> None:
            self.last, self.gone = time.monotonic(), False

        def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
            return False

        def stop_all(self) -> bool:
            if not self.gone and time.monotonic() - self.last > LOOK_SECONDS:
                self.last, self.gone = time.monotonic(), not footing.is_there
            return self.gone

    return VanishedStopper()


def _quiet_environment() -> None:
    """Keep Ray from printing, from logs of its own, from handling Ctrl-C, and from starting what nobody uses."""
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # a worker's death is told by its trial's record
    # on a busy machine a worker may take minutes to start; Ray would give it up after one, and start another, for ever
    os.environ.setdefault("RAY_worker_register_timeout_seconds", "600")
    # Tune gives its workers an environment variable, so those that Ray starts beforehand fit none of its trials
    os.environ.setdefault("RAY_prestart_worker_first_driver", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "inf"  # records and checkpoints are ours: Ray need keep no state
    os.environ["TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S"] = "0"
