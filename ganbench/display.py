"""Progress on standard error: live bars on a terminal, plain lines elsewhere, always with the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

from ganbench.progress import Progress

FINAL_STAGES = ("ok", "skipped", "failed", "diverged", "interrupted", "stopped")
TRAINING_SHARE = 0.9  # of a trial's time, roughly; the rest is evaluation
PLAIN_SECONDS = 10.0  # between two plain lines
PLAIN_LOSSES = 2  # that a plain line has room for


class Display(Protocol):
    """Something that shows progress while it is open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __call__(self, progress: Progress) -> None:
        """Show one message."""


class Clock:
    """Estimates the time left of all trials from what each costs and how far it is.

    Args:
        costs: title of each trial → its expected cost, in any unit.
    """

    def __init__(self, costs: Mapping[str, float]) -> None:
        self._costs = dict(costs)
        self._done = dict.fromkeys(costs, 0.0)
        self._stages: dict[str, tuple[str, float]] = {}
        self.started = time.monotonic()
        self._trials_started: float | None = None  # what they share is prepared before

    def update(self, progress: Progress) -> None:
        """Take note of how far one trial is."""
        now = time.monotonic()
        if self._stages.get(progress.trial, ("", now))[0] != progress.stage:
            self._stages[progress.trial] = (progress.stage, now)
        if progress.trial not in self._costs:
            return
        if self._trials_started is None:
            self._trials_started = now
        share = progress.step / progress.steps if progress.steps else 0.0
        if progress.stage in FINAL_STAGES:
            done = 1.0
        elif progress.stage == "evaluation":
            done = TRAINING_SHARE
        else:
            done = TRAINING_SHARE * share if progress.stage == "training" else 0.0
        self._done[progress.trial] = max(done, self._done[progress.trial])

    @property
    def fraction(self) -> float:
        """How much of all work is done, 0 to 1."""
        total = sum(self._costs.values())
        return sum(cost * self._done[name] for name, cost in self._costs.items()) / total if total else 1.0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def seconds_left(self) -> float | None:
        """Expected seconds to the end of all trials, or None while too little is known."""
        if self._trials_started is None:
            return None
        return _extrapolate(self._trials_started, self.fraction)

    def left(self, progress: Progress) -> str:
        """Say how long all trials will still take or, before that can be known, the stage that ``progress`` is in."""
        if self.seconds_left is not None:
            return f"{minutes(self.seconds_left)} left"
        _, started = self._stages.get(progress.trial, ("", self.started))
        seconds = _extrapolate(started, progress.step / progress.steps if progress.steps else 0.0)
        return f"{minutes(seconds)} left of this stage"


def _extrapolate(started: float, fraction: float) -> float | None:
    elapsed = time.monotonic() - started
    known = fraction > 0.005 and elapsed >= 0.5  # else a first message would promise that nothing is left
    return elapsed * (1 - fraction) / fraction if known else None


def minutes(seconds: float | None) -> str:
    """Format seconds as ``m:ss`` or ``h:mm:ss``; unknown is ``–:––``."""
    if seconds is None:
        return "–:––"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def make_display(costs: Mapping[str, float]) -> Display:
    """Return bars for a terminal, plain lines for anything else."""
    return LiveDisplay(costs) if sys.stderr.isatty() else PlainDisplay(costs)


class PlainDisplay:
    """One line per event worth a line, and one every few seconds."""

    def __init__(self, costs: Mapping[str, float]) -> None:
        self.clock = Clock(costs)
        self._last = -PLAIN_SECONDS
        self._stages: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stderr.flush()

    def __call__(self, progress: Progress) -> None:
        """Print ``progress`` where it begins or ends something, or where nothing was printed for a while."""
        self.clock.update(progress)
        now = time.monotonic()
        fresh = self._stages.get(progress.trial) != progress.stage
        if fresh or progress.note or now - self._last >= PLAIN_SECONDS:
            self._stages[progress.trial], self._last = progress.stage, now
            sys.stderr.write(self._line(progress) + "\n")
            sys.stderr.flush()

    def _line(self, progress: Progress) -> str:
        count = f" {progress.step}/{progress.steps}" if progress.steps > 1 else ""
        losses = " ".join(f"{name} {value:.3g}" for name, value in list(progress.losses.items())[:PLAIN_LOSSES])
        left = f"{self.clock.fraction:4.0%} of all, {self.clock.left(progress)}"
        parts = [f"[{minutes(self.clock.elapsed)}] {progress.trial}: {progress.stage}{count}", losses, progress.note]
        return " · ".join([*filter(None, parts), left])


class LiveDisplay:
    """A bar for all trials and one for each that is running."""

    def __init__(self, costs: Mapping[str, float]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bars
        from rich.table import Column

        self.clock = Clock(costs)
        self._bars = Bars(
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[detail]}", style="dim", table_column=Column(no_wrap=True)),
            console=Console(stderr=True),
            transient=True,
        )
        self._all = self._bars.add_task("[bold]all trials", total=1.0, detail="")
        self._tasks: dict[str, tuple[str, int]] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        """Move the bars; a trial that ended leaves one line above them."""
        from rich.markup import escape

        self.clock.update(progress)
        self._bars.update(self._all, completed=self.clock.fraction, detail=self.clock.left(progress))
        if progress.stage in FINAL_STAGES:
            self._finish(progress)
            return
        if progress.note:
            self._bars.console.print(f"{escape(progress.trial)}: {escape(progress.note)}", style="yellow")
        task = self._task(progress)
        losses = "  ".join(f"{name} {value:.3g}" for name, value in list(progress.losses.items())[:3])
        self._bars.update(task, completed=progress.step, total=progress.steps or None, detail=escape(losses))  # type: ignore[arg-type]

    def _task(self, progress: Progress) -> int:
        from rich.markup import escape

        stage, task = self._tasks.get(progress.trial, ("", -1))
        if stage != progress.stage:
            if task >= 0:
                self._bars.remove_task(task)  # type: ignore[arg-type]
            task = self._bars.add_task(f"{escape(progress.trial)} [dim]{escape(progress.stage)}", detail="")
            self._tasks[progress.trial] = (progress.stage, task)
        return task

    def _finish(self, progress: Progress) -> None:
        from rich.markup import escape

        _, task = self._tasks.pop(progress.trial, ("", -1))
        if task >= 0:
            self._bars.remove_task(task)  # type: ignore[arg-type]
        colour = "green" if progress.stage == "ok" else "yellow" if progress.stage == "skipped" else "red"
        note = f" {escape(progress.note)}" if progress.note else ""
        self._bars.console.print(
            f"[{colour}]{progress.stage:>11}[/] {escape(progress.trial)} "
            f"[dim]after {minutes(self.clock.elapsed)}[/]{note}"
        )
