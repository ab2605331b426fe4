"""How time grows: of a training step with its sizes, of the metrics with the images, of `report` with the records.

python -m benchmarks.growth  # some twenty minutes; 50,000 images take the most of it
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks import memory, report
from benchmarks.rows import Row, in_turns, machine, table
from benchmarks.training_step import Case, operations, stepper
from ganbench.metrics.copies import nearest_copies
from ganbench.numerics import Numerics

SIZES = (16, 32, 64, 128)  # pixels
WIDTHS = (8, 16, 32, 64)  # ngf and ndf
BATCHES = (1, 2, 4, 8, 16)
IMAGES = (2_000, 10_000, 50_000)  # outputs, and as many real ones
COLUMNS = 1280  # features of EfficientNet-Lite0
PICTURES = (500, 1_000, 2_000, 4_000)  # outputs, and as many training images, that are searched for copies
RECORDS = (400, 2_000, 10_000)  # of 10 seeds of 40 methods of 1, 5 and 25 suites


def case(image_size: int = 32, width: int = 16, batch_size: int = 4) -> Case:
    """Return a CycleGAN of this size."""
    return Case("cyclegan", image_size, batch_size, {"ngf": width, "ndf": width, "n_blocks": 4}, "")


def measure(device: torch.device, repeats: int) -> list[Row]:
    """Return one row per size; its note says how time and work grew."""
    threads = torch.get_num_threads()
    return [
        *_curve("image size", {f"{size} px": case(image_size=size) for size in SIZES}, device, repeats),
        *_curve("width", {f"ngf {width}": case(width=width) for width in WIDTHS}, device, repeats),
        *_curve("batch", {f"batch {batch}": case(batch_size=batch) for batch in BATCHES}, device, repeats),
        *_copies(PICTURES, repeats),
        *_metrics(IMAGES, COLUMNS, threads),
        *_reports(RECORDS),
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


def _copies(counts: Sequence[int], repeats: int) -> list[Row]:
    generator = torch.Generator().manual_seed(0)
    images, train = (torch.randint(0, 256, (max(counts), 3, 64, 64), generator=generator).byte() for _ in range(2))
    runs = {str(count): lambda count=count: nearest_copies(images[:count], train[:count]) for count in counts}
    repeated = in_turns(runs, min(repeats, 3))
    taken = [statistics.median(repeated[str(count)]) for count in counts]
    notes = [f"{1e6 * seconds / count**2:.2g} µs a pair" for count, seconds in zip(counts, taken, strict=True)]
    return _grown("copies in pixels", "images", counts, taken, notes)


def _metrics(counts: Sequence[int], columns: int, threads: int) -> list[Row]:
    """Return what each metric takes of CPU time for each number of images, in features of ``columns`` numbers."""
    costs, rows = memory.measure(counts, columns, threads), []
    for what in dict.fromkeys(cost.what for cost in costs):
        taken, peaks = zip(*((cost.cpu, cost.peak) for cost in costs if cost.what == what), strict=True)
        rows += _grown(what, "images", counts, taken, [f"of CPU; process + {peak:,.0f} MiB" for peak in peaks])
    return rows


def _reports(counts: Sequence[int]) -> list[Row]:
    """Return what `ganbench report --markdown` takes, files being in the page cache."""
    found = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            report.write_records(Path(folder), suites=count // 400, methods=40, seeds=10)
            os.sync()
            found.append(report.measure("markdown", Path(folder)))
    taken, _, peaks = zip(*found, strict=True)
    return _grown("report --markdown", "records", counts, taken, [f"{peak:,.0f} MiB" for peak in peaks])


def _grown(what: str, unit: str, counts: Sequence[int], taken: Sequence[float], notes: Sequence[str]) -> list[Row]:
    """Return a row for each number; its note begins with by how much number and time grew from the row before."""
    grown = [
        f"time × {taken[k] / taken[k - 1]:.1f} for × {counts[k] / counts[k - 1]:g}; " if k else ""
        for k in range(len(counts))
    ]
    return [
        Row(f"{what}: {count:,} {unit}", seconds, "s", note=before + note)
        for count, seconds, before, note in zip(counts, taken, grown, notes, strict=True)
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
