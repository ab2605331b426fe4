"""How proofs talk: line by line as things happen, and a verdict with its exit code at the end."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def say(text: str) -> None:
    """Print one line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def verdict(problems: Sequence[str], proven: str) -> int:
    """Print every problem, or what is ``proven``; return the exit code."""
    for problem in problems:
        say(f"PROBLEM: {problem}")
    say("FAILED" if problems else proven)
    return 1 if problems else 0
