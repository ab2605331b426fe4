"""Which numerics a profile gets where its suite leaves them to the machine: measured once, then kept.

The choice lies in the results directory, since other numerics are other bits: every trial and every resume takes it
from there. Measurements lie in the user's cache, so that the same machine answers the same in a new directory.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import Field

from ganbench.data.base import TranslationData
from ganbench.data.cache import cache_folder
from ganbench.errors import InputError
from ganbench.gpu_sharing import GpuShare
from ganbench.hardware import describe, has_fast_bfloat16, pick_device
from ganbench.methods.base import METHODS, Method
from ganbench.numerics import MemoryFormat, Numerics, numerics_of
from ganbench.results.files import read_model, to_json, write_atomic
from ganbench.results.record import RecordModel
from ganbench.results.store import RECORD_FILE, read_record
from ganbench.spec import TrialSpec
from ganbench.suite import Profile
from ganbench.training import StepTimer
from ganbench.trial import build_method, limited_threads

NUMERICS_FILE = "numerics.json"
MARGIN = 1.15  # so much faster another format must be than the default: a busy machine errs by less, mostly
ROUNDS = 5  # measured steps of each candidate, after one to warm up
PATIENCE = 10.0  # seconds after which no further round begins
LONG = 1800.0  # seconds of training from which on it is worth a minute or two to see what compilation brings
WARM_UPS = 2.0  # so many times its warm-up compilation must save: each process that trains pays it again


class StepTime(RecordModel):
    """What one training step took under some numerics: the fastest of several, and what came before the first."""

    numerics: Numerics
    milliseconds: float
    warm_up_seconds: float = 0.0


class NumericsChoice(RecordModel):
    """What was chosen, and why.

    Attributes:
        numerics: of every trial in the results directory.
        measured: what was compared; empty where the suite left no choice.
        where: method and sizes that were measured.
        hardware: on which.
        gpu: how its trials share GPUs, where the suite leaves that to the machine; changes no bits.
    """

    numerics: Numerics
    measured: list[StepTime] = Field(default_factory=list)
    where: str = ""
    hardware: dict[str, Any] = Field(default_factory=dict)
    gpu: GpuShare | None = None

    def __str__(self) -> str:
        if not self.measured:
            return str(self.numerics)
        times = ", ".join(f"{time.milliseconds:.0f} ms in {time.numerics}" for time in self.measured)
        return f"{self.numerics}. A training step of {self.where}: {times}"


def choose_numerics(
    profile: Profile,
    specs: Sequence[TrialSpec],
    data: TranslationData,
    directory: Path,
    measuring: Callable[[], object] = lambda: None,
) -> NumericsChoice:
    """Return what the results directory holds already, else what the cache knows, else what is measured now.

    A directory of a version that recorded no choice goes on as its trials were trained.

    Args:
        profile: what it doesn't leave to the machine is kept, whatever was recorded.
        specs: the trials; the first whose method needs no preparation is measured.
        data: their images.
        directory: ``results/<suite>/<profile>``.
        measuring: called before something is measured, which may take a minute.

    Raises:
        InputError: the recorded choice is damaged, or compilation is asked for where nothing can compile.
    """
    path = directory / NUMERICS_FILE
    recorded = read_model(path, NumericsChoice, "choice of numerics") if path.exists() else _of_records(directory)
    spec = next(filter(_can_be_measured, specs), None)
    measured = spec and not recorded and _from_cache_or_measured(profile, spec, data, measuring)
    found = recorded or measured or NumericsChoice(numerics=Numerics())
    chosen = found.model_copy(update={"numerics": found.numerics.model_copy(update=_fixed(profile))})
    if chosen.numerics.compiled:
        _check_compiler()
    return chosen


def _of_records(directory: Path) -> NumericsChoice | None:
    """Return how the trained trials in ``directory`` computed, as the first of them says; None where there are none."""
    for path in sorted(directory.glob(f"*/{RECORD_FILE}")):
        budget = read_record(path, series=False).budget
        if budget.updates:
            return NumericsChoice(numerics=numerics_of(budget))
    return None


def store_numerics(choice: NumericsChoice, directory: Path) -> None:
    """Keep the choice for every later run in the results directory."""
    write_atomic(directory / NUMERICS_FILE, to_json(choice.model_dump()))


def candidates(profile: Profile, device: torch.device) -> list[Numerics]:
    """Return the eager numerics among which the profile leaves the choice; the first is the default.

    bfloat16 is one of them only where the hardware multiplies it natively: emulated, it is slower by far.
    """
    precisions = ["float32", "bfloat16"] if has_fast_bfloat16(device) else ["float32"]
    formats: list[MemoryFormat] = ["channels_last", "contiguous"]
    if profile.precision != "auto":
        precisions = [profile.precision]
    if profile.memory_format != "auto":
        formats = [profile.memory_format]
    return [Numerics(precision=p, memory_format=f) for p, f in itertools.product(precisions, formats)]


def _fixed(profile: Profile) -> dict[str, str | bool]:
    """Return what the suite says itself."""
    asked = {"precision": profile.precision, "memory_format": profile.memory_format, "compiled": profile.compile}
    return {name: value for name, value in asked.items() if value != "auto"}


def _can_be_measured(spec: TrialSpec) -> bool:
    cls = METHODS.get(spec.method)
    return spec.steps > 0 and cls.trained and cls.prepare is Method.prepare


def _from_cache_or_measured(
    profile: Profile, spec: TrialSpec, data: TranslationData, measuring: Callable[[], object]
) -> NumericsChoice | None:
    offered = candidates(profile, pick_device(spec.gpus))
    may_compile = profile.compile == "auto"
    if len(offered) == 1 and not may_compile:
        return None
    path = _cache_file(profile, spec)
    if path.exists():
        return read_model(path, NumericsChoice, "measured choice of numerics")
    measuring()
    found = _measure(offered, spec, data, may_compile)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, to_json(found.model_dump()))
    return found


def _cache_file(profile: Profile, spec: TrialSpec) -> Path:
    """Return the file that holds the choice of this hardware and torch, for steps of this kind."""
    hardware = describe(pick_device(spec.gpus))
    asked = [profile.precision, profile.memory_format, profile.compile]
    step = spec.model_dump(include={"method", "options", "image_size", "batch_size", "threads", "steps"})
    key = json.dumps([hardware, torch.__version__, asked, step], sort_keys=True)
    return cache_folder() / "numerics" / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.json"


def _measure(offered: list[Numerics], spec: TrialSpec, data: TranslationData, may_compile: bool) -> NumericsChoice:
    """Time steps of all candidates in turn; keep the default unless another is faster by `MARGIN`."""
    where = f"{spec.label} at {spec.image_size} px, batch {spec.batch_size}"
    times = _step_times(offered, spec, data) if len(offered) > 1 or may_compile else []
    best = min(times, key=lambda time: time.milliseconds * (1 if time.numerics == offered[0] else MARGIN))
    if may_compile and best.milliseconds / 1e3 * spec.steps >= LONG and can_compile():
        (compiled,) = _step_times([best.numerics.model_copy(update={"compiled": True})], spec, data)
        times.append(compiled)
        best = compiled if pays(best, compiled, spec.steps) else best
    return NumericsChoice(
        numerics=best.numerics, measured=times, where=where, hardware=describe(pick_device(spec.gpus))
    )


def pays(eager: StepTime, compiled: StepTime, steps: int) -> bool:
    """Say whether compilation saves `WARM_UPS` times the warm-up that it costs, over a training of ``steps``."""
    saved = (eager.milliseconds - compiled.milliseconds) / 1e3 * steps
    return saved > WARM_UPS * compiled.warm_up_seconds


def _step_times(offered: Sequence[Numerics], spec: TrialSpec, data: TranslationData) -> list[StepTime]:
    """Time each candidate's training step, in turns, so that a busy moment hits all of them."""
    with limited_threads(spec.threads):
        timers = [_timer(spec, numerics, data) for numerics in offered]
        warm_ups = [timer.seconds() for timer in timers]
        rounds = [[timer.seconds() for timer in timers] for _ in _rounds()]
    fastest = map(min, zip(*rounds, strict=True))
    return [
        StepTime(numerics=numerics, milliseconds=round(1e3 * seconds, 3), warm_up_seconds=round(warm_up, 3))
        for numerics, seconds, warm_up in zip(offered, fastest, warm_ups, strict=True)
    ]


def _rounds() -> Iterator[int]:
    """Yield the numbers of the rounds; none after the first begins when patience is at its end."""
    started = time.perf_counter()
    for number in range(ROUNDS):
        if number and time.perf_counter() - started > PATIENCE:
            return
        yield number


def _timer(spec: TrialSpec, numerics: Numerics, data: TranslationData) -> StepTimer:
    steps = max(spec.steps, ROUNDS + 1)  # a schedule ends with its training: a short one must not be timed beyond it
    trial = spec.model_copy(update={**numerics.model_dump(), "steps": steps})
    return StepTimer(build_method(trial, data), data, trial)


def can_compile() -> bool:
    """Say whether torch.compile has the compiler it needs."""
    return shutil.which("g++") is not None or shutil.which("clang++") is not None


def _check_compiler() -> None:
    if not can_compile():
        raise InputError(
            f"compile: the networks are to be compiled, as the suite or {NUMERICS_FILE} in the results says, and that "
            "needs a C++ compiler (g++), which is not on the PATH. Install one, or set compile to false."
        )
