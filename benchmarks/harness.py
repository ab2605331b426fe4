"""What the harness costs: beside a bare training loop, before the first step, and in the quick verbs.

python -m benchmarks.harness    # seven minutes of two cores
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.report import write_records
from benchmarks.rows import Row, in_turns, machine, table, timed
from ganbench.data.base import TranslationData
from ganbench.hardware import available_cpus
from ganbench.methods.base import Batch
from ganbench.progress import Progress
from ganbench.seeding import torch_generator
from ganbench.spec import TrialSpec, make_specs
from ganbench.training import StepTimer, train
from ganbench.trial import build_method
from ganbench.variants import load_suite

SUITE = """
name: harness
description: one method, to see what surrounds it
dataset: {name: avatars, source: avataaars, target: adventurer, n_train: 200, n_val: 50, n_test: 50}
methods: [cyclegan]
seeds: [0]
metrics: [sharpness]
profiles:
  cpu: {image_size: 32, steps: 1000000, batch_size: 8, precision: float32, memory_format: channels_last, compile: false,
        options: {ngf: 24, ndf: 24, n_blocks: 4}}
"""
RECORDS = 100
STEPS, PRODUCTS = 30, 300  # of the method, and of 1,024 × 1,024: some ten seconds of one core each
BEGUN = re.compile(r"training \d+/1,?000,?000")


def planned(folder: Path) -> tuple[TrialSpec, TranslationData]:
    """Return the trial that is trained, and its images."""
    path = folder / "harness.yaml"
    path.write_text(SUITE)
    loaded = load_suite(path)
    data = loaded.dataset("cpu").load(32)
    (spec,) = [spec for spec in make_specs(loaded, "cpu", data, folder / "results") if spec.method == "cyclegan"]
    return spec, data


def bare(spec: TrialSpec, data: TranslationData) -> Iterator[None]:
    """Train as a script would, a step at a time: no record, no curve, no sample, no checkpoint, no progress."""
    method = build_method(spec, data)
    images = {name: domain.images["train"] for name, domain in data.domains.items()}
    for step in itertools.count():
        batch = {}
        for name, every in images.items():
            chosen = torch.randint(len(every), (spec.batch_size,))
            batch[name] = every[chosen].float().div_(127.5).sub_(1.0).contiguous(memory_format=torch.channels_last)
        method.training_step(Batch(batch, data.source, data.target), step, torch_generator(0, "step", step))
        yield


def overhead(spec: TrialSpec, data: TranslationData, seconds: float, folder: Path) -> Row:
    """Train a trial of about ``seconds`` with all that it writes, and after each of its steps one of a bare loop."""
    timer = StepTimer(build_method(spec, data), data, spec)
    timer.seconds()
    steps = max(20, round(seconds / statistics.median(timer.seconds() for _ in range(5))))
    loop, theirs = bare(spec, data), 0.0

    def one_of_theirs(progress: Progress) -> None:
        nonlocal theirs
        if progress.stage == "training":
            theirs += timed(lambda: next(loop))

    trial = spec.model_copy(update={"steps": steps, "profile_dir": tempfile.mkdtemp(dir=folder)})
    ours = timed(lambda: train(build_method(trial, data), data, trial, one_of_theirs, lambda: False)) - theirs
    return Row(
        what=f"trial of {steps} steps, beside a bare loop",
        ours=ours,
        theirs=theirs,
        unit="s",
        ratio=theirs / ours,
        target="≤ 3 % more",
        note=f"{ours / theirs - 1:+.1%}; curve, samples and checkpoints included; step by step in turns",
    )


def together(folder: Path) -> Row:
    """Compare two trials at once, each a process with one thread, with the same two one after the other."""
    steps = [(_at_once(1, _steps, folder, STEPS), _at_once(2, _steps, folder, STEPS)) for _ in range(3)]
    products = [(_at_once(1, _products, folder, PRODUCTS), _at_once(2, _products, folder, PRODUCTS)) for _ in range(3)]
    limit = statistics.median(2 * alone / both for alone, both in products)
    return Row(
        what="two trials of one thread at once",
        ours=statistics.median(both for _, both in steps),
        theirs=statistics.median(2 * alone for alone, _ in steps),
        unit="s",
        ratio=statistics.median(2 * alone / both for alone, both in steps),
        target="≥ 1.7 ×",
        note=f"{available_cpus()} cores; theirs: one after the other; bare matrix products gain {limit:.2f} × at once",
    )


def _at_once(count: int, run: Callable[[str, int], None], folder: Path, times: int) -> float:
    """Return the seconds in which so many processes do the same work, each with one thread and warm."""
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        pool.map(_prepared, [str(folder)] * count, chunksize=1)
        return timed(lambda: pool.starmap(run, [(str(folder), times)] * count, chunksize=1))


def _products(_folder: str, times: int) -> None:
    a, b = torch.randn(2, 1024, 1024)
    for _ in range(times):
        torch.mm(a, b)


def _prepared(folder: str) -> None:
    torch.set_num_threads(1)
    spec, data = planned(Path(tempfile.mkdtemp(dir=folder)))
    StepTimer(build_method(spec, data), data, spec).seconds()


def _steps(folder: str, times: int) -> None:
    spec, data = planned(Path(tempfile.mkdtemp(dir=folder)))
    timer = StepTimer(build_method(spec, data), data, spec)
    for _ in range(times):
        timer.seconds()


def first_step(engine: str, folder: Path) -> Row:
    """Return the seconds from the command to the first training step, images and measurements being in the cache."""
    path = folder / "harness.yaml"
    path.write_text(SUITE)
    command = [sys.executable, "-m", "ganbench", "run", str(path), "--engine", engine]
    seconds = [_until_training([*command, "--results", tempfile.mkdtemp(dir=folder)], folder) for _ in range(3)]
    return Row(
        what=f"from the command to the first training step, engine {engine}",
        ours=statistics.median(seconds[1:]),
        unit="s",
        target="≤ 8 s" if engine == "serial" else "≤ 15 s",
    )


def _until_training(command: list[str], folder: Path) -> float:
    said = Path(tempfile.mkstemp(dir=folder)[1])  # a pipe stays open as long as a process of Ray lives
    started = time.perf_counter()
    with said.open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:  # noqa: S603
        while process.poll() is None and not BEGUN.search(said.read_text()):
            time.sleep(0.02)
        taken = time.perf_counter() - started
        process.terminate()
    if not BEGUN.search(said.read_text()):
        raise SystemExit(f"{' '.join(command)} ended before its first step:\n{said.read_text()}")
    return taken


def verb(arguments: list[str], asked: str, what: str) -> Row:
    """Return the seconds of one quick verb, a process of its own."""
    command = [sys.executable, "-m", "ganbench", *arguments]
    runs = {what: lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True)}  # noqa: S603
    return Row(what=what, ours=statistics.median(in_turns(runs, 5)[what]), unit="s", target=asked)


def measure(seconds: float = 60.0) -> list[Row]:
    """Return every row."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.setdefault("GANBENCH_CACHE", str(folder / "cache"))
        spec, data = planned(folder)
        write_records(folder / "records", 5, 10, RECORDS // 50)
        return [
            overhead(spec, data, seconds, folder),
            together(folder),
            *(first_step(engine, folder) for engine in ("serial", "ray")),
            verb(["--help"], "≤ 0.4 s", "ganbench --help"),
            verb(["list", "methods"], "≤ 4 s", "ganbench list methods"),
            verb(["report", str(folder / "records"), "--markdown"], "≤ 2 s", f"ganbench report on {RECORDS} records"),
        ]


def main(
    seconds: Annotated[float, typer.Option(min=1, help="Of the trial beside a bare loop, about.")] = 60.0,
) -> None:
    """Print the table."""
    rows = measure(seconds)
    typer.echo(machine(1, torch.device("cpu")))
    typer.echo(table(rows))


if __name__ == "__main__":
    typer.run(main)
