"""One trial from start to record: data → method → training → translation → evaluation."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from threadpoolctl import threadpool_limits

from ganbench import evaluation
from ganbench.checkpoint import CHECKPOINT_FILE
from ganbench.data.base import TranslationData
from ganbench.errors import DivergedError, GanbenchError, InputError, InterruptedRunError
from ganbench.hardware import peak_memory_mib, pick_device, release_memory, reset_peak_memory
from ganbench.methods.base import METHODS, Method, Task
from ganbench.metrics.base import Evidence, Value
from ganbench.progress import Notify, Progress
from ganbench.provenance import provenance
from ganbench.results.pictures import CLOSEST, write_neighbours
from ganbench.results.record import Budget, Measured, Record, Status, Timings
from ganbench.results.store import find_record, write_record
from ganbench.spec import TrialSpec, make_method, open_dataset
from ganbench.training import TrainingState, train
from ganbench.translations import (
    DIVERSITY_INPUTS,
    TRANSLATIONS_FILE,
    add_reconstructions,
    load_reconstructions,
    load_translations,
    store_translations,
    translate_test_images,
)

SAMPLES_FILE = "samples.png"
CACHE_FOLDER = "evaluation-cache"  # features and judges, shared by all trials of a profile

Need = Literal["train", "evaluate", "nothing"]


@dataclass
class _Outcome:
    """What is known of a trial so far; whatever happens, a record can be made of it."""

    started: str
    clock: float
    updates: int = 0
    training: TrainingState = field(default_factory=TrainingState)
    evaluation_seconds: float = 0.0
    result: evaluation.EvaluationResult | None = None
    skipped: str | None = None


def what_is_needed(spec: TrialSpec) -> Need:
    """Say what a trial still needs: everything, metrics that its record lacks, or nothing."""
    record = find_record(spec.directory)
    if record is None or record.status not in ("ok", "skipped"):
        return "train"
    return "evaluate" if record.status == "ok" and _stale_families(spec, record) else "nothing"


def run_trial(spec: TrialSpec, notify: Notify, should_stop: Callable[[], bool]) -> Record:
    """Run one trial and write its record, whatever happens; a trained one is only evaluated further.

    Failures do not raise: the record says ``failed``, ``diverged`` or ``interrupted``, with the error's text.
    """
    reset_peak_memory()
    outcome = _Outcome(_now(), time.perf_counter())
    status: Status = "ok"
    error: str | None = None
    with limited_threads(spec.threads):
        try:
            _attempt(spec, notify, should_stop, outcome)
        except InterruptedRunError as stop:
            status, error = "interrupted", str(stop)
        except DivergedError as divergence:
            status, error = "diverged", str(divergence)
        except Exception as failure:  # one failing method must not take the others with it
            status, error = "failed", _describe(failure)
    if outcome.skipped:
        status, error = "skipped", outcome.skipped
    record = _make_record(spec, outcome, status, error, find_record(spec.directory))
    write_record(spec.directory, record)
    release_memory()
    notify(Progress(spec.title, status, 1, 1, note=error.splitlines()[0] if error else ""))
    return record


def record_outputs(spec: TrialSpec, outputs: torch.Tensor, notify: Notify) -> Record:
    """Judge outputs (N, 3, H, W), uint8, that another program made of the test images; write and return the record.

    One output per input is stored as a sample too: whether that program would answer otherwise another time, nobody
    here knows, so it isn't taken for deterministic. Errors raise.
    """
    outcome = _Outcome(_now(), time.perf_counter())
    store_translations(spec.directory, {"outputs": outputs, "samples": outputs[:DIVERSITY_INPUTS, None]})
    with limited_threads(spec.threads):
        outcome.result = evaluate_trial(spec, load_data(spec), list(spec.metrics), notify)
    outcome.evaluation_seconds = time.perf_counter() - outcome.clock
    record = _make_record(spec, outcome, "ok", None, None)
    write_record(spec.directory, record)
    return record


def load_data(spec: TrialSpec) -> TranslationData:
    """Return the trial's images; workers that run several trials keep them. `InputError` where they changed."""
    data = _load(json.dumps(spec.dataset), spec.image_size)  # unsorted: the order of label maps' classes counts
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
def _load(dataset: str, image_size: int) -> TranslationData:
    return open_dataset(json.loads(dataset)).load(image_size)


