"""What is on this machine, and what is not: environment, devices, disk, weights."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import Any, Literal

import torch

import ganbench
from ganbench.data.cache import cache_folder
from ganbench.errors import InputError
from ganbench.hardware import describe, has_fast_bfloat16
from ganbench.nets.weights import check_digest, weight_folders
from ganbench.results.files import check_writable
from ganbench.weights_files import MEBIBYTE, FileStatus, statuses

Status = Literal["ok", "note", "missing"]
GIBIBYTE = 2**30
LITTLE_ROOM = 2 * GIBIBYTE  # records, checkpoints and translations of a suite on a GPU
NAMED = ("torch", "ray")  # packages that get a line even where all is well
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[.*?\])?>=(?P<bound>[\d.]+)$")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        topic: "environment", "devices", "disk", "weights" or "suites".
        status: ok; note: works, but not everything; missing: does not work until the remedy is applied.
    """

    topic: str
    subject: str
    status: Status
    text: str
    remedy: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return dict(vars(self))


def machine_findings(results: Path) -> Iterator[Finding]:
    """Yield what was found, topic by topic; ``results`` is where results would go."""
    yield from _environment()
    yield from _devices()
    yield from _disk(results)
    yield from _weights()


def _environment() -> Iterator[Finding]:
    yield Finding("environment", "ganbench", "ok", ganbench.__version__)
    yield _version("python", platform.python_version(), metadata("ganbench")["Requires-Python"].removeprefix(">="))
    fine = []
    for match in filter(None, map(REQUIREMENT.match, requires("ganbench") or ())):
        found = _package(match["name"], match["bound"])
        if found.status == "ok" and found.subject not in NAMED:
            fine.append(found.subject)
        else:
            yield found
    yield Finding("environment", "packages", "ok", f"{len(fine)} others are as new as they must be")


def _package(name: str, bound: str) -> Finding:
    try:
        return _version(name, version(name), bound)
    except PackageNotFoundError:
        return Finding("environment", name, "missing", "not installed", f'pip install "{name}>={bound}"')


def _version(name: str, found: str, bound: str) -> Finding:
    if _numbers(found) >= _numbers(bound):
        return Finding("environment", name, "ok", found)
    remedy = f"install Python {bound} or later" if name == "python" else f'pip install --upgrade "{name}>={bound}"'
    return Finding("environment", name, "missing", f"{found}, must be at least {bound}", remedy)


def _numbers(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: 2.15.0+cpu → (2, 15, 0)."""
    leading = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, leading[0].split("."))) if leading else ()


def _devices() -> Iterator[Finding]:
    import psutil

    here = describe(torch.device("cpu"))
    free = psutil.virtual_memory().available / GIBIBYTE
    bfloat16 = "native" if has_fast_bfloat16(torch.device("cpu")) else "no, float32 is used"
    yield Finding("devices", "cpu", "ok", f"{here['cores']} cores, {here['cpu']}, bfloat16: {bfloat16}")
    yield Finding("devices", "memory", "ok", f"{here['memory_gib']:.0f} GiB, {free:.0f} GiB free")
    for index in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(index)
        yield Finding("devices", f"cuda:{index}", "ok", f"{gpu.name}, {gpu.total_memory / GIBIBYTE:.0f} GiB")
    if not torch.cuda.is_available():
        yield Finding(
            "devices", "cuda", "note", "no GPU that torch can use", "profiles without gpus_per_trial run here"
        )
    yield _threads(os.environ.get("OMP_NUM_THREADS"))


def _threads(inherited: str | None) -> Finding:
    if inherited is None:
        return Finding("devices", "threads", "ok", f"{torch.get_num_threads()} by default; each trial sets its own")
    text = f"OMP_NUM_THREADS is {inherited}, which may override the threads of a trial"
    return Finding("devices", "threads", "note", text, "unset OMP_NUM_THREADS")


def _disk(results: Path) -> Iterator[Finding]:
    yield _room("results", results, "--results DIR")
    yield _room("cache of images", cache_folder(), "GANBENCH_CACHE=DIR")
    yield _room("weights", weight_folders()[0], "GANBENCH_WEIGHTS=DIR")


def _room(subject: str, folder: Path, other: str) -> Finding:
    """Look at the folder, or at the nearest above it that exists."""
    try:
        check_writable(folder)
    except InputError:
        return Finding("disk", subject, "missing", f"{folder} can't be written", f"choose another folder: {other}")
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    text = f"{folder}, {free / GIBIBYTE:.0f} GiB free"
    if free < LITTLE_ROOM:
        return Finding("disk", subject, "note", text, f"make room, or choose another folder: {other}")
    return Finding("disk", subject, "ok", text)


def _weights() -> Iterator[Finding]:
    yield Finding("weights", "efficientnet-lite0", "ok", "comes with an installed package")
    yield from map(_file, statuses())


def _file(status: FileStatus) -> Finding:
    file, users = status.file, ", ".join(status.needed_by)
    if status.found is None:
        text = f"absent ({file.size / MEBIBYTE:.0f} MiB), needed by {users}"
        return Finding("weights", file.name, "note", text, file.command)
    try:
        check_digest(status.found, file.digests[status.found.name])
    except InputError as error:
        return Finding("weights", file.name, "missing", str(error), f"rm {status.found} && {file.command}")
    if status.note:
        return Finding("weights", file.name, "note", f"{status.found}: {status.note}", file.command)
    return Finding("weights", file.name, "ok", str(status.found))
