"""What a case may not do: run on, write elsewhere, start a process, open a connection."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PATHS = {"os.mkdir": 1, "os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.link": 2, "os.symlink": 2, "os.truncate": 1}
FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "socket.connect",
             "socket.bind", "pty.spawn", "ctypes.dlopen")  # fmt: skip


class ForbiddenError(BaseException):
    """A case did what no file may make ganbench do; no handler of ordinary errors catches it."""


class HangError(BaseException):
    """A case took more than its seconds of processor time."""


class Guard:
    """Watches, once installed, what Python itself reports of files, processes and connections (`sys.addaudithook`).

    Args:
        root: the one folder that may be written.
    """

    def __init__(self, root: Path) -> None:
        self.root = f"{root.resolve()}{os.sep}"
        self.seen: list[str] = []
        self.active = False

    def install(self) -> None:
        """Begin to watch; nothing can end it, since Python has no way to remove such a hook."""
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.active:
            return
        paths: tuple[Any, ...] = ()
        if event == "open" and _writes(arguments):
            paths = arguments[:1]
        elif event in PATHS:
            paths = arguments[: PATHS[event]]
        outside = [path for path in paths if isinstance(path, (str, bytes, os.PathLike)) and not self._is_inside(path)]
        if outside or event in FORBIDDEN:
            self.seen.append(f"{event}{arguments!r}"[:300])
            raise ForbiddenError(self.seen[-1])

    def _is_inside(self, path: str | bytes | os.PathLike[Any]) -> bool:
        real = os.path.realpath(os.fsdecode(path))
        return real == os.devnull or f"{real}{os.sep}".startswith(self.root)

    @contextmanager
    def watching(self, seconds: float) -> Iterator[None]:
        """Forbid all of the above meanwhile, and more than ``seconds`` of processor time."""

        def stop(_signum: int, _frame: FrameType | None) -> None:
            raise HangError(f"more than {seconds:g} s")

        before = signal.signal(signal.SIGPROF, stop)
        self.active = True
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self.active = False
            signal.signal(signal.SIGPROF, before)


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool(isinstance(flags, int) and flags & WRITING)
