"""Quality against cost: each method's headline against its training time, and the front that nobody beats on both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ganbench.report.html.axis import Axis, Tick
from ganbench.results.columns import Column
from ganbench.results.leaderboard import Leaderboard
from ganbench.results.rows import Cell

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 14, 46  # free around the points, in the chart's units
LETTER, LINE = 6.7, 14.0  # width of a letter and height of a line of labels
SECONDS: Final = "training_seconds"


@dataclass(frozen=True)
class Point:
    """One method: where it stands, its interval (positions of the ends), and where its label stands."""

    label: str
    x: float
    y: float
    low: float | None
    high: float | None
    on_front: bool
    complete: bool
    label_x: float
    label_y: float
    anchor: str
    text: str


@dataclass(frozen=True)
class Front:
    """The chart; ``references`` are real images and baselines: labels, position of their headline."""

    title: str
    arrow: str
    points: tuple[Point, ...]
    line: str
    references: tuple[tuple[str, float], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Spot:
    label: str
    seconds: float
    cell: Cell
    x: float
    y: float


def front_of(board: Leaderboard) -> Front | None:
    """Return the chart, or None where no method has both a headline and a training time."""
    column = board.headline
    methods = [row.label for row in board.rows if row.kind == "method"]
    if column is None:
        return None
    both = [label for label in methods if {(label, column.key), (label, SECONDS)} <= board.cells.keys()]
    if not both:
        return None
    cells = {label: board.cells[label, column.key] for label in both}
    seconds = {label: board.cells[label, SECONDS].mean for label in both}
    references = [row.label for row in board.rows if row.kind != "method" and (row.label, column.key) in board.cells]
    around = [board.cells[label, column.key].mean for label in references]
    x = Axis.around(seconds.values(), LEFT, WIDTH - RIGHT, None)
    y = Axis.around([*around, *(v for cell in cells.values() for v in cell.values.values())], HEIGHT - BOTTOM, TOP)
    spots = [_Spot(label, seconds[label], cell, x.at(seconds[label]), y.at(cell.mean)) for label, cell in cells.items()]
    best = pareto([spot for spot in spots if not spot.cell.partial], bool(column.higher_is_better))
    return Front(
        column.title, column.arrow, tuple(_points(spots, best, y, column)), _steps(best),
        tuple(_lines({label: y.at(board.cells[label, column.key].mean) for label in references})),
        tuple(x.ticks), tuple(y.ticks), tuple(label for label in methods if label not in both),
    )  # fmt: skip


def pareto(spots: Sequence[_Spot], higher_is_better: bool) -> list[_Spot]:
    """Return the spots that none beats: none takes as little time and is better, or is as good and takes less."""
    sign = -1.0 if higher_is_better else 1.0
    front: list[_Spot] = []
    for spot in sorted(spots, key=lambda spot: (spot.seconds, sign * spot.cell.mean)):
        if not front or sign * spot.cell.mean < sign * front[-1].cell.mean:
            front.append(spot)
    return front


def _steps(front: Sequence[_Spot]) -> str:
    """Return a path that goes level to the next spot's time, then to its quality."""
    if not front:
        return ""
    steps = "".join(f"H{spot.x:g}V{spot.y:g}" for spot in front[1:])
    return f"M{front[0].x:g} {front[0].y:g}{steps}H{WIDTH - RIGHT}"


def _lines(places: dict[str, float]) -> list[tuple[str, float]]:
    """Return one line per place; rows too close for labels of their own share one."""
    lines: list[tuple[str, float]] = []
    for label, place in sorted(places.items(), key=lambda item: item[1]):
        if lines and place - lines[-1][1] < LINE:
            lines[-1] = (f"{lines[-1][0]}, {label}", lines[-1][1])
        else:
            lines.append((label, place))
    return lines


def _points(spots: Sequence[_Spot], front: Sequence[_Spot], y: Axis, column: Column) -> list[Point]:
    taken = [(spot.x - 6, spot.y - 6, spot.x + 6, spot.y + 6) for spot in spots]
    points = []
    for spot in spots:
        label_x, label_y, anchor = _place(spot, taken)
        interval = spot.cell.interval
        low, high = (y.at(interval.low), y.at(interval.high)) if interval else (None, None)
        text = f"{spot.label}: {column.title} {spot.cell.mean:.{column.digits}f} after {spot.seconds:.0f} s"
        on_front = spot in front
        points.append(
            Point(
                spot.label, spot.x, spot.y, low, high, on_front, not spot.cell.partial, label_x, label_y, anchor, text
            )
        )
    return points


def _place(spot: _Spot, taken: list[tuple[float, float, float, float]]) -> tuple[float, float, str]:
    """Find room for a label near its spot, and take it; where all places are taken, the last one is used."""
    width = len(spot.label) * LETTER
    for dx, dy in ((10, -8), (10, 15), (-10, -8), (-10, 15), (10, 4), (-10, 4), (10, -22), (-10, -22), (10, 30)):
        left = spot.x + dx if dx > 0 else spot.x + dx - width
        box = (left, spot.y + dy - LINE + 3, left + width, spot.y + dy + 3)
        inside = left >= LEFT and left + width <= WIDTH and box[1] >= 0 and box[3] <= HEIGHT - BOTTOM
        if inside and not any(_overlap(box, other) for other in taken):
            break
    taken.append(box)
    return spot.x + dx, spot.y + dy, "start" if dx > 0 else "end"


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
