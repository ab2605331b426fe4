"""What the harness costs: beside a bare training loop, before the first step, and in the quick verbs.

python -m benchmarks.harness                 # five minutes of two cores
python -m benchmarks.harness --seconds 60    # trials of a minute, as the figures are stated
"""

from __future__ import annotations

import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.report import write_records
from benchmarks.rows import Row, in_turns, machine, median_ratio, table
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
PRODUCTS = 300  # of 1,024 × 1,024: some ten seconds of one core
BEGUN = re.compile(r"training \d+/1,?000,?000")


def planned(folder: Path) -> tuple[TrialSpec, TranslationData]:
    """Return the trial that is trained, and its images."""
    path = folder / "harness.yaml"
    path.write_text(SUITE)
    loaded = load_suite(path)
    data = loaded.dataset("cpu").load(32)
    (spec,) = [spec for spec in make_specs(loaded, "cpu", data, folder / "results") if spec.method == "cyclegan"]
    return spec, data


def bare(spec: TrialSpec, data: TranslationData, steps: int) -> None:
    """Train as a script would: no record, no curve, no sample, no checkpoint, no progress."""
    method = build_method(spec, data)
    images = {name: domain.images["train"] for name, domain in data.domains.items()}
    for step in range(steps):
        batch = {}
        for name, every in images.items():
            chosen = torch.randint(len(every), (spec.batch_size,))
            batch[name] = every[chosen].float().div_(127.5).sub_(1.0).contiguous(memory_format=torch.channels_last)
        method.training_step(Batch(batch, data.source, data.target), step, torch_generator(0, "step", step))


def harnessed(spec: TrialSpec, data: TranslationData, steps: int, folder: Path) -> None:
    """Train as a trial does, with everything that is written on the way."""
    place = Path(tempfile.mkdtemp(dir=folder))
    trial = spec.model_copy(update={"steps": steps, "profile_dir": str(place)})
    train(build_method(trial, data), data, trial, _ignore, lambda: False)


def overhead(spec: TrialSpec, data: TranslationData, seconds: float, repeats: int, folder: Path) -> Row:
    """Compare a trial of about ``seconds`` with the bare loop of as many steps."""
    timer = StepTimer(build_method(spec, data), data, spec)
    timer.seconds()
    steps = max(20, round(seconds / statistics.median(timer.seconds() for _ in range(5))))
    runs = {"bare": lambda: bare(spec, data, steps), "ours": lambda: harnessed(spec, data, steps, folder)}
    found = in_turns(runs, repeats, warm_ups=0)
    more = 1 / median_ratio(found["bare"], found["ours"]) - 1
    return Row(
        what=f"trial of {steps} steps, beside a bare loop",
        ours=statistics.median(found["ours"]),
        theirs=statistics.median(found["bare"]),
        unit="s",
        ratio=1 / (1 + more),
        target="≤ 3 % more",
        note=f"{more:+.1%}; curve, samples and checkpoints included",
    )


def together(seconds: float, folder: Path) -> Row:
    """Compare two trials at once, each a process with one thread, with the same two one after the other."""
    work = str(folder), max(20, round(10 * seconds / 2))
    alone, both = (_at_once(count, _steps, work) for count in (1, 2))
    bare_alone, bare_both = (_at_once(count, _products, (str(folder), PRODUCTS)) for count in (1, 2))
    return Row(
        what="two trials of one thread at once",
        ours=both,
        theirs=2 * alone,
        unit="s",
        ratio=2 * alone / both,
        target="≥ 1.7 ×",
        note=f"{available_cpus()} cores; theirs: one after the other; bare matrix products at once gain "
        f"{2 * bare_alone / bare_both:.2f} ×",
    )


def _at_once(count: int, run: Callable[[tuple[str, int]], None], work: tuple[str, int]) -> float:
    """Return the seconds in which so many processes do the same work, each with one thread and warm."""
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        pool.map(_prepared, [work[0]] * count, chunksize=1)
        started = time.perf_counter()
        pool.map(run, [work] * count, chunksize=1)
        return time.perf_counter() - started


def _products(work: tuple[str, int]) -> None:
    a, b = torch.randn(2, 1024, 1024)
    for _ in range(work[1]):
        torch.mm(a, b)


def _prepared(folder: str) -> None:
    torch.set_num_threads(1)
    spec, data = planned(Path(tempfile.mkdtemp(dir=folder)))
    StepTimer(build_method(spec, data), data, spec).seconds()


def _steps(work: tuple[str, int]) -> None:
    folder, steps = work
    spec, data = planned(Path(tempfile.mkdtemp(dir=folder)))
    timer = StepTimer(build_method(spec, data), data, spec)
    for _ in range(steps):
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


def measure(seconds: float = 20.0, repeats: int = 3) -> list[Row]:
    """Return every row."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.setdefault("GANBENCH_CACHE", str(folder / "cache"))
        spec, data = planned(folder)
        write_records(folder / "records", 5, 10, RECORDS // 50)
        return [
            overhead(spec, data, seconds, repeats, folder),
            together(seconds, folder),
            *(first_step(engine, folder) for engine in ("serial", "ray")),
            verb(["--help"], "≤ 0.4 s", "ganbench --help"),
            verb(["list", "methods"], "≤ 4 s", "ganbench list methods"),
            verb(["report", str(folder / "records"), "--markdown"], "≤ 2 s", f"ganbench report on {RECORDS} records"),
        ]


def _ignore(_progress: Progress) -> None:
    """Take note of nothing."""


def main(
    seconds: Annotated[float, typer.Option(min=1, help="Of each trial, about.")] = 20.0,
    repeats: Annotated[int, typer.Option(min=1)] = 3,
) -> None:
    """Print the table."""
    rows = measure(seconds, repeats)
    typer.echo(machine(1, torch.device("cpu")))
    typer.echo(table(rows))


if __name__ == "__main__":
    typer.run(main)
