"""Arrays kept on disk under a key made from all that decides them; what does not match its digest is made anew."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

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
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return cache_folder() / f"{prefix}-{key[:40]}.npz"


def read_arrays(path: Path) -> dict[str, npt.NDArray[np.generic]] | None:
    """Return the arrays of a cache file, or None where it is absent, unreadable or damaged."""
    try:
        blob = path.read_bytes()
    except OSError:
        return None
    digest, content = blob[:DIGEST_BYTES], memoryview(blob)[DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write a cache file: sha256 of the rest, then an .npz. Readers see the whole file or none.

    Where the folder cannot be written, a warning says so: the work is then done again next time.
    """
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    content = buffer.getbuffer()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, hashlib.sha256(content).digest(), content)
    except OSError as error:
        warnings.warn(
            f"Images could not be kept in {path.parent} ({error.strerror}) and will be made again next time. "
            "Set GANBENCH_CACHE to a folder that can be written.",
            stacklevel=2,
        )


def _replace(path: Path, digest: bytes, content: memoryview) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(digest)
            file.write(content)
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
