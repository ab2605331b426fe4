"""Files of answers: found, checked against the results they belong to, and stored there."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ganbench.errors import InputError
from ganbench.human_test.draw import Page, count_fooled, draw_page
from ganbench.results.files import check_writable, read_model
from ganbench.results.people import (
    PROTOCOLS,
    TOLERANCE_MS,
    Answer,
    Judged,
    Protocol,
    Sitting,
    read_judged,
    sitting_path,
    write_judged,
)
from ganbench.results.store import ResultSet, check_links, read_results

AGAIN = "Ask the rater for the file again, as the page gave it."


@dataclass
class Imported:
    """What became of the files.

    Attributes:
        stored: files written beneath the results.
        known: files whose very sitting was imported before.
        left_out: answers that don't count, since a picture was seen too long or too short.
        problems: one line per file that was refused, with the remedy.
    """

    stored: list[Path] = field(default_factory=list)
    known: list[Path] = field(default_factory=list)
    left_out: int = 0
    problems: list[str] = field(default_factory=list)


def import_answers(paths: Sequence[Path], root: Path) -> Imported:
    """Store the sittings in files, or in folders of files, beneath the results they belong to.

    Good files are stored whatever is wrong with others. Raises `InputError` where there are no results or no files.
    """
    found = read_results(root)
    pages: dict[str, Page] = {}
    seen: dict[str, Path] = {}
    imported = Imported()
    for path in _files(paths):
        try:
            sitting = read_sitting(path)
            _refuse_double(path, sitting, seen)
            _import(path, sitting, found, pages, imported)
        except InputError as error:
            imported.problems += error.problems
    return imported


def read_sitting(path: Path) -> Sitting:
    """Read a file of answers; raise `InputError` where it is broken, of another schema, or edited."""
    sitting = read_model(path, Sitting, "file of answers", AGAIN)
    if sitting.checksum != checksum(sitting):
        raise InputError(f"{path}: was edited, or damaged on its way: its checksum doesn't fit. {AGAIN}")
    return sitting


def checksum(sitting: Sitting) -> str:
    """Return the CRC-32, in hex, of the compact JSON of all fields but the checksum, in their order.

    It notices an edit. A page without a server has no secret, so nothing it writes could prove that it wrote it.
    """
    fields = sitting.model_dump(exclude={"checksum"})
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return f"{zlib.crc32(text.encode()):08x}"


def judge(path: Path, sitting: Sitting, page: Page) -> Judged:
    """Hold a sitting against its page; raise `InputError` where it is incomplete or doesn't fit."""
    if sitting.page != page.digest:
        raise InputError(
            f"{path}: belongs to a page with other pictures: the method was trained again, or its files changed, "
            "since that page was made. Make new pages, and ask again."
        )
    problems = [f"{path}: {problem}. {AGAIN}" for problem in _problems(sitting, page.protocol)]
    if problems:
        raise InputError(problems)
    screens = {answer.screen for answer in sitting.answers if _timely(answer, page.protocol)}
    if not screens:
        raise InputError(
            f"{path}: no picture was seen for {page.protocol.exposure_ms} ms (± {TOLERANCE_MS}): the page was in the "
            "background, or the machine too busy. Ask the rater to sit again."
        )
    return Judged(
        fooled=count_fooled(page, sitting, screens), generated=len(screens) * page.protocol.each, sitting=sitting
    )


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    files = [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    if not files:
        raise InputError(
            f"{', '.join(map(str, paths))}: no files of answers (*.json) here. Name files, or their folder."
        )
    yield from dict.fromkeys(files)


def _refuse_double(path: Path, sitting: Sitting, seen: dict[str, Path]) -> None:
    if sitting.sitting in seen:
        raise InputError(f"{path}: the same sitting as {seen[sitting.sitting]}; it counts once. Remove one of them.")
    seen[sitting.sitting] = path


def _import(path: Path, sitting: Sitting, found: Sequence[ResultSet], pages: dict[str, Page], out: Imported) -> None:
    results, directory = _trial(path, sitting, found)
    stored = sitting_path(results.directory, sitting)
    if stored.exists():
        if read_judged(stored).sitting != sitting:
            raise InputError(f"{path}: other answers of this sitting were imported before: {stored}. Keep one of them.")
        out.known.append(path)
        return
    key = f"{sitting.training_hash} {sitting.protocol} {sitting.draw} {directory}"
    if key not in pages:
        pages[key] = draw_page(results, directory, PROTOCOLS[sitting.protocol], sitting.draw)
    judged = judge(path, sitting, pages[key])
    check_writable(results.directory)
    check_links(results.directory.parent.parent, results.directory)
    out.stored.append(write_judged(results.directory, judged))
    out.left_out += sum(not _timely(answer, pages[key].protocol) for answer in sitting.answers)


def _trial(path: Path, sitting: Sitting, found: Sequence[ResultSet]) -> tuple[ResultSet, Path]:
    """Return the results and the trial that a sitting is about."""
    for results in found:
        for directory, record in results.records.items():
            if all(
                getattr(record, name) == getattr(sitting, name)
                for name in ("suite", "profile", "data_fingerprint", "label", "training_hash")
            ):
                return results, directory
    raise InputError(
        f"{path}: belongs to other results: {sitting.label} of {sitting.suite}/{sitting.profile} "
        f"({sitting.training_hash[:8]}). Name the results that the page was made of, with --results."
    )


def _problems(sitting: Sitting, protocol: Protocol) -> Iterator[str]:
    """Say what doesn't fit the protocol."""
    answered = sorted(answer.screen for answer in sitting.answers)
    wanted = list(range(protocol.practice, protocol.screens))
    if answered != wanted:
        count = len(set(answered) & set(wanted))
        yield f"must answer each of {len(wanted)} scored screens once. Got {count} of them in {len(answered)} answers"
    misfits = [answer.screen for answer in sitting.answers if not _fits(answer, protocol)]
    if misfits:
        yield f"the answers to screens {', '.join(map(str, misfits))} don't fit the protocol {protocol.name}"


def _fits(answer: Answer, protocol: Protocol) -> bool:
    pictures = set(range(2 * protocol.each))
    exposures = 2 * protocol.each if protocol.exposure_ms else 0
    return (
        sorted(answer.shown) == sorted(pictures)
        and len(answer.chosen) == protocol.each == len(set(answer.chosen) & pictures)
        and len(answer.exposure_ms) == exposures
    )


def _timely(answer: Answer, protocol: Protocol) -> bool:
    return all(abs(seen - (protocol.exposure_ms or seen)) <= TOLERANCE_MS for seen in answer.exposure_ms)
