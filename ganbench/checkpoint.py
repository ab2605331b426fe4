"""Checkpoints: tensors and plain values, written atomically, loaded without unpickling code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ganbench.errors import InputError

FORMAT = 1
CHECKPOINT_FILE = "checkpoint.pt"


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` (tensors, numbers, text, lists, dicts) so that a crash leaves the old file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            torch.save({"format": FORMAT, **content}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint with torch's restricted loader, which runs no code from the file.

    Raises:
        InputError: the file is absent, damaged, not a ganbench checkpoint, or of a newer format.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint.") from None
    except Exception as error:  # torch's reader has no error type of its own for a damaged file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: is damaged or not a ganbench checkpoint ({reason}).") from None
    if not isinstance(content, dict) or "format" not in content:
        raise InputError(f"{path}: is not a ganbench checkpoint.")
    if content["format"] > FORMAT:
        raise InputError(
            f"{path}: was written by a newer ganbench (format {content['format']}, this one reads {FORMAT}). "
            "Upgrade ganbench."
        )
    return content
