"""Read a table of attributes: CSV with a header, or CelebA's own text file."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ganbench.data.prepared import shortened
from ganbench.errors import InputError

DELIMITERS = (",", ";", "\t")

Row = tuple[int, list[str]]
"""Number of a line in the file, and its cells."""


@dataclass(frozen=True)
class Table:
    """Attributes of pictures.

    Attributes:
        path: the file.
        columns: names of all attributes.
        kept: those whose values were asked for.
        rows: name of the picture without suffix → its values of ``kept``.
    """

    path: Path
    columns: tuple[str, ...]
    kept: tuple[str, ...]
    rows: Mapping[str, Sequence[str]]

    def value(self, picture: Path, column: str) -> str:
        """Return one value of one picture."""
        return self.rows[picture.stem][self.kept.index(column)]

    def values(self, column: str) -> tuple[str, ...]:
        """Return the values of one attribute in the whole table, sorted."""
        index = self.kept.index(column)
        return tuple(sorted({row[index] for row in self.rows.values()}))


def read_table(path: Path, wanted: Collection[str]) -> Table:
    """Read a CSV (commas, semicolons or tabs; first column the file names), or CelebA's list_attr_celeba.txt.

    The latter begins with the number of rows; names and values are parted by blanks. Lines are read one by one, and
    only the values of ``wanted`` columns are kept: all of CelebA's eight million would take as much as its images.

    Raises:
        InputError: not UTF-8 text, no rows, columns or pictures that stand twice, rows of another length or with
            empty values: all lines are named.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            return _table(path, _rows(file), wanted)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: is not a readable table in UTF-8 ({error}).") from None


def _rows(lines: Iterator[str]) -> Iterator[Row]:
    """Yield the lines that aren't blank, the columns' names first."""
    first = next(lines, "")
    filled = ((number, line) for number, line in enumerate(chain([first], lines), start=1) if line.strip())
    if first.strip().isdigit():  # CelebA's text: its count, then the names without that of the files
        next(filled)
        for number, line in filled:
            yield number, ["file", *line.split()] if number == 2 else line.split()
        return
    delimiter = next((each for each in DELIMITERS if each in first), ",")
    for number, line in filled:
        yield number, [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]


def _table(path: Path, rows: Iterator[Row], wanted: Collection[str]) -> Table:
    header = next(rows, (1, [""]))[1]
    places = {name: place for place, name in enumerate(header) if place and name in wanted}
    stems: list[str] = []
    values: list[Sequence[str]] = []
    problems: list[str] = []
    for number, row in rows:
        if len(row) != len(header) or not all(row):
            problems.append(_bad_row(path, number, row, len(header)))
            continue
        stems.append(Path(row[0]).stem)
        values.append(tuple(sys.intern(row[place]) for place in places.values()))  # of few values, each kept once
    if problems := [*_twice(path, "column", header), *problems, *_twice(path, "picture", stems)]:
        raise InputError(shortened(problems))
    if not stems:
        raise InputError(f"{path}: holds no rows. The first line names the columns, the first column the pictures.")
    return Table(path, tuple(header[1:]), tuple(places), dict(zip(stems, values, strict=True)))


def _bad_row(path: Path, number: int, row: Sequence[str], columns: int) -> str:
    got = ", ".join(row) or "nothing"
    return f"{path}:{number}: a row must have {columns} values, none of them empty. Got {got}."


def _twice(path: Path, what: str, names: Iterable[str]) -> list[str]:
    return [f"{path}: the {what} {name!r} stands twice. Remove one."
            for name, count in Counter(names).items() if count > 1]  # fmt: skip
