"""Seconds and memory of `ganbench report` on many made-up records, as large as real ones.

python -m benchmarks.report --suites 25 --methods 40 --seeds 10  # 10,000 records, 0.5 GB on disk for the while
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ganbench.results.files import to_json
from ganbench.results.record import Budget, Measured, Record, Timings
from ganbench.results.store import RECORD_FILE, trial_directory
from ganbench.seeding import numpy_generator

QUANTITIES = ("fd_made-up", *(f"quantity_{index}" for index in range(16)))
GROUPS = ("quality", "faithfulness", "diversity", "memorization")
FORMS = ("markdown", "json", "csv")


def make_records(suites: int, methods: int, seeds: int) -> Iterator[Record]:
    """Yield made-up records with a curve of 100 rows, 17 values and two of them for 250 images each: 44 kB of JSON."""
    generator = numpy_generator(0, "made-up records")
    curve = [{"step": step * 8.0, **{f"loss_{k}": generator.random() for k in range(8)}} for step in range(100)]
    per_image = {name: generator.random(250).tolist() for name in QUANTITIES[1:3]}
    for suite in range(suites):
        for method in range(methods):
            for seed in range(seeds):
                yield _record(f"suite{suite}", f"method{method}", seed, 1 + method / 10 + generator.normal(0, 0.1, 17),
                              curve, per_image)  # fmt: skip


def _record(
    suite: str,
    label: str,
    seed: int,
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
    curve: list[dict[str, float]],
    per_image: dict[str, list[float]],
) -> Record:
    return Record(
        suite=suite,
        profile="cpu",
        method=label,
        label=label,
        options={"lr": 2e-4},
        seed=seed,
        status="ok",
        training_hash="0" * 64,
        dataset={"name": "made-up"},
        data_fingerprint="f" * 64,
        budget=Budget(image_size=32, steps=800, batch_size=8, precision="float32", threads=1, updates=800),
        metrics={name: _measured(index, float(values[index])) for index, name in enumerate(QUANTITIES)},
        curve=curve,
        per_image=per_image,
        timings=Timings(training_seconds=90.0, images_per_second=70.0, finished="2026-01-01T00:00:00.000+00:00"),
        provenance={"ganbench": "0.1.0", "hardware": {"cpu": "made-up", "gpu": None}},
    )


def _measured(index: int, value: float) -> Measured:
    protocol: dict[str, str | int | float | bool] = {"extractor": "made-up", "resize": "bilinear", "n": 250}
    group, title = GROUPS[index % 4], f"Quantity {index}"
    return Measured(value=value, n=250, protocol=protocol, title=title, group=group, higher_is_better=index % 2 == 1)


def write_records(results: Path, suites: int, methods: int, seeds: int) -> None:
    """Write the records of `make_records` as a results directory."""
    for record in make_records(suites, methods, seeds):
        directory = trial_directory(results / record.suite / "cpu", record.label, record.seed, record.training_hash)
        directory.mkdir(parents=True)
        (directory / RECORD_FILE).write_bytes(to_json(record.model_dump()))


def measure(form: str, root: Path) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and the peak MiB of one `ganbench report` in a process of its own."""
    code = (  # VmHWM and not ru_maxrss, which a process inherits from the one that started it
        "import sys; from ganbench.cli import app; app(standalone_mode=False); "
        "sys.stderr.write(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", code, "report", str(root), f"--{form}"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)  # noqa: S603
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, float(done.stderr.splitlines()[-1]) / 1024


def main(
    suites: Annotated[int, typer.Option(min=1)] = 25,
    methods: Annotated[int, typer.Option(min=1)] = 40,
    seeds: Annotated[int, typer.Option(min=1)] = 10,
) -> None:
    """Print seconds and memory of every form."""
    with tempfile.TemporaryDirectory() as folder:
        write_records(Path(folder), suites, methods, seeds)
        os.sync()  # half a gigabyte on its way to the disk would be measured, too
        typer.echo(f"{suites * methods * seeds} records")
        for form in FORMS:
            wall, cpu, memory = measure(form, Path(folder))
            typer.echo(f"--{form}: {wall:.1f} s, of which {cpu:.1f} s of CPU, {memory:.0f} MiB")


if __name__ == "__main__":
    typer.run(main)
