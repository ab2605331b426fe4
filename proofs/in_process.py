"""The command line in this process: a hundred thousand new processes would take days."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Sequence
from functools import lru_cache
from types import ModuleType

import typer

EXIT_CODES = {0, 1, 2, 3, 4}


def call(command: Sequence[str]) -> int:
    """Run ganbench in this process as the shell would; anything but an exit code of its own raises.

    What it prints must be text that a terminal takes, so lone surrogates raise too.
    """
    verbs = _verbs()
    out, error = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    before = sys.argv
    sys.argv = ["ganbench", *command]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            verbs.main()
    except SystemExit as ended:
        code = ended.code or 0
    else:
        code = 0
    finally:
        sys.argv = before
    out.flush()
    error.flush()
    if code not in EXIT_CODES:
        raise AssertionError(f"exit code {code!r}")
    return int(code)


@lru_cache(maxsize=1)
def _verbs() -> ModuleType:
    """Return the command line with its parser built once: typer builds it anew for each call, which takes 20 ms."""
    from ganbench.cli import verbs

    verbs.app = typer.main.get_command(verbs.app)  # type: ignore[assignment]
    return verbs
