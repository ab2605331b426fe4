"""The space of a search: what each option may be, and the values that chance gives it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganbench.seeding import numpy_generator

SCALES = ("log", "linear")
MOST = 1e15  # above, whole numbers are no longer told apart as floats
FORMS = "Write [low, high, log], [low, high, linear] or a list of choices"


@dataclass(frozen=True)
class Range:
    """All numbers from ``low`` to ``high``, equally likely on a linear or logarithmic scale; whole where both are."""

    low: float
    high: float
    log: bool

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that must be possible if all are."""
        return (self.low, self.high)

    def has(self, value: Any) -> bool:
        """Whether ``value`` lies in the range."""
        return bool(self.low <= value <= self.high)

    def at(self, share: float) -> float:
        """Return the value that lies at a share in [0, 1) of the range."""
        low, high = (self.low - 0.5, self.high + 0.5) if self.whole else (self.low, self.high)
        value = low * (high / low) ** share if self.log else low + (high - low) * share
        within = min(max(value, self.low), self.high)
        return round(within) if self.whole else within


@dataclass(frozen=True)
class Choices:
    """A few values, equally likely."""

    values: tuple[Any, ...]

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that must be possible: each."""
        return self.values

    def has(self, value: Any) -> bool:
        """Whether ``value`` is one of them."""
        return value in self.values

    def at(self, share: float) -> Any:
        """Return the value that lies at a share in [0, 1) of the list."""
        return self.values[int(share * len(self.values))]


Axis = Range | Choices
Axes = Mapping[str, Axis]


def read_axis(values: Sequence[Any]) -> Axis:
    """Return what a suite writes: ``[1.0e-5, 1.0e-3, log]``, ``[1, 5, linear]`` or choices, ``[lsgan, hinge]``.

    Raises ``ValueError`` with the rule that is broken, the value that came and the remedy.
    """
    if len(values) == 3 and values[2] in SCALES:
        return _range(values)
    if len(values) < 2 or any(value in values[:index] for index, value in enumerate(values)):
        raise ValueError(f"must be a range, or two or more different choices. Got {list(values)!r}. {FORMS}")
    return Choices(tuple(values))


def draw(axes: Axes, seed: int, *of: int) -> dict[str, Any]:
    """Return option → value, drawn for ``of`` (number of the trial, attempt).

    A value depends on seed, option and ``of`` alone: methods that share an option try the same values of it, so that
    none has better luck, and another option in the space changes nothing.
    """
    return {key: axis.at(numpy_generator(seed, "search", key, *of).random()) for key, axis in axes.items()}


def _range(values: Sequence[Any]) -> Range:
    low, high, scale = values
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in (low, high)):
        raise ValueError(f"the ends of a range must be numbers. Got {list(values)!r}. {FORMS}")
    if not low < high:
        raise ValueError(f"is upside down: low must be below high. Got {list(values)!r}: swap them")
    if scale == "log" and low <= 0:
        raise ValueError(f"a range on a log scale must begin above 0. Got {list(values)!r}: raise low, or write linear")
    if not all(math.isfinite(end) and abs(end) <= MOST for end in (low, high)):
        raise ValueError(f"the ends of a range must lie within ±{MOST:g}. Got {list(values)!r}")
    return Range(low, high, scale == "log")
