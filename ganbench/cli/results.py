"""The verbs about finished runs: `report` and `compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ganbench.errors import NothingComparableError


def report(  # noqa: PLR0913  # one parameter per flag
    results: Annotated[Path, typer.Argument(help="A results directory, or one suite's or profile's part of it.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown tables.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="One row per method, all values.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="LaTeX tables (booktabs).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the rows of --csv as Parquet.")] = None,
    diagram: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a critical-difference diagram of five suites (PNG).")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write pages for a browser: open index.html.")
    ] = None,
) -> None:
    """Print the leaderboards of finished (and half-finished) runs."""
    from ganbench.report.print import print_results, write_diagram, write_parquet

    wanted = {"markdown": markdown, "csv": csv, "latex": latex, "json": as_json}
    wanted |= {"parquet": parquet is not None, "diagram": diagram is not None, "html": html is not None}
    chosen = [name for name, is_wanted in wanted.items() if is_wanted]
    if len(chosen) > 1:
        raise typer.BadParameter(f"choose one of --{' and --'.join(chosen)}")
    if parquet is not None:
        write_parquet(results, parquet)
        return
    if diagram is not None:
        write_diagram(results, diagram)
        return
    if html is not None:
        _write_pages(results, html)
        return
    print_results(results, chosen[0] if chosen else "terminal")


def _write_pages(results: Path, folder: Path) -> None:
    from ganbench.report.html.pages import write_pages

    files, problems = write_pages(results, folder)
    for line in (*problems, f"{len(files)} pages; open {files[0]}"):
        typer.echo(line, err=True)


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A results directory, or part of it: what was.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one of the same suite: what is now.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Compare two sets of results (branches, machines, versions), value by value, with intervals and a word for each.

    Exit code 4 where nothing can be compared: other suites, profiles, images or protocols.
    """
    from rich.console import Console

    from ganbench.report.comparison import print_comparison, to_data
    from ganbench.results.compare import compare_results

    comparisons, left_out = compare_results(a, b)
    for reason in left_out:
        typer.echo(reason, err=True)
    if as_json:
        typer.echo(json.dumps([to_data(comparison) for comparison in comparisons], indent=1))
    else:
        for comparison in comparisons:
            print_comparison(comparison, Console())
    if all(finding.word == "not comparable" for found in comparisons for finding in found.findings):
        raise typer.Exit(NothingComparableError.exit_code)
