"""How a training step's time grows with image size, width and batch: no surprise above linear in the work.

python -m benchmarks.growth
"""

from __future__ import annotations

import statistics
from typing import Annotated

import torch
import typer

from benchmarks.rows import Row, in_turns, machine, table
from benchmarks.training_step import Case, operations, stepper
from ganbench.numerics import Numerics

SIZES = (16, 32, 64, 128)  # pixels
WIDTHS = (8, 16, 32, 64)  # ngf and ndf
BATCHES = (1, 2, 4, 8, 16)


def case(image_size: int = 32, width: int = 16, batch_size: int = 4) -> Case:
    """Return a CycleGAN of this size."""
    return Case("cyclegan", image_size, batch_size, {"ngf": width, "ndf": width, "n_blocks": 4}, "")


def measure(device: torch.device, repeats: int) -> list[Row]:
    """Return one row per size; its note says how time and work grew from the smallest on."""
    return [
        *_curve("image size", {f"{size} px": case(image_size=size) for size in SIZES}, device, repeats),
        *_curve("width", {f"ngf {width}": case(width=width) for width in WIDTHS}, device, repeats),
        *_curve("batch", {f"batch {batch}": case(batch_size=batch) for batch in BATCHES}, device, repeats),
    ]


def _curve(what: str, cases: dict[str, Case], device: torch.device, repeats: int) -> list[Row]:
    seconds = in_turns({name: stepper(each, Numerics(), device) for name, each in cases.items()}, repeats)
    times = [statistics.median(seconds[name]) for name in cases]
    work = [operations(each) for each in cases.values()]
    return [
        Row(
            what=f"{what}: {name}",
            ours=1e3 * time,
            unit="ms",
            note=f"{done / 1e9:.2f} GFLOP, {done / time / 1e9:.0f} GFLOP/s; time × {time / times[0]:.1f}, "
            f"work × {done / work[0]:.1f}",
        )
        for name, time, done in zip(cases, times, work, strict=True)
    ]


def main(
    device: str = "cpu",
    threads: Annotated[int, typer.Option(min=1)] = 1,
    repeats: Annotated[int, typer.Option(min=1)] = 5,
) -> None:
    """Print the table."""
    torch.set_num_threads(threads)
    typer.echo(machine(threads, torch.device(device)))
    typer.echo(table(measure(torch.device(device), repeats)))


if __name__ == "__main__":
    typer.run(main)
