"""The gate's rule on drawn numbers: alarms among equal methods, and how large a damage must be to be caught.

python -m benchmarks.gate_simulation
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from ganbench.gate.snapshot import Quantity
from ganbench.gate.verdict import Verdict, judge
from ganbench.seeding import numpy_generator

Array = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Array]
METHODS, WATCHED = 3, 45  # as unpaired_faces has
SEEDS = (3, 4, 5, 6, 8)
SHAPES: dict[str, Draw] = {
    "normal": lambda generator, shape: generator.normal(size=shape),
    "skewed (lognormal, σ = .7)": lambda generator, shape: np.exp(0.7 * generator.normal(size=shape)),
    "heavy tails (t, 3 degrees)": lambda generator, shape: generator.standard_t(3, size=shape),
    "three in ten collapse (− 4 σ)": lambda generator, shape: (
        generator.normal(size=shape) - 4.0 * (generator.random(shape) < 0.3)
    ),
    "few hits (2 % of 100 images)": lambda generator, shape: generator.binomial(100, 0.02, size=shape) / 100,
}


def main(checks: Annotated[int, typer.Option(help="Checks per cell.")] = 200) -> None:
    """Print two tables as Markdown."""
    typer.echo(_line("equal runs, tolerance 0: checks with an alarm", [f"{n} seeds" for n in SEEDS]))
    typer.echo(_line("---", ["---:"] * len(SEEDS)))
    for shape, draw in SHAPES.items():
        typer.echo(_line(shape, [f"{100 * _false_alarms(draw, seeds, checks):.1f} %" for seeds in SEEDS]))
    typer.echo("")
    typer.echo(_line("damage of one method in three, caught", [f"{n} seeds" for n in SEEDS]))
    typer.echo(_line("---", ["---:"] * len(SEEDS)))
    for effect in (1, 2, 3, 4):
        typer.echo(_line(f"{effect} σ", [f"{100 * _caught(effect, seeds, checks):.0f} %" for seeds in SEEDS]))


def _false_alarms(draw: Draw, seeds: int, checks: int) -> float:
    generator = numpy_generator(0, "gate simulation", seeds)
    alarms = 0
    for _ in range(checks):
        before, after = (draw(generator, (METHODS + WATCHED, seeds)) for _ in range(2))
        alarms += _alarms(before[:METHODS], after[:METHODS]) or _alarms(before[METHODS:], after[METHODS:])
    return alarms / checks


def _caught(effect: float, seeds: int, checks: int) -> float:
    generator = numpy_generator(1, "gate simulation", seeds)
    pairs = ((generator.normal(size=seeds), generator.normal(size=seeds) - effect) for _ in range(checks))
    return sum(_verdict(before, after, METHODS) is Verdict.REGRESSED for before, after in pairs) / checks


def _alarms(before: Array, after: Array) -> bool:
    return any(_verdict(a, b, len(before)) is Verdict.REGRESSED for a, b in zip(before, after, strict=True))


def _verdict(before: Array, after: Array, comparisons: int) -> Verdict:
    return judge(_quantity(before), _quantity(after), 0.0, comparisons)[0]


def _quantity(values: Array) -> Quantity:
    seeds = {str(seed): float(value) for seed, value in enumerate(values)}
    return Quantity(title="value", higher_is_better=True, n=1, digits=3, protocol={}, seeds=seeds)


def _line(first: str, others: list[str]) -> str:
    return f"| {first} | {' | '.join(others)} |"


if __name__ == "__main__":
    typer.run(main)
