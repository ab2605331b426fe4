"""One quantity of one row, then and now: a tolerance says what matters, evidence what is known.

docs/ci.md tells how often the rule is wrong, measured.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from statistics import mean
from typing import Final

from ganbench.gate.snapshot import Quantity
from ganbench.results.statistics import ALPHA, Interval, least_p, rank_test, welch_interval

ROUNDING: Final = 1e-9  # relative: a change that is the tolerance on paper may exceed it in binary


class Verdict(enum.StrEnum):
    """The gate's words."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    SAME = "same"
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARABLE = "not comparable"
    NOTHING_MEASURED = "nothing measured"


@dataclass(frozen=True)
class Finding:
    """What became of one quantity of one row.

    Attributes:
        label: the row.
        metric: name of the quantity.
        title: the quantity as people read it.
        declared: whether it was declared beforehand as what decides (the headline, or a metric with a tolerance of
            its own). The others are watched: they alarm only on evidence that is corrected for their number.
        reason: why the verdict is not a plain one, or "".
        before: the baseline's values, or None where it has none.
        after: the new values, or None.
        tolerance: in the metric's own unit.
        interval: of the change of the mean (new − baseline), so wide that all comparisons of its kind hold together
            with 95 %; None for single seeds, or where nothing was compared.
    """

    label: str
    metric: str
    title: str
    declared: bool
    verdict: Verdict
    reason: str = ""
    before: Quantity | None = None
    after: Quantity | None = None
    tolerance: float | None = None
    interval: Interval | None = None

    @property
    def change(self) -> float | None:
        """New mean − baseline's mean, or None where one is absent."""
        return self.after.mean - self.before.mean if self.before and self.after else None


def judge(before: Quantity, after: Quantity, tolerance: float, comparisons: int) -> tuple[Verdict, Interval | None]:
    """Return the verdict on new values against a baseline's, and the interval of the change.

    Beyond the tolerance a change counts as established where two tests agree, because each is wrong in its own way:
    Welch's interval, widened for ``comparisons`` (Bonferroni), excludes 0; and the exact rank test says p < .05, which
    no outlier can bring about, and which so few as three seeds a side never reach.

    Args:
        before: values of the baseline.
        after: new values, of the same protocol.
        tolerance: greatest change of the mean that is "same", in the metric's unit.
        comparisons: how many quantities are judged together.
    """
    interval = welch_interval(before.values, after.values, 1 - ALPHA / comparisons)
    change = mean(after.values) - mean(before.values)
    if abs(change) <= tolerance + ROUNDING * abs(before.mean):
        return Verdict.SAME, interval
    established = interval is not None and interval.excludes(0) and rank_test(before.values, after.values) < ALPHA
    if not established:
        return Verdict.INCONCLUSIVE, interval
    return (Verdict.IMPROVED if (change > 0) == before.higher_is_better else Verdict.REGRESSED), interval


def why_inconclusive(before: Quantity, after: Quantity) -> str:
    """Say what keeps a change beyond the tolerance from being established, and what would help."""
    n_before, n_after = len(before.seeds), len(after.seeds)
    least = least_p(n_before, n_after)
    if least >= ALPHA:
        return (
            f"beyond the tolerance, but {n_before} against {n_after} seeds can't establish any difference "
            f"(exact rank test, p ≥ {least:.2g}); 4 a side can, 5 are better"
        )
    return "beyond the tolerance, but the seeds scatter too much to tell it from chance; more seeds would"
