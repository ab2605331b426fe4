"""The verb `run`: from a suite file to records, tables and pictures.

Everything that can be wrong is looked for before the first trial; what is finished already is not done again.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Literal

import torch

import ganbench
from ganbench import evaluation
from ganbench.data.base import TranslationData
from ganbench.display import Display, make_display, minutes
from ganbench.errors import InputError
from ganbench.hardware import available_cpus, check_resources, pick_device, release_memory
from ganbench.progress import Notify, Progress
from ganbench.registry import did_you_mean
from ganbench.report.figures import encode_png, method_grid
from ganbench.report.publish import write_reports
from ganbench.results.files import check_writable, write_atomic
from ganbench.results.pictures import CLOSEST, NEIGHBOURS_FILE, Pictures, write_neighbours, write_pictures
from ganbench.results.plan import Plan, PlannedTrial, check_same_suite, write_plan
from ganbench.results.ranks import undecidable
from ganbench.results.record import Status
from ganbench.results.store import find_record
from ganbench.spec import TrialSpec, make_specs
from ganbench.suite import LoadedSuite
from ganbench.translations import TRANSLATIONS_FILE, load_translations
from ganbench.trial import (
    CACHE_FOLDER,
    SAMPLES_FILE,
    Need,
    build_method,
    limited_threads,
    what_is_needed,
)
from ganbench.variants import load_suite

EngineName = Literal["ray", "serial"]
STOP_FILE = ".ganbench-stop"
BASELINE_COST = 0.02  # of the dearest trial's: baselines are only evaluated
PREPARATION = "preparation"
FOLDER_VARIABLES = ("GANBENCH_CACHE", "GANBENCH_WEIGHTS")


@dataclass(frozen=True)
class RunOptions:
    """What the command line says beside the suite.

    Attributes:
        only: labels (or method names) to run; empty means all. Baselines always run.
        seeds: overrides the suite's seeds.
        force: train again what is finished already.
        tensorboard: log what is trained for TensorBoard, in each trial's directory.
    """

    profile: str = "cpu"
    only: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    engine: EngineName = "ray"
    ray_address: str | None = None
    results: Path = Path("results")
    force: bool = False
    tensorboard: bool = False


@dataclass
class RunPlan:
    """A validated run: all its trials, and what each still needs."""

    loaded: LoadedSuite
    options: RunOptions
    data: TranslationData
    specs: list[TrialSpec]
    needs: dict[str, Need] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """``results/<suite>/<profile>``."""
        return Path(self.specs[0].profile_dir)

    @property
    def advice(self) -> list[str]:
        """What the user might want to know before the run starts."""
        if torch.cuda.is_available() and self.specs[0].gpus == 0 and "gpu" in self.loaded.suite.profiles:
            lines = ["This machine has a GPU: --profile gpu would use it."]
        else:
            lines = []
        seeds = {spec.seed for spec in self.specs if not spec.baseline and not spec.reference}
        warning = undecidable(len(seeds)) if seeds else ""
        return [*lines, *([warning] if warning else [])]

    @property
    def open_specs(self) -> list[TrialSpec]:
        """The trials that still need something."""
        return [spec for spec in self.specs if self.needs[spec.title] != "nothing"]


@dataclass(frozen=True)
class RunSummary:
    """How a run ended.

    Attributes:
        statuses: how many of the planned trials have which status; "pending" where no record is.
        busy_share: share of the wall time in which a trial or the preparation trained or evaluated.
    """

    statuses: Counter[str]
    seconds: float
    busy_share: float
    directory: Path
    interrupted: bool

    @property
    def lines(self) -> list[str]:
        """What to tell the user at the end."""
        counts = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        lines = [
            f"{counts} in {minutes(self.seconds)}, {self.busy_share:.0%} of it in training and evaluation",
            f"Records and pictures: {self.directory}",
        ]
        if self.exit_code:
            lines.append("Not everything is finished; the same command goes on with what is missing.")
        return lines

    @property
    def exit_code(self) -> int:
        """0 where every trial is done (or skipped with a reason), 130 where the user stopped the run, else 3."""
        if self.interrupted:
            return 130
        return 0 if set(self.statuses) <= {"ok", "skipped"} else 3


def plan_run(suite_path: Path, options: RunOptions, notify: Notify) -> RunPlan:
    """Validate everything, load the images and list the trials. Touches nothing in the results directory.

    Raises:
        InputError: whatever is wrong with suite, options, results directory or machine.
    """
    _pin_folders()
    loaded = load_suite(suite_path)
    profile = loaded.profile(options.profile)
    check_writable(options.results)
    check_same_suite(options.results, loaded.suite.name, suite_path, loaded.sha256)
    if options.ray_address is None:
        check_resources(
            profile.cpus_per_trial, profile.gpus_per_trial, available_cpus(), torch.cuda.device_count(),
            f"{loaded.where(('profiles', options.profile))}: profile {options.profile}",
        )  # fmt: skip

    def drawing(done: int, total: int) -> None:
        notify(Progress(PREPARATION, "preparing images", done, total))

    data = loaded.dataset(options.profile).load(profile.image_size, drawing)
    specs = make_specs(loaded, options.profile, data, options.results, list(options.seeds) or None)
    specs = [spec.model_copy(update={"tensorboard": options.tensorboard}) for spec in specs]
    specs = _longest_first(_chosen(specs, options.only), data)
    plan = RunPlan(loaded, options, data, specs)
    plan.needs = {spec.title: "train" if options.force else what_is_needed(spec) for spec in specs}
    return plan


def execute(plan: RunPlan, make: Callable[[dict[str, float]], Display] = make_display) -> RunSummary:
    """Run what the plan still needs. Records are written as trials end; tables and pictures are the caller's."""
    started = time.monotonic()
    _write_plan(plan)
    _store_pictures(plan)
    _forget_forced(plan)
    stop_file = plan.directory / STOP_FILE
    stop_file.unlink(missing_ok=True)
    busy = _BusyTime()
    with make(_costs(plan)) as display, _stop_on_signal(stop_file):

        def notify(progress: Progress) -> None:
            busy(progress)
            display(progress)

        try:
            if not _prepare(plan, notify, stop_file):
                _start_engine(plan, notify, stop_file)
        finally:
            interrupted = stop_file.exists()
            stop_file.unlink(missing_ok=True)
    seconds = time.monotonic() - started
    return RunSummary(count_statuses(plan), seconds, busy.seconds / seconds, plan.directory, interrupted)


