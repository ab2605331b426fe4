"""The serial engine: one trial after the other, in this process. Needs no Ray.

A trial with a time limit gets a process of its own, which can be ended where a step never returns.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from ganbench.progress import Notify, Progress, Throttle
from ganbench.spec import TrialSpec
from ganbench.trial import record_death, run_trial

REPORT_SECONDS = 0.2  # a process of its own tells its progress this often


def run(specs: Sequence[TrialSpec], notify: Notify, stop_file: Path) -> None:
    """Run all trials; where ``stop_file`` appears, the current one saves its state and the others do not start."""
    for spec in specs:
        if stop_file.exists():
            return
        if spec.seconds_allowed is None:
            run_trial(spec, notify, stop_file.exists)
        else:
            _run_apart(spec, notify, stop_file)


def _run_apart(spec: TrialSpec, notify: Notify, stop_file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(spec.model_dump_json(), str(stop_file), sender), daemon=True)
    process.start()
    sender.close()
    try:
        with contextlib.suppress(EOFError):
            while True:
                notify(receiver.recv())
        process.join()
    finally:
        process.kill()
    if process.exitcode and not stop_file.exists():
        record_death(spec, notify)


def _child(spec: str, stop_file: str, sender: Connection) -> None:
    """Run one trial; Ctrl-C and SIGTERM reach the whole group, but the stop file alone says when to end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)

    def tell(progress: Progress) -> None:
        try:
            sender.send(progress)
        except OSError:  # whoever listened is dead: nobody may write beside the next run
            os._exit(1)

    run_trial(TrialSpec.model_validate_json(spec), Throttle(tell, REPORT_SECONDS), Path(stop_file).exists)
