"""Read a table of attributes: CSV with a header, or CelebA's own text file."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganbench.data.prepared import shortened
from ganbench.errors import InputError

DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Table:
    """Attributes of pictures.

    Attributes:
        path: the file.
        columns: names of the attributes.
        rows: name of the picture without suffix → its values.
    """

    path: Path
    columns: tuple[str, ...]
    rows: Mapping[str, Sequence[str]]

    def value(self, picture: Path, column: str) -> str:
        """Return one value of one picture."""
        return self.rows[picture.stem][self.columns.index(column)]

    def values(self, column: str) -> tuple[str, ...]:
        """Return the values of one attribute in the whole table, sorted."""
        index = self.columns.index(column)
        return tuple(sorted({row[index] for row in self.rows.values()}))


def read_table(path: Path) -> Table:
    """Read a CSV (commas, semicolons or tabs; first column the file names), or CelebA's list_attr_celeba.txt.

    The latter begins with the number of rows; names and values are parted by blanks.

    Raises:
        InputError: not UTF-8 text, no rows, columns or pictures that stand twice, rows of another length or with
            empty values: all lines are named.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not a readable table in UTF-8 ({error}).") from None
    cells = [(number, _cells(line, lines)) for number, line in enumerate(lines, start=1) if line.strip()]
    if lines and lines[0].strip().isdigit():  # CelebA's text: its count, then the names without that of the files
        cells = [(number, ["file", *row] if number == 2 else row) for number, row in cells[1:]]
    if len(cells) < 2:
        raise InputError(f"{path}: holds no rows. The first line names the columns, the first column the pictures.")
    header, rows = cells[0][1], cells[1:]
    problems = [*_twice(path, "column", header), *_bad_rows(path, rows, len(header))]
    problems += _twice(path, "picture", [Path(row[0]).stem for _, row in rows])
    if problems:
        raise InputError(shortened(problems))
    return Table(path, tuple(header[1:]), {Path(row[0]).stem: row[1:] for _, row in rows})


def _cells(line: str, lines: Sequence[str]) -> list[str]:
    if lines[0].strip().isdigit():
        row = line.split()
    else:
        delimiter = next((each for each in DELIMITERS if each in lines[0]), ",")
        row = next(csv.reader([line], delimiter=delimiter))
    return [sys.intern(cell.strip()) for cell in row]  # CelebA's eight million cells hold two values


def _bad_rows(path: Path, rows: Sequence[tuple[int, Sequence[str]]], columns: int) -> list[str]:
    return [
        f"{path}:{number}: a row must have {columns} values, none of them empty. Got {', '.join(row) or 'nothing'}."
        for number, row in rows
        if len(row) != columns or not all(row)
    ]


def _twice(path: Path, what: str, names: Sequence[str]) -> list[str]:
    return [f"{path}: the {what} {name!r} stands twice. Remove one."
            for name, count in Counter(names).items() if count > 1]  # fmt: skip
