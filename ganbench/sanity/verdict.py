"""Verdicts: what a metric's answer to growing damage is worth here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import torch

from ganbench.metrics.base import Quantity

CLEAR = 3.0  # times the noise floor: from here on an answer is clear
SETBACK = 0.1  # of the whole answer: so much may be taken back and the curve still counts as monotone


class Verdict(StrEnum):
    """What a metric sees of a damage."""

    MONOTONE = "monotone"
    WEAK = "weak"
    BLIND = "blind"
    MISLEADING = "misleading"


MEANING = {
    Verdict.MONOTONE: f"worse with the damage, by more than {CLEAR:g} times the noise floor, and never back by more "
    f"than the floor or {SETBACK:.0%} of its answer",
    Verdict.WEAK: "answers, but less clearly or not steadily",
    Verdict.BLIND: "moves no further than other real pictures move it (the noise floor)",
    Verdict.MISLEADING: "calls damaged pictures better than real ones, in every draw and by more than the noise floor",
}


@dataclass(frozen=True)
class Curve:
    """The answer of one quantity to one damage.

    Attributes:
        quantity: what was measured.
        damage: name of the damage.
        levels: strengths (L,), the first is 0: no damage.
        answers: float64 (L, D), one column for each draw; NaN where the quantity is undefined.
    """

    quantity: Quantity
    damage: str
    levels: tuple[float, ...]
    answers: torch.Tensor

    @property
    def means(self) -> torch.Tensor:
        """The mean over the draws at every level (L,)."""
        return self.answers.nanmean(1)

    @property
    def floor(self) -> float:
        """The noise floor: how far apart the draws of undamaged pictures are, the largest less the smallest."""
        undamaged = self.answers[0]
        return float(undamaged.max() - undamaged.min())

    @property
    def worse(self) -> torch.Tensor:
        """By how much each draw is worse than without damage (L, D), below 0 better.

        Where neither direction is better the aim is the value of real pictures, so that any change is for the worse.
        """
        change = self.answers - self.answers[:1]
        if self.quantity.higher_is_better is None:
            return change.nanmean(1, keepdim=True).abs().expand_as(change)
        return -change if self.quantity.higher_is_better else change

    @property
    def rank_correlation(self) -> float:
        """Spearman's correlation of the level with how much worse the mean answer is; NaN where nothing changes."""
        from scipy.stats import spearmanr

        worse = self.worse.nanmean(1)
        known = worse.isfinite()
        if int(known.sum()) < 2 or float(worse[known].max() - worse[known].min()) == 0:
            return math.nan
        return float(spearmanr(torch.tensor(self.levels)[known].numpy(), worse[known].numpy()).statistic)

    @property
    def verdict(self) -> Verdict:
        """What the answer is worth; see ``MEANING``."""
        draws = self.worse[~self.worse.isnan().any(1)]
        mean = draws.mean(1)
        if bool(((mean < -self._dust(self.floor)) & (draws < 0).all(1)).any()):
            return Verdict.MISLEADING
        if float(mean.max()) <= self._dust(self.floor):
            return Verdict.BLIND
        setback = float((mean.cummax(0).values - mean).max())
        steady = setback <= max(self.floor, SETBACK * float(mean.max()))
        return Verdict.MONOTONE if steady and float(mean.max()) > self._dust(CLEAR * self.floor) else Verdict.WEAK

    def _dust(self, floor: float) -> float:
        """Return ``floor``, but at least what rounding makes of equal numbers."""
        return max(floor, 1e-9 * float(self.answers[0].abs().max()))
