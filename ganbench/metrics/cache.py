"""A cache of arrays on disk, shared by processes: written atomically, read with checks, keyed by content."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from ganbench.archives import read_arrays
from ganbench.atomic_file import atomic_file
from ganbench.errors import InputError

Arrays = Mapping[str, torch.Tensor]


def digest(*parts: object) -> str:
    """Return a sha256 (hex) over tensors (shape, dtype, bytes) and anything else by its ``repr``."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, torch.Tensor):
            found.update(f"tensor{tuple(part.shape)}{part.dtype}".encode())
            found.update(part.detach().cpu().contiguous().numpy().data)
        else:
            found.update(f"{part!r};".encode())
    return found.hexdigest()


class ArrayCache:
    """Named tensors under a content key, one ``.npz`` file each. Files are read without unpickling anything.

    A file that is damaged counts as absent and is written anew. Several processes may read and write at once: a
    file appears whole or not at all, and two that compute the same key write the same content.

    Args:
        folder: where the files lie; made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, key: str) -> dict[str, torch.Tensor] | None:
        """Return what `write` stored under ``key``, or None where there is nothing sound."""
        try:
            arrays = read_arrays(self._path(key), "these features", "")  # the zip's checksums are verified
            return {name: torch.from_numpy(array) for name, array in arrays.items()}
        except (InputError, TypeError):  # TypeError: of a type that torch has not
            return None

    def write(self, key: str, arrays: Arrays) -> None:
        """Store ``arrays`` under ``key``, replacing what may be there."""
        buffer = io.BytesIO()
        np.savez(buffer, **{name: tensor.detach().cpu().numpy() for name, tensor in arrays.items()})  # type: ignore[arg-type]
        with atomic_file(self._path(key)) as file:
            file.write(buffer.getbuffer())

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"
