"""The verb `run`: from a plan to records, tables and pictures. What is finished already is not done again."""

from __future__ import annotations

import math
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from ganbench import evaluation
from ganbench.data.base import TranslationData
from ganbench.display import Display, make_display, minutes
from ganbench.errors import InterruptedRunError
from ganbench.hardware import available_cpus, pick_device, release_memory
from ganbench.locks import locked
from ganbench.outcome import SAMPLES_FILE
from ganbench.progress import PREPARATION, Notify, Progress
from ganbench.report.figures import encode_png, method_grid
from ganbench.report.publish import write_reports
from ganbench.results.files import write_atomic
from ganbench.results.pictures import CLOSEST, NEIGHBOURS_FILE, Pictures, write_neighbours, write_pictures
from ganbench.results.record import Status
from ganbench.results.store import find_record
from ganbench.run_plan import (
    EngineName,
    RunOptions,
    RunPlan,
    parse_seeds,
    plan_run,
    store_plan,
    trial_costs,
)
from ganbench.spec import TrialSpec
from ganbench.translations import TRANSLATIONS_FILE, load_translations
from ganbench.trial import CACHE_FOLDER, alone, limited_threads

__all__ = [
    "EngineName",
    "RunOptions",
    "RunPlan",
    "RunSummary",
    "carry_out",
    "execute",
    "parse_seeds",
    "plan_run",
    "publish",
]

STOP_FILE = ".ganbench-stop"
RUN_LOCK = ".lock"


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


def execute(
    plan: RunPlan,
    make: Callable[[dict[str, float]], Display] = make_display,
    tell: Callable[[str], object] | None = None,
) -> RunSummary:
    """Run what the plan still needs. Records are written as trials end; tables and pictures are the caller's.

    ``tell`` is told where another run has to be waited for; None: standard error is.

    Raises:
        BusyError: another run works in the results directory, and the options don't say to wait.
        StorageError: the disk refuses a record.
    """
    busy = _BusyTime()
    wait = math.inf if plan.options.wait else 0.0
    with locked(
        plan.directory / RUN_LOCK, f"The results directory {plan.directory}", wait, tell or sys.stderr.write
    ) as waited:
        started = time.monotonic()
        if waited:
            plan.look_again()
        store_plan(plan)
        _store_pictures(plan)
        _forget_forced(plan)
        interrupted = _search(plan, make, busy) or _carry_out_open(plan, make, busy)
    seconds = time.monotonic() - started
    return RunSummary(count_statuses(plan), seconds, busy.seconds / seconds, plan.directory, interrupted)


def _search(plan: RunPlan, make: Callable[[dict[str, float]], Display], also: Notify) -> bool:
    """Run the searches of options, and plan the rows with what they found; return whether the user stopped them."""
    done: list[TrialSpec] = []
    while plan.held_out and (todo := plan.open_searches) and todo != done:
        if carry_out(todo, plan.held_out, plan.options, make(trial_costs(todo, plan.held_out)), also):
            return True
        store_plan(plan)
        done = todo
    if plan.searches:
        plan.look_again()
        store_plan(plan)
        _forget_forced_rows(plan)
    return False


def _carry_out_open(plan: RunPlan, make: Callable[[dict[str, float]], Display], also: Notify) -> bool:
    """Run the open trials, then those that stand in for what was too large; return whether the user stopped them."""
    todo = plan.open_specs
    while todo:
        if carry_out(todo, plan.data, plan.options, make(trial_costs(todo, plan.data)), also):
            return True
        todo = plan.add_smaller_batches()
        store_plan(plan)
    return False


def carry_out(
    specs: Sequence[TrialSpec], data: TranslationData, options: RunOptions, shown: Display, also: Notify | None = None
) -> bool:
    """Prepare what the trials share and let the engine run them; return whether the user stopped them.

    Args:
        specs: trials of one profile.
        data: their images.
        options: which engine, and where it runs.
        shown: opened here; receives the progress.
        also: receives it too.
    """
    directory = Path(specs[0].profile_dir)
    stop_file = directory / STOP_FILE
    stop_file.unlink(missing_ok=True)
    with shown as display, _stop_on_signal(stop_file):

        def notify(progress: Progress) -> None:
            if also:
                also(progress)
            display(progress)

        try:
            _prepare(specs[0], data, notify)
            if not stop_file.exists():
                _start_engine(specs, options, notify, stop_file)
        finally:
            interrupted = stop_file.exists()
            stop_file.unlink(missing_ok=True)
    return interrupted


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


def _forget_forced(plan: RunPlan) -> None:
    if plan.options.force:
        for search in plan.searches:
            shutil.rmtree(search.directory, ignore_errors=True)
    _forget_forced_rows(plan)


def _forget_forced_rows(plan: RunPlan) -> None:
    if plan.options.force:
        for spec in plan.specs:
            with alone(spec):
                shutil.rmtree(spec.directory, ignore_errors=True)


def _prepare(spec: TrialSpec, data: TranslationData, notify: Notify) -> None:
    """Compute once what all trials like ``spec`` are judged by."""

    def report(stage: str, step: int, steps: int) -> None:
        notify(Progress(PREPARATION, stage, step, steps))

    device = pick_device(spec.gpus)
    with limited_threads(available_cpus()):
        workbench = evaluation.open_workbench(data, spec.extractor, Path(spec.profile_dir) / CACHE_FOLDER, device)
        evaluation.prepare(workbench, list(spec.metrics), report)
    del workbench
    release_memory()
    notify(Progress(PREPARATION, "ok", 1, 1))


def _start_engine(specs: Sequence[TrialSpec], options: RunOptions, notify: Notify, stop_file: Path) -> None:
    if options.engine == "serial":
        from ganbench.engines import serial

        serial.run(specs, notify, stop_file)
    else:
        from ganbench.engines import ray_tune

        ray_tune.run(specs, notify, stop_file, options.ray_address)


@contextmanager
def _stop_on_signal(stop_file: Path) -> Iterator[None]:
    """On the first Ctrl-C or SIGTERM ask the trials to save and end; on the second give up at once."""

    def ask(_signum: int, _frame: FrameType | None) -> None:
        try:
            stop_file.touch(exist_ok=False)
        except OSError:  # it is there already, or the disk is full
            raise KeyboardInterrupt from None

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:  # the command line's library would end without a word
        raise InterruptedRunError("stopped at once; what was finished is kept. The same command goes on.") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _BusyTime:
    """Adds up the time in which at least one trial, or the preparation, was training or evaluating."""

    FINAL: tuple[Status, ...] = ("ok", "failed", "diverged", "interrupted", "skipped", "stopped")

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
