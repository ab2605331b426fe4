"""What can be said from a few training seeds, which are the unit of every comparison of methods.

Intervals are Student's and assume roughly normal values; whether two groups differ is decided by exact rank tests,
which assume nothing. docs/statistics.md tells how to read both.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, sqrt
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Floats = Sequence[float]
Array = npt.NDArray[np.float64]

ALPHA: Final = 0.05  # two groups differ where the exact test says p < ALPHA
MIN_SEEDS: Final = 4  # a side: 3 against 3 can't go below p = .10, 4 against 4 not below .029
MIN_PAIRS: Final = 6  # 5 pairs can't go below p = .0625, 6 not below .031
EXACT_UP_TO: Final = 60  # values in all; beyond, the normal approximation is as good and the enumeration slow
BOOTSTRAP_DRAWS: Final = 2_000
BOOTSTRAP_BATCH: Final = 400_000  # numbers drawn at a time: 10,000 images take 3 MB, not 160


@dataclass(frozen=True)
class Interval:
    """A mean (or a difference of means) with its confidence interval.

    Attributes:
        n: number of values behind it: seeds, pairs of seeds, images, or both groups together.
    """

    mean: float
    low: float
    high: float
    n: int

    def excludes(self, value: float) -> bool:
        """Whether ``value`` lies outside."""
        return not self.low <= value <= self.high


def t_interval(values: Floats, level: float = 0.95) -> Interval | None:
    """Return Student's t interval of the mean over seeds, or None for fewer than two values.

    A percentile bootstrap of so few values would be too narrow: with five seeds it covers 83 % instead of 95.
    """
    if len(values) < 2:
        return None
    return _around(float(np.mean(values)), _squared_error(values), len(values) - 1, len(values), level)


def welch_interval(a: Floats, b: Floats, level: float = 0.95) -> Interval | None:
    """Return the interval of mean(b) − mean(a) for two independent groups, or None where one has a single value.

    Welch (1947): the groups may spread unequally; degrees of freedom after Satterthwaite.
    """
    if min(len(a), len(b)) < 2:
        return None
    errors = (_squared_error(a), _squared_error(b))
    shares = errors[0] ** 2 / (len(a) - 1) + errors[1] ** 2 / (len(b) - 1)
    freedom = sum(errors) ** 2 / shares if shares > 0 else 1.0
    return _around(float(np.mean(b) - np.mean(a)), sum(errors), freedom, len(a) + len(b), level)


def paired_interval(a: Mapping[int, float], b: Mapping[int, float], level: float = 0.95) -> Interval | None:
    """Return the interval of the mean of b − a over the seeds that both have, or None for fewer than two.

    Narrower than Welch's where equal seeds share what makes values vary: the order of the training images.
    """
    return t_interval(_differences(a, b), level)


def bootstrap_interval(values: Floats, generator: np.random.Generator, level: float = 0.95) -> Interval | None:
    """Return the percentile bootstrap interval of a mean of per-image values, or None for fewer than two.

    For means of values per image or per rater only, and dozens of them: resampled images bias FID, KID, PRDC and C_T,
    and of five seeds it covers 83 % instead of 95.
    """
    if len(values) < 2:
        return None
    from scipy.stats import bootstrap

    found = bootstrap(
        (np.asarray(values, dtype=float),), np.mean, n_resamples=BOOTSTRAP_DRAWS,
        batch=max(1, BOOTSTRAP_BATCH // len(values)), confidence_level=level, method="percentile", rng=generator,
    ).confidence_interval  # fmt: skip
    return Interval(float(np.mean(values)), float(found.low), float(found.high), len(values))


def rank_test(a: Floats, b: Floats) -> float:
    """Return p of the two-sided Mann–Whitney test (1947), exact with ties too (their ranks are averaged).

    Beyond `EXACT_UP_TO` values in all it is the normal approximation. An empty side gives 1.
    """
    if not len(a) or not len(b):
        return 1.0
    if len(a) + len(b) > EXACT_UP_TO:
        from scipy.stats import mannwhitneyu

        return float(mannwhitneyu(a, b, method="asymptotic").pvalue)
    ranks = _doubled_ranks([*a, *b])
    return float(_two_sided(tuple(sorted(ranks)), len(a))[sum(ranks[: len(a)])])


def signed_rank_test(a: Mapping[int, float], b: Mapping[int, float]) -> float:
    """Return p of the two-sided signed rank test (Wilcoxon 1945) over the seeds that both have, exact with ties too.

    Seeds without a difference are left out. Beyond `EXACT_UP_TO` pairs it is the normal approximation.
    """
    differences = [value for value in _differences(a, b) if value != 0]
    if not differences:
        return 1.0
    if len(differences) > EXACT_UP_TO:
        from scipy.stats import wilcoxon

        return float(wilcoxon(differences, method="asymptotic").pvalue)
    ranks = _doubled_ranks([abs(value) for value in differences])
    positive = sum(rank for rank, value in zip(ranks, differences, strict=True) if value > 0)
    return float(_two_sided(tuple(sorted(ranks)), None)[positive])


def least_p(n_a: int, n_b: int) -> float:
    """Return the smallest p that `rank_test` can give for so many values: .1 (3, 3), .029 (4, 4), .008 (5, 5)."""
    return min(1.0, 2 / comb(n_a + n_b, n_a))


def least_paired_p(n: int) -> float:
    """Return the smallest p that `signed_rank_test` can give for ``n`` pairs: .0625 (5), .031 (6)."""
    return min(1.0, 2.0 ** (1 - n))


def distinguishable(a: Floats, b: Floats) -> bool | None:
    """Say whether two methods' values over seeds differ (p < .05), or None where so few could not show it."""
    if least_p(len(a), len(b)) >= ALPHA:
        return None
    apart = max(a) < min(b) or max(b) < min(a)  # then p is the least, and need not be counted out
    return apart or rank_test(a, b) < ALPHA


