"""From records to a leaderboard: rows are labels, columns are quantities, cells are means over training seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ganbench.results.columns import COSTS, Column, Cost, columns_of, cost_of, headline, is_deterministic, protocol_key
from ganbench.results.footnotes import caption_of, footnotes_of
from ganbench.results.record import Record
from ganbench.results.rows import KINDS, Cell, Row, of_kind, rows_of
from ganbench.results.statistics import distinguishable
from ganbench.results.store import ResultSet


@dataclass(frozen=True)
class Leaderboard:
    """One table: one suite, one profile, one data fingerprint.

    Attributes:
        rows: real images, baselines, then methods from best to worst.
        columns: metrics by group, then costs.
        cells: (label, column key) → cell; absent where nothing was measured.
        directories: label → trial directories of its records that are done.
    """

    suite: str
    profile: str
    fingerprint: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    cells: dict[tuple[str, str], Cell]
    directories: dict[str, list[Path]]
    caption: tuple[str, ...]
    footnotes: tuple[str, ...]

    @property
    def headline(self) -> Column | None:
        """The column that methods are ranked by."""
        return headline(self.columns)


def build_leaderboards(results: ResultSet) -> list[Leaderboard]:
    """Return one leaderboard per data fingerprint (usually one), the one with most records first."""
    shown = results.shown
    prints = pd.Series([record.data_fingerprint for record in shown.values()], dtype=str).value_counts()
    if prints.empty:
        return [_build(results, {}, "", planned=True)]
    return [
        _build(results, {path: r for path, r in shown.items() if r.data_fingerprint == key}, str(key), index == 0)
        for index, key in enumerate(prints.index)
    ]


def _build(results: ResultSet, shown: dict[Path, Record], fingerprint: str, planned: bool) -> Leaderboard:
    records = list(shown.values())
    done = [record for record in records if record.status == "ok"]
    rows = rows_of(records, results.plan if planned else None)
    metrics = columns_of(done)
    columns = list({column.key: column for column in (*metrics.values(), *(cost.column for cost in COSTS))}.values())
    cells = _cells(_values(done, metrics), {row.label: not row.complete for row in rows})
    columns = [column for column in columns if any(key == column.key for _, key in cells)]
    rows = _ranked(rows, headline(columns), cells)
    for column in columns:
        _judge(column, rows, cells)
    return Leaderboard(
        results.suite,
        results.profile,
        fingerprint,
        tuple(rows),
        tuple(columns),
        cells,
        {row.label: [path for path, r in shown.items() if r.label == row.label and r.status == "ok"] for row in rows},
        caption_of(results.suite, results.profile, records),
        footnotes_of(rows, columns, cells, records, results),
    )


def _values(records: Sequence[Record], metrics: dict[tuple[str, str], Column]) -> pd.DataFrame:
    """Return the long table: one line per label, column and seed."""
    lines = [
        (record.label, metrics[name, protocol_key(m)].key, record.seed, m.value, m.n, is_deterministic(m))
        for record in records
        for name, m in record.metrics.items()
    ]
    costs: list[tuple[Record, Cost]] = [(record, cost) for record in records for cost in COSTS]
    for record, cost in costs:
        value = cost_of(record, cost)
        if value is not None:
            lines.append((record.label, cost.column.key, record.seed, value, 0, False))
    return pd.DataFrame(lines, columns=["label", "column", "seed", "value", "n", "deterministic"])


def _cells(values: pd.DataFrame, partial: dict[str, bool]) -> dict[tuple[str, str], Cell]:
    cells = {}
    for (label, key), group in values.groupby(["label", "column"], sort=False):
        numbers = group["value"]
        std = float(numbers.std(ddof=1)) if len(numbers) > 1 else None
        by_seed = dict(zip(group["seed"].tolist(), numbers.tolist(), strict=True))
        cells[str(label), str(key)] = Cell(
            mean=float(numbers.mean()),
            std=std,
            values=by_seed,
            n=int(group["n"].max()),
            partial=partial[str(label)],
            deterministic=bool(group["deterministic"].all()),
        )
    return cells


def _ranked(rows: list[Row], column: Column | None, cells: dict[tuple[str, str], Cell]) -> list[Row]:
    """Sort real images first, then baselines as planned, then methods from best to worst, incomplete ones last."""

    def badness(row: Row) -> tuple[bool, float]:
        cell = cells.get((row.label, column.key)) if column else None
        if cell is None or column is None:
            return not row.complete, float("inf")
        return not row.complete, -cell.mean if column.higher_is_better else cell.mean

    methods = sorted(of_kind(rows, "method"), key=badness)
    return [*(row for kind in KINDS[:2] for row in of_kind(rows, kind)), *methods]


def _judge(column: Column, rows: Sequence[Row], cells: dict[tuple[str, str], Cell]) -> None:
    """Mark the best complete method, what is tied with it, and distances below that of real images."""
    here = {row.label: cells[row.label, column.key] for row in rows if (row.label, column.key) in cells}
    rivals = {row.label: here[row.label] for row in of_kind(rows, "method") if row.complete and row.label in here}
    shown = {round(cell.mean, column.digits) for cell in rivals.values()}
    if column.higher_is_better is not None and len(shown) > 1:
        pick = max if column.higher_is_better else min
        best = pick(rivals.values(), key=lambda cell: cell.mean)
        for label, cell in rivals.items():
            same = round(cell.mean, column.digits) == round(best.mean, column.digits)
            tied = distinguishable(list(cell.values.values()), list(best.values.values())) is False
            cells[label, column.key] = replace(cell, best=same, tied=tied and not same)
    floor = [here[row.label].mean for row in of_kind(rows, "real") if row.label in here]
    if column.is_distance and floor:
        for label, cell in here.items():
            if cell.mean < floor[0]:
                cells[label, column.key] = replace(cells[label, column.key], alarm=True)
