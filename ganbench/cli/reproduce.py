"""The verb `reproduce`: parse, call, print, exit code."""

from __future__ import annotations

import enum
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ganbench.reproduce import Pair, Reproduction

LONGEST = 30  # characters of a value
VERDICTS = {
    "identical": "Reproduced: every score is the same to the bit.",
    "noise": "Reproduced: every score is the same up to float noise (1e-6, relative or absolute).",
    "different": "Not reproduced: scores differ.",
    "incomplete": "Undecided: what could be compared agrees, but not all of the record's scores could be.",
}


class Engine(enum.StrEnum):
    """Who schedules the trials."""

    RAY = "ray"
    SERIAL = "serial"


def reproduce(
    record: Annotated[Path, typer.Argument(help="record.json of a finished trial, or the trial's directory.")],
    engine: Annotated[Engine, typer.Option(help="Who runs the trial; scores don't depend on it.")] = Engine.SERIAL,
    into: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the new results here; without it they are thrown away.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Run one trial again from its record alone, and say whether the same scores come out.

    Exit code 0: identical, or equal up to float noise (1e-6); 1: different; 4: not all scores could be compared.
    """
    from ganbench import reproduce as verb

    with tempfile.TemporaryDirectory(prefix="ganbench-reproduce-") as scratch:
        found = verb.reproduce(record, (into or Path(scratch)).absolute(), engine.value)
    if as_json:
        typer.echo(json.dumps(to_data(found), indent=1))
    else:
        _print(found)
    raise typer.Exit(found.exit_code)


def to_data(found: Reproduction) -> dict[str, Any]:
    """Return plain data for ``json.dumps``."""
    return {
        "record": str(found.path),
        "verdict": found.verdict,
        "status": {"recorded": found.record.status, "here": found.again.status, "error": found.again.error},
        "metrics": {pair.name: _pair(pair) for pair in found.pairs},
        "same_pictures": found.pictures,
        "losses_differ_from_step": found.parted_at,
        "environment": {key: {"recorded": one, "here": other} for key, (one, other) in found.environment.items()},
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "word": pair.word,
        "recorded": {"value": pair.recorded.value, "std": pair.recorded.std},
        "here": {"value": pair.here.value, "std": pair.here.std} if pair.here else None,
        "reason": pair.reason,
    }


def _print(found: Reproduction) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ganbench.report.layout import printable

    def line(text: str, style: str = "") -> None:
        console.print(Text(printable(text), style=style))

    console = Console()
    line(f"{found.record.label} · seed {found.record.seed}, recorded {found.record.timings.finished[:10]}", "bold")
    for status in [found.again.error] if found.again.error else []:
        line(f"{found.again.status} here: {status}", "bold red")
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header in ("metric", "recorded", "here", "here − recorded", "word"):
        table.add_column(header, justify="left" if header in ("metric", "word") else "right")
    for pair in (pair for pair in found.pairs if pair.word != "identical"):
        table.add_row(*(Text(printable(cell)) for cell in _cells(pair)))
    if table.row_count:
        console.print(table)
    same = sum(pair.word == "identical" for pair in found.pairs)
    line(f"{same} of {len(found.pairs)} scores identical to the bit")
    for text in _facts(found):
        line(text)
    line(VERDICTS[found.verdict], "bold red" if found.verdict == "different" else "bold")


def _cells(pair: Pair) -> tuple[str, ...]:
    digits = pair.recorded.digits
    recorded = f"{pair.recorded.value:.{digits}f}"
    if pair.here is None:
        return pair.recorded.title, recorded, "–", "–", f"{pair.word}: {pair.reason}"
    word = f"{pair.word}: {pair.reason}" if pair.reason else pair.word
    change = pair.here.value - pair.recorded.value
    return pair.recorded.title, recorded, f"{pair.here.value:.{digits}f}", f"{change:+.1e}", word


def _short(value: object) -> str:
    """Return a value of a record, short enough for one line: a commit is known by its beginning."""
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _facts(found: Reproduction) -> list[str]:
    pictures = {True: "the same to the bit", False: "different", None: "not compared: the record stands alone"}
    facts = [f"translations of the test images: {pictures[found.pictures]}"]
    if found.parted_at is not None:
        facts.append(f"losses differ from step {found.parted_at} on")
    changes = [f"  {key}: {_short(one)} → {_short(other)}" for key, (one, other) in found.environment.items()]
    return [*facts, *(["what differs here:", *changes] if changes else ["versions, hardware and code: the same"])]
