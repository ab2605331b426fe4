"""The verb `human-test`: parse, call, print, exit code."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

human_test_app = typer.Typer(no_args_is_help=True, help="A test with people: pages to make, answers to import.")


class ProtocolName(enum.StrEnum):
    """How people are asked; `ganbench.results.people.PROTOCOLS`."""

    PIX2PIX = "pix2pix"
    QUARTET = "quartet"


@human_test_app.command("make")
def make(
    results: Annotated[Path, typer.Argument(help="A results directory, or one suite's or profile's part of it.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the pages go.")],
    protocol: Annotated[
        ProtocolName, typer.Option(help="pix2pix: pairs, 1 s each picture; quartet: four real among eight.")
    ] = ProtocolName.PIX2PIX,
    method: Annotated[list[str] | None, typer.Option(metavar="LABEL", help="This row only; may be repeated.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which pictures are drawn.")] = 0,
) -> None:
    """Write one offline page per method, on which people tell real from generated pictures.

    A page is one sitting: practice with feedback, then the scored part. It needs no network and gives a file of
    answers. sittings.csv says which page shows which method: it is not for the raters.
    """
    from ganbench.human_test.make import LIST_FILE, make_pages
    from ganbench.results.files import check_writable

    check_writable(out)
    for page in make_pages(results, out, protocol.value, method or [], seed):
        typer.echo(f"{page.path}  {page.record.label}, {page.image_px} px shown at {page.shown_px}")
    typer.echo(
        f"{out / LIST_FILE} says which page shows which method. Give raters a page each, not the list.", err=True
    )


@human_test_app.command("import")
def import_(
    answers: Annotated[list[Path], typer.Argument(metavar="ANSWERS…", help="Files of answers, or folders of them.")],
    results: Annotated[Path, typer.Option(metavar="DIR", help="The results that the pages were made of.")] = Path(
        "results"
    ),
) -> None:
    """Check answers and store them beside the records; the leaderboard then has a column with the fool rate."""
    from ganbench.errors import InputError
    from ganbench.human_test.read import import_answers

    imported = import_answers(answers, results)
    for path in imported.stored:
        typer.echo(path)
    count = "1 sitting" if len(imported.stored) == 1 else f"{len(imported.stored)} sittings"
    typer.echo(f"{count} imported, {len(imported.known)} known already", err=True)
    if imported.left_out:
        typer.echo(f"{imported.left_out} answers don't count: their pictures weren't seen for 1 s", err=True)
    if imported.problems:
        raise InputError(imported.problems)
