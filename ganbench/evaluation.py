"""Evaluation: metric families applied to the outputs of one trial."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ganbench.data.base import TranslationData
from ganbench.errors import GanbenchError
from ganbench.metrics.base import METRICS, Evidence, Value
from ganbench.metrics.workbench import Report, Workbench, silent
from ganbench.nets.extractors import EXTRACTORS


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation gave.

    Attributes:
        values: what was measured.
        missing: quantity or metric family → why it could not be measured here, with the remedy where there is one.
        evaluated: metric family → `evaluation_hash` under which it was computed (or found to have nothing to say).
    """

    values: list[Value]
    missing: dict[str, str]
    evaluated: dict[str, str]


def open_workbench(
    data: TranslationData, extractor_name: str, cache_dir: Path, device: torch.device | str = "cpu", seed: int = 0
) -> Workbench:
    """Return the workbench that all evaluations of one task share; opening it loads and computes nothing.

    Args:
        data: the task.
        extractor_name: a registered extractor.
        cache_dir: folder of features and judges; processes may share it.
        device: where networks run.
        seed: of judges and other things made once; the same for all trials, or they are not comparable.
    """
    return Workbench(data, extractor_name, Path(cache_dir), device, seed)


def prepare(workbench: Workbench, families: Sequence[str], report: Report = silent) -> None:
    """Compute what the named metric families share between trials, into the workbench's cache.

    ``report`` is called with (stage, step, steps), for example ("features of real train images", 250, 1000).
    """
    workbench.report = report
    try:
        for family in families:
            METRICS.get(family)().prepare(workbench)
    finally:
        workbench.report = silent


def evaluation_hash(family_name: str, extractor_name: str) -> str:
    """Return a hash of how a family is computed: its version, the extractor's digest and resize, optional weights.

    A record that carries another hash was evaluated otherwise, and is to be evaluated again.
    """
    metric, kind = METRICS.get(family_name)(), EXTRACTORS.get(extractor_name)
    parts = (family_name, str(metric.version), kind.name, kind.digest, kind.resize, *metric.dependencies())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def evaluate(evidence: Evidence, families: Sequence[str], extractor_name: str) -> EvaluationResult:
    """Judge ``evidence`` by the named metric families.

    A family that has nothing to say is named in ``missing`` with its reason; one that fails raises.
    """
    values: list[Value] = []
    missing: dict[str, str] = {}
    for family in families:
        metric = METRICS.get(family)()
        reason = metric.skip_reason(evidence)
        if reason is not None:
            missing[family] = reason
            continue
        missing |= metric.missing(evidence)
        values += [_checked(value) for value in metric.compute(evidence)]
    return EvaluationResult(values, missing, {name: evaluation_hash(name, extractor_name) for name in families})


def _checked(value: Value) -> Value:
    numbers = (value.value, 0.0 if value.std is None else value.std)
    if not all(map(math.isfinite, numbers)):
        raise GanbenchError(
            f"The metric {value.quantity.name} must be finite. Got {value.value} ± {value.std} instead."
        )
    return value
