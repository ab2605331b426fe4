"""Training steps against the field's reference, and against the bare matrix product of the same moment.

python -m benchmarks.training_step                # the sizes of the table
python -m benchmarks.training_step --compiled     # with torch.compile beside
python -m benchmarks.training_step --device cuda
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from unittest import mock

import torch
import typer
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.reference_steps import ReferenceCycleGAN, ReferencePix2Pix, Step
from benchmarks.rows import Row, in_turns, machine, median_ratio, table, timed
from ganbench.hardware import has_fast_bfloat16
from ganbench.methods.base import METHODS, Batch, Method, Task
from ganbench.methods.cycle import CycleFamily
from ganbench.methods.pix2pix import Pix2Pix
from ganbench.numerics import Numerics
from ganbench.options import read_options
from ganbench.seeding import torch_generator

PRODUCT = 1024  # rows of the square matrices whose product is the limit
STEPS = 1_000_000  # of the made-up run: its learning rate does not fall


@dataclass(frozen=True)
class Case:
    """A method at a size."""

    method: str
    image_size: int
    batch_size: int
    options: dict[str, Any]
    asked: str

    def __str__(self) -> str:
        widths = ", ".join(f"{key} {value}" for key, value in self.options.items())
        return f"{self.method}, {widths}, {self.image_size} px, batch {self.batch_size}"


LARGE = Case("cyclegan", 64, 4, {"ngf": 64, "n_blocks": 9}, "bfloat16: ≥ 1.6, compiled ≥ 1.8; else ≥ 1")
SMALL = Case("cyclegan", 32, 8, {"ngf": 24, "ndf": 24, "n_blocks": 4}, "compiled ≥ 1.4")
UNET = Case("pix2pix", 64, 4, {"ngf": 64, "ndf": 64}, "≥ 1.3")
CPU_CASES = (SMALL, UNET, LARGE)
GPU_CASES = (
    Case("cyclegan", 256, 1, {"ngf": 64, "n_blocks": 9}, "≥ 2"),
    Case("cyclegan", 256, 8, {"ngf": 64, "n_blocks": 9}, ""),
)


def make(case: Case, numerics: Numerics, device: torch.device) -> Method:
    """Return the method of ``case``, ready to train."""
    cls = METHODS.get(case.method)
    options = read_options(cls.Options, case.options, case.method)
    task = Task(case.image_size, "x", "y", STEPS, case.batch_size)
    return numerics.prepare(cls(options, task, torch_generator(0, "weights"), device))


def reference(case: Case, device: torch.device) -> Step:
    """Return the field's step on the same networks."""
    method = make(case, Numerics(memory_format="contiguous"), device)
    if isinstance(method, CycleFamily):
        return ReferenceCycleGAN(method)
    if isinstance(method, Pix2Pix):
        return ReferencePix2Pix(method)
    raise ValueError(f"{case.method} has no reference step.")


def batch_of(case: Case, numerics: Numerics, device: torch.device) -> Batch:
    """Return one made-up batch in the memory format of ``numerics``."""
    generator = torch_generator(0, "images")
    shape = (case.batch_size, 3, case.image_size, case.image_size)
    images = {name: torch.rand(shape, generator=generator) * 2 - 1 for name in ("x", "y")}
    ready = {name: batch.to(device).contiguous(memory_format=numerics.torch_format) for name, batch in images.items()}
    return Batch(ready, "x", "y")


def stepper(case: Case, numerics: Numerics, device: torch.device) -> Callable[[], object]:
    """Return a function that does one step of ours."""
    method, batch = make(case, numerics, device), batch_of(case, numerics, device)

    def step() -> None:
        with numerics.autocast(device):
            method.training_step(batch, 0, torch_generator(0, "step"))

    return step


def reference_stepper(case: Case, device: torch.device) -> Callable[[], object]:
    """Return a function that does one step of the reference."""
    train, batch = reference(case, device), batch_of(case, Numerics(memory_format="contiguous"), device)
    return lambda: train(batch, torch_generator(0, "step"))


def variants(device: torch.device, compiled: bool) -> list[Numerics]:
    """Return what is held against the reference: every memory format and each fast number format."""
    precisions = ["float32", *(["bfloat16"] if has_fast_bfloat16(device) else [])]
    found = [Numerics(precision=p, memory_format=f) for p in precisions for f in ("channels_last", "contiguous")]
    return [*found, *([Numerics(precision=precisions[-1], compiled=True)] if compiled else [])]


def product_rate(dtype: torch.dtype, device: torch.device) -> Callable[[], float]:
    """Return a function that gives the floating-point operations per second of a bare matrix product."""
    one, other = (torch.rand(PRODUCT, PRODUCT, device=device).to(dtype) for _ in range(2))
    return lambda: 2 * PRODUCT**3 / timed(lambda: one @ other)


def operations(case: Case) -> int:
    """Return the floating-point operations of convolutions and products in one reference step."""
    counter = FlopCounterMode(display=False)
    step = reference_stepper(case, torch.device("cpu"))
    with counter:
        step()
    return counter.get_total_flops()


def measure(case: Case, device: torch.device, repeats: int, compiled: bool = True) -> list[Row]:
    """Return one row for each of our variants, and the share of the machine's limit in its note."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"TORCHINDUCTOR_CACHE_DIR": folder}):
        return _measure(case, device, repeats, compiled)  # what was compiled before would be free


def _measure(case: Case, device: torch.device, repeats: int, compiled: bool) -> list[Row]:
    ours = {str(numerics): stepper(case, numerics, device) for numerics in variants(device, compiled)}
    warm_ups = {name: timed(step) for name, step in ours.items()}
    rates: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    limits = {name: product_rate(getattr(torch, name), device) for name in rates}
    seconds = in_turns({"reference": reference_stepper(case, device), **ours}, repeats)
    for name, rate in limits.items():
        rates[name] = [rate() for _ in range(repeats + 1)][1:]
    work = operations(case)
    return [
        Row(
            what=f"step of {case}: {name}",
            ours=1e3 * statistics.median(seconds[name]),
            theirs=1e3 * statistics.median(seconds["reference"]),
            unit="ms",
            ratio=median_ratio(seconds["reference"], seconds[name]),
            target=case.asked,
            note=_note(name, work / statistics.median(seconds[name]), rates, warm_ups[name]),
        )
        for name in ours
    ]


def _note(name: str, rate: float, rates: dict[str, list[float]], warm_up: float) -> str:
    limit = "bfloat16" if "bfloat16" in name else "float32"
    share = rate / statistics.median(rates[limit])
    told = f", first step {warm_up:.0f} s" if "compiled" in name else ""
    return f"{share:.0%} of the bare {limit} product{told}"


def main(
    device: str = "cpu",
    threads: Annotated[int, typer.Option(min=1)] = 1,
    repeats: Annotated[int, typer.Option(min=1)] = 7,
    compiled: bool = False,
) -> None:
    """Print the table."""
    torch.set_num_threads(threads)
    where = torch.device(device)
    typer.echo(machine(threads, where))
    cases = GPU_CASES if where.type == "cuda" else CPU_CASES
    rows = [row for case in cases for row in measure(case, where, repeats, compiled)]
    typer.echo(table(rows))


if __name__ == "__main__":
    typer.run(main)
