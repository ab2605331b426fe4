"""What can be said about a method from a few training seeds, which are the unit of every comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

MIN_SEEDS: Final = 4  # an exact two-sided rank test of 3 against 3 can't go below p = .10, of 4 against 4 below .029
LEVEL: Final = 0.05


@dataclass(frozen=True)
class Interval:
    """A confidence interval of a mean."""

    low: float
    high: float


def t_interval(values: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """Return Student's t interval of the mean over seeds, or None for fewer than two values.

    A percentile bootstrap of so few values would be too narrow: with five seeds it covers 83 % instead of 95.
    """
    if len(values) < 2:
        return None
    from scipy.special import stdtrit

    spread = np.std(values, ddof=1) / np.sqrt(len(values))
    reach = float(stdtrit(len(values) - 1, (1 + confidence) / 2) * spread)
    mean = float(np.mean(values))
    return Interval(mean - reach, mean + reach)


def distinguishable(a: Sequence[float], b: Sequence[float]) -> bool | None:
    """Say whether two methods' values over seeds differ (exact two-sided Mann–Whitney test, p < .05).

    None where either side has fewer than four seeds: whatever the values, the honest word is "inconclusive".
    """
    if min(len(a), len(b)) < MIN_SEEDS:
        return None
    from scipy.stats import mannwhitneyu

    return bool(mannwhitneyu(a, b, alternative="two-sided", method="exact").pvalue < LEVEL)
