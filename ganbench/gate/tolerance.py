"""How far a value may move without anybody minding: a decision about what matters, made before looking."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ganbench.errors import InputError
from ganbench.gate.snapshot import Quantity
from ganbench.registry import did_you_mean

DEFAULT_SHARE = 0.05  # of the baseline's mean
FORM = re.compile(r"(?P<name>[^=]+)=\s*(?P<number>[0-9.eE+-]+)\s*(?P<percent>%?)")


@dataclass(frozen=True)
class Tolerance:
    """A change of the mean that is still "same".

    Attributes:
        amount: in the metric's own unit, or a share of the baseline's mean.
        relative: which of the two.
    """

    amount: float = DEFAULT_SHARE
    relative: bool = True

    def around(self, quantity: Quantity) -> float:
        """Return the tolerated change of ``quantity``, in its own unit; at least one unit of the last digit shown."""
        if not self.relative:
            return self.amount
        return max(self.amount * abs(quantity.mean), 10.0**-quantity.digits if self.amount else 0.0)

    def __str__(self) -> str:
        return f"{100 * self.amount:g} %" if self.relative else f"{self.amount:g}"


def parse_tolerances(texts: Sequence[str], known: Collection[str]) -> dict[str, Tolerance]:
    """Read ``METRIC=0.02`` (in the metric's unit) and ``METRIC=5%`` (of the baseline's mean).

    Raises `InputError` with all problems: another form, a metric that ``known`` lacks, one given twice.
    """
    problems: list[str] = []
    found: dict[str, Tolerance] = {}
    for text in texts:
        try:
            name, tolerance = _parse(text, known, found)
            found[name] = tolerance
        except ValueError as error:
            problems.append(f"--tolerance {error}")
    if problems:
        raise InputError(problems)
    return found


def _parse(text: str, known: Collection[str], found: Mapping[str, Tolerance]) -> tuple[str, Tolerance]:
    parts = FORM.fullmatch(text.strip())
    amount = _number(parts["number"]) if parts else None
    if parts is None or amount is None:
        raise ValueError(f"must be METRIC=NUMBER or METRIC=PERCENT%, such as judge_success=0.02 or 5%. Got {text!r}.")
    name = parts["name"].strip()
    if name not in known:
        raise ValueError(
            f"names {name!r}, of which the baseline has no value with a better direction. "
            f"{did_you_mean(name, known)}Known: {', '.join(sorted(known))}."
        )
    if name in found:
        raise ValueError(f"is given twice for {name!r}. Leave one out.")
    relative = bool(parts["percent"])
    return name, Tolerance(amount / 100 if relative else amount, relative)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
