"""How often intervals over training seeds cover the truth, and how often the exact test calls equal methods different.

python -m benchmarks.coverage  # 500 simulations for each number of seeds
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer

from ganbench.results.statistics import ALPHA, bootstrap_interval, least_p, rank_test, t_interval, welch_interval
from ganbench.seeding import numpy_generator

SEEDS = (2, 3, 4, 5, 10)
SHIFT = 2.0  # standard deviations by which the second method is truly worse


def main(simulations: Annotated[int, typer.Option(min=1)] = 500) -> None:
    """Print one line per number of seeds: coverage of nominal 95 % intervals, false and true alarms of the test."""
    typer.echo("seeds  Student's t  bootstrap  Welch (difference)  least p  false alarms  found, 2 std apart")
    for seeds in SEEDS:
        typer.echo("  ".join(row_of(seeds, simulations)))


def row_of(seeds: int, simulations: int) -> tuple[str, ...]:
    """Return one line: seeds, coverage of three kinds of interval, least p, false and true alarms."""
    generator = numpy_generator(0, "coverage", seeds)
    pairs = [(generator.normal(size=seeds).tolist(), generator.normal(size=seeds).tolist()) for _ in range(simulations)]
    moved = [(a, [value + SHIFT for value in b]) for a, b in pairs]
    students = [t_interval(a) for a, _ in pairs]
    resampled = [bootstrap_interval(a, generator) for a, _ in pairs]
    welch = [welch_interval(a, b) for a, b in pairs]
    covered = [np.mean([each is not None and not each.excludes(0) for each in kind])
               for kind in (students, resampled, welch)]  # fmt: skip
    alarms = [np.mean([rank_test(a, b) < ALPHA for a, b in kind]) for kind in (pairs, moved)]
    shares = [f"{share:.1%}" for share in (*covered, *alarms)]
    return f"{seeds:5}", *shares[:3], f"p = {least_p(seeds, seeds):.2g}", *shares[3:]


if __name__ == "__main__":
    typer.run(main)
