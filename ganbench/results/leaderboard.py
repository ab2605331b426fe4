"""From records to a leaderboard: rows are labels, columns are quantities, cells are means over training seeds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from pathlib import Path

from ganbench.results.columns import COSTS, Column, columns_of, cost_of, headline
from ganbench.results.footnotes import caption_of, footnotes_of, order_notes
from ganbench.results.people import rater_interval
from ganbench.results.ranks import rank_ranges
from ganbench.results.record import Record
from ganbench.results.rows import KINDS, Cell, Row, of_kind, rows_of
from ganbench.results.statistics import Interval, distinguishable
from ganbench.results.store import ResultSet

Key = tuple[str, str]


@dataclass(frozen=True)
class Leaderboard:
    """One table: one suite, one profile, one data fingerprint.

    Attributes:
        rows: real images, baselines, then methods from best to worst.
        columns: metrics by group, then costs.
        cells: (label, column key) → cell; absent where nothing was measured.
        directories: label → trial directories of its records that are done.
        headline: the column that methods are ranked by; None where it wasn't measured.
    """

    suite: str
    profile: str
    fingerprint: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    cells: dict[Key, Cell]
    directories: dict[str, list[Path]]
    caption: tuple[str, ...]
    footnotes: tuple[str, ...]
    headline: Column | None


def build_leaderboards(results: ResultSet) -> list[Leaderboard]:
    """Return one leaderboard per data fingerprint (usually one), the one with most records first."""
    shown = results.shown
    prints = Counter(record.data_fingerprint for record in shown.values())
    if not prints:
        return [_build(results, {}, "", planned=True)]
    return [
        _build(results, {path: r for path, r in shown.items() if r.data_fingerprint == key}, key, index == 0)
        for index, (key, _) in enumerate(prints.most_common())
    ]


def _build(results: ResultSet, shown: dict[Path, Record], fingerprint: str, planned: bool) -> Leaderboard:
    records = list(shown.values())
    done = [record for record in records if record.status == "ok"]
    rows = rows_of(records, results.plan if planned else None)
    metrics = columns_of(done)
    columns = list({column.key: column for column in (*metrics.values(), *(cost.column for cost in COSTS))}.values())
    cells = _cells(done, metrics, {row.label for row in rows if not row.complete})
    measured = {key for _, key in cells}
    columns = [column for column in columns if column.key in measured]
    declared = results.plan.headline if results.plan else None
    lead = headline(columns, declared)
    rows = _ranked(rows, lead, cells)
    for column in columns:
        _judge(column, rows, cells)
    return Leaderboard(
        results.suite,
        results.profile,
        fingerprint,
        tuple(rows),
        tuple(columns),
        cells,
        _directories(rows, shown),
        caption_of(results.suite, results.profile, records),
        (*order_notes(rows, lead, declared), *footnotes_of(rows, columns, cells, records, results)),
        lead,
    )


def _directories(rows: Sequence[Row], shown: Mapping[Path, Record]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {row.label: [] for row in rows}
    for path, record in shown.items():
        if record.status == "ok":
            found[record.label].append(path)
    return found


@dataclass
class _Values:
    """What the seeds of one cell gave."""

    by_seed: dict[int, float] = field(default_factory=dict)
    n: int = 0
    alarm: bool = False
    deterministic: bool = True
    raters: Interval | None = None

    def cell(self, partial: bool) -> Cell:
        numbers = list(self.by_seed.values())
        mean = sum(numbers) / len(numbers)
        squares = sum((number - mean) ** 2 for number in numbers)
        std = sqrt(squares / (len(numbers) - 1)) if len(numbers) > 1 else None
        by_seed = dict(sorted(self.by_seed.items()))
        raters = self.raters if std is None else None
        return Cell(
            mean, std, by_seed, self.n, partial, alarm=self.alarm, deterministic=self.deterministic, raters=raters
        )


def _cells(records: Sequence[Record], metrics: Mapping[Key, Column], partial: set[str]) -> dict[Key, Cell]:
    found: defaultdict[Key, _Values] = defaultdict(_Values)
    for record in records:
        for name, measured in record.metrics.items():
            values = found[record.label, metrics[name, measured.protocol_key].key]
            values.by_seed[record.seed] = measured.value
            values.n = max(values.n, measured.n)
            values.alarm |= measured.alarm
            values.deterministic &= measured.deterministic
            values.raters = rater_interval(measured)
        for key, cost in _costs(record):
            values = found[record.label, key]
            values.by_seed[record.seed] = cost
            values.deterministic = False
    return {key: values.cell(key[0] in partial) for key, values in found.items()}


def _costs(record: Record) -> Iterator[tuple[str, float]]:
    for cost in COSTS:
        value = cost_of(record, cost)
        if value is not None:
            yield cost.column.key, value


def _ranked(rows: list[Row], column: Column | None, cells: Mapping[Key, Cell]) -> list[Row]:
    """Sort real images first, then baselines as planned, then methods from best to worst, incomplete ones last.

    Complete methods get their rank; what failed on some seed has none, whatever its other seeds say.
    """

    def badness(row: Row) -> tuple[bool, float]:
        cell = cells.get((row.label, column.key)) if column else None
        if cell is None or column is None:
            return not row.complete, float("inf")
        return not row.complete, -cell.mean if column.higher_is_better else cell.mean

    methods = sorted(of_kind(rows, "method"), key=badness)
    if column is not None and column.higher_is_better is not None:
        rivals = [row for row in methods if row.complete and (row.label, column.key) in cells]
        values = {row.label: list(cells[row.label, column.key].values.values()) for row in rivals}
        ranks = rank_ranges(values, column.higher_is_better)
        for row in rivals:
            row.rank = ranks[row.label]
    return [*(row for kind in KINDS[:2] for row in of_kind(rows, kind)), *methods]


def _judge(column: Column, rows: Sequence[Row], cells: dict[Key, Cell]) -> None:
    """Mark the best complete method, what is tied with it, and distances below that of real images."""
    here = {row.label: cells[row.label, column.key] for row in rows if (row.label, column.key) in cells}
    rivals = {row.label: here[row.label] for row in of_kind(rows, "method") if row.complete and row.label in here}
    shown = {round(cell.mean, column.digits) for cell in rivals.values()}
    if column.higher_is_better is not None and len(shown) > 1:
        pick = max if column.higher_is_better else min
        best = pick(rivals.values(), key=lambda cell: cell.mean)
        for label, cell in rivals.items():
            same = round(cell.mean, column.digits) == round(best.mean, column.digits)
            tied = not same and distinguishable(list(cell.values.values()), list(best.values.values())) is False
            cells[label, column.key] = replace(cell, best=same, tied=tied)
    floor = [here[row.label].mean for row in of_kind(rows, "real") if row.label in here]
    if column.is_distance and floor:
        for label, cell in here.items():
            if cell.mean < floor[0]:
                cells[label, column.key] = replace(cells[label, column.key], alarm=True)
