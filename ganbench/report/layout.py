"""A leaderboard cut into tables that fit a page: what Markdown and the terminal show alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ganbench.results.columns import GROUPS, Column
from ganbench.results.leaderboard import Leaderboard
from ganbench.results.rows import Cell, Kind, Row

WIDTH: Final = 100  # characters that a table should not exceed
SUMMARY: Final = ("quality", "diversity")  # groups whose first column the summary shows beside the headline
TITLES: Final = {
    "quality": "Quality: do the outputs look like target images?",
    "faithfulness": "Faithfulness: is what the input shows kept?",
    "diversity": "Diversity: do the outputs differ as their inputs do?",
    "memorization": "Memorization: are training images copied?",
    "cost": "Cost",
}


Words = tuple[str, list[str]]  # header and one text per row


@dataclass(frozen=True)
class Entry:
    """One cell as text with its mark."""

    text: str
    best: bool = False
    alarm: bool = False


@dataclass(frozen=True)
class Line:
    """One row: label, kind (for its style) and the entries."""

    label: str
    kind: Kind
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Table:
    """One table: headers (the first is the label's) and lines."""

    headers: tuple[str, ...]
    lines: tuple[Line, ...]
    text_columns: int = 1  # leading columns that hold words, not numbers


@dataclass(frozen=True)
class Section:
    """Tables under one title; notes say how to read a column, or why a row failed."""

    title: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...]


def sections(board: Leaderboard, width: int = WIDTH) -> list[Section]:
    """Return the summary, then one section per group of columns that has any, in tables of ``width`` characters."""
    reasons = tuple(f"{row.label}: {printable(row.status)}" for row in board.rows if row.status != row.short_status)
    found = [Section("Summary", tuple(_summary(board, width)), reasons)]
    for group, title in TITLES.items():
        columns = [column for column in board.columns if _group(column) == group]
        if columns:
            found.append(Section(title, tuple(_tables(board, columns, width)), _column_notes(columns)))
    return found


def footnotes(board: Leaderboard) -> list[str]:
    """Return the footnotes, the most important first."""
    return [printable(note) for note in board.footnotes]


def legend(board: Leaderboard) -> list[str]:
    """Return how to read cells and rows."""
    several = any(len(row.seeds) > 1 for row in board.rows)
    spread = "mean ± standard deviation over training seeds" if several else "one training seed"
    intervals = " Intervals (Student's t, 95 %) stand in the CSV and JSON forms." if several else ""
    return [
        f"Cells: {spread}; ↑ higher is better, ↓ lower is better; bold: the best method "
        f"(real images and baselines are not ranked).{intervals}",
        "real, the ceiling: unseen real target images in place of outputs, what a perfect method would score. "
        "Baselines, the floor: identity is the input, copied.",
    ]


def caption(board: Leaderboard) -> str:
    """Return the conditions of the measurement in one line."""
    return printable(" · ".join(board.caption))


def printable(text: str) -> str:
    """Return one line without control characters, which could rewrite a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def format_cell(cell: Cell, digits: int) -> str:
    """Return "mean ± std" (of a fool rate by several raters "mean [low, high]") with the column's digits, and marks."""
    if cell.deterministic:
        return "0 (deterministic)"
    spread = "" if cell.std is None else f" ± {fixed(cell.std, digits)}"
    if cell.raters:
        spread = f" [{fixed(cell.raters.low, digits)}, {fixed(cell.raters.high, digits)}]"
    marks = "†" * cell.partial + " ⚠" * cell.alarm + " ≈" * cell.tied
    return fixed(cell.mean, digits) + spread + marks


def fixed(value: float, digits: int) -> str:
    """Return a number with so many digits, thousands grouped."""
    return f"{value:z,.{digits}f}"  # z: no minus before zero


def _group(column: Column) -> str:
    return column.group if column.group in TITLES else GROUPS[0]


def _summary(board: Leaderboard, width: int) -> list[Table]:
    """Return what readers in a hurry need: status, headline, the first column on quality and on diversity."""
    lead = [board.headline] if board.headline else []
    firsts = {_group(column): column for column in reversed(board.columns)}  # the last one set is the first column
    wanted = {column.key: column for column in (*lead, *(firsts[group] for group in SUMMARY if group in firsts))}
    words = [("status", [row.short_status for row in board.rows])]
    if sum(row.rank is not None for row in board.rows) > 1:
        words.append(("rank", [row.place for row in board.rows]))
    used = sum(3 + max(map(len, [header, *texts])) for header, texts in words)
    first, *others = [*_chunks(board, list(wanted.values()), width - _label_width(board.rows) - used)] or [[]]
    return [_table(board, board.rows, first, words), *(_table(board, board.rows, chunk) for chunk in others)]


def _column_notes(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return how to read the columns; those that are read alike share a line."""
    titles: dict[str, list[str]] = {}
    for column in columns:
        titles.setdefault(printable(column.note), []).append(printable(column.title))
    return tuple(f"{'; '.join(names)}: {note}" for note, names in titles.items() if note)


def _tables(board: Leaderboard, columns: Sequence[Column], width: int) -> Iterator[Table]:
    for chunk in _chunks(board, columns, width - _label_width(board.rows)):
        keys = {column.key for column in chunk}
        rows = [row for row in board.rows if any((row.label, key) in board.cells for key in keys)]
        yield _table(board, rows, chunk)


def _table(board: Leaderboard, rows: Sequence[Row], columns: Sequence[Column], words: Sequence[Words] = ()) -> Table:
    lines = []
    for index, row in enumerate(rows):
        texts = [Entry(texts[index]) for _, texts in words]
        lines.append(Line(row.label, row.kind, (*texts, *(_entry(board, row, column) for column in columns))))
    headers = ("method", *(header for header, _ in words), *(printable(column.header) for column in columns))
    return Table(headers, tuple(lines), 1 + len(words))


def _entry(board: Leaderboard, row: Row, column: Column) -> Entry:
    cell = board.cells.get((row.label, column.key))
    if cell is None:
        return Entry("–")
    if column.group == "cost":  # the spread of a time says more about the machine's other work than about the method
        cell = replace(cell, std=None)
    return Entry(format_cell(cell, column.digits), cell.best, cell.alarm)


def _chunks(board: Leaderboard, columns: Sequence[Column], width: int) -> Iterator[list[Column]]:
    """Cut columns into runs that fit ``width`` characters each; a single wider column stands alone."""
    chunk: list[Column] = []
    used = 0
    for column in columns:
        needed = _width(board, column)
        if chunk and used + needed > width:
            yield chunk
            chunk, used = [], 0
        chunk.append(column)
        used += needed
    if chunk:
        yield chunk


def _width(board: Leaderboard, column: Column) -> int:
    entries = (_entry(board, row, column) for row in board.rows)
    return 3 + max(len(column.header), *(len(entry.text) + 4 * entry.best for entry in entries))


def _label_width(rows: Sequence[Row]) -> int:
    return 4 + max((len(row.label) for row in rows), default=0)
