"""Files that appear whole or not at all, and what is said where the disk refuses them."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ganbench.errors import StorageError

TEMPORARY = ".ganbench-tmp-"  # how the files begin that a killed process leaves half written
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` once the block ends without an error.

    A reader, or a crash at any moment, sees the old or the new file whole.

    Raises:
        StorageError: the disk is full, read-only or broken; the old file is whole.
    """
    temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # os.open and not tempfile: the new file must get the ordinary permissions, tempfile's are private
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise refused(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def refused(path: Path, error: OSError) -> StorageError:
    """Return the error that tells a user why ``path`` can't be written, and what to do."""
    reason = error.strerror or str(error)
    return StorageError(f"{path}: can't be written: {reason}. {_remedy(path, error.errno)}")


def sweep(directory: Path) -> None:
    """Remove what a killed process left half written in ``directory``; call it where nobody else writes there."""
    for leftover in directory.glob(f"{TEMPORARY}*"):
        leftover.unlink(missing_ok=True)


def _remedy(path: Path, number: int | None) -> str:
    if number in FULL:
        return f"Free some space ({_free_mib(path)} MiB are left there); the same command goes on."
    if number in FORBIDDEN:
        return "Make the folder writable, or choose another one with --results DIR."
    return "Check the disk, then start the same command again: it goes on."


def _free_mib(path: Path) -> int:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(path.parent).free >> 20
    return 0
