"""Locks on files: who writes where others must not. The kernel releases them when their holder dies, however it dies.

On NFS the server keeps them (Linux 2.6.12 and later, unless it is mounted with ``nolock`` or ``local_lock``), and
releases those of a machine that is gone when its lease ends, after about 90 seconds.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ganbench.atomic_file import refused
from ganbench.errors import BusyError

POLL_SECONDS = 0.2


@contextmanager
def locked(
    path: Path, what: str, wait_seconds: float = 0.0, tell: Callable[[str], object] | None = None
) -> Iterator[bool]:
    """Hold the lock file ``path``, which is gone afterwards; give True where it had to be waited for.

    Args:
        path: of the lock file.
        what: is locked, for the message.
        wait_seconds: how long to wait for another holder.
        tell: is told who is waited for.

    Raises:
        BusyError: another process holds it still; the text names its id and machine.
        StorageError: the file can't be made, or its file system has no locks.
    """
    deadline = time.monotonic() + wait_seconds
    waited = False
    while (file := _try(path)) is None:
        if time.monotonic() >= deadline:
            raise BusyError(f"{what} is in use by {_holder(path)}. Wait until it has ended, or end it.")
        if tell is not None and not waited:
            tell(f"{what} is in use by {_holder(path)}; waiting until it has ended.\n")
        waited = True
        time.sleep(POLL_SECONDS)
    try:
        yield waited
    finally:
        path.unlink(missing_ok=True)  # before the release: whoever waits finds out that this file is no longer it
        file.close()


def _try(path: Path) -> BinaryIO | None:
    """Return the open lock file, or None where another process holds it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(file, path):
                _sign(file)
                return file
        except BlockingIOError:
            pass  # another holds it: that is the answer, and no error
        except OSError:
            file.close()
            raise
        file.close()
    except OSError as error:
        raise refused(path, error) from error
    return None


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Say whether the open ``file`` is still what lies at ``path``: its last holder may have removed it."""
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())


def _sign(file: BinaryIO) -> None:
    file.truncate(0)
    file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
    file.flush()


def _holder(path: Path) -> str:
    try:
        content = json.loads(path.read_text())
        return f"process {content['pid']} on {content['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
