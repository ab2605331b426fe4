"""The verbs about this machine, `weights` and `doctor`: parse, call, print, exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

weights_app = typer.Typer(no_args_is_help=True, help="Files of pretrained weights: list, fetch, verify.")


@weights_app.command("list")
def weights_list(as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """List the files that extractors and metrics can use, where they are, and how to get the others."""
    from rich.console import Console

    from ganbench.weights_files import print_statuses, statuses

    found = statuses()
    if as_json:
        typer.echo(json.dumps([status.as_data() for status in found], indent=1))
    else:
        print_statuses(found, Console())


@weights_app.command("fetch")
def weights_fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Files, or extractors that need them.")],
) -> None:
    """Download files into $GANBENCH_WEIGHTS (else torch's cache), and verify them. A broken download is resumed."""
    from ganbench.weights_files import fetch

    for path in fetch(names, lambda text: typer.echo(text, err=True)):
        typer.echo(path)


@weights_app.command("verify")
def weights_verify(as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """Compare every file that is here with its digest; exit code 2 where one is damaged."""
    from rich.console import Console

    from ganbench.weights_files import damaged, print_verdicts, verify

    verdicts = verify()
    if as_json:
        typer.echo(json.dumps([verdict.as_data() for verdict in verdicts], indent=1))
    else:
        print_verdicts(verdicts, Console())
    damaged(verdicts)


def doctor(
    results: Annotated[Path, typer.Option(metavar="DIR", help="Where results would go.")] = Path("results"),
    suites: Annotated[Path, typer.Option(metavar="DIR", help="Where suites lie.")] = Path("suites"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Look at environment, devices, disk and weights, and say what each suite would miss, with the remedy."""
    from rich.console import Console

    from ganbench.doctor.examine import examine, print_findings

    findings = examine(results, suites)
    if as_json:
        typer.echo(json.dumps([finding.as_data() for finding in findings], indent=1))
    else:
        print_findings(findings, Console())
