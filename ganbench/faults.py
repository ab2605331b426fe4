"""What is said, and done, where a trial fails: out of memory, over its time, or its process gone."""

from __future__ import annotations

import faulthandler
import math
import re
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

from ganbench.atomic_file import refused
from ganbench.errors import GanbenchError
from ganbench.results.record import Record
from ganbench.spec import TrialSpec

HANG_FILE = "hang.txt"  # where a process that never came back left its stack
GRACE_SECONDS = 30.0  # for the step at hand, and the checkpoint, once the time is over; at most half the limit
CPU_WORDS = ("can't allocate memory", "not enough memory")  # of torch's allocator, which raises a plain RuntimeError
OUT_OF_MEMORY = "out of memory"
UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
DEATH = (
    "its process died without a word. Where the system killed it for memory, lower batch_size or "
    "image_size, or raise cpus_per_trial so that fewer trials run at once"
)


def describe(failure: Exception, spec: TrialSpec) -> str:
    """Say what went wrong, in one line where it is known; an unforeseen error also gets the place it came from."""
    if isinstance(failure, GanbenchError):
        return str(failure)
    if is_out_of_memory(failure):
        return f"{_memory_summary(failure, spec)} {advice(failure, spec)}"
    if isinstance(failure, OSError) and failure.filename:
        return str(refused(Path(str(failure.filename)), failure))
    frames = "".join(traceback.format_tb(failure.__traceback__)[-3:])
    return f"{type(failure).__name__}: {failure}\n{frames}"


def stands_in(spec: TrialSpec, record: Record | None) -> TrialSpec | None:
    """Return the variant that takes the place of a trial whose ``record`` says that it was too large, else None."""
    if record is None or record.status != "skipped" or OUT_OF_MEMORY not in (record.error or ""):
        return None
    return smaller_batch(spec)


def is_out_of_memory(failure: Exception) -> bool:
    """Say whether memory, of the machine or of the GPU, didn't suffice."""
    if isinstance(failure, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(failure, RuntimeError) and any(words in str(failure) for words in CPU_WORDS)


def smaller_batch(spec: TrialSpec) -> TrialSpec | None:
    """Return the variant with half the batch that takes the place of a trial too large for the memory.

    None where the suite doesn't allow it (``on_out_of_memory: halve_batch``), or the batch is a single image.
    """
    if spec.on_out_of_memory != "halve_batch" or spec.batch_size < 2 or not spec.steps:
        return None
    half = spec.batch_size // 2
    label = f"{spec.label.removesuffix(f'-batch{spec.batch_size}')}-batch{half}"
    return spec.model_copy(update={"batch_size": half, "label": label})


def advice(failure: Exception, spec: TrialSpec) -> str:
    """Return one sentence: the largest batch, or else image, that should fit, roughly, into what memory there is.

    What a step needs grows with batch_size and with the square of image_size; weights, which don't, are neglected.
    """
    used, free = _memory(spec)
    share = min((used + free) / max(used + _requested(failure), 1.0), 0.5)
    if spec.batch_size * share >= 1:
        return f"Lower batch_size: {_power_of_two(spec.batch_size * share)} should fit."
    size = _power_of_two(spec.image_size * math.sqrt(spec.batch_size * share))
    return f"Lower image_size: {size} with batch_size 1 should fit."


class TimeLimit:
    """The time that one attempt of a trial may take; without a limit it is never over."""

    def __init__(self, seconds: float | None, should_stop: Callable[[], bool]) -> None:
        self.seconds = seconds
        self._should_stop = should_stop
        self._end = math.inf if seconds is None else time.monotonic() + seconds

    def should_stop(self) -> bool:
        """Say whether a training has to save and end, for the time or for another reason."""
        return self.is_over or self._should_stop()

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end

    @contextmanager
    def enforced(self, directory: Path) -> Iterator[None]:
        """End this process where the block takes the limit and the grace; its stack is left in ``HANG_FILE``.

        The timer is a thread of the interpreter's own, which needs no lock of it: a step that never returns can't
        hold it up.
        """
        if self.seconds is None:
            yield
            return
        path = directory / HANG_FILE
        with path.open("w") as file:
            grace = min(GRACE_SECONDS, self.seconds / 2)
            faulthandler.dump_traceback_later(self.seconds + grace, exit=True, file=file)
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()
                path.unlink(missing_ok=True)


def over_time(spec: TrialSpec, detail: str) -> str:
    """Return the error of a trial that took longer than its limit."""
    return (
        f"time limit: not done within {spec.time_limit:g} s ({detail}). Raise time_limit in the profile, or leave it "
        "out; what was trained until the last checkpoint is kept"
    )


def hung(spec: TrialSpec) -> bool:
    """Say whether the trial's last process ended itself because a step never returned."""
    path = spec.directory / HANG_FILE
    return path.exists() and path.stat().st_size > 0


def cause_of_death(spec: TrialSpec) -> str:
    """Say why the process of a trial died: it hung, and left its stack, or nobody knows."""
    if not hung(spec):
        return DEATH
    stack = (spec.directory / HANG_FILE).read_text("utf-8", "replace").strip()
    return f"{over_time(spec, 'a step did not return')}. It stood here:\n{stack}"


def _memory_summary(failure: Exception, spec: TrialSpec) -> str:
    reason = str(failure).splitlines()[0][:200] if str(failure) else type(failure).__name__
    return f"{OUT_OF_MEMORY} with batch_size {spec.batch_size} at image_size {spec.image_size}: {reason}."


def _memory(spec: TrialSpec) -> tuple[int, int]:
    """Return the bytes that this trial holds, and those that are free."""
    if spec.gpus and torch.cuda.is_available():
        return torch.cuda.memory_allocated(), torch.cuda.mem_get_info()[0]
    return psutil.Process().memory_info().rss, psutil.virtual_memory().available


def _requested(failure: Exception) -> float:
    """Return the bytes that were asked for in vain, as the text says; 0 where it doesn't."""
    found = re.search(r"[Tt]ried to allocate ([\d.]+) (bytes|[KMGT]iB)", str(failure))
    return float(found[1]) * UNITS[found[2]] if found else 0.0


def _power_of_two(most: float) -> int:
    return 1 << int(math.log2(max(most, 1.0)))
