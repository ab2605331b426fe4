"""One file from the network: resumed where it broke off, checked by digest, and there only when it is whole."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganbench.errors import InputError, MissingFileError

TIMEOUT = 30  # seconds without a byte
CHUNK = 2**18  # bytes read at once
Report = Callable[[int, int], None]
"""Called with (bytes that are here, bytes in all; 0 where the server does not say)."""


class DownloadError(MissingFileError):
    """A file did not come; the text says why."""


def download(url: str, path: Path, sha256: str, report: Report) -> None:
    """Bring ``url`` to ``path``.

    What arrives goes to ``<path>.part`` first; a download that breaks off leaves it there, and the next call asks for
    the rest alone (HTTP Range). ``path`` appears in one step, once its digest is right.

    Raises:
        DownloadError: the server can't be reached, refuses, or breaks off; or the folder can't be written.
        InputError: the whole file has another digest; nothing of it is kept.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _receive(url, part, report)
        _check(url, part, sha256)
        part.replace(path)
    except urllib.error.HTTPError as error:
        raise DownloadError(f"the server answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise DownloadError(str(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(str(error)) from None


def _receive(url: str, part: Path, report: Report) -> None:
    """Append to ``part`` what it lacks; begin anew where the server can't go on."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 - our own
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # nothing is left: the digest decides
            return
        raise
    with response:
        have = have if response.status == http.HTTPStatus.PARTIAL_CONTENT else 0
        _append(response, part, have, report)


def _append(response: Any, part: Path, have: int, report: Report) -> None:
    rest = int(response.headers.get("Content-Length", 0))
    total = have + rest if rest else 0
    free = shutil.disk_usage(part.parent).free
    if rest > free:
        raise DownloadError(f"it needs {rest >> 20} MiB in {part.parent}, where {free >> 20} MiB are free")
    with part.open("ab" if have else "wb") as file:
        while chunk := response.read(CHUNK):
            file.write(chunk)
            have += len(chunk)
            report(have, total)
        file.flush()
        os.fsync(file.fileno())
    if have < total:  # http.client takes a connection that was closed for the end
        raise DownloadError(
            f"the connection broke off after {have} of {total} bytes; the same command goes on from there"
        )


def _check(url: str, part: Path, sha256: str) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        part.unlink()
        raise InputError(
            f"The file from {url} must have the sha256 {sha256}. Got {found} instead, and it was not kept. "
            "Try again; if it happens twice, the file was changed where it comes from, or something on the way did it."
        )
