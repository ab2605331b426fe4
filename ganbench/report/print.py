"""What the verbs print to standard output: leaderboards in the form that was asked for, and the plan of a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from ganbench.report.latex import to_latex
from ganbench.report.markdown import to_markdown
from ganbench.report.terminal import print_leaderboard
from ganbench.results.files import check_writable, write_atomic
from ganbench.results.leaderboard import Leaderboard, build_leaderboards
from ganbench.results.store import read_profile, read_results

if TYPE_CHECKING:
    from ganbench.spec import TrialSpec


def print_results(root: Path, form: str) -> None:
    """Print every leaderboard beneath ``root``; what could not be read is named on standard error."""
    boards = _boards(root)
    if form == "terminal":
        for board in boards:
            print_leaderboard(board, Console())
        return
    sys.stdout.write(WRITERS[form](boards))


def write_parquet(root: Path, file: Path) -> None:
    """Write the rows of every leaderboard beneath ``root`` to one Parquet file."""
    from ganbench.report.export import to_parquet

    check_writable(file.parent)
    write_atomic(file, to_parquet(_boards(root)))


def _csv(boards: Sequence[Leaderboard]) -> str:
    from ganbench.report.export import to_csv  # pandas takes half a second to import

    return to_csv(boards)


def _json(boards: Sequence[Leaderboard]) -> str:
    from ganbench.report.export import to_data

    return json.dumps([to_data(board) for board in boards], indent=1) + "\n"


def _markdown(boards: Sequence[Leaderboard]) -> str:
    return "\n".join(map(to_markdown, boards))


def _latex(boards: Sequence[Leaderboard]) -> str:
    return "\n".join(map(to_latex, boards))


WRITERS: Final[Mapping[str, Callable[[Sequence[Leaderboard]], str]]] = {
    "markdown": _markdown, "latex": _latex, "csv": _csv, "json": _json
}  # fmt: skip


def _boards(root: Path) -> list[Leaderboard]:
    found = read_results(root, series=False)
    for problem in (problem for results in found for problem in results.problems):
        sys.stderr.write(f"{problem}\n")
    return [board for results in found for board in build_leaderboards(results)]


def print_summary(directory: Path, console: Console) -> None:
    """Print the short leaderboard of one profile, as at the end of a run."""
    for board in build_leaderboards(read_profile(directory)):
        print_leaderboard(board, console, full=False)


def plan_table(specs: Sequence[TrialSpec], needs: Mapping[str, str]) -> Table:
    """Return the trials of a run in the order they start, and what each needs."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header in ("trial", "steps", "batch", "threads", "GPUs", "precision", "to do"):
        table.add_column(header, justify="left" if header in ("trial", "precision", "to do") else "right", no_wrap=True)
    for spec in specs:
        numbers = (str(spec.steps), str(spec.batch_size), str(spec.threads), f"{spec.gpus:g}")
        table.add_row(spec.title, *numbers, spec.precision, needs[spec.title])
    return table
