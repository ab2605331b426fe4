"""Ranks with ties: the places that a method may hold, as far as its training seeds can tell."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from ganbench.results.statistics import Floats, distinguishable

Rank = tuple[int, int]


def rank_ranges(values: Mapping[str, Floats], higher_is_better: bool) -> dict[str, Rank]:
    """Return label → (best, worst) place, 1 the best.

    A method stands behind every other that is better beyond chance (exact two-sided rank test of that pair, p < .05)
    and before every other that is worse; methods that can't be told apart share places. Pairs are tested one by one,
    so among many methods a few orders are chance: of 20 equal pairs one on average.
    """
    means = {label: float(np.mean(numbers)) * (1 if higher_is_better else -1) for label, numbers in values.items()}
    better, worse = dict.fromkeys(values, 0), dict.fromkeys(values, 0)
    for pair in combinations(values, 2):
        if distinguishable(*(values[label] for label in pair)):
            loser, winner = sorted(pair, key=means.__getitem__)
            better[loser] += 1
            worse[winner] += 1
    return {label: (1 + better[label], len(values) - worse[label]) for label in values}
