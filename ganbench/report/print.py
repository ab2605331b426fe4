"""What the verbs print to standard output: leaderboards in the form that was asked for, and the plan of a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from ganbench.errors import InputError
from ganbench.report import mean_ranks
from ganbench.report.latex import to_latex
from ganbench.report.layout import WIDTH
from ganbench.report.markdown import section_markdown, to_markdown
from ganbench.report.terminal import print_leaderboard, print_section
from ganbench.results.aggregate import aggregate
from ganbench.results.files import check_writable, write_atomic
from ganbench.results.leaderboard import Leaderboard, build_leaderboards
from ganbench.results.store import no_collection, read_profile, read_results

if TYPE_CHECKING:
    from ganbench.spec import TrialSpec


def print_results(root: Path, form: str) -> None:
    """Print every leaderboard beneath ``root``; what could not be read is named on standard error."""
    boards = _boards(root)
    if form == "terminal":
        for board in boards:
            print_leaderboard(board, Console())
        for found in aggregate(boards):
            console = Console()
            print_section(mean_ranks.section(found, min(console.width, WIDTH)), console)
        return
    sys.stdout.write(WRITERS[form](boards))


def write_parquet(root: Path, file: Path) -> None:
    """Write the rows of every leaderboard beneath ``root`` to one Parquet file."""
    from ganbench.report.export import to_parquet

    check_writable(file.parent)
    write_atomic(file, to_parquet(_boards(root)))


def write_diagram(root: Path, file: Path) -> None:
    """Write the critical-difference diagram of the suites beneath ``root`` as PNG; `InputError` below five suites."""
    from ganbench.report.figures import encode_png
    from ganbench.report.rank_diagram import rank_diagram

    found = aggregate(_boards(root))
    if len(found) != 1:
        profiles = f"several profiles: {', '.join(each.profile for each in found)}. Name" if found else "fewer. Name"
        raise InputError(
            f"A critical-difference diagram needs suites of one profile that rank the same methods. {root} holds "
            f"{profiles} a directory that holds five suites in one profile."
        )
    check_writable(file.parent)
    write_atomic(file, encode_png(rank_diagram(found[0])))


def _csv(boards: Sequence[Leaderboard]) -> str:
    from ganbench.report.export import to_csv  # pandas takes half a second to import

    return to_csv(boards)


def _json(boards: Sequence[Leaderboard]) -> str:
    from ganbench.report.export import to_data

    ranks = map(mean_ranks.to_data, aggregate(boards))  # stand last, where there are any
    return json.dumps([*map(to_data, boards), *ranks], indent=1) + "\n"


def _markdown(boards: Sequence[Leaderboard]) -> str:
    ranks = (section_markdown(mean_ranks.section(found)) for found in aggregate(boards))
    return "\n".join([*map(to_markdown, boards), *ranks])


def _latex(boards: Sequence[Leaderboard]) -> str:
    return "\n".join(map(to_latex, boards))


WRITERS: Final[Mapping[str, Callable[[Sequence[Leaderboard]], str]]] = {
    "markdown": _markdown, "latex": _latex, "csv": _csv, "json": _json
}  # fmt: skip


def _boards(root: Path) -> list[Leaderboard]:
    with no_collection():
        found = read_results(root, series=False)
        boards = [board for results in found for board in build_leaderboards(results)]
    for problem in (problem for results in found for problem in results.problems_in_brief):
        sys.stderr.write(f"{problem}\n")
    return boards


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
