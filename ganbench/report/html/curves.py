"""Learning curves for a page: the losses of each row, against steps and against seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ganbench.report.html.axis import LARGEST, Axis, Tick, short
from ganbench.results.record import Record

WIDTH, HEIGHT = 340, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 8, 30  # free around the lines, in the chart's units
COLOURS: Final = 8  # of the style sheet; further losses of a page are dashed
POINTS: Final = 100  # of a line
EXTREME: Final = 1  # percent of the values, at either end, that the vertical axis leaves out
AXES: Final = {"step": "steps", "seconds": "seconds of training"}  # columns of a curve that aren't losses


@dataclass(frozen=True)
class Line:
    """One loss of one seed: its colour's number, and its path; seeds after the first are fainter."""

    colour: int
    dashed: bool
    faint: bool
    points: str


@dataclass(frozen=True)
class Chart:
    """All losses of one row, against one of `AXES`."""

    against: str
    title: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Curves:
    """One row's charts, one for each of `AXES`, and what their colours mean: (name, colour, dashed, last value)."""

    label: str
    note: str
    charts: tuple[Chart, ...]
    legend: tuple[tuple[str, int, bool, str], ...]


def curves_of(records: Mapping[str, Sequence[Record]]) -> list[Curves]:
    """Return the curves of every label whose records have any."""
    with_curves = {label: [record for record in found if record.curve] for label, found in records.items()}
    rows = {label: found for label, found in with_curves.items() if found}
    counts = Counter(name for found in rows.values() for name in _losses(found))
    numbers = {name: index for index, (name, _) in enumerate(counts.most_common())}
    return [_curves(label, found, numbers) for label, found in rows.items()]


def _losses(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(name for record in records for row in record.curve for name in row if name not in AXES))


def _curves(label: str, records: Sequence[Record], numbers: Mapping[str, int]) -> Curves:
    names = _losses(records)
    last = records[0].curve[-1]
    legend = [(name, *_look(numbers[name]), short(last[name]) if name in last else "–") for name in names]
    seeds = ", ".join(str(record.seed) for record in records)
    note = f"seed{'s' if len(records) > 1 else ''} {seeds}" + ("; the first is solid" if len(records) > 1 else "")
    charts = tuple(_chart(records, names, numbers, against) for against in AXES)
    return Curves(label, note, charts, tuple(legend))


def _look(number: int) -> tuple[int, bool]:
    return number % COLOURS, number >= COLOURS


def _chart(records: Sequence[Record], names: Sequence[str], numbers: Mapping[str, int], against: str) -> Chart:
    rows = [row for record in records for row in record.curve]
    values = [row[name] for row in rows for name in names if name in row] or [0.0]
    low, high = np.percentile(values, (EXTREME, 100 - EXTREME)).tolist()
    most = min(max(row.get(against, 0.0) for row in rows), LARGEST)
    x = Axis(0.0, most if most > 1 / LARGEST else 1.0, LEFT, WIDTH - RIGHT)
    y = Axis.around((low, high), HEIGHT - BOTTOM, TOP, None)
    lines = [
        Line(*_look(numbers[name]), seed > 0, _points(record, name, against, x, y))
        for seed, record in enumerate(records)
        for name in names
    ]
    return Chart(against, AXES[against], tuple(lines), tuple(x.ticks), tuple(y.ticks))


def _points(record: Record, name: str, against: str, x: Axis, y: Axis) -> str:
    rows = [row for row in record.curve if name in row and against in row]
    rows = rows[:: max(1, len(rows) // POINTS)]
    return " ".join(f"{x.at(row[against]):g},{y.at(row[name]):g}" for row in rows)
