"""A leaderboard for machines: CSV and Parquet with one row per method, and plain data for JSON."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ganbench.errors import InputError
from ganbench.results.columns import Column
from ganbench.results.leaderboard import Leaderboard
from ganbench.results.rows import Cell, Row

if TYPE_CHECKING:
    import pandas as pd

Plain = str | int | float | bool | None


def to_csv(boards: Sequence[Leaderboard]) -> str:
    """Return `to_frame` as CSV, full precision."""
    return to_frame(boards).to_csv(index=False)


def to_parquet(boards: Sequence[Leaderboard]) -> bytes:
    """Return `to_frame` as a Parquet file. Raises `InputError` where pyarrow is absent."""
    buffer = io.BytesIO()
    try:
        to_frame(boards).to_parquet(buffer, engine="pyarrow", index=False)
    except ImportError:
        raise InputError("--parquet needs pyarrow. Get it: pip install 'ganbench[parquet]'.") from None
    return buffer.getvalue()


def to_frame(boards: Sequence[Leaderboard]) -> pd.DataFrame:
    """Return one row per method; of each quantity ``.mean``, ``.std`` over seeds, ``.low`` and ``.high`` of the 95 %
    interval (`Cell.interval`), ``.n_seeds`` and ``.n`` (images or pairs behind each value).
    """
    import pandas as pd  # here, as it takes half a second: a run needs it at its end

    return pd.DataFrame([_line(board, row) for board in boards for row in board.rows]).convert_dtypes()


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


def _line(board: Leaderboard, row: Row) -> dict[str, Plain]:
    best, worst = row.rank or (None, None)
    line: dict[str, Plain] = {
        "suite": board.suite,
        "profile": board.profile,
        "data_fingerprint": board.fingerprint,
        "label": row.label,
        "method": row.method,
        "kind": row.kind,
        "status": row.status,
        "seeds": ",".join(map(str, row.seeds)),
        "rank.best": best,
        "rank.worst": worst,
    }
    for column in board.columns:
        line |= _numbers(column, board.cells.get((row.label, column.key)))
    return line


def _numbers(column: Column, cell: Cell | None) -> dict[str, Plain]:
    interval = cell.interval if cell else None
    numbers: dict[str, Plain] = {
        "mean": cell.mean if cell else None,
        "std": cell.std if cell else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "n_seeds": len(cell.values) if cell else None,
    }
    if column.group != "cost":
        numbers["n"] = cell.n if cell else None
    return {f"{column.key}.{name}": value for name, value in numbers.items()}


def _data_row(board: Leaderboard, row: Row) -> dict[str, Any]:
    cells = [(column, board.cells.get((row.label, column.key))) for column in board.columns]
    measured = [(column, cell) for column, cell in cells if cell]
    return {
        "label": row.label,
        "method": row.method,
        "kind": row.kind,
        "status": row.status,
        "seeds": {str(seed): status for seed, status in row.seeds.items()},
        "rank": list(row.rank) if row.rank else None,
        "metrics": {column.key: _metric(column, cell) for column, cell in measured if column.group != "cost"},
        "costs": {column.key: cell.mean for column, cell in measured if column.group == "cost"},
    }


def _metric(column: Column, cell: Cell) -> dict[str, Any]:
    return {
        "value": cell.mean,
        "std": cell.std,
        "n": cell.n,
        "n_seeds": len(cell.values),
        "interval95": [cell.interval.low, cell.interval.high] if cell.interval else None,
        "seeds": {str(seed): value for seed, value in cell.values.items()},
        "group": column.group,
        "higher_is_better": column.higher_is_better,
        "best": cell.best,
        "partial": cell.partial,
        "memorization_alarm": cell.alarm,
        "protocol": dict(column.protocol),
    }
