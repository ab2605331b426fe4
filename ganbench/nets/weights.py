"""Weights files: where they may lie, what they must be, and what to say where they are absent.

Nothing is ever downloaded here: a file is found, or the error names it, its place and the one command that brings it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ganbench.errors import InputError, MissingFileError

VARIABLE = "GANBENCH_WEIGHTS"


@dataclass(frozen=True)
class WeightsFile:
    """A file of pretrained weights, pinned by its content.

    Attributes:
        title: what it holds, for messages.
        digests: accepted file name → sha256 (hex); the first name is the one that messages ask for.
        command: the one shell command that brings the first of them.
    """

    title: str
    digests: dict[str, str]
    command: str

    def find(self) -> Path | None:
        """Return the file, its digest checked, or None where it lies in none of `weight_folders`."""
        for folder in weight_folders():
            for name in self.digests:
                if (folder / name).is_file():
                    return check_digest(folder / name, self.digests[name])
        return None

    def require(self) -> Path:
        """Return the file; raise `MissingFileError` with its name, place and command where it is absent."""
        path = self.find()
        if path is None:
            raise MissingFileError(self.absence())
        return path

    def absence(self) -> str:
        """Say which file is absent, where to put it and the one command that brings it."""
        folders = " or ".join(str(folder) for folder in weight_folders())
        variable = "" if os.environ.get(VARIABLE) else f" (or a folder named by {VARIABLE})"
        return f"{self.title} needs the file {next(iter(self.digests))} in {folders}{variable}. Get it: {self.command}"


def weight_folders() -> list[Path]:
    """Return the folders that are searched: ``$GANBENCH_WEIGHTS``, then torch's own checkpoint cache."""
    import torch

    named = os.environ.get(VARIABLE)
    folders = [Path(named).expanduser()] if named else []
    return [*folders, Path(torch.hub.get_dir()) / "checkpoints"]


def check_digest(path: Path, sha256: str) -> Path:
    """Return ``path`` if its sha256 is ``sha256`` (hex), else raise `InputError`: other weights, other numbers."""
    stat = path.stat()
    found = _file_digest(path, stat.st_size, stat.st_mtime_ns)
    if found != sha256:
        raise InputError(
            f"The weights file {path} must have the sha256 {sha256}. Got {found} instead. "
            "It is damaged or another file: remove it and fetch it again."
        )
    return path


@lru_cache(maxsize=64)
def _file_digest(path: Path, size: int, modified: int) -> str:  # noqa: ARG001 - a changed file is another key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
