"""What can go wrong, and the exit code each kind gives the command line.

The message formula is scikit-learn's: which parameter of what, the constraint, the value that came, the remedy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class GanbenchError(Exception):
    """Base of all errors that ganbench raises on purpose; its text is made for the user."""

    exit_code: ClassVar[int] = 2


class InputError(GanbenchError):
    """Bad usage, suite or input. Holds every problem that was found, not only the first."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class MissingFileError(InputError):
    """A file that ganbench may not bring itself (weights, images) is absent; the text says which to put where."""


class DamagedCheckpointError(InputError):
    """A checkpoint is cut, altered, or none at all."""


class DivergedError(GanbenchError):
    """A loss became NaN or infinite during training, or a translation is."""

    exit_code = 3


class StoppedEarlyError(GanbenchError):
    """A search of options gave up one of its trials: others did better with as many steps."""


class BusyError(GanbenchError):
    """Another process is writing where this one would; nothing was touched."""


class StorageError(GanbenchError):
    """The disk refuses a file: it is full, read-only or broken. What was there before is whole."""

    exit_code = 3


class NothingComparableError(GanbenchError):
    """There is nothing to compare or to show."""

    exit_code = 4


class InterruptedRunError(GanbenchError):
    """The user (or the machine) asked the run to stop; what was done is kept."""

    exit_code = 130
