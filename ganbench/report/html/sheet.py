"""The comparison sheet of a page (the same test images through every method), and the closest training images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ganbench.errors import InputError
from ganbench.report.html.images import Strip, strip
from ganbench.report.publish import COLUMNS, read_outputs
from ganbench.results.leaderboard import Leaderboard
from ganbench.results.pictures import CLOSEST, Images, Pictures, closest_pairs, read_neighbours, read_pictures
from ganbench.results.plan import EXTERNAL
from ganbench.results.record import Record
from ganbench.results.rows import Row

NO_INPUTS: Final = "The test images were not stored with these results. The same run again stores them."
NO_NEIGHBOURS: Final = "The training images were not stored with these results. The same run again stores them."


@dataclass(frozen=True)
class SheetRow:
    """One row: what it shows, a smaller note, and its images (None: there are none, and the note says why)."""

    label: str
    note: str
    kind: str
    strip: Strip | None


@dataclass(frozen=True)
class Sheet:
    """The rows from input to real images; ``problem`` says why some are lacking."""

    rows: tuple[SheetRow, ...]
    columns: int
    problem: str


@dataclass(frozen=True)
class Pair:
    """An output and the training image nearest to it: their distance, and how that image is looked at."""

    score: str
    seen: str
    copied: bool


@dataclass(frozen=True)
class Neighbours:
    """The closest pairs of one row: outputs above training images."""

    label: str
    kind: str
    alarm: bool
    verdict: str
    strip: Strip
    pairs: tuple[Pair, ...]


def stored_pictures(directory: Path) -> tuple[Pictures | None, str]:
    """Return a profile's pictures, or None, and what is wrong with them, if anything."""
    try:
        found = read_pictures(directory)
    except InputError as error:
        return None, str(error)
    return found, "" if found else NO_INPUTS


def sheet_of(board: Leaderboard, pictures: Pictures | None, problem: str) -> Sheet | None:
    """Return the sheet, or None where there is no picture at all."""
    rows = [SheetRow("input", "", "given", strip(pictures.inputs[:COLUMNS]))] if pictures else []
    rows += [_row(board, row) for row in board.rows if row.kind == "method" or row.method == EXTERNAL]
    rows += list(_answers(pictures)) if pictures else []
    shown = [row.strip.columns for row in rows if row.strip]
    return Sheet(tuple(rows), max(shown), problem) if shown else None


def _answers(pictures: Pictures) -> Iterator[SheetRow]:
    if pictures.counterparts is not None:
        yield SheetRow("counterpart", "the true answer", "given", strip(pictures.counterparts[:COLUMNS]))
    yield SheetRow("real target", "for comparison", "given", strip(pictures.real[:COLUMNS]))


def _row(board: Leaderboard, row: Row) -> SheetRow:
    if not board.directories.get(row.label):
        return SheetRow(row.label, row.short_status, row.kind, None)
    try:
        outputs = read_outputs(board.directories[row.label][0])
    except InputError:  # the tables are worth more than one row of the sheet
        return SheetRow(row.label, "no stored outputs", row.kind, None)
    return SheetRow(row.label, _score(board, row), row.kind, strip(outputs[:COLUMNS]))


def _score(board: Leaderboard, row: Row) -> str:
    column = board.headline
    cell = board.cells.get((row.label, column.key)) if column else None
    return f"{column.title} {cell.mean:.{column.digits}f}" if column and cell else ""


def neighbours_of(board: Leaderboard, records: dict[str, list[tuple[Path, Record]]]) -> tuple[list[Neighbours], str]:
    """Return each row's closest pairs, of its first finished seed, and what is lacking, if anything."""
    found: list[Neighbours] = []
    problems: dict[str, None] = {}
    for row in board.rows:
        done = [
            (path, one) for path, one in records.get(row.label, ()) if one.status == "ok" and CLOSEST in one.metrics
        ]
        if not done:
            continue
        try:
            train, outputs = read_neighbours(done[0][0]), read_outputs(done[0][0])
        except InputError as error:
            problems[str(error)] = None
            continue
        if train is None:
            problems[NO_NEIGHBOURS] = None
        else:
            found += _neighbours(row, done[0][1], outputs, train)
    return found, " ".join(problems)


def _neighbours(row: Row, record: Record, outputs: Images, train: Images) -> Iterator[Neighbours]:
    details = record.metrics[CLOSEST].details
    pairs = [pair for pair in closest_pairs(details) if 0 <= pair["output"] < len(outputs)][: len(train)]
    if pairs and train.shape[1:] == outputs.shape[1:]:
        picture = strip(outputs[[pair["output"] for pair in pairs]], train[: len(pairs)])
        threshold = float(details.get("threshold", 0.0))
        alarm = record.metrics[CLOSEST].alarm
        yield Neighbours(row.label, row.kind, alarm, _verdict(record, details), picture, _pairs(pairs, threshold))


def _pairs(pairs: Sequence[dict[str, Any]], threshold: float) -> tuple[Pair, ...]:
    return tuple(Pair(f"{pair['score']:.2f}", str(pair["seen"]), float(pair["score"]) < threshold) for pair in pairs)


def _verdict(record: Record, details: dict[str, Any]) -> str:
    value = record.metrics[CLOSEST]
    if not {"threshold", "copies", "p_value"} <= details.keys():
        return f"seed {record.seed}"
    below = f"{details['copies']} of {value.n} outputs closer than {details['threshold']:.2f}"
    if not details["copies"]:
        return f"{below}, seed {record.seed}"
    chance = "p < .001" if details["p_value"] < 0.001 else f"p = {details['p_value']:.3f}".replace("0.", ".", 1)
    return f"{below} ({chance}), seed {record.seed}"
