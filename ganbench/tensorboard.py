"""Logs for TensorBoard: the learning curve and the sample grids of a trial, while it trains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from ganbench.spec import TrialSpec

FOLDER: Final = "tensorboard"  # in the trial's directory, so that TensorBoard names a run after its trial


class TensorBoardLog:
    """Writes events; one without a writer writes nothing."""

    def __init__(self, writer: Any = None) -> None:
        self._writer = writer

    def row(self, row: Mapping[str, float]) -> None:
        """Log one row of the learning curve: its losses, and the seconds of training so far."""
        if self._writer is None:
            return
        for name, value in row.items():
            if name != "step":
                tag = name if name == "seconds" else f"loss/{name}"
                self._writer.add_scalar(tag, value, int(row["step"]))
        self._writer.flush()

    def grid(self, path: Path, step: int) -> None:
        """Log a sample grid, a picture file: inputs above their translations."""
        if self._writer is None:
            return
        with Image.open(path) as picture:
            self._writer.add_image("samples", np.asarray(picture.convert("RGB")), step, dataformats="HWC")
        self._writer.flush()


@contextmanager
def open_log(spec: TrialSpec, step: int) -> Iterator[TensorBoardLog]:
    """Open the log of a trial that trains on after ``step``; it writes nothing unless the run asked for it.

    What an interrupted attempt logged of later steps is marked as void, since they are done again.
    """
    if not spec.tensorboard:
        yield TensorBoardLog()
        return
    from tensorboardX import SummaryWriter

    # the suffix keeps two attempts within one second from writing to the same file
    void = step + 1 if step else None
    with SummaryWriter(str(spec.directory / FOLDER), purge_step=void, filename_suffix=f".{step}") as writer:
        yield TensorBoardLog(writer)
