"""The verbs `evaluate` and `export`, by which pictures of other programs come in and a suite's images go out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ganbench.progress import Progress
    from ganbench.results.leaderboard import Leaderboard


def export(
    suite: Annotated[Path, typer.Argument(help="Suite file.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New folder for trainA, trainB, valA, … (PNG).")],
    profile: Annotated[str, typer.Option(help="Hardware budget of the suite; decides the image size.")] = "cpu",
) -> None:
    """Write a suite's images (A the source, B the target) for other programs.

    What such a program makes of testA becomes a row by `evaluate --generated DIR --append RESULTS --name LABEL`.
    """
    from ganbench.external import export_suite

    counts = export_suite(suite, profile, folder, lambda done, total: _show_stage("preparing images", done, total))
    for name, count in counts.items():
        typer.echo(f"{folder / name}: {count} pictures", err=True)


def evaluate(  # noqa: PLR0913  # one parameter per flag
    generated: Annotated[Path, typer.Option(metavar="DIR", help="The pictures to be judged.")],
    source: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="What they were made from, matched by file name; gives the row identity."),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Real target pictures that no training saw; gives the row real, and gauges copies."
        ),
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Real target pictures that the method was trained on: the reference of FD, KID and P&R."
        ),
    ] = None,
    counterpart: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The one right answer to each source picture, matched by file name."),
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="Metric families; all by default (ganbench list metrics).")
    ] = None,
    extractor: Annotated[str | None, typer.Option(help="Whose features are compared.")] = None,
    image_size: Annotated[
        int | None,
        typer.Option(metavar="N", min=8, max=4096, help="Bring all pictures to N × N pixels (bicubic, antialiased)."),
    ] = None,
    append: Annotated[
        Path | None,
        typer.Option(metavar="RESULTS", help="Put the row into this leaderboard; the suite decides all the rest."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="LABEL", help="How the row is called.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Judge pictures that any other program made, by the metrics and protocols of `run`.

    Metrics that need a folder which is not given are listed as missing, with the reason.
    """
    from ganbench.evaluate import evaluate_folders, request_of, to_board, to_json

    if append is not None:
        decided = {"--target": target, "--train": train, "--counterpart": counterpart, "--metrics": metrics,
                   "--extractor": extractor, "--json": as_json or None}  # fmt: skip
        _refuse_with_append([flag for flag, value in decided.items() if value is not None], name)
        _append(append, name or "", generated, source, image_size)
        return
    folders = {"generated": generated, "source": source, "target": target, "train": train, "counterpart": counterpart}
    request = request_of(folders, metrics, extractor, image_size, name)
    judgement = evaluate_folders(request, _show_stage)
    if as_json:
        typer.echo(json.dumps(to_json(judgement), indent=1))
    else:
        _show_board(to_board(judgement))


def _refuse_with_append(flags: list[str], name: str | None) -> None:
    if flags:
        raise typer.BadParameter(f"with --append the suite decides: leave out {', '.join(flags)}")
    if name is None:
        raise typer.BadParameter("--append needs --name LABEL, which the row is called by")


def _append(results: Path, name: str, generated: Path, source: Path | None, image_size: int | None) -> None:
    from rich.console import Console

    from ganbench.evaluate import row_label
    from ganbench.external import Row, append_row
    from ganbench.report.print import print_summary

    plan, notes, files = append_row(Row(results, row_label(name), generated, source, image_size), _show_progress)
    print_summary(plan.directory, Console())
    for line in [*notes, *(f"  {file}" for file in files)]:
        typer.echo(line, err=True)


def _show_stage(stage: str, step: int, steps: int) -> None:
    if step == steps or step % 500 == 0:
        typer.echo(f"{stage} {step}/{steps}", err=True)


def _show_progress(progress: Progress) -> None:
    _show_stage(progress.stage, progress.step, progress.steps)


def _show_board(board: Leaderboard) -> None:
    from rich.console import Console

    from ganbench.report.terminal import print_leaderboard

    print_leaderboard(board, Console())
