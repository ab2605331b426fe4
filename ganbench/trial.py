"""One trial from start to record: data → method → training → translation → evaluation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Literal

import torch
from threadpoolctl import threadpool_limits

from ganbench import evaluation
from ganbench.atomic_file import sweep
from ganbench.checkpoint import CHECKPOINT_FILE, PREVIOUS_FILE, forget_previous, load_latest
from ganbench.data.base import TranslationData
from ganbench.errors import DivergedError, GanbenchError, InputError, InterruptedRunError, StoppedEarlyError
from ganbench.faults import (
    HANG_FILE,
    TimeLimit,
    cause_of_death,
    describe,
    is_out_of_memory,
    over_time,
    smaller_batch,
)
from ganbench.hardware import pick_device, release_memory, reset_peak_memory
from ganbench.locks import locked
from ganbench.methods.base import METHODS, Method, Task
from ganbench.metrics.base import Evidence
from ganbench.outcome import Outcome, make_record
from ganbench.progress import Notify, Progress
from ganbench.results.pictures import CLOSEST, write_neighbours
from ganbench.results.record import Record, Status
from ganbench.results.store import find_record, write_record
from ganbench.spec import TrialSpec, make_method, open_dataset
from ganbench.training import train
from ganbench.translations import (
    DIVERSITY_INPUTS,
    TRANSLATIONS_FILE,
    add_reconstructions,
    load_reconstructions,
    load_translations,
    store_translations,
    translate_test_images,
)
from ganbench.tuning.rungs import describe_rung, judge_rung

LOCK_FILE = ".lock"
LEFTOVER_SECONDS = 120.0  # that a worker of a killed run may take to notice it, and NFS to release a dead node's locks
CACHE_FOLDER = "evaluation-cache"  # features and judges, shared by all trials of a profile

Need = Literal["train", "evaluate", "nothing"]


def what_is_needed(spec: TrialSpec) -> Need:
    """Say what a trial still needs: everything, metrics that its record lacks, or nothing."""
    record = find_record(spec.directory)
    if spec.search and record is not None and record.status != "interrupted":  # whatever came of it, it had its turn
        return "nothing"
    if record is None or record.status not in ("ok", "skipped"):
        return "train"
    return "evaluate" if record.status == "ok" and _stale_families(spec, record) else "nothing"


def run_trial(spec: TrialSpec, notify: Notify, should_stop: Callable[[], bool]) -> Record:
    """Run one trial and write its record, whatever happens; a trained one is only evaluated further.

    Failures do not raise: the record says ``failed``, ``diverged`` or ``interrupted``, with the error's text. Where
    the suite sets a time limit and a step never returns, the process ends: `record_death` is for whoever notices.

    Raises:
        BusyError: another process works on the trial.
        StorageError: the record itself can't be written.
    """
    reset_peak_memory()
    limit = TimeLimit(spec.seconds_allowed, should_stop)
    with alone(spec), limit.enforced(spec.directory), limited_threads(spec.threads):
        outcome = Outcome()
        status, error = _try(spec, notify, limit, outcome)
        return _finish(spec, outcome, status, error, notify)


def record_death(spec: TrialSpec, notify: Notify, cause: str | None = None) -> Record:
    """Write the record of a trial whose process died: failed, with what its last checkpoint tells.

    ``cause`` is what is known of it; None: what the process left tells it.
    """
    with alone(spec):
        record = find_record(spec.directory)
        if record is not None and what_is_needed(spec) == "nothing":  # it died after its work was done
            return record
        outcome = Outcome()
        content = load_latest(spec.directory / CHECKPOINT_FILE, lambda _: None)
        vars(outcome.training).update(content["training"] if content else {})
        return _finish(spec, outcome, "failed", cause or cause_of_death(spec), notify)


@contextmanager
def alone(spec: TrialSpec) -> Iterator[None]:
    """Keep all others out of the trial's directory; a worker of a killed run may take a while to notice and end."""
    with locked(spec.directory / LOCK_FILE, f"{spec.title} ({spec.directory})", LEFTOVER_SECONDS):
        sweep(spec.directory)
        yield


