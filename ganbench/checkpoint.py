"""Checkpoints: tensors and plain values, written atomically, loaded without unpickling code; the last two are kept."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch

from ganbench.archives import check_archive
from ganbench.atomic_file import atomic_file
from ganbench.errors import DamagedCheckpointError, InputError

FORMAT = 1
CHECKPOINT_FILE = "checkpoint.pt"
PREVIOUS_FILE = "checkpoint-previous.pt"
DAMAGED_FILE = "checkpoint-damaged.pt"


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` (tensors, numbers, text, lists, dicts); what stood at ``path`` is kept as the one before.

    A crash at any moment leaves at least one of the two whole. Raises `StorageError` where the disk refuses.
    """
    with atomic_file(path) as file:
        _write({"format": FORMAT, **content}, file)
        file.flush()
        os.fsync(file.fileno())  # before the old one gives way
        if path.exists():
            path.replace(path.with_name(PREVIOUS_FILE))


def load_latest(path: Path, say: Callable[[str], None]) -> dict[str, Any] | None:
    """Return the last checkpoint, where it is damaged the one before, or None; ``say`` is told of damage.

    What is damaged is put aside, so that it never takes the place of the one before.
    """
    found = [each for each in (path, path.with_name(PREVIOUS_FILE)) if each.exists()]
    for candidate in found:
        try:
            return load_checkpoint(candidate)
        except DamagedCheckpointError as error:
            rest = "Training starts anew." if candidate is found[-1] else "Training goes on from the one before."
            candidate.replace(path.with_name(DAMAGED_FILE))
            say(f"{error} {rest}")
    return None


def forget_previous(path: Path) -> None:
    """Remove the checkpoint before ``path``: nothing goes on from a finished training's."""
    path.with_name(PREVIOUS_FILE).unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint with torch's restricted loader, which runs no code from the file.

    Raises:
        DamagedCheckpointError: the file is cut or altered (its checksums say so), or no ganbench checkpoint.
        InputError: the file is absent, can't be read, or is of a newer format.
    """
    try:
        _verify(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint.") from None
    except OSError as error:
        raise InputError(f"{path}: this checkpoint can't be read: {error.strerror or error}.") from None
    except MemoryError:
        raise
    except Exception as error:  # torch's reader has no error type of its own for a damaged file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedCheckpointError(f"{path}: is damaged or not a ganbench checkpoint ({reason}).") from None
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise DamagedCheckpointError(f"{path}: is not a ganbench checkpoint.")
    if content["format"] > FORMAT:
        raise InputError(
            f"{path}: was written by a newer ganbench (format {content['format']}, this one reads {FORMAT}). "
            "Upgrade ganbench."
        )
    return content


def _write(content: Mapping[str, Any], file: BinaryIO) -> None:
    try:
        torch.save(content, file)
    except RuntimeError as error:  # torch's writer reports a full disk as a wrong position in the file
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def _verify(path: Path) -> None:
    """Compare the checksums in the file, a zip archive, which torch doesn't; a bomb is refused before."""
    check_archive(path)
    with zipfile.ZipFile(path) as archive:
        bad = archive.testzip()
    if bad is not None:
        raise zipfile.BadZipFile(f"the checksum of {bad} is wrong")
