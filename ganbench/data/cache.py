"""Arrays kept on disk under a key made from all that decides them; what does not match its digest is made anew."""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import platformdirs

Arrays = Mapping[str, npt.NDArray[np.generic]]
DIGEST_BYTES = 32


def cache_folder() -> Path:
    """Return ``$GANBENCH_CACHE``, or the user's cache folder of ganbench."""
    return Path(os.environ.get("GANBENCH_CACHE") or platformdirs.user_cache_dir("ganbench"))


def cache_file(prefix: str, *parts: str) -> Path:
    """Return the file for the content that ``parts`` decide: its name holds their sha256."""
    key = hashlib.sha256(repr(parts).encode()).hexdigest()
    return cache_folder() / f"{prefix}-{key[:40]}.npz"


def read_arrays(path: Path) -> dict[str, npt.NDArray[np.generic]] | None:
    """Return the arrays of a cache file, or None where it is absent, unreadable or damaged."""
    try:
        with path.open("rb") as file:
            digest = file.read(DIGEST_BYTES)
            if hashlib.file_digest(file, "sha256").digest() != digest:
                return None
            file.seek(DIGEST_BYTES)
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
    except OSError:
        return None


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write a cache file: an .npz after its sha256. Readers see the whole file or none.

    Where the folder cannot be written, a warning says so: the work is then done again next time.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        try:
            _write(handle, arrays)
            os.replace(temporary, path)  # noqa: PTH105
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(
            f"Images could not be kept in {path.parent} ({error.strerror}) and will be made again next time. "
            "Set GANBENCH_CACHE to a folder that can be written.",
            stacklevel=2,
        )


def _write(handle: int, arrays: Arrays) -> None:
    with os.fdopen(handle, "w+b") as file:
        file.write(bytes(DIGEST_BYTES))
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    _write_array(entry, np.ascontiguousarray(array))
        file.seek(DIGEST_BYTES)
        digest = hashlib.file_digest(file, "sha256").digest()
        file.seek(0)
        file.write(digest)


def _write_array(entry: IO[bytes], array: npt.NDArray[np.generic]) -> None:
    """Write an array as numpy does, but without its buffers of 16 MiB, which may be half of all images."""
    np.lib.format.write_array_header_1_0(entry, np.lib.format.header_data_from_array_1_0(array))
    entry.write(array.data if array.size else b"")
