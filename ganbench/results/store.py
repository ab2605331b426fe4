"""Where records lie and how they are read: ``results/<suite>/<profile>/<label>-seed<k>-<hash8>/record.json``."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ganbench.errors import InputError
from ganbench.names import check_name
from ganbench.results.files import NewerSchemaError, read_model, to_json, write_atomic
from ganbench.results.people import with_fool_rates
from ganbench.results.plan import PLAN_FILE, Plan, read_plan
from ganbench.results.record import Record

RECORD_FILE = "record.json"
SEARCH_FILE = "search.json"  # the record of a search trial: no reader of results takes it for one
SEARCH_FOLDER = "search"
SERIES = ("curve", "per_image")
MOST_TOLD = 10  # problems of one directory, in tables and on a terminal
NOT_FOLLOWED = "is a symbolic link that leads elsewhere, and is not followed. Copy what it points to."


@dataclass(frozen=True)
class ResultSet:
    """All that lies in one ``<suite>/<profile>/`` directory.

    Attributes:
        records: trial directory → record, sorted by directory.
        plan: what the suite consists of; None where the directory holds records alone.
        problems: one line per record that could not be read.
    """

    directory: Path
    suite: str
    profile: str
    records: dict[Path, Record]
    plan: Plan | None
    problems: tuple[str, ...] = ()

    @cached_property
    def shown(self) -> dict[Path, Record]:
        """The records of a leaderboard: the planned ones, or without a plan the newest of each label and seed."""
        if self.plan is None:
            newest = {(r.label, r.seed): path for path, r in sorted(self.records.items(), key=_finished)}
            kept = set(newest.values())
            return {path: record for path, record in self.records.items() if path in kept}
        planned = {(trial.label, trial.seed, trial.training_hash) for trial in self.plan.trials}
        return {path: r for path, r in self.records.items() if (r.label, r.seed, r.training_hash) in planned}

    @property
    def stale(self) -> int:
        """Number of records that are not shown, because they belong to an earlier version of the suite."""
        return len(self.records) - len(self.shown)

    @property
    def problems_in_brief(self) -> tuple[str, ...]:
        """The first problems, and how many more there are."""
        more = len(self.problems) - MOST_TOLD
        return (*self.problems[:MOST_TOLD], f"… and {more} more in {self.directory}.") if more > 0 else self.problems


def profile_directory(results: Path, suite: str, profile: str) -> Path:
    """Return the directory of one suite and profile; a name that can't be a path raises `InputError`."""
    return results / _folder("suite", suite) / _folder("profile", profile)


def trial_directory(profile_dir: Path, label: str, seed: int, training_hash: str) -> Path:
    """Return the directory of one trial; a label or hash that can't be a path raises `InputError`."""
    return profile_dir / f"{_folder('label', label)}-seed{seed:d}-{_folder('training hash', training_hash)[:8]}"


def _folder(kind: str, name: str) -> str:
    try:
        return check_name(name)
    except ValueError as error:
        raise InputError(f"The {kind} can't be a folder: {error}. Rename it in the suite.") from None


def write_record(directory: Path, record: Record) -> Path:
    """Write ``record`` to its trial ``directory`` and return the file's path.

    Atomic: a crash leaves the old record, or none. NaN or infinity anywhere raises ``ValueError``.
    """
    path = directory / (SEARCH_FILE if record.search else RECORD_FILE)
    write_atomic(path, to_json(record.model_dump()))
    return path


def read_record(path: Path, series: bool = True) -> Record:
    """Read one record, without ``series`` leaving out curve and per-image values, two thirds of the file.

    Raises `InputError` (`NewerSchemaError`) with the file's name; see `read_model`.
    """
    return read_model(path, Record, "record", skip=() if series else SERIES)


def find_record(directory: Path) -> Record | None:
    """Return the record of a trial directory, or None where there is none yet."""
    found = (path for path in (directory / RECORD_FILE, directory / SEARCH_FILE) if path.exists())
    return next(map(read_record, found), None)


