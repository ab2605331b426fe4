"""Columns of a leaderboard: one per quantity and protocol, so that no column mixes protocols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import ascii_lowercase
from typing import Literal

from ganbench.results.record import Measured, Record, Scalar

Direction = Literal["↑", "↓", ""]
HEADLINE = "success"  # quantities whose name ends so: target-domain rate × content accuracy
DISTANCES = ("fd_", "fid")  # quantities on which falling below the real images' own value is an alarm
EXTRAPOLATED = "_infinity"  # in the name of those on which it isn't: what few outputs are extrapolated to is too rough
LEADING = (*DISTANCES, "collapse_pixel")  # what stands first in its group, and so in the summary
GROUPS = ("quality", "faithfulness", "diversity", "memorization")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: name in CSV and JSON; the quantity's name, with "@a", "@b" where protocols had to be split.
        quantity: name in the records.
        protocol: the protocol that all its values share.
        n: numbers of images (or pairs) behind its values, ascending; more than one is worth a footnote.
    """

    key: str
    quantity: str
    title: str
    group: str
    higher_is_better: bool | None
    digits: int = 3
    note: str = ""
    protocol: Mapping[str, Scalar] = field(default_factory=dict)
    n: tuple[int, ...] = ()

    @property
    def arrow(self) -> Direction:
        """The direction in which values are better."""
        return "" if self.higher_is_better is None else "↑" if self.higher_is_better else "↓"

    @property
    def header(self) -> str:
        """Title with arrow."""
        return f"{self.title} {self.arrow}".rstrip()

    @property
    def is_distance(self) -> bool:
        """Whether a value below that of real images is an alarm."""
        return self.quantity.startswith(DISTANCES) and EXTRAPOLATED not in self.quantity


@dataclass(frozen=True)
class Cost:
    """A column of group "cost", taken from a record's timings and budget instead of its metrics."""

    column: Column
    part: Literal["timings", "budget"]
    attribute: str
    of_training: bool = True  # nothing to show for what isn't trained


def _cost(title: str, part: Literal["timings", "budget"], attribute: str, better: bool | None, digits: int = 0) -> Cost:
    column = Column(attribute, attribute, title, "cost", better, digits)
    return Cost(column, part, attribute, of_training=attribute != "peak_memory_mib")


COSTS = (
    _cost("training (s)", "timings", "training_seconds", False),
    _cost("images/s", "timings", "images_per_second", True),
    _cost("steps", "budget", "steps", None),
    _cost("updates", "budget", "updates", None),
    _cost("images seen", "budget", "images_seen", None),
    _cost("peak memory (MiB)", "timings", "peak_memory_mib", False),
)


def cost_of(record: Record, cost: Cost) -> float | None:
    """Return one cost of a trial, or None where it has none (a baseline isn't trained)."""
    if cost.of_training and record.budget.updates == 0:
        return None
    return float(getattr(getattr(record, cost.part), cost.attribute))


def columns_of(records: Sequence[Record]) -> dict[tuple[str, str], Column]:
    """Return (quantity, protocol key) → column, in the order in which a leaderboard shows them."""
    groups: dict[str, dict[str, list[Measured]]] = {}
    for record in records:
        for name, measured in record.metrics.items():
            groups.setdefault(name, {}).setdefault(measured.protocol_key, []).append(measured)
    found = {(name, key): column for name, values in groups.items() for key, column in _split(name, values).items()}
    return dict(sorted(found.items(), key=lambda item: _place(item[1])))


def _split(name: str, by_protocol: Mapping[str, list[Measured]]) -> dict[str, Column]:
    ranked = sorted(by_protocol, key=lambda key: (key == "deterministic", -len(by_protocol[key])))
    columns = {key: _column(name, by_protocol[key]) for key in ranked}
    real = [key for key in ranked if key != "deterministic"]
    if len(real) > 1:
        columns = {key: _lettered(columns[key], index) for index, key in enumerate(ranked)}
    if real and "deterministic" in columns:  # 0 under whatever protocol: it needs no column of its own
        columns["deterministic"] = columns[real[0]]
    return columns


def _lettered(column: Column, index: int) -> Column:
    letter = ascii_lowercase[index] if index < len(ascii_lowercase) else str(index)
    return replace(column, key=f"{column.key}@{letter}", title=f"{column.title} ({letter})")


def _column(name: str, values: Sequence[Measured]) -> Column:
    first = values[0]
    n = tuple(sorted({value.n for value in values if value.n}))
    return Column(
        name, name, first.title, first.group, first.higher_is_better, first.digits, first.note, first.protocol, n
    )


def _place(column: Column) -> tuple[int, bool]:
    group = GROUPS.index(column.group) if column.group in GROUPS else len(GROUPS)
    leads = column.quantity.startswith(LEADING) or column.quantity.endswith(HEADLINE)
    return group, not leads


def headline(columns: Iterable[Column], declared: str | None = None) -> Column | None:
    """Return the column that methods are ranked by, or None where it wasn't measured.

    It is what the suite declares; without that the judge's success product, else the Fréchet distance.
    """
    candidates = list(columns)
    if declared is not None:
        return next((column for column in candidates if column.quantity == declared), None)
    named = [column for column in candidates if column.quantity.endswith(HEADLINE)]
    return next(iter(named or [column for column in candidates if column.is_distance]), None)


def protocol_differences(columns: Iterable[Column]) -> dict[str, str]:
    """Return quantity → what differs between its columns, for quantities that had to be split."""
    candidates = list(columns)
    split = [name for name, count in Counter(column.quantity for column in candidates).items() if count > 1]
    return {name: _difference([column for column in candidates if column.quantity == name]) for name in split}


def _difference(columns: Sequence[Column]) -> str:
    keys = dict.fromkeys(key for column in columns for key in column.protocol)
    differing = [key for key in keys if len({repr(column.protocol.get(key)) for column in columns}) > 1]
    values = {key: " / ".join(str(column.protocol.get(key, "–")) for column in columns) for key in differing}
    return "; ".join(f"{key}: {text}" for key, text in values.items())