def publish(plan: RunPlan) -> list[Path]:
    """Write leaderboard, comparison sheet and one grid per trial from the records that are there; return the tables."""
    shown = _store_pictures(plan)
    for spec in plan.specs:
        if (spec.directory / TRANSLATIONS_FILE).exists() and not (spec.directory / SAMPLES_FILE).exists():
            outputs = load_translations(spec.directory)[0].numpy()
            picture = method_grid(shown.inputs, outputs, f"{spec.suite}: {spec.title}")
            write_atomic(spec.directory / SAMPLES_FILE, encode_png(picture))
    private = not all(credit.publish for credit in plan.data.credits)
    return write_reports(plan.directory, shown.inputs, shown.real, shown.counterparts, shown.credits, private)


def parse_seeds(text: str | None) -> tuple[int, ...]:
    """Read ``"0,1,2"``; raise `InputError` for anything but distinct whole numbers from 0 on."""
    try:
        seeds = tuple(int(part) for part in text.split(",")) if text is not None else ()
    except ValueError:
        seeds = (-1,)
    if any(seed < 0 for seed in seeds) or len(set(seeds)) < len(seeds):
        raise InputError(f"--seeds must be distinct whole numbers from 0 on, such as 0,1,2. Got {text!r} instead.")
    return seeds


def count_statuses(plan: RunPlan) -> Counter[str]:
    """Count the planned trials by the status of their records."""
    records = [find_record(spec.directory) for spec in plan.specs]
    return Counter(record.status if record else "pending" for record in records)


def _pictures(data: TranslationData) -> Pictures:
    inputs, real = (data.images(domain, "test").numpy() for domain in (data.source, data.target))
    counterparts = data.counterparts["test"].numpy() if "test" in data.counterparts else None
    return Pictures(inputs, real, counterparts, tuple(credit.line for credit in data.credits))


def _store_pictures(plan: RunPlan) -> Pictures:
    """Store what pages show of the data, and of closest training images what an earlier version did not; return it."""
    shown = _pictures(plan.data)
    write_pictures(plan.directory, shown)
    train = plan.data.images(plan.data.target, "train").numpy()
    for spec in plan.specs:
        record = find_record(spec.directory)
        if record and CLOSEST in record.metrics and not (spec.directory / NEIGHBOURS_FILE).exists():
            write_neighbours(spec.directory, record.metrics[CLOSEST].details, train)
    return shown


def _pin_folders() -> None:
    """Make folders that the environment names absolute: workers run in other directories, and must find the same."""
    for name in FOLDER_VARIABLES:
        if os.environ.get(name):
            os.environ[name] = str(Path(os.environ[name]).expanduser().absolute())


