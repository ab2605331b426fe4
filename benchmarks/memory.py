"""How the cost of metrics on features grows with the number of images: seconds and peak memory, on random features.

python -m benchmarks.memory --images 1000 --images 10000 --images 50000 --columns 1280
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, TypeVar

import torch
import typer

from ganbench.hardware import peak_memory_mib
from ganbench.metrics.frechet import moments, moments_distance
from ganbench.metrics.frechet_infinity import distances_by_size, extrapolate, subset_sizes
from ganbench.metrics.inception_score import inception_score
from ganbench.metrics.kernel import kernel_distance, subset_size
from ganbench.metrics.memorization import authentic_percent, data_copying, make_cells
from ganbench.metrics.mifid import nearest_cosine_distance
from ganbench.metrics.neighbours import nearest_others
from ganbench.metrics.prdc import density_coverage, precision_recall
from ganbench.metrics.workbench import SPACING

T = TypeVar("T")
SEED = 0
CLASSES = 1008  # as Inception has
HELD_OUT = 5000  # images that gauge C_T


@dataclass(frozen=True)
class Cost:
    """What one metric cost.

    Attributes:
        what: the metric, or what is made once of the real set.
        images: outputs, and as many real images.
        seconds: by the clock.
        cpu: seconds of CPU time, which other programs disturb the least.
        peak: MiB of resident memory by which the process rose above the features themselves, so far.
    """

    what: str
    images: int
    seconds: float
    cpu: float
    peak: float


def main(
    images: Annotated[list[int] | None, typer.Option(help="Outputs, and as many real images; repeat.")] = None,
    columns: Annotated[int, typer.Option(help="Features.")] = 2048,
    threads: Annotated[int, typer.Option(help="Of torch.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Print seconds of CPU and the rise of memory for every metric and number of images, as Markdown."""
    costs = measure(images or [50_000], columns, threads)
    if as_json:
        typer.echo(json.dumps([asdict(cost) for cost in costs], indent=1))
    else:
        typer.echo("\n".join(to_markdown(costs)))


def measure(images: Sequence[int], columns: int = 2048, threads: int = 1) -> list[Cost]:
    """Return what every metric costs for each number of images, each number in a process of its own."""
    context = multiprocessing.get_context("spawn")
    found: list[Cost] = []
    for count in images:
        with context.Pool(1) as pool:
            found += pool.apply(_costs, (count, columns, threads))
    return found


def to_markdown(costs: Sequence[Cost]) -> list[str]:
    """Return the lines of a table: a metric in each row, a number of images in each column."""
    counts = list(dict.fromkeys(cost.images for cost in costs))
    lines = [f"| seconds of CPU (MiB) | {' | '.join(f'{count:,}' for count in counts)} |"]
    lines.append(f"| --- |{' ---: |' * len(counts)}")
    for what in dict.fromkeys(cost.what for cost in costs):
        cells = [f"{cost.cpu:.2f} ({cost.peak:,.0f})" for cost in costs if cost.what == what]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return lines


def _costs(images: int, columns: int, threads: int) -> list[Cost]:
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(SEED)
    outputs, real = (torch.randn(images, columns, generator=generator) for _ in range(2))
    before, costs = peak_memory_mib(), []

    def timed(what: str, work: Callable[[], T]) -> T:
        clock, cpu = time.perf_counter(), time.process_time()
        found = work()
        spent = time.perf_counter() - clock, time.process_time() - cpu
        costs.append(Cost(what, images, *spent, peak_memory_mib() - before))
        return found

    metrics = timed("of the real set: moments, spacing", lambda: _metrics(outputs, real))
    for name, metric in metrics.items():
        timed(name, metric)
    return costs


def _metrics(outputs: torch.Tensor, real: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Return name → metric; what a workbench keeps of the real images is kept here too."""
    reference, spacing = moments(real), nearest_others(real, SPACING).distance
    held_out, sizes = real[:HELD_OUT], subset_sizes(len(outputs))
    return {
        "C_T": lambda: data_copying(make_cells(real, SEED), real, held_out, outputs),
        "FD": lambda: moments_distance(moments(outputs), reference),
        "KID": lambda: kernel_distance(outputs, real, SEED, subset_size(len(outputs), len(real))),
        "IS": lambda: inception_score(outputs[:, :CLASSES], SEED),
        "AuthPct": lambda: authentic_percent(real, outputs, spacing),
        "precision, recall": lambda: precision_recall(outputs, real, spacing=spacing),
        "density, coverage": lambda: density_coverage(outputs, real, spacing=spacing),
        "FD∞": lambda: extrapolate(sizes, distances_by_size(outputs, reference, sizes, SEED)),
        "MiFID": lambda: nearest_cosine_distance(outputs, real),
    }


if __name__ == "__main__":
    typer.run(main)
