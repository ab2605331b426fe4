"""The leaderboard as a table for a page: grouped columns, cells with values to sort by, intervals as pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ganbench.report.html.axis import Axis
from ganbench.report.layout import TITLES, format_cell
from ganbench.results.columns import GROUPS, Column
from ganbench.results.leaderboard import Leaderboard
from ganbench.results.rows import Cell, Kind, Row

WIDTH: Final = 72  # pixels of an interval's picture
EDGE: Final = 4  # of them left free on both sides
WORDS: Final = {"↑": "higher is better", "↓": "lower is better", "": "no direction"}


@dataclass(frozen=True)
class IntervalPicture:
    """Positions in pixels: the mean, the ends of its interval (None for one seed) and the value of real images."""

    mean: float
    low: float | None
    high: float | None
    real: float | None
    text: str


@dataclass(frozen=True)
class CellView:
    """One cell; ``value`` is what the column is sorted by."""

    text: str
    value: float | None = None
    best: bool = False
    alarm: bool = False
    interval: IntervalPicture | None = None


@dataclass(frozen=True)
class ColumnView:
    """One column; the essential ones are shown at first."""

    title: str
    arrow: str
    words: str
    group: str
    essential: bool
    leads: bool
    note: str
    protocol: str


@dataclass(frozen=True)
class GroupView:
    """Neighbouring columns of one group."""

    name: str
    title: str
    columns: tuple[ColumnView, ...]


@dataclass(frozen=True)
class RowView:
    """One row, its cells in the order of the columns."""

    label: str
    kind: Kind
    remark: str
    complete: bool
    cells: tuple[CellView, ...]


@dataclass(frozen=True)
class TableView:
    """The whole table: real images and baselines, which stay in sight, and the methods, best first."""

    groups: tuple[GroupView, ...]
    references: tuple[RowView, ...]
    methods: tuple[RowView, ...]

    @property
    def columns(self) -> list[ColumnView]:
        """All columns from left to right."""
        return [column for group in self.groups for column in group.columns]


def table_view(board: Leaderboard) -> TableView:
    """Return the table of a leaderboard."""
    columns = sorted(board.columns, key=lambda column: (column != board.headline, list(TITLES).index(_group(column))))
    essential = {column.key for column in _essential(board, columns)}
    scales = {column.key: _scale(board, column) for column in columns}
    rows = [_row(board, row, columns, scales) for row in board.rows]
    return TableView(
        tuple(_groups(board, columns, essential)),
        tuple(row for row in rows if row.kind != "method"),
        tuple(row for row in rows if row.kind == "method"),
    )


def _group(column: Column) -> str:
    return column.group if column.group in TITLES else GROUPS[0]


def _essential(board: Leaderboard, columns: Sequence[Column]) -> Iterator[Column]:
    """Yield the headline and the first other column of each group."""
    if board.headline:
        yield board.headline
    seen = set()
    for column in columns:
        if _group(column) not in seen and column != board.headline:
            seen.add(_group(column))
            yield column


def _groups(board: Leaderboard, columns: Sequence[Column], essential: set[str]) -> Iterator[GroupView]:
    views_of = [(column, _column(board, column, column.key in essential)) for column in columns]
    for name, title in (("ranked by", "What methods are ranked by"), *TITLES.items()):
        views = [view for column, view in views_of if name == ("ranked by" if view.leads else _group(column))]
        if views:
            yield GroupView(name, title, tuple(views))


def _column(board: Leaderboard, column: Column, essential: bool) -> ColumnView:
    protocol = ", ".join(f"{key}: {value}" for key, value in column.protocol.items())
    leads = board.headline is not None and column.key == board.headline.key
    return ColumnView(
        column.title, column.arrow, WORDS[column.arrow], _group(column), essential, leads, column.note, protocol
    )


def _scale(board: Leaderboard, column: Column) -> Axis:
    """Return the axis that all interval pictures of a column share: it spans methods' seeds, raters and real images."""
    rows = [row for row in board.rows if row.kind != "baseline"]
    cells = [board.cells[row.label, column.key] for row in rows if (row.label, column.key) in board.cells]
    seeds = [value for cell in cells for value in cell.values.values()]
    raters = [end for cell in cells if cell.raters for end in (cell.raters.low, cell.raters.high)]
    return Axis.around((*seeds, *raters), EDGE, WIDTH - EDGE)


def _row(board: Leaderboard, row: Row, columns: Sequence[Column], scales: dict[str, Axis]) -> RowView:
    cells = tuple(_cell(board, row, column, scales[column.key]) for column in columns)
    return RowView(row.label, row.kind, _remark(row), row.complete, cells)


def _remark(row: Row) -> str:
    """Say beside a label what kind of row it is or, of a method, what became of its seeds, and its rank."""
    if row.kind != "method":
        return {"real": "real images", "baseline": "baseline"}[row.kind]
    if not row.complete:
        return row.short_status
    return f"rank {row.place}" if row.rank else ""


def _cell(board: Leaderboard, row: Row, column: Column, scale: Axis) -> CellView:
    cell = board.cells.get((row.label, column.key))
    if cell is None:
        return CellView("–")
    if column.group == "cost":  # its spread says more about the machine's other work than about the method
        return CellView(format_cell(replace(cell, std=None), column.digits), cell.mean, cell.best)
    picture = None if cell.deterministic else _picture(cell, scale, column.digits, _real(board, column))
    return CellView(format_cell(cell, column.digits), cell.mean, cell.best, cell.alarm, picture)


def _real(board: Leaderboard, column: Column) -> float | None:
    labels = [row.label for row in board.rows if row.kind == "real" and (row.label, column.key) in board.cells]
    return board.cells[labels[0], column.key].mean if labels else None


def _picture(cell: Cell, scale: Axis, digits: int, real: float | None) -> IntervalPicture:
    found = cell.interval
    low, high = (scale.at(found.low), scale.at(found.high)) if found else (None, None)
    seeds = f"{len(cell.values)} seeds" if len(cell.values) > 1 else "1 seed, so no interval is known"
    if cell.raters:
        seeds = f"{cell.raters.n} raters of 1 seed"
    text = f"95 % interval {found.low:.{digits}f} to {found.high:.{digits}f}, {seeds}" if found else seeds
    return IntervalPicture(scale.at(cell.mean), low, high, None if real is None else scale.at(real), text)