def read_profile(directory: Path, series: bool = True) -> ResultSet:
    """Read every record of one ``<suite>/<profile>/`` directory, which may be empty or absent; see `read_record`.

    A record that can't be read becomes a problem of the set; one of a newer schema raises, since a table made of the
    rest would mislead.
    """
    plan = read_plan(directory)
    records: dict[Path, Record] = {}
    problems: list[str] = []
    for path, is_link in _record_files(directory):
        if (is_link and _leads_out(path.parent, directory)) or _leads_out(path, directory):
            problems.append(f"{path}: {NOT_FOLLOWED}")
            continue
        try:
            records[path.parent] = read_record(path, series)
        except NewerSchemaError:
            raise
        except InputError as error:
            problems.extend(error.problems)
    suite, profile = _owner(directory, plan, records)
    kept = {path: r for path, r in records.items() if (r.suite, r.profile) == (suite, profile)}
    strangers = [path for path in records if path not in kept]
    problems += [f"{path}: the record is not of {suite}/{profile}, as the others here are." for path in strangers]
    kept, unread = with_fool_rates(directory, kept)
    return ResultSet(directory, suite, profile, kept, plan, (*problems, *unread))


def _record_files(directory: Path) -> list[tuple[Path, bool]]:
    """Return the records of a profile's trials, sorted, and whether the trial's directory is a symbolic link."""
    if not directory.is_dir():
        return []
    try:
        with os.scandir(directory) as entries:  # of thousands, one look at the directory tells most
            found = [(entry.name, entry.is_symlink()) for entry in entries if entry.is_symlink() or entry.is_dir()]
    except OSError as error:
        raise InputError(f"{directory}: this directory can't be read: {error.strerror}.") from None
    paths = ((directory / name / RECORD_FILE, is_link) for name, is_link in sorted(found))
    return [(path, is_link) for path, is_link in paths if os.path.lexists(path)]


def check_links(results: Path, directory: Path) -> None:
    """Raise `InputError` where writing into ``directory``, beneath ``results``, would write elsewhere.

    The results directory itself may be a link; what lies in it may not lead out of it, nor out of ``directory``.
    """
    above = [path for path in (directory, *directory.parents) if path.is_relative_to(results) and path != results]
    below = [Path(place) / name for place, folders, files in os.walk(directory) for name in (*folders, *files)]
    linked = [path for path in above if _leads_out(path, results)]
    linked += [path for path in below if _leads_out(path, directory)]
    problems = [f"{path}: {NOT_FOLLOWED}" for path in linked]
    if problems:
        raise InputError(problems)


def _leads_out(path: Path, directory: Path) -> bool:
    # realpath, since Path.resolve raises on a link to itself
    return path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))


def read_results(root: Path, series: bool = True) -> list[ResultSet]:
    """Read all results beneath ``root``: a results directory, a suite's directory or a profile's; see `read_record`.

    Published tables (leaderboard.csv, leaderboard.md) are never taken for records. Raises `InputError` where
    ``root`` is absent or holds no result.
    """
    if not root.is_dir():
        raise InputError(f"The results directory {root} does not exist. Run a suite first: ganbench run SUITE.")
    folders = (root, *root.glob("*/"), *root.glob("*/*/"))
    found = [folder for folder in folders if (folder / PLAN_FILE).exists() or any(folder.glob(f"*/{RECORD_FILE}"))]
    if not found:
        raise InputError(
            f"The results directory {root} holds no records (published leaderboards are not records). "
            "Run a suite first: ganbench run SUITE."
        )
    with no_collection():
        return [read_profile(directory, series) for directory in sorted(found)]


@contextmanager
def no_collection() -> Iterator[None]:
    """Look for no cycles meanwhile: records are trees, and of 10,000 a third of the time would go into the search."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _finished(item: tuple[Path, Record]) -> str:
    return item[1].timings.finished


def _owner(directory: Path, plan: Plan | None, records: dict[Path, Record]) -> tuple[str, str]:
    """Say whose results these are; the directory's own name comes last, since people copy and rename directories."""
    if plan or records:
        first = plan or next(iter(records.values()))
        return first.suite, first.profile
    return directory.absolute().parent.name, directory.name
