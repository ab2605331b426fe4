"""Ranks with ties: the places that a method may hold, as far as its training seeds can tell."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from ganbench.results.statistics import ALPHA, MIN_SEEDS, Floats, distinguishable, least_p

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


def undecidable(seeds: int) -> str:
    """Say that ``seeds`` training seeds a side can't establish any order, whatever the values; "" where they can."""
    least = least_p(seeds, seeds)
    if least < ALPHA:
        return ""
    return (
        f"With {seeds} training seed{'' if seeds == 1 else 's'} per method the order of the methods is not "
        f"established: an exact rank test of {seeds} against {seeds} can't go below p = {least:.2g}, of {MIN_SEEDS} "
        f"against {MIN_SEEDS} it reaches {least_p(MIN_SEEDS, MIN_SEEDS):.2g}."
    )
