"""The pages of a results directory: one per leaderboard and an index, each a single file that needs no network."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ganbench.errors import InputError
from ganbench.report.html.curves import curves_of
from ganbench.report.html.facts import (
    failures_of,
    pending_of,
    provenance_of,
    settings_of,
    trials_of,
)
from ganbench.report.html.front import front_of
from ganbench.report.html.images import Strip, strip
from ganbench.report.html.sheet import neighbours_of, sheet_of, stored_pictures
from ganbench.report.html.table import table_view
from ganbench.report.layout import footnotes, printable
from ganbench.report.publish import read_outputs
from ganbench.results.files import check_writable, write_atomic
from ganbench.results.leaderboard import Leaderboard, build_leaderboards
from ganbench.results.pictures import Pictures
from ganbench.results.record import Record
from ganbench.results.store import ResultSet, read_results

INDEX = "index.html"
PREVIEW = 4  # test images on a card of the index


@dataclass(frozen=True)
class Card:
    """What the index tells of one page."""

    file: str
    suite: str
    profile: str
    caption: tuple[str, ...]
    status: str
    leaders: tuple[tuple[str, str], ...]
    headline: str
    preview: tuple[tuple[str, Strip], ...]


def write_pages(root: Path, folder: Path) -> tuple[list[Path], list[str]]:
    """Write a page for every leaderboard beneath ``root``, and the index; return the files, the index first.

    Works on the results of a run that goes on. The second value names records that could not be read.

    Raises:
        InputError: no results beneath ``root``, or ``folder`` can't be written.
    """
    check_writable(folder)
    found = read_results(root)
    boards = [(results, board) for results in found for board in build_leaderboards(results)]
    names = _file_names([board for _, board in boards])
    cards = []
    for (results, board), name in zip(boards, names, strict=True):
        pictures, problem = stored_pictures(results.directory)
        write_atomic(folder / name, _page(results, board, pictures, problem).encode())
        cards.append(_card(board, name, pictures))
    write_atomic(folder / INDEX, _render("index.html", {"cards": cards, "title": "Results"}).encode())
    problems = [problem for results in found for problem in results.problems_in_brief]
    return [folder / INDEX, *(folder / name for name in names)], problems


def _file_names(boards: list[Leaderboard]) -> list[str]:
    """Return one name per board; names of suites and profiles are safe already (`ganbench.names`)."""
    names: list[str] = []
    for board in boards:
        stem = f"{board.suite}.{board.profile}"
        names.append(
            f"{stem}-{number}.html" if (number := 1 + sum(_same(n, stem) for n in names)) > 1 else f"{stem}.html"
        )
    return names


def _same(name: str, stem: str) -> bool:
    return name == f"{stem}.html" or name.startswith(f"{stem}-")


def _page(results: ResultSet, board: Leaderboard, pictures: Pictures | None, problem: str) -> str:
    records = _records(results, board)
    neighbours, neighbours_problem = neighbours_of(board, records)
    values = {
        "title": f"{board.suite} ({board.profile})",
        "board": board,
        "caption": [printable(part) for part in board.caption],
        "status": _status(board),
        "several": any(len(row.seeds) > 1 for row in board.rows),
        "table": table_view(board),
        "notes": footnotes(board),
        "sheet": sheet_of(board, pictures, problem),
        "front": front_of(board),
        "curves": curves_of({label: [record for _, record in found] for label, found in records.items()}),
        "neighbours": neighbours,
        "neighbours_problem": neighbours_problem,
        "failures": failures_of(board, records),
        "pending": pending_of(board),
        "settings": settings_of(board, records),
        "provenance": provenance_of(board, records, results),
        "trials": trials_of(board, records),
        "credits": pictures.credits if pictures else (),
    }
    return _render("page.html", values)


def _records(results: ResultSet, board: Leaderboard) -> dict[str, list[tuple[Path, Record]]]:
    """Return label → the board's trials, by seed."""
    found: dict[str, list[tuple[Path, Record]]] = {row.label: [] for row in board.rows}
    for path, record in results.shown.items():
        if record.data_fingerprint == board.fingerprint:
            found[record.label].append((path, record))
    return {label: sorted(trials, key=lambda trial: trial[1].seed) for label, trials in found.items()}


def _status(board: Leaderboard) -> str:
    """Say how many trials are done: "20 of 22 trials done, 1 failed, 1 pending"."""
    counts = Counter(status for row in board.rows for status in row.seeds.values())
    others = [f"{count} {status}" for status, count in sorted(counts.items()) if status != "ok"]
    return ", ".join([f"{counts['ok']} of {counts.total()} trials done", *others])


def _card(board: Leaderboard, name: str, pictures: Pictures | None) -> Card:
    column = board.headline
    ranked = [row.label for row in board.rows if row.kind == "method" and row.complete]
    scored = [label for label in ranked if column and (label, column.key) in board.cells][:3]
    leaders = [(label, f"{board.cells[label, column.key].mean:.{column.digits}f}") for label in scored if column]
    caption = tuple(printable(part) for part in board.caption[2:])
    preview = _preview(board, scored, pictures)
    headline = column.header if column else ""
    return Card(name, board.suite, board.profile, caption, _status(board), tuple(leaders), headline, preview)


def _preview(board: Leaderboard, scored: list[str], pictures: Pictures | None) -> tuple[tuple[str, Strip], ...]:
    if pictures is None:
        return ()
    best: list[tuple[str, Strip]] = []
    for label in scored[:1]:
        with suppress(InputError):  # without stored outputs the card shows the inputs alone
            best.append((label, strip(read_outputs(board.directories[label][0])[:PREVIEW])))
    return (("input", strip(pictures.inputs[:PREVIEW])), *best)


def _breakable(text: str) -> Markup:
    """Return a name, escaped, that may be broken after its signs."""
    return Markup(re.sub(r"([_.+-])", r"\1<wbr>", str(escape(text))))  # noqa: S704


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("ganbench.report.html"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters["breakable"] = _breakable
    return made


def _render(template: str, values: Mapping[str, object]) -> str:
    script = (files("ganbench.report.html") / "templates" / "page.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template(template)
        .render(
            {**values, "script": Markup(script), "script_digest": digest}  # noqa: S704
        )
    )