def _try(spec: TrialSpec, notify: Notify, limit: TimeLimit, outcome: Outcome) -> tuple[Status, str | None]:
    """Attempt the trial; return how it ended, and why."""
    try:
        _attempt(spec, notify, limit.should_stop, outcome)
    except InterruptedRunError as stop:
        return ("failed", over_time(spec, str(stop))) if limit.is_over else ("interrupted", str(stop))
    except DivergedError as divergence:
        return "diverged", str(divergence)
    except StoppedEarlyError as stop:
        return "stopped", str(stop)
    except Exception as failure:  # one failing method must not take the others with it
        smaller = smaller_batch(spec) if is_out_of_memory(failure) and outcome.training.step < spec.steps else None
        instead = f" Row {smaller.label} stands in its place." if smaller else ""
        return "skipped" if smaller else "failed", describe(failure, spec) + instead
    return ("skipped", outcome.skipped) if outcome.skipped else ("ok", None)


def _finish(spec: TrialSpec, outcome: Outcome, status: Status, error: str | None, notify: Notify) -> Record:
    if spec.search and status != "interrupted":
        _forget_weights(spec)
    record = make_record(spec, outcome, status, error, find_record(spec.directory))
    write_record(spec.directory, record)
    if status == "ok":
        forget_previous(spec.directory / CHECKPOINT_FILE)
    (spec.directory / HANG_FILE).unlink(missing_ok=True)
    release_memory()
    notify(Progress(spec.title, status, 1, 1, note=error.splitlines()[0] if error else ""))
    return record


def _forget_weights(spec: TrialSpec) -> None:
    """Remove what only a search trial itself needed: of many trials, the winner is trained again anyway."""
    for name in (CHECKPOINT_FILE, PREVIOUS_FILE, TRANSLATIONS_FILE):
        (spec.directory / name).unlink(missing_ok=True)


def record_outputs(spec: TrialSpec, outputs: torch.Tensor, notify: Notify) -> Record:
    """Judge outputs (N, 3, H, W), uint8, that another program made of the test images; write and return the record.

    One output per input is stored as a sample too: whether that program would answer otherwise another time, nobody
    here knows, so it isn't taken for deterministic. Errors raise.
    """
    outcome = Outcome()
    store_translations(spec.directory, {"outputs": outputs, "samples": outputs[:DIVERSITY_INPUTS, None]})
    with limited_threads(spec.threads):
        outcome.result = evaluate_trial(spec, load_data(spec), list(spec.metrics), notify)
    outcome.evaluation_seconds = time.perf_counter() - outcome.clock
    record = make_record(spec, outcome, "ok", None, None)
    write_record(spec.directory, record)
    return record


def load_data(spec: TrialSpec) -> TranslationData:
    """Return the trial's images; workers that run several trials keep them. `InputError` where they changed."""
    # unsorted: the order of label maps' classes counts
    data = _load(json.dumps(spec.dataset), spec.image_size, spec.search is not None)
    if data.fingerprint != spec.data_fingerprint:
        raise InputError(
            f"dataset {spec.dataset['name']}: the images changed since the run was planned "
            f"(fingerprint {data.fingerprint[:12]} instead of {spec.data_fingerprint[:12]}). Start the run again."
        )
    return data


def build_method(spec: TrialSpec, data: TranslationData) -> Method:
    """Return the trial's method, its weights drawn from the trial's seed."""
    task = Task(spec.image_size, data.source, data.target, spec.steps, spec.batch_size, data.classes, data.others)
    return make_method(spec, task, pick_device(spec.gpus))


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Give torch, and the linear algebra under numpy, ``threads`` threads: more trials than cores run at once."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=1)
def _load(dataset: str, image_size: int, search: bool) -> TranslationData:
    data = open_dataset(json.loads(dataset)).load(image_size)
    return data.with_validation_as_test() if search else data


