"""A leaderboard for machines: CSV with one row per method, and plain data for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ganbench.results.columns import Column
from ganbench.results.leaderboard import Leaderboard
from ganbench.results.rows import Cell, Row
from ganbench.results.statistics import t_interval


def to_csv(boards: Sequence[Leaderboard]) -> str:
    """Return CSV, full precision: one row per method, ``<quantity>.mean``, ``.std``, ``.n_seeds`` and ``.n``."""
    return (
        pd.DataFrame([_csv_row(board, row) for board in boards for row in board.rows])
        .convert_dtypes()
        .to_csv(index=False)
    )


def to_data(board: Leaderboard) -> dict[str, Any]:
    """Return plain data for ``json.dumps``; ``std`` is over seeds, ``n`` counts images (or pairs) behind each value."""
    return {
        "suite": board.suite,
        "profile": board.profile,
        "data_fingerprint": board.fingerprint,
        "caption": list(board.caption),
        "ranked_by": board.headline.key if board.headline else None,
        "rows": [_data_row(board, row) for row in board.rows],
        "footnotes": list(board.footnotes),
    }


def _csv_row(board: Leaderboard, row: Row) -> dict[str, str | int | float | None]:
    line: dict[str, str | int | float | None] = {
        "suite": board.suite,
        "profile": board.profile,
        "data_fingerprint": board.fingerprint,
        "label": row.label,
        "method": row.method,
        "kind": row.kind,
        "status": row.status,
    }
    for column in board.columns:
        cell = board.cells.get((row.label, column.key))
        line[f"{column.key}.mean"] = cell.mean if cell else None
        line[f"{column.key}.std"] = cell.std if cell else None
        line[f"{column.key}.n_seeds"] = len(cell.values) if cell else None
        if column.group != "cost":
            line[f"{column.key}.n"] = cell.n if cell else None
    return line


def _data_row(board: Leaderboard, row: Row) -> dict[str, Any]:
    cells = [(column, board.cells.get((row.label, column.key))) for column in board.columns]
    measured = [(column, cell) for column, cell in cells if cell]
    return {
        "label": row.label,
        "method": row.method,
        "kind": row.kind,
        "status": row.status,
        "seeds": {str(seed): status for seed, status in row.seeds.items()},
        "metrics": {column.key: _metric(column, cell) for column, cell in measured if column.group != "cost"},
        "costs": {column.key: cell.mean for column, cell in measured if column.group == "cost"},
    }


def _metric(column: Column, cell: Cell) -> dict[str, Any]:
    interval = t_interval(list(cell.values.values()))
    return {
        "value": cell.mean,
        "std": cell.std,
        "n": cell.n,
        "n_seeds": len(cell.values),
        "interval95": [interval.low, interval.high] if interval else None,
        "seeds": {str(seed): value for seed, value in cell.values.items()},
        "higher_is_better": column.higher_is_better,
        "best": cell.best,
        "partial": cell.partial,
        "memorization_alarm": cell.alarm,
        "protocol": dict(column.protocol),
    }
