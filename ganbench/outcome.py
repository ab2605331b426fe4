"""What is known of a trial, whatever becomes of it, and the record that is made of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ganbench import evaluation
from ganbench.checkpoint import CHECKPOINT_FILE
from ganbench.hardware import peak_memory_mib, pick_device
from ganbench.metrics.base import Value
from ganbench.provenance import provenance
from ganbench.results.record import Budget, Measured, Record, Rung, SearchNotes, Status, Timings
from ganbench.spec import TrialSpec
from ganbench.training import TrainingState
from ganbench.translations import TRANSLATIONS_FILE

SAMPLES_FILE = "samples.png"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass
class Outcome:
    """What is known of a trial so far; whatever happens, a record can be made of it."""

    started: str = field(default_factory=_now)
    clock: float = field(default_factory=time.perf_counter)
    updates: int = 0
    training: TrainingState = field(default_factory=TrainingState)
    evaluation_seconds: float = 0.0
    result: evaluation.EvaluationResult | None = None
    skipped: str | None = None
    rungs: list[Rung] = field(default_factory=list)


def make_record(spec: TrialSpec, outcome: Outcome, status: Status, error: str | None, before: Record | None) -> Record:
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
        search=_search_notes(spec, outcome),
        files=_files(spec.directory),
    )


def _search_notes(spec: TrialSpec, outcome: Outcome) -> SearchNotes | None:
    if spec.search is None:
        return None
    part = spec.search
    return SearchNotes(
        number=part.number, metric=part.metric, higher_is_better=part.higher_is_better, rungs=outcome.rungs
    )


def _asked(spec: TrialSpec) -> dict[str, Any]:
    """Return what of the spec stands nowhere else in a record, so that a record alone can be run again."""
    return {"extractor": spec.extractor, "flip": spec.flip, "gpus_per_trial": spec.gpus}


def _budget(spec: TrialSpec, outcome: Outcome) -> Budget:
    return Budget(
        image_size=spec.image_size,
        steps=spec.steps,
        batch_size=spec.batch_size,
        n_train=spec.n_train,
        **spec.numerics.model_dump(),
        threads=spec.threads,
        updates=outcome.updates,
        images_seen=outcome.training.step * spec.batch_size,
    )


def _timings(spec: TrialSpec, outcome: Outcome, old: Record | None) -> Timings:
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
