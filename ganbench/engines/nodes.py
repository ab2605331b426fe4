"""What must hold on every node of a cluster: the same ganbench, the same images, one results directory.

Looked for before any training, by a task on each node, while the driver holds the directory. Knows nothing of Ray.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict

import ganbench
from ganbench.atomic_file import atomic_file
from ganbench.errors import BusyError, GanbenchError, InputError, StorageError
from ganbench.locks import locked
from ganbench.spec import TrialSpec
from ganbench.trial import load_data

PROBE = ".ganbench-run-"  # how the folder begins that marks the profile's results while a run goes on
FOLDER_VARIABLES = ("GANBENCH_CACHE", "GANBENCH_WEIGHTS")
REPLACEMENTS = 50  # of a file, each by another, while the driver reads it
SHARED = "Choose one that all nodes share as one file system (NFS, Lustre, …) with --results DIR."


class Footing(BaseModel):
    """What a run stands on. Plain data: it travels to the nodes as JSON.

    Attributes:
        folder: absolute path of the profile's results.
        token: what the driver wrote there; whoever reads it sees the same directory.
        code: what computes the numbers, by name: versions, and a digest of ganbench's own files.
        folders: what the driver's environment says of caches and weights; a node's own environment wins.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    token: str
    code: dict[str, str]
    folders: dict[str, str]

    @property
    def mark(self) -> Path:
        """The folder that marks the results. Its name is new each time: no machine remembers an earlier one."""
        return self.folder / f"{PROBE}{self.token}"

    @property
    def lock_file(self) -> Path:
        """What the driver holds locked."""
        return self.mark / "lock"

    @property
    def is_there(self) -> bool:
        """Whether the results directory is the one that the run began in."""
        try:
            return self.lock_file.exists()
        except OSError:  # a disk that is gone may answer so
            return False

    def answer_file(self, node: str) -> Path:
        """Return where the node of that id answers."""
        return self.mark / f"node-{node}"


@contextmanager
def stand_on(folder: Path) -> Iterator[Footing]:
    """Mark the results in ``folder`` as the run's, and hold the mark locked, until the block ends.

    Raises:
        StorageError: the folder can't be written, or has no locks.
    """
    for leftover in folder.glob(f"{PROBE}*"):  # of a driver that was killed: two runs in one folder exclude each other
        shutil.rmtree(leftover, ignore_errors=True)
    folders = {name: os.environ[name] for name in FOLDER_VARIABLES if os.environ.get(name)}
    footing = Footing(folder=folder, token=secrets.token_hex(8), code=code(), folders=folders)
    try:
        with locked(footing.lock_file, f"The results directory {folder}"):
            yield footing
    finally:
        shutil.rmtree(footing.mark, ignore_errors=True)


def enter(footing: Footing) -> None:
    """Make sure, in a worker, that a trial may start here: a node may have joined, or lost its disk, since the check.

    Raises:
        InputError: this node has other versions.
        StorageError: this node doesn't see the run's results directory.
    """
    _adopt(footing.folders)
    if problem := other_version(footing.code):
        raise InputError(problem)
    if not footing.is_there:
        raise StorageError(vanished(footing.folder))


def vanished(folder: Path) -> str:
    """Return the error of a results directory that is no longer the one that the run began in."""
    return (
        f"The results directory {folder} is not the one that the run began in: it was removed, or its disk is no "
        "longer mounted. Bring it back; the same command goes on with what is missing."
    )


def examine(footing: Footing, spec: TrialSpec, node: str) -> list[str]:
    """Return what keeps a node from running trials like ``spec``, each as a clause that follows the node's name."""
    if problem := other_version(footing.code) or other_source(footing.code):
        return [problem]
    _adopt(footing.folders)
    return [*_storage_problems(footing, node), *_data_problems(spec)]


def code() -> dict[str, str]:
    """Return what computes the numbers here, by name."""
    return {"ganbench": ganbench.__version__, "torch": torch.__version__, "source": _source_digest()}


def other_version(expected: dict[str, str]) -> str:
    """Say which version here differs from the driver's; empty where none does."""
    here = code()
    for name in ("ganbench", "torch"):
        if here[name] != expected[name]:
            return f"has {name} {here[name]}, and the driver {expected[name]}. Install the same version on both."
    return ""


def other_source(expected: dict[str, str]) -> str:
    """Say so where the same version has other files. Asked once, before a run: meanwhile somebody may edit them."""
    if code()["source"] == expected["source"]:
        return ""
    return f"has ganbench {ganbench.__version__} as the driver, but other source files. Install the same on both."


@lru_cache(maxsize=1)
def _source_digest() -> str:
    root = Path(ganbench.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _adopt(folders: dict[str, str]) -> None:
    for name, folder in folders.items():
        os.environ.setdefault(name, folder)


def _data_problems(spec: TrialSpec) -> list[str]:
    try:
        load_data(spec)
    except (GanbenchError, OSError) as error:
        return [f"can't load the images: {error}"]
    return []


def _storage_problems(footing: Footing, node: str) -> list[str]:
    """Look for the driver's mark, try the lock that the driver holds, and replace a file as trials do."""
    where = f"the results directory {footing.folder}"
    if not footing.is_there:
        return [f"sees another directory than the driver, or none, as {where}. {SHARED}"]
    try:
        if not _is_held(footing):
            return [
                f"doesn't see the driver's lock in {where}: its file system keeps locks to one machine. Mount it with "
                "locks (NFS: without nolock and local_lock; Lustre: with flock), or choose another one."
            ]
        for number in range(1, REPLACEMENTS + 1):
            write_answer(footing, node, number)
    except StorageError as error:
        return [f"can't write {where}: {error}"]
    return []


def write_answer(footing: Footing, node: str, number: int = 0) -> None:
    """Replace a node's answer: the driver writes number 0, the node all others."""
    with atomic_file(footing.answer_file(node)) as file:
        file.write(_answer(number))


def read_problem(footing: Footing, node: str, ended: bool = False) -> str:
    """Say, in the driver, what is wrong with a node's answer; empty where nothing is.

    Args:
        footing: what the run stands on.
        node: its id.
        ended: whether the node's last answer must be there.
    """
    where = f"the results directory {footing.folder}"
    try:
        content = footing.answer_file(node).read_bytes()
    except OSError as error:
        if error.errno == errno.ESTALE:  # NFS says so of a file that was replaced while it was read
            return ""
        return f"replaces files in {where} so that they are gone for a moment. {SHARED}"
    expected = [_answer(number) for number in range(REPLACEMENTS + 1)]
    if content not in expected:
        return f"replaces files in {where} so that half of one is seen. {SHARED}"
    return f"writes {where}, and the driver doesn't see it. {SHARED}" if ended and content != expected[-1] else ""


def _answer(number: int) -> bytes:
    return f"{number:04d}".encode() * 4096


def _is_held(footing: Footing) -> bool:
    try:
        with locked(footing.lock_file, "the probe"):
            return False
    except BusyError:
        return True
