"""The verbs `baseline` and `check`: parse, call, print, exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RESULTS_HELP = "A profile's results directory, or a results directory that holds it."


def baseline(
    results: Annotated[Path, typer.Argument(help=RESULTS_HELP)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The baseline file, to be committed.")],
    update: Annotated[bool, typer.Option("--update", help="Replace a baseline that stands already.")] = False,
) -> None:
    """Make a baseline file of finished results; `check` compares later results with it.

    Over an existing file it shows what would change, and writes with --update alone.
    """
    from rich.console import Console

    from ganbench.gate.update import make_baseline

    make_baseline(results, output, update, Console(), lambda text: typer.echo(text, err=True))


def check(  # noqa: PLR0913  # one parameter per flag
    results: Annotated[Path, typer.Argument(help=RESULTS_HELP)],
    baseline: Annotated[Path, typer.Option(metavar="FILE", help="What `ganbench baseline` made.")],
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=…",
            help="Change of a mean that is still the same: 0.02 in the metric's unit, or 5% of the baseline's mean. "
            "Makes METRIC decide beside the headline.",
        ),
    ] = None,
    allow_inconclusive: Annotated[
        bool, typer.Option("--allow-inconclusive", help="Let pass what the seeds can't decide.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML.")] = None,
    summary: Annotated[Path | None, typer.Option(metavar="FILE", help="Write Markdown for a pull request.")] = None,
    github: Annotated[bool, typer.Option("--github", help="Print annotations for GitHub Actions.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Compare results with a baseline: exit code 1 on a regression, 4 where nothing could be compared or decided.

    A change counts beyond the tolerance alone, and alarms only on evidence over training seeds (five a side, say).
    """
    from ganbench.gate.run import CheckRequest, Outputs, run_check

    if github and as_json:
        raise typer.BadParameter("choose one of --github and --json: both print to standard output")
    request = CheckRequest(results, baseline, tuple(tolerance or ()), allow_inconclusive)
    raise typer.Exit(run_check(request, Outputs(junit, summary, github, as_json)))
