"""From a record back to the trial that it tells of, to be run again; hostile records are refused here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

import ganbench
from ganbench.errors import InputError
from ganbench.hardware import available_cpus, check_resources, gpus_needed
from ganbench.methods.base import METHODS
from ganbench.metrics.base import METRICS
from ganbench.nets.extractors import EXTRACTORS
from ganbench.numerics import numerics_of
from ganbench.options import read_options
from ganbench.results.plan import EXTERNAL
from ganbench.results.record import Record
from ganbench.results.store import profile_directory
from ganbench.spec import TrialSpec, open_dataset
from ganbench.suite import Profile


def spec_of(record: Record, path: Path, directory: Path) -> TrialSpec:
    """Return what a record says was done, to be done again in ``directory``; `InputError` with all its problems."""
    problems = list(_problems(record, path))
    if problems:
        raise InputError(problems)
    profile = _profile(record, path)
    extractor = _asked(record)["extractor"]
    spec = TrialSpec(
        suite=record.suite,
        profile=record.profile,
        method=record.method,
        label=record.label,
        options=record.options,
        seed=record.seed,
        dataset=record.dataset,
        data_fingerprint=record.data_fingerprint,
        image_size=profile.image_size,
        steps=record.budget.steps,
        batch_size=profile.batch_size,
        n_train=record.budget.n_train,
        flip=profile.flip,
        **numerics_of(record.budget).model_dump(),
        threads=profile.cpus_per_trial,
        gpus=gpus_needed(profile.gpus_per_trial),
        metrics=tuple(record.evaluated),
        extractor=extractor,
        baseline=record.baseline,
        reference=record.reference,
        stochastic=record.stochastic,
        profile_dir=str(profile_directory(directory, record.suite, record.profile).absolute()),
    )
    return _with_flip(spec, record, path)


def _problems(record: Record, path: Path) -> Iterator[str]:
    """Yield what keeps the trial from being run here, before anything is loaded."""
    if record.status != "ok":
        yield f"{path}: only a finished trial can be reproduced. This one is {record.status!r}: run its suite again."
    if record.method == EXTERNAL:
        yield f"{path}: the pictures of {record.label} were made by another program, which has to make them again."
    elif record.method not in METHODS.names():
        yield f"{path}: {METHODS.unknown(record.method)}"
    else:
        yield from problems_of(
            path, lambda: read_options(METHODS.get(record.method).Options, record.options, "options")
        )
    yield from problems_of(path, lambda: open_dataset(record.dataset))
    yield from (f"{path}: {METRICS.unknown(name)}" for name in record.evaluated if name not in METRICS.names())
    extractor = _asked(record)["extractor"]
    if extractor not in EXTRACTORS.names():
        yield f"{path}: {EXTRACTORS.unknown(str(extractor))}"


def _profile(record: Record, path: Path) -> Profile:
    """Return the recorded budget, within the bounds of a suite's and of this machine."""
    budget, asked = record.budget, _asked(record)
    values = {
        "image_size": budget.image_size,
        "steps": max(1, budget.steps),  # baselines have none
        "batch_size": budget.batch_size,
        "cpus_per_trial": budget.threads,
        "gpus_per_trial": asked["gpus_per_trial"],
        "precision": budget.precision,
        "memory_format": budget.memory_format,
        "compile": budget.compiled,
        "flip": asked["flip"],
    }
    profile = read_options(Profile, values, f"{path}: budget")
    check_resources(
        profile.cpus_per_trial, profile.gpus_per_trial, available_cpus(), torch.cuda.device_count(), f"{path}: budget"
    )
    return profile


def problems_of(path: Path, check: Callable[[], object]) -> Iterator[str]:
    """Yield the problems that ``check`` raises, each with the record's name."""
    try:
        check()
    except InputError as error:
        yield from (f"{path}: {problem}" for problem in error.problems)


def _asked(record: Record) -> dict[str, Any]:
    """Return extractor, flip and GPUs; of records that don't hold them yet, what their values and device say."""
    hardware = record.provenance.get("hardware")
    on_gpu = isinstance(hardware, dict) and hardware.get("device") == "cuda"
    extractors = [measured.protocol.get("extractor") for measured in record.metrics.values()]
    known = {
        "extractor": next(filter(None, extractors), "efficientnet-lite0"),
        "flip": False,
        "gpus_per_trial": 1.0 if on_gpu else 0.0,
    }
    asked = record.provenance.get("asked")
    return known | {key: asked[key] for key in known if isinstance(asked, dict) and key in asked}


def _with_flip(spec: TrialSpec, record: Record, path: Path) -> TrialSpec:
    """Return the spec whose hash is the record's: early records don't say whether pictures were mirrored."""
    version = str(record.provenance.get("ganbench", ganbench.__version__))
    for flip in (spec.flip, not spec.flip):
        tried = spec.model_copy(update={"flip": flip})
        if tried.training_hash_under(version) == record.training_hash:
            return tried
    raise InputError(
        f"{path}: the training hash {record.training_hash[:8]} is not that of the options, budget and data that the "
        "record names, so the record was changed or is of an early version. Run its suite again."
    )
