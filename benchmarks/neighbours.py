"""Speed of the nearest-neighbour search, as a share of the bare matrix product's on the same machine.

python -m benchmarks.neighbours
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Annotated

import torch
import typer

from ganbench.metrics.neighbours import CHUNK, nearest

WARM_UP = 256  # rows
KS = (1, 5)
BY = ("clock", "CPU")
Work = Callable[[torch.Tensor, torch.Tensor], object]


def main(
    points: Annotated[list[int] | None, typer.Option(help="Numbers of points; repeat the option.")] = None,
    rows: Annotated[int, typer.Option(help="Most rows whose neighbours are searched.")] = 4096,
    columns: Annotated[int, typer.Option(help="Features.")] = 2048,
    threads: Annotated[list[int] | None, typer.Option(help="Threads; repeat the option.")] = None,
    repeats: Annotated[int, typer.Option(help="Turns; search and product take turns.")] = 5,
) -> None:
    """Print the share of the product's speed that the search has: by the clock, best of all turns, and by CPU time.

    CPU time is the median of the turns; other programs on the machine count in it the least.
    """
    heads = ("rows × points × features", "threads", "product, GFLOP/s", *(f"k = {k}, {by}" for k in KS for by in BY))
    for line in (heads, ["---"] * len(heads)):
        typer.echo(f"| {' | '.join(line)} |")
    for count in points or [10_000, 50_000]:
        values = torch.randn(count, columns, generator=torch.Generator().manual_seed(0))
        queries = torch.randn(min(rows, count), columns, generator=torch.Generator().manual_seed(1))
        for number in threads or [1, 2]:
            torch.set_num_threads(number)
            typer.echo(_row(queries, values, number, repeats))


def _row(queries: torch.Tensor, points: torch.Tensor, threads: int, repeats: int) -> str:
    contenders: list[Work] = [_product, *(partial(nearest, k=k) for k in KS)]
    for contender in contenders:
        contender(queries[:WARM_UP], points)
    turns = [[_spent(each, queries, points) for each in contenders] for _ in range(repeats)]
    product, *searches = (torch.tensor(turn) for turn in zip(*turns, strict=True))  # (turns, clock and CPU)
    operations = 2 * len(queries) * points.numel()
    cells = [f"{len(queries):,} × {len(points):,} × {points.shape[1]:,}", str(threads)]
    cells.append(f"{operations / float(product[:, 0].amin()) / 1e9:.0f}")
    for search in searches:
        best, cpu = product[:, 0].amin() / search[:, 0].amin(), (product[:, 1] / search[:, 1]).median()
        cells += [f"{float(share):.0%}" for share in (best, cpu)]
    return f"| {' | '.join(cells)} |"


def _product(rows: torch.Tensor, points: torch.Tensor) -> None:
    """Multiply in the chunks of the search: the whole product would not fit into memory."""
    for chunk in rows.split(CHUNK):
        torch.mm(chunk, points.T)


def _spent(work: Work, rows: torch.Tensor, points: torch.Tensor) -> tuple[float, float]:
    """Return seconds by the clock, and seconds of CPU."""
    clock, cpu = time.perf_counter(), time.process_time()
    work(rows, points)
    return time.perf_counter() - clock, time.process_time() - cpu


if __name__ == "__main__":
    typer.run(main)