def _chosen(specs: list[TrialSpec], only: Sequence[str]) -> list[TrialSpec]:
    names = {spec.label for spec in specs} | {spec.method for spec in specs}
    problems = [
        f"--only: the suite has no method {name!r}. {did_you_mean(name, names)}Its methods: {', '.join(sorted(names))}."
        for name in only
        if name not in names
    ]
    if problems:
        raise InputError(problems)
    return [spec for spec in specs if not only or spec.baseline or {spec.label, spec.method} & set(only)]


def _longest_first(specs: list[TrialSpec], data: TranslationData) -> list[TrialSpec]:
    """Order the trials so that no long one is left alone at the end, all other cores idle."""
    costs = _trial_costs(specs, data)
    return sorted(specs, key=lambda spec: (-costs[spec.title], spec.seed))


def _trial_costs(specs: Sequence[TrialSpec], data: TranslationData) -> dict[str, float]:
    """Estimate what each trial costs: images seen times convolution weights, which is roughly the arithmetic."""
    per_label: dict[str, float] = {}
    for spec in specs:
        if spec.label not in per_label:
            per_label[spec.label] = spec.steps * spec.batch_size * _convolution_weights(spec, data)
    floor = BASELINE_COST * max([*per_label.values(), 1.0])
    return {spec.title: max(per_label[spec.label], floor) for spec in specs}


def _convolution_weights(spec: TrialSpec, data: TranslationData) -> int:
    def count(state: object) -> int:
        if isinstance(state, torch.Tensor):
            return state.numel() if state.ndim == 4 else 0
        return sum(map(count, state.values())) if isinstance(state, dict) else 0

    return count(build_method(spec, data).state_dict()) if spec.steps else 0


def _costs(plan: RunPlan) -> dict[str, float]:
    return _trial_costs(plan.open_specs, plan.data)


def _write_plan(plan: RunPlan) -> None:
    trials = [
        PlannedTrial(
            label=spec.label,
            method=spec.method,
            seed=spec.seed,
            training_hash=spec.training_hash,
            baseline=spec.baseline,
            reference=spec.reference,
        )
        for spec in plan.specs
    ]
    suite = plan.loaded.suite.name
    write_plan(
        plan.directory,
        Plan(
            suite=suite,
            profile=plan.options.profile,
            suite_path=str(plan.loaded.path.absolute()),
            suite_sha256=plan.loaded.sha256,
            ganbench=ganbench.__version__,
            headline=plan.loaded.suite.headline,
            trials=trials,
        ),
    )


def _forget_forced(plan: RunPlan) -> None:
    if plan.options.force:
        for spec in plan.specs:
            shutil.rmtree(spec.directory, ignore_errors=True)


def _prepare(plan: RunPlan, notify: Notify, stop_file: Path) -> bool:
    """Compute once what all trials are judged by; return True where the run was stopped meanwhile."""

    def report(stage: str, step: int, steps: int) -> None:
        notify(Progress(PREPARATION, stage, step, steps))

    spec = plan.specs[0]
    device = pick_device(spec.gpus)
    with limited_threads(available_cpus()):
        workbench = evaluation.open_workbench(plan.data, spec.extractor, plan.directory / CACHE_FOLDER, device)
        evaluation.prepare(workbench, list(spec.metrics), report)
    del workbench
    release_memory()
    notify(Progress(PREPARATION, "ok", 1, 1))
    return stop_file.exists()


def _start_engine(plan: RunPlan, notify: Notify, stop_file: Path) -> None:
    if plan.options.engine == "serial":
        from ganbench.engines import serial

        serial.run(plan.open_specs, notify, stop_file)
    else:
        from ganbench.engines import ray_tune

        ray_tune.run(plan.open_specs, notify, stop_file, plan.options.ray_address)


@contextmanager
def _stop_on_signal(stop_file: Path) -> Iterator[None]:
    """On the first Ctrl-C or SIGTERM ask the trials to save and end; on the second give up at once."""

    def ask(_signum: int, _frame: FrameType | None) -> None:
        if stop_file.exists():
            raise KeyboardInterrupt
        stop_file.touch()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _BusyTime:
    """Adds up the time in which at least one trial, or the preparation, was training or evaluating."""

    FINAL: tuple[Status, ...] = ("ok", "failed", "diverged", "interrupted", "skipped")

    def __init__(self) -> None:
        self._running: set[str] = set()
        self._since = 0.0
        self.seconds = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if self._running:
            self.seconds += now - self._since
        self._since = now
        if progress.stage in self.FINAL:
            self._running.discard(progress.trial)
        else:
            self._running.add(progress.trial)
