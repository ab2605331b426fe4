"""The serial engine: one trial after the other, in this process. Needs no Ray."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ganbench.progress import Notify
from ganbench.spec import TrialSpec
from ganbench.trial import run_trial


def run(specs: Sequence[TrialSpec], notify: Notify, stop_file: Path) -> None:
    """Run all trials; where ``stop_file`` appears, the current one saves its state and the others do not start."""
    for spec in specs:
        if stop_file.exists():
            return
        run_trial(spec, notify, stop_file.exists)
