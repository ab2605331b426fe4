"""Speed of the nearest-neighbour search, as a share of the bare matrix product's on the same machine.

python -m benchmarks.neighbours
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Annotated

import torch
import typer

from ganbench.metrics.neighbours import CHUNK, nearest

WARM_UP = 256  # rows
Work = Callable[[torch.Tensor, torch.Tensor], object]


def main(
    points: Annotated[list[int] | None, typer.Option(help="Numbers of points; repeat the option.")] = None,
    rows: Annotated[int, typer.Option(help="Most rows whose neighbours are searched.")] = 4096,
    columns: Annotated[int, typer.Option(help="Features.")] = 2048,
    threads: Annotated[list[int] | None, typer.Option(help="Threads; repeat the option.")] = None,
    repeats: Annotated[int, typer.Option(help="Turns; search and product take turns.")] = 5,
) -> None:
    """Print seconds of product and search (medians), and the share of the product's speed (median, lowest, highest)."""
    typer.echo("| rows × points × features | threads | product | search, k = 1 | share | search, k = 5 | share |")
    typer.echo("| --- | --- | --- | --- | --- | --- | --- |")
    for count in points or [10_000, 50_000]:
        values = torch.randn(count, columns, generator=torch.Generator().manual_seed(0))
        queries = torch.randn(min(rows, count), columns, generator=torch.Generator().manual_seed(1))
        for number in threads or [1, 2]:
            torch.set_num_threads(number)
            typer.echo(_row(queries, values, number, repeats))


def _row(queries: torch.Tensor, points: torch.Tensor, threads: int, repeats: int) -> str:
    contenders: list[Work] = [_product, nearest, partial(nearest, k=5)]
    for contender in contenders:
        contender(queries[:WARM_UP], points)
    turns = [[_seconds(each, queries, points) for each in contenders] for _ in range(repeats)]
    product, first, fifth = zip(*turns, strict=True)
    cells = [f"{len(queries):,} × {len(points):,} × {points.shape[1]:,}", str(threads), _spent(product)]
    cells += [text for search in (first, fifth) for text in (_spent(search), _share(product, search))]
    return f"| {' | '.join(cells)} |"


def _product(rows: torch.Tensor, points: torch.Tensor) -> None:
    """Multiply in the chunks of the search: the whole product would not fit into memory."""
    for chunk in rows.split(CHUNK):
        torch.mm(chunk, points.T)


def _seconds(work: Work, rows: torch.Tensor, points: torch.Tensor) -> float:
    start = time.perf_counter()
    work(rows, points)
    return time.perf_counter() - start


def _spent(seconds: Sequence[float]) -> str:
    return f"{median(seconds):.2f} s"


def _share(product: Sequence[float], search: Sequence[float]) -> str:
    shares = [ours / theirs for ours, theirs in zip(product, search, strict=True)]
    return f"{median(shares):.0%} ({min(shares):.0%}–{max(shares):.0%})"


if __name__ == "__main__":
    typer.run(main)