def _attempt(spec: TrialSpec, notify: Notify, should_stop: Callable[[], bool], outcome: _Outcome) -> None:
    data = load_data(spec)
    outcome.skipped = METHODS.get(spec.method).skip_reason(data)
    if outcome.skipped:
        return
    record = find_record(spec.directory)
    if record is None or record.status != "ok":
        method = build_method(spec, data)
        outcome.training = train(method, data, spec, notify, should_stop)
        outcome.updates = method.generator_updates(outcome.training.step)
        translate_test_images(method, data, spec)
        del method
        release_memory()
    else:
        add_reconstructions(data, spec)
    families = _stale_families(spec, record) if record else list(spec.metrics)
    started = time.perf_counter()
    outcome.result = evaluate_trial(spec, data, families, notify)
    outcome.evaluation_seconds = time.perf_counter() - started


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


def _make_record(
    spec: TrialSpec, outcome: _Outcome, status: Status, error: str | None, before: Record | None
) -> Record:
    """Make the record of this attempt; what an earlier attempt measured of the same training is kept."""
    old = before if before is not None and before.status == "ok" else None
    result = outcome.result or evaluation.EvaluationResult([], {}, {})
    renewed = {value.quantity.name for value in result.values}
    metrics = {name: measured for name, measured in (old.metrics if old else {}).items() if name not in renewed}
    per_image = dict(old.per_image) if old else {}
    per_image |= {v.quantity.name: v.per_image.tolist() for v in result.values if v.per_image is not None}
    training = outcome.training
    return Record(
        suite=spec.suite,
        profile=spec.profile,
        method=spec.method,
        label=spec.label,
        options=spec.options,
        seed=spec.seed,
        status=status,
        error=error,
        training_hash=spec.training_hash,
        dataset=spec.dataset,
        data_fingerprint=spec.data_fingerprint,
        budget=old.budget if old else _budget(spec, outcome),
        baseline=spec.baseline,
        reference=spec.reference,
        stochastic=spec.stochastic,
        metrics=metrics | {value.quantity.name: measured(value) for value in result.values},
        missing=result.missing,
        evaluated=(old.evaluated if old else {}) | result.evaluated,
        curve=old.curve if old else training.curve,
        per_image=per_image,
        timings=_timings(spec, outcome, old),
        provenance=provenance(pick_device(spec.gpus), spec.threads, spec.code) | {"asked": _asked(spec)},
        files=_files(spec.directory),
    )


def _asked(spec: TrialSpec) -> dict[str, Any]:
    """Return what of the spec stands nowhere else in a record, so that a record alone can be run again."""
    return {"extractor": spec.extractor, "flip": spec.flip, "gpus_per_trial": spec.gpus}


def _budget(spec: TrialSpec, outcome: _Outcome) -> Budget:
    return Budget(
        image_size=spec.image_size,
        steps=spec.steps,
        batch_size=spec.batch_size,
        n_train=spec.n_train,
        precision=spec.precision,
        threads=spec.threads,
        updates=outcome.updates,
        images_seen=outcome.training.step * spec.batch_size,
    )


def _timings(spec: TrialSpec, outcome: _Outcome, old: Record | None) -> Timings:
    total = time.perf_counter() - outcome.clock
    this_training = 0.0 if old else outcome.training.seconds
    training = old.timings.training_seconds if old else outcome.training.seconds
    return Timings(
        training_seconds=training,
        evaluation_seconds=(old.timings.evaluation_seconds if old else 0.0) + outcome.evaluation_seconds,
        overhead_seconds=max(0.0, total - this_training - outcome.evaluation_seconds),
        images_per_second=outcome.training.step * spec.batch_size / training if training and not old else
        (old.timings.images_per_second if old else 0.0),
        peak_memory_mib=peak_memory_mib(),
        started=old.timings.started if old else outcome.started,
        finished=_now(),
    )  # fmt: skip


def measured(value: Value) -> Measured:
    """Return a metric's value as it stands in a record."""
    quantity = value.quantity
    return Measured(
        value=value.value,
        std=value.std,
        n=value.n,
        protocol=dict(value.protocol),
        title=quantity.title,
        group=quantity.group,
        higher_is_better=quantity.higher_is_better,
        digits=quantity.digits,
        note=quantity.note,
        details=dict(value.details),
        alarm=value.alarm,
    )


def _files(directory: Path) -> Mapping[str, Any]:
    names = {"translations": TRANSLATIONS_FILE, "checkpoint": CHECKPOINT_FILE, "samples": SAMPLES_FILE}
    return {role: name for role, name in names.items() if (directory / name).exists()}


def _describe(failure: Exception) -> str:
    """Say what went wrong in one line; an unforeseen error also gets the place where it happened."""
    if isinstance(failure, GanbenchError):
        return str(failure)
    frames = "".join(traceback.format_tb(failure.__traceback__)[-3:])
    return f"{type(failure).__name__}: {failure}\n{frames}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
