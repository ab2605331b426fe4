"""All benchmarks, one after the other; their tables go to benchmarks/README.md.

python -m benchmarks                     # an hour and a half of two cores that nothing else uses
python -m benchmarks training_step       # one of them; see --help for their names
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks import evaluation, growth, harness, stages, training_step
from benchmarks.rows import Row, machine, table
from ganbench.errors import InputError
from ganbench.registry import did_you_mean

README = Path(__file__).parent / "README.md"
CPU = torch.device("cpu")

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "training_step": lambda: [row for case in training_step.CPU_CASES for row in training_step.measure(case, CPU, 7)],
    "stages": stages.measure,
    "harness": harness.measure,
    "evaluation": evaluation.measure,
    "growth": lambda: growth.measure(CPU, 5),
}
THREADS = {"evaluation": 2}  # of torch; 1 where nothing is said


def section(name: str) -> str:
    """Run one benchmark; return its heading, when and where it ran, and its table."""
    torch.set_num_threads(THREADS.get(name, 1))
    rows = BENCHMARKS[name]()
    when = datetime.datetime.now(datetime.UTC).date().isoformat()
    return (
        f"## {name}\n\n`python -m benchmarks {name}`, {when}, {machine(THREADS.get(name, 1), CPU)}\n\n{table(rows)}\n"
    )


def replaced(text: str, name: str, new: str) -> str:
    """Return the README with the section ``name`` exchanged, or added at its end."""
    old = re.compile(rf"^## {name}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if old.search(text):
        return old.sub(lambda _: new + "\n", text).rstrip() + "\n"
    return f"{text.rstrip()}\n\n{new}"


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Of {', '.join(BENCHMARKS)}; all where none is given.")
    ] = None,
) -> None:
    """Run benchmarks, print their tables, and write them to benchmarks/README.md."""
    chosen = names or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        raise InputError(f"no benchmark {unknown[0]!r}. {did_you_mean(unknown[0], BENCHMARKS)}See --help.")
    for name in chosen:
        new = section(name)
        typer.echo(new)
        README.write_text(replaced(README.read_text(), name, new))


if __name__ == "__main__":
    typer.run(main)
