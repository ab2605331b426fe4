"""Progress: what a trial tells while it runs. Plain data, so that it crosses process borders."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """One message of a trial.

    Attributes:
        trial: title of the trial ("cyclegan · seed 0"), or of the shared preparation.
        stage: what it is doing ("training", "classifier f", "evaluation", "done", "failed").
        step: how far the stage is.
        steps: where the stage ends.
        losses: the latest scalar losses, for display.
        note: one sentence worth keeping on screen, else empty.
    """

    trial: str
    stage: str
    step: int = 0
    steps: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


PREPARATION = "preparation"  # what is done once for all trials, by that name in place of a trial's

Notify = Callable[[Progress], None]


class Throttle:
    """Passes on the first message of each stage, the last, those with a note, and else one per ``seconds``."""

    def __init__(self, notify: Notify, seconds: float) -> None:
        self._notify, self._seconds = notify, seconds
        self._stage, self._last = "", 0.0

    def __call__(self, progress: Progress) -> None:
        """Pass ``progress`` on, or drop it."""
        now = time.monotonic()
        fresh = progress.stage != self._stage or progress.step >= progress.steps or bool(progress.note)
        if fresh or now - self._last >= self._seconds:
            self._stage, self._last = progress.stage, now
            self._notify(progress)