@dataclass(frozen=True)
class Difference:
    """What two groups of seeds say about b − a.

    Attributes:
        mean: mean(b) − mean(a); over the common seeds where ``interval_of`` is "pairs".
        interval: its 95 % interval, or None for a single seed.
        interval_of: "pairs" of equal seeds, or two independent "groups" (Welch).
        p: of the exact test.
        least_p: the smallest p that so many seeds can reach.
        test: "rank" (Mann–Whitney) or "signed rank" (Wilcoxon).
    """

    mean: float
    interval: Interval | None
    interval_of: Literal["pairs", "groups"]
    p: float
    least_p: float
    test: Literal["rank", "signed rank"]

    @property
    def decidable(self) -> bool:
        """Whether so many seeds can establish a difference at all."""
        return self.least_p < ALPHA

    @property
    def established(self) -> bool:
        """Whether the exact test tells the groups apart (p < .05)."""
        return self.p < ALPHA


def difference(a: Mapping[int, float], b: Mapping[int, float], paired: bool = False) -> Difference:
    """Compare two groups of values by seed; neither may be empty.

    Args:
        a: seed → value.
        b: seed → value; the difference is b − a.
        paired: equal seeds share their data order (same suite, same batches). The interval is then over pairs where
            both sides have the same seeds, and so is the test from six pairs on: five can't go below p = .0625, while
            five against five can. Which test is taken depends on the seeds alone, never on the values.
    """
    pairs = paired and a.keys() == b.keys()
    first, second = list(a.values()), list(b.values())
    interval = paired_interval(a, b) if pairs else welch_interval(first, second)
    mean = float(np.mean(second) - np.mean(first))
    if pairs and len(a) >= MIN_PAIRS:
        return Difference(mean, interval, "pairs", signed_rank_test(a, b), least_paired_p(len(a)), "signed rank")
    least = least_p(len(a), len(b))
    return Difference(mean, interval, "pairs" if pairs else "groups", rank_test(first, second), least, "rank")


def _differences(a: Mapping[int, float], b: Mapping[int, float]) -> list[float]:
    return [b[seed] - a[seed] for seed in sorted(a.keys() & b.keys())]


def _squared_error(values: Floats) -> float:
    return float(np.var(values, ddof=1)) / len(values)


def _around(mean: float, squared_error: float, freedom: float, n: int, level: float) -> Interval:
    from scipy.special import stdtrit

    reach = float(stdtrit(freedom, (1 + level) / 2)) * sqrt(squared_error)
    return Interval(mean, mean - reach, mean + reach, n)


def _doubled_ranks(values: Floats) -> list[int]:
    """Return twice the rank of each value; equal values share their average rank, so that twice it is whole."""
    order = sorted(values)
    return [bisect_left(order, value) + bisect_right(order, value) + 1 for value in values]


@lru_cache(maxsize=4096)
def _two_sided(ranks: tuple[int, ...], size: int | None) -> Array:
    """Return p by sum of the ranks drawn, ``size`` or any number of them (shift algorithm, Streitberg & Röhmel)."""
    counts = np.zeros((len(ranks) + 1, sum(ranks) + 1))  # subsets by size and sum
    counts[0, 0] = 1
    for rank in ranks:
        counts[1:, rank:] += counts[:-1, :-rank].copy()
    found = counts.sum(axis=0) if size is None else counts[size]
    smaller = np.minimum(found.cumsum(), found[::-1].cumsum()[::-1])
    p: Array = np.minimum(1.0, 2 * smaller / found.sum())
    return p
