"""Peak memory of all metrics on features, for large sets of random features.

python -m benchmarks.memory
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

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

SEED = 0
CLASSES = 1008  # as Inception has
HELD_OUT = 5000  # images that gauge C_T


def main(
    images: Annotated[int, typer.Option(help="Outputs, and as many real images.")] = 50_000,
    columns: Annotated[int, typer.Option(help="Features.")] = 2048,
    threads: Annotated[int, typer.Option(help="Of torch.")] = 1,
) -> None:
    """Print seconds and the process's peak resident memory after each metric."""
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    outputs, real = (torch.randn(images, columns, generator=generator) for _ in range(2))
    typer.echo(f"two sets of {images:,} × {columns:,} float32: peak so far {peak_memory_mib():,.0f} MiB")
    metrics = _metrics(outputs, real)
    typer.echo(f"moments and spacing of the real set: peak {peak_memory_mib():,.0f} MiB")
    for name, metric in metrics.items():
        start = time.perf_counter()
        metric()
        seconds = time.perf_counter() - start
        typer.echo(f"{name}: {seconds:.0f} s, peak {peak_memory_mib():,.0f} MiB")


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
