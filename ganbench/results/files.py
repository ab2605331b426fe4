"""Reading and writing of small files that must never be half written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from stat import S_ISREG
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from ganbench.atomic_file import atomic_file
from ganbench.errors import InputError
from ganbench.results.record import SCHEMA_VERSION

MAX_JSON_BYTES = 64 * 2**20  # a record with 10,000 per-image values in ten metrics has about 2 MiB
ModelT = TypeVar("ModelT", bound=BaseModel)


class NewerSchemaError(InputError):
    """A file was written by a later version of ganbench, which this one can't read."""


def check_writable(directory: Path) -> None:
    """Raise `InputError` where ``directory`` can't be made or written. Touches nothing."""
    if re.search(r"(^|/)[a-z][a-z0-9+.-]+:/", str(directory)):
        raise InputError(
            f"The results directory {directory} must be a folder of a file system. Object stores have neither atomic "
            "renames nor locks: choose a shared directory (NFS, Lustre, …), and copy it there when the run has ended."
        )
    existing = directory.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise InputError(f"The results directory {directory} can't be made: {existing} is a file. Choose another one.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(
            f"The results directory {directory} can't be written: no permission to write in {existing}. "
            "Change its permissions, or choose another one with --results DIR."
        )


def write_atomic(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that a reader, or a crash at any moment, sees the old or the new file whole.

    Raises `StorageError` where the disk refuses it.
    """
    with atomic_file(path) as file:
        file.write(content)


def to_json(fields: Mapping[str, Any]) -> bytes:
    """Return JSON with one line per top-level key.

    NaN, infinity and anything but plain data raise ``ValueError`` with the key's name. (Pydantic's own JSON would
    quietly make them null.)
    """
    return ("{\n" + ",\n".join(_line(key, value) for key, value in fields.items()) + "\n}\n").encode()


def _line(key: str, value: Any) -> str:
    try:
        return f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}"
    except (TypeError, ValueError) as error:
        raise ValueError(f"The key {key!r} can't be written as JSON: {error}") from error


def read_model(
    path: Path,
    model: type[ModelT],
    what: str,
    remedy: str = "Delete it and run again.",
    skip: Sequence[str] = (),
) -> ModelT:
    """Read ``path`` as one JSON object and validate it as ``model``.

    Args:
        path: the file.
        model: what it must be.
        what: how messages call it.
        remedy: for a file that is not JSON.
        skip: top-level keys whose values may be left at their defaults, unread, which is quicker.

    Raises:
        NewerSchemaError: the file's ``schema_version`` is above ours.
        InputError: the file is absent, too large, not JSON, holds NaN or values of a wrong type; names the file.
    """
    fields = _read_object(path, what, remedy, skip)
    version = fields.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise NewerSchemaError(
            f"{path}: this {what} was written by a newer ganbench (schema {version}, this one reads up to "
            f"{SCHEMA_VERSION}). Upgrade: pip install --upgrade ganbench."
        )
    try:
        return model.model_validate(fields, strict=True)
    except ValidationError as error:
        raise InputError(f"{path}: this {what} is not valid: {_first_problem(error)}") from None


def _first_problem(error: ValidationError) -> str:
    item = error.errors()[0]
    key = ".".join(str(part) for part in item["loc"])
    others = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{key}: {item['msg']}. Got {repr(item['input'])[:80]}{others}."


def _read_object(path: Path, what: str, remedy: str, skip: Sequence[str]) -> dict[str, Any]:
    try:
        found = path.stat()
        if not S_ISREG(found.st_mode):  # a pipe would be waited for without end
            raise InputError(f"{path}: this {what} is not a file. {remedy}")
        if found.st_size > MAX_JSON_BYTES:
            raise InputError(f"{path}: a {what} must be at most {MAX_JSON_BYTES >> 20} MiB. This file is larger.")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: this {what} can't be read: {error.strerror}.") from None
    try:
        fields = from_json(_without(content, skip), allow_inf_nan=False)
    except ValueError as error:
        raise InputError(f"{path}: this {what} is not valid JSON: {error}. {remedy}") from None
    if not isinstance(fields, dict):
        raise InputError(f"{path}: a {what} must be a JSON object. Got {type(fields).__name__} instead.")
    return fields


def _without(content: bytes, skip: Sequence[str]) -> bytes:
    """Return the JSON object without the keys that stand on a line of their own, as `to_json` writes them.

    Any other layout is left as it is. The last line stays in any case, since none but it has no comma.
    """
    for key in skip if content.startswith(b"{\n") else ():
        start = content.find(f'\n"{key}": '.encode())
        end = content.find(b"\n", start + 1)
        if 0 <= start < end and content[end - 2 : end] in (b"],", b"},"):
            content = content[:start] + content[end:]
    return content
