"""Archives that others may have made (zip, npz): bounded before anything is unpacked, and never executed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ganbench.errors import InputError

SMALL = 2**29  # bytes that any archive may unpack to
MOST_RATIO = 20  # larger ones: how often their own size; pictures hardly shrink, and what shrinks more is a bomb
MOST_ENTRIES = 1_000_000

Arrays = dict[str, npt.NDArray[Any]]


def check_archive(path: Path) -> None:
    """Raise `InputError` where a zip would unpack to far more than itself, or outside the folder it is unpacked in.

    What a zip declares is the most that `zipfile` and numpy read of each entry, so that it can't lie about that.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    unpacked, most = sum(entry.file_size for entry in entries), max(SMALL, MOST_RATIO * path.stat().st_size)
    if unpacked > most:
        raise InputError(f"{path}: would unpack to {unpacked:,} bytes, more than the {most:,} that are allowed.")
    if len(entries) > MOST_ENTRIES:
        raise InputError(f"{path}: holds {len(entries):,} files, more than the {MOST_ENTRIES:,} that are allowed.")
    outside = [entry.filename for entry in entries if not _is_inside(entry.filename)]
    if outside:
        raise InputError(f"{path}: holds names that lead out of its folder: {', '.join(map(repr, outside[:3]))}.")


def read_arrays(path: Path, what: str, remedy: str, beginnings: tuple[str, ...] = ("",)) -> Arrays:
    """Return the arrays of an .npz whose names have one of the ``beginnings``; nothing is unpickled.

    Raises:
        InputError: the file is absent, damaged, a bomb, or holds objects; it says ``what`` it is, and the ``remedy``.
    """
    try:
        check_archive(path)
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if name.startswith(beginnings)}
    except Exception as error:  # on damaged files numpy raises whatever it trips over, MemoryError too
        reason = str(error).removeprefix(f"{path}: ").rstrip(".") or type(error).__name__
        raise InputError(f"{path}: {what} can't be read: {reason}. {remedy}") from None
    strange = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
    if strange:  # numpy returns an entry without an array's header as bytes
        raise InputError(f"{path}: {what} can't be read: {strange[0]!r} is no array. {remedy}")
    return arrays


def _is_inside(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return not name.startswith(("/", "\\")) and ".." not in parts and ":" not in parts[0]
