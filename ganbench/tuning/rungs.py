"""When a search gives up a trial: asynchronous successive halving (ASHA; Li et al. 2020, https://arxiv.org/abs/1810.05934).

The rule is that of Ray's ASHAScheduler: at each rung a trial goes on if it is among the best third of those that have
come as far by then. It is applied by the trial itself to the records beside it, so that it needs no scheduler that
lives as long as the search: any engine runs it, on any number of machines, and a search that was stopped goes on.
"""

from __future__ import annotations

from ganbench.results.record import Rung
from ganbench.results.store import SEARCH_FILE, read_record
from ganbench.spec import TrialSpec

REDUCTION = 3  # one in so many is kept at a rung (Hyperband's η; Ray's default is 4)
RUNGS = 2  # at a ninth and a third of the steps


def rungs(steps: int) -> tuple[int, ...]:
    """Return the steps after which trials of ``steps`` are compared, ascending; fewer where there are few steps."""
    return tuple(sorted({steps // REDUCTION**k for k in range(1, RUNGS + 1)} - {0}))


def judge_rung(spec: TrialSpec, step: int, score: float) -> Rung:
    """Compare a search trial with the others of its search that have passed ``step``, and say whether it goes on.

    The first one to come always does; what is equal is not better.
    """
    assert spec.search is not None  # only those have rungs  # noqa: S101
    sign = 1 if spec.search.higher_is_better else -1
    others = _others(spec, step)
    better = sum(sign * other > sign * score for other in others)
    among = len(others) + 1
    return Rung(step=step, score=score, among=among, better=better, kept=better < max(1, among // REDUCTION))


def describe_rung(rung: Rung, steps: int) -> str:
    """Say why a trial was given up."""
    return (
        f"given up after step {rung.step} of {steps}: {rung.better} of the {rung.among - 1} others that had come as "
        "far did better"
    )


def _others(spec: TrialSpec, step: int) -> list[float]:
    """Return what the other trials of the search scored at ``step``."""
    paths = (path for path in spec.directory.parent.glob(f"*/{SEARCH_FILE}") if path.parent != spec.directory)
    notes = [read_record(path, series=False).search for path in sorted(paths)]
    return [rung.score for each in notes if each for rung in each.rungs if rung.step == step]
