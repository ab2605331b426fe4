"""Seconds and memory of preparing pictures, and what batches cost beside a training step.

python -m benchmarks.data --root FOLDER  # that holds celeba/ (or set GANBENCH_DATA); without one, pictures are made
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
import typer
from PIL import Image

from ganbench.data.base import DATASETS, SPLITS, TranslationData
from ganbench.data.batches import BatchSource
from ganbench.hardware import available_cpus, peak_memory_mib, release_memory, reset_peak_memory
from ganbench.methods.base import METHODS, Batch, Task
from ganbench.options import read_options
from ganbench.seeding import numpy_generator, torch_generator

MADE = 3000  # pictures
MADE_SIZE = (178, 218)  # width and height of CelebA's aligned faces
BATCH = 8
STEPS = 12  # measured, of each kind
METHOD = "half_cycle"  # the cheapest of the trained: of all steps, batches weigh most in its own
NETWORK = {"ngf": 16, "ndf": 16, "n_blocks": 4}


class Load(NamedTuple):
    """What one load cost in a process of its own; MiB above what the process held before."""

    seconds: float
    busy: float
    array: float
    peak: float


def main(
    root: Annotated[Path | None, typer.Option(help="Folder that holds celeba/.")] = None,
    image_size: Annotated[int, typer.Option(help="Pixels.")] = 64,
) -> None:
    """Print what loading costs the first time and from the cache, and the share of batches in training steps."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["GANBENCH_CACHE"] = place
        block = _faces(root or Path(os.environ.get("GANBENCH_DATA", place)), Path(place))
        for what in ("first time", "from cache"):
            cost = _in_a_process(block, image_size)
            typer.echo(
                f"{what}: {cost.seconds:.1f} s ({cost.busy:.1f} s of CPU on {available_cpus()} cores), peak "
                f"{cost.peak:.1f} MiB = {cost.peak / cost.array:.2f} × the array of {cost.array:.1f} MiB"
            )
        _batches(_dataset(block).load(image_size))


def _faces(root: Path, place: Path) -> dict[str, Any]:
    """Return the dataset of CelebA's files, or of as many made ones."""
    block = {"name": "celeba", "root": str(root)}
    if _dataset(block).missing() is None:
        return block
    typer.echo(f"no CelebA in {root}: {MADE} made pictures instead")
    for index in range(MADE):
        generator = numpy_generator(0, "picture", index)
        folder = place / "made" / str(index % 2)
        folder.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(generator.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        small.resize(MADE_SIZE, Image.Resampling.BICUBIC).save(folder / f"{index}.jpg", quality=90)
    return {"name": "class_folders", "root": str(place / "made"), "source": "0", "target": "1"}


def _dataset(block: dict[str, Any]) -> Any:
    values = dict(block)
    return read_options(DATASETS.get(values.pop("name")), values, "benchmarks.data")


def _in_a_process(block: dict[str, Any], image_size: int) -> Load:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (block, image_size))


def measure(block: dict[str, Any], image_size: int) -> Load:
    """Load the dataset and return what it cost; everything is imported before."""
    dataset = _dataset(block)
    release_memory()
    reset_peak_memory()
    before = peak_memory_mib()
    start, busy = time.perf_counter(), time.process_time()
    data = dataset.load(image_size)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    tensors = [data.images(name, split) for name in data.domains for split in SPLITS]
    return Load(seconds, busy, sum(each.numel() for each in tensors) / 2**20, peak_memory_mib() - before)


def _batches(data: TranslationData) -> None:
    """Print the CPU time of a batch as a share of that of a training step, both medians."""
    torch.set_num_threads(1)
    cls = METHODS.get(METHOD)
    task = Task(data.image_size, data.source, data.target, STEPS, BATCH)
    method = cls(cls.Options(**NETWORK), task, torch_generator(0, "weights"), torch.device("cpu"))
    source = BatchSource(data, BATCH, seed=0, flip=True)
    batches, steps = [], []
    for step in range(STEPS):
        start = time.process_time()
        images = source.images(step)
        made = time.process_time()
        method.training_step(
            Batch(images, data.source, data.target, source.labels(step)), step, torch_generator(step, "step")
        )
        batches.append(made - start)
        steps.append(time.process_time() - made)
    made, one = statistics.median(batches[2:]), statistics.median(steps[2:])
    typer.echo(
        f"batch of {BATCH} at {data.image_size} px: {1e3 * made:.2f} ms, {made / one:.2%} of a step of {METHOD} "
        f"({1e3 * one:.0f} ms, {NETWORK['ngf']} base channels, one thread)"
    )


if __name__ == "__main__":
    typer.run(main)
