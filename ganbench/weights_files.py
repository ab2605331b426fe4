"""The verb `weights`: which files of pretrained weights there are, which are here, and how to bring the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from ganbench.download import DownloadError, download
from ganbench.errors import InputError
from ganbench.nets import efficientnet
from ganbench.nets.extractors import EXTRACTORS
from ganbench.nets.weights import WEIGHTS, WeightsFile, check_digest, weight_folders

Say = Callable[[str], None]
MEBIBYTE = 2**20


@dataclass(frozen=True)
class FileStatus:
    """One file of weights and where it stands.

    Attributes:
        needed_by: names of extractors, or the metric.
        found: where it lies; None where it is absent.
        note: how the file that was found differs from the one that would be fetched.
    """

    file: WeightsFile
    needed_by: tuple[str, ...]
    found: Path | None
    note: str

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "name": self.file.name,
            "needed_by": list(self.needed_by),
            "found": str(self.found) if self.found else None,
            "note": self.note,
            "file": self.file.file_name,
            "bytes": self.file.size,
            "sha256": self.file.sha256,
            "url": self.file.url,
            "licence": self.file.licence,
            "source": self.file.source,
        }


def statuses() -> list[FileStatus]:
    """Return every file of weights that some extractor or metric can use; contents are not read."""
    return [_status(WEIGHTS.get(name)) for name in WEIGHTS.names()]


def _status(file: WeightsFile) -> FileStatus:
    found = next(file.located(), None)
    kinds = [EXTRACTORS.get(name) for name in EXTRACTORS.names()]
    needed_by = tuple(kind.name for kind in kinds if kind.weights is not None and kind.weights.name == file.name)
    return FileStatus(file, needed_by or (file.title,), found, file.notes.get(found.name, "") if found else "")


def fetch(names: Sequence[str], say: Say) -> list[Path]:
    """Bring the named files (or those of the named extractors) into the first of `weight_folders`.

    What is there already, whole and sound, is not brought again. All problems are raised together, at the end.
    """
    paths: list[Path] = []
    problems: list[str] = []
    for file in {file.name: file for file in map(_named, names)}.values():
        try:
            paths.append(_fetch_one(file, say))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return paths


def _named(name: str) -> WeightsFile:
    if name in EXTRACTORS.names():
        kind = EXTRACTORS.get(name)
        if kind.weights is None:
            raise InputError(f"The extractor {name} needs no file: its weights come with an installed package.")
        return WEIGHTS.get(kind.weights.name)
    return WEIGHTS.get(name)


def _fetch_one(file: WeightsFile, say: Say) -> Path:
    for path in file.located():
        if file.digests[path.name] == file.sha256:
            say(f"{file.name}: already here: {check_digest(path, file.sha256)}")
            return path
    path = weight_folders()[0] / file.file_name
    say(f"{file.name}: {file.size / MEBIBYTE:.0f} MiB from {file.url}")
    try:
        download(file.url, path, file.sha256, _Shares(file, say))
    except DownloadError as error:
        raise InputError(_by_hand(file, path, str(error))) from None
    say(f"{file.name}: {path}, sha256 {file.sha256[:12]}… verified")
    return path


def _by_hand(file: WeightsFile, path: Path, why: str) -> str:
    return (
        f"{file.name}: the download failed: {why}. Without a network here, run where there is one "
        f"`curl -L -o {file.file_name} {file.url}`, bring the file to {path} (or to a folder that GANBENCH_WEIGHTS "
        "names), and check it with `ganbench weights verify`."
    )


class _Shares:
    """Tells of a download at every tenth of it."""

    def __init__(self, file: WeightsFile, say: Say) -> None:
        self.file, self.say, self.told = file, say, 0

    def __call__(self, have: int, total: int) -> None:
        tenth = 10 * have // max(total or self.file.size, 1)
        if tenth > self.told:
            self.told = tenth
            self.say(f"{self.file.name}: {have / MEBIBYTE:.1f} MiB, {10 * tenth} %")


@dataclass(frozen=True)
class Verdict:
    """One file that is here, its content compared with the digest it must have; ``problem`` is empty if it is sound."""

    name: str
    path: Path
    problem: str

    def as_data(self) -> dict[str, str]:
        """Return plain data for JSON."""
        return {"name": self.name, "path": str(self.path), "problem": self.problem}


def verify() -> list[Verdict]:
    """Read every file of weights that is here, that of the embedded extractor too, and compare it with its digest."""
    verdicts = [_verdict("efficientnet-lite0", Path("(package)"), efficientnet.weights_path)]
    for file in (WEIGHTS.get(name) for name in WEIGHTS.names()):
        for path in file.located():
            verdicts.append(_verdict(file.name, path, partial(check_digest, path, file.digests[path.name])))
    return verdicts


def _verdict(name: str, path: Path, check: Callable[[], Path]) -> Verdict:
    try:
        return Verdict(name, check(), "")
    except InputError as error:
        return Verdict(name, path, str(error))


def damaged(verdicts: Sequence[Verdict]) -> None:
    """Raise `InputError` with one line per file that is not what it must be."""
    problems = [f"{verdict.name}: {verdict.problem}" for verdict in verdicts if verdict.problem]
    if problems:
        raise InputError(problems)


def print_statuses(found: Sequence[FileStatus], console: Console) -> None:
    """Print every file: who needs it, where it is (or how to get it), digest, licence."""
    for status in found:
        file, note = status.file, f" ({status.note})" if status.note else ""
        place = f"{status.found}{note}" if status.found else f"missing · {file.command}"
        style = "green" if status.found else "yellow"
        console.print(Text.assemble((file.name, "bold cyan"), f"  {', '.join(status.needed_by)}"))
        details = (
            ("here" if status.found else "file", place if status.found else f"{file.file_name}, {place}", style),
            ("size", f"{file.size / MEBIBYTE:.0f} MiB", ""),
            ("sha256", file.sha256, ""),
            ("licence", file.licence, ""),
            ("from", f"{file.url} ({file.source})", ""),
        )
        for key, text, colour in details:
            console.print(Text.assemble((f"    {key}: ", "dim"), (text, colour)), soft_wrap=True)  # to be copied whole
    console.print(Text(f"New files go into {weight_folders()[0]}; efficientnet-lite0 needs none.", style="dim"))


def print_verdicts(verdicts: Sequence[Verdict], console: Console) -> None:
    """Print one line per file that is here."""
    for verdict in verdicts:
        word, style = ("damaged", "bold red") if verdict.problem else ("sound", "green")
        line = Text.assemble((f"{word:8}", style), (f"{verdict.name}  ", "bold cyan"), str(verdict.path))
        console.print(line, soft_wrap=True)
