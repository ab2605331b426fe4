"""What every benchmark gives: rows of two times (or rates) and their ratio, measured in turns within one run."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from ganbench.hardware import describe


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        what: the work.
        theirs: of the other side; None where a row has none.
        ours: in ``unit``.
        ratio: how many times as good as theirs ours is; None where there is nothing to compare with.
        target: the ratio (or figure) that the project asks of itself, as text.
        note: what else must be known to believe it.
    """

    what: str
    ours: float
    unit: str
    theirs: float | None = None
    ratio: float | None = None
    target: str = ""
    note: str = ""


def in_turns(runs: Mapping[str, Callable[[], object]], repeats: int, warm_ups: int = 1) -> dict[str, list[float]]:
    """Return name → seconds of each repeat; the runs take turns, so that a busy moment hits all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(warm_ups + repeats):
        for name, run in runs.items():
            taken = timed(run)
            if repeat >= warm_ups:
                seconds[name].append(taken)
    return seconds


def timed(run: Callable[[], object]) -> float:
    """Return the seconds that ``run`` takes, what it leaves to a GPU included."""
    synchronize()
    started = time.perf_counter()
    run()
    synchronize()
    return time.perf_counter() - started


def synchronize() -> None:
    """Wait until the GPU, where there is one, has done everything."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def median_ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Return the median over repeats of theirs / ours, each pair measured one after the other."""
    return statistics.median(a / b for a, b in zip(theirs, ours, strict=True))


def machine(threads: int, device: torch.device) -> str:
    """Return hardware, threads and torch's version, as one line."""
    facts = describe(device)
    return (
        f"{facts['gpu'] or facts['cpu']}, {facts['cores']} cores, {threads} thread(s), "
        f"torch {torch.__version__}, Python {platform.python_version()}"
    )


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | theirs | ours | ratio | asked | |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    for row in rows:
        theirs = "–" if row.theirs is None else f"{row.theirs:.4g} {row.unit}"
        ratio = "–" if row.ratio is None else f"{row.ratio:.2f} ×"
        lines.append(f"| {row.what} | {theirs} | {row.ours:.4g} {row.unit} | {ratio} | {row.target} | {row.note} |")
    return "\n".join(lines)