def _attempt(spec: TrialSpec, notify: Notify, should_stop: Callable[[], bool], outcome: Outcome) -> None:
    data = load_data(spec)
    outcome.skipped = METHODS.get(spec.method).skip_reason(data)
    if outcome.skipped:
        return
    record = find_record(spec.directory)
    if record is None or record.status != "ok":
        method = build_method(spec, data)
        try:
            _pass_rungs(method, data, spec, notify, should_stop, outcome)
            train(method, data, spec, notify, should_stop, outcome.training)
        finally:
            outcome.updates = method.generator_updates(outcome.training.step)
        translate_test_images(method, data, spec)
        del method
        release_memory()
    else:
        add_reconstructions(data, spec)
    families = _stale_families(spec, record) if record else list(spec.metrics)
    started = time.perf_counter()
    outcome.result = evaluate_trial(spec, data, families, notify)
    outcome.evaluation_seconds += time.perf_counter() - started
    if spec.search:
        _score(spec.search.metric, outcome.result)


def _pass_rungs(
    method: Method,
    data: TranslationData,
    spec: TrialSpec,
    notify: Notify,
    should_stop: Callable[[], bool],
    outcome: Outcome,
) -> None:
    """Train a search trial from rung to rung; `StoppedEarlyError` where too many of the others did better."""
    before = find_record(spec.directory)
    outcome.rungs = list(before.search.rungs) if before and before.search else []
    passed = {rung.step for rung in outcome.rungs}
    for step in spec.search.rungs if spec.search else ():
        if step not in passed:
            train(method, data, spec, notify, should_stop, outcome.training, step)
            _pass_rung(method, data, spec, notify, outcome)


def _pass_rung(method: Method, data: TranslationData, spec: TrialSpec, notify: Notify, outcome: Outcome) -> None:
    """Judge a search trial as far as it is trained, and write down that it was kept, for the others to see."""
    assert spec.search is not None  # only those have rungs  # noqa: S101
    started = time.perf_counter()
    translate_test_images(method, data, spec)
    result = evaluate_trial(spec, data, list(spec.metrics), notify)
    outcome.evaluation_seconds += time.perf_counter() - started
    outcome.rungs.append(judge_rung(spec, outcome.training.step, _score(spec.search.metric, result)))
    if not outcome.rungs[-1].kept:
        raise StoppedEarlyError(describe_rung(outcome.rungs[-1], spec.steps))
    error = f"at step {outcome.training.step} of {spec.steps}; the same command goes on"
    write_record(spec.directory, make_record(spec, outcome, "interrupted", error, None))


def _score(metric: str, result: evaluation.EvaluationResult) -> float:
    """Return the value that decides a search; `GanbenchError` where validation images don't give it."""
    found = {value.quantity.name: value.value for value in result.values}
    if metric not in found:
        reason = "; ".join(result.missing.values()) or "nothing was measured"
        raise GanbenchError(f"{metric} can't be measured on the validation images: {reason}. Tune by another metric.")
    return found[metric]


def evaluate_trial(
    spec: TrialSpec, data: TranslationData, families: list[str], notify: Notify
) -> evaluation.EvaluationResult:
    """Judge a trial's stored translations by the named metric families."""
    outputs, samples = load_translations(spec.directory)
    workbench = evaluation.open_workbench(
        data, spec.extractor, Path(spec.profile_dir) / CACHE_FOLDER, pick_device(spec.gpus)
    )
    judged = data.target if spec.reference else data.source  # real images are held against their own labels
    evidence = Evidence(
        data=data,
        outputs=outputs,
        workbench=workbench,
        labels=data.labels(judged, "test"),
        counterparts=None if spec.reference else data.counterparts.get("test"),
        samples=samples,
        reconstructions=load_reconstructions(spec),
        is_translation=not spec.reference,
    )
    notify(Progress(spec.title, "evaluation", 0, len(families)))
    result = evaluation.evaluate(evidence, families, spec.extractor)
    for value in result.values:
        if value.quantity.name == CLOSEST:
            write_neighbours(spec.directory, value.details, data.images(data.target, "train").numpy())
    return result


def _stale_families(spec: TrialSpec, record: Record) -> list[str]:
    current = {name: evaluation.evaluation_hash(name, spec.extractor) for name in spec.metrics}
    return [name for name, digest in current.items() if record.evaluated.get(name) != digest]
