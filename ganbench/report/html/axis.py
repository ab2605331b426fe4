"""Axes of the small SVG charts: from values to positions, and ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

TICKS: Final = 5  # about so many on an axis
PADDING: Final = 0.06  # of the span, on both sides
LARGEST: Final = 1e100
LOG_FROM: Final = 50.0  # an axis of positive values whose largest is so many times the smallest is logarithmic


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and what stands there."""

    position: float
    text: str


@dataclass(frozen=True)
class Axis:
    """A scale from values to positions.

    Attributes:
        low, high: values at the two ends.
        start, end: positions of the two ends, in the chart's units.
        log: whether equal steps are equal factors; both ends are then positive.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def around(cls, values: Iterable[float], start: float, end: float, log: bool | None = False) -> Self:
        """Return an axis with room around ``values``, which may be none; ``log`` None chooses by their spread.

        Values beyond `LARGEST` stand at the ends, and those below its inverse at 0: their ratios would overflow.
        """
        found = [value if abs(value) >= 1 / LARGEST else 0.0 for value in values if abs(value) <= LARGEST] or [0.0, 1.0]
        low, high = min(found), max(found)
        if log is None:
            log = low > 0 and high / low >= LOG_FROM
        if log:
            factor = (high / low) ** PADDING * 1.05
            return cls(low / factor, high * factor, start, end, True)
        room = (high - low) * PADDING or abs(high) * PADDING or 1.0
        return cls(low - room, high + room, start, end)

    def at(self, value: float) -> float:
        """Return the position of ``value``, rounded to a tenth; what lies beyond an end is put at the end."""
        low, high, value = (math.log(max(v, 1e-300)) if self.log else v for v in (self.low, self.high, value))
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[Tick]:
        """Ticks at round values within the axis."""
        values = _round_factors(self.low, self.high) if self.log else _round_steps(self.low, self.high)
        return [Tick(self.at(value), short(value)) for value in values]


def short(value: float) -> str:
    """Return a number with few digits: 0.25, 12, 4.5k, 2M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.3g}{unit}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _round_steps(low: float, high: float) -> list[float]:
    raw = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    return [index * step for index in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _round_factors(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        values = [f * 10.0**power for power in powers for f in factors if low <= f * 10.0**power <= high]
        if len(values) <= TICKS + 2:
            break
    return values
