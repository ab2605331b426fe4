"""Weights files: where they may lie, what they must be, and what to say where they are absent.

Nothing is ever downloaded here: a file is found, or the error names it, its place and the one command that brings it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ganbench.errors import InputError, MissingFileError
from ganbench.registry import Registry

VARIABLE = "GANBENCH_WEIGHTS"


@dataclass(frozen=True)
class WeightsFile:
    """A file of pretrained weights, pinned by its content.

    Attributes:
        name: what `ganbench weights fetch` calls it.
        title: who needs it, for messages ("The extractor inception-v3").
        digests: accepted file name → sha256 (hex). The first is what ``url`` gives and what messages ask for.
        url: where the first comes from.
        size: bytes of the first.
        licence: of the weights, as their makers state it.
        source: where the digest and the licence are stated.
        notes: file name → how that file differs from the first.
    """

    name: str
    title: str
    digests: Mapping[str, str]
    url: str
    size: int
    licence: str
    source: str
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """Name of the file that ``url`` gives."""
        return next(iter(self.digests))

    @property
    def sha256(self) -> str:
        """Digest of the file that ``url`` gives."""
        return self.digests[self.file_name]

    @property
    def command(self) -> str:
        """The one shell command that brings the file."""
        return f"ganbench weights fetch {self.name}"

    def located(self) -> Iterator[Path]:
        """Yield every file of an accepted name that lies in `weight_folders`, its content not yet looked at."""
        for folder in weight_folders():
            yield from (folder / name for name in self.digests if (folder / name).is_file())

    def find(self) -> Path | None:
        """Return the first `located` file, its digest checked, or None; a damaged one raises `InputError`."""
        path = next(self.located(), None)
        return None if path is None else check_digest(path, self.digests[path.name])

    def require(self) -> Path:
        """Return the file; raise `MissingFileError` with its name, place and command where it is absent."""
        path = self.find()
        if path is None:
            raise MissingFileError(self.absence())
        return path

    def digest_in_use(self) -> str:
        """Return the sha256 of the file that is found here; where there is none, of the one that would be fetched."""
        path = self.find()
        return self.sha256 if path is None else self.digests[path.name]

    def absence(self) -> str:
        """Say which file is absent, where to put it and the one command that brings it."""
        folders = " or ".join(str(folder) for folder in weight_folders())
        variable = "" if os.environ.get(VARIABLE) else f" (or a folder named by {VARIABLE})"
        return f"{self.title} needs the file {self.file_name} in {folders}{variable}. Get it: {self.command}"


WEIGHTS: Registry[WeightsFile] = Registry("weights file", "ganbench.nets", "ganbench.extractors")


def listed(file: WeightsFile) -> WeightsFile:
    """Register ``file`` under its name, for `ganbench weights`, and return it."""
    return WEIGHTS.register(file.name)(file)


def weight_folders() -> list[Path]:
    """Return the folders that are searched: ``$GANBENCH_WEIGHTS``, then torch's own checkpoint cache.

    New files go into the first.
    """
    import torch

    named = os.environ.get(VARIABLE)
    folders = [Path(named).expanduser()] if named else []
    return [*folders, Path(torch.hub.get_dir()) / "checkpoints"]


def check_digest(path: Path, sha256: str) -> Path:
    """Return ``path`` if its sha256 is ``sha256`` (hex), else raise `InputError`: other weights, other numbers."""
    found = file_digest(path)
    if found != sha256:
        raise InputError(
            f"The weights file {path} must have the sha256 {sha256}. Got {found} instead. "
            "It is damaged or another file: remove it and fetch it again."
        )
    return path


def file_digest(path: Path) -> str:
    """Return the sha256 (hex) of a file; a file that did not change is read once."""
    try:
        stat = path.stat()
        return _file_digest(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise InputError(f"The weights file {path} can't be read: {error.strerror}.") from None


@lru_cache(maxsize=64)
def _file_digest(path: Path, size: int, modified: int) -> str:  # noqa: ARG001 - a changed file is another key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
