"""The plan: which trials a suite consists of, written before the first one starts.

A leaderboard shows the planned trials: those without a record as pending, and none of an earlier version.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from ganbench.errors import InputError
from ganbench.results.files import read_model, to_json, write_atomic
from ganbench.results.record import SCHEMA_VERSION, Digest, Name, RecordModel, Whole
from ganbench.seeding import SEED_LIMIT

PLAN_FILE = "plan.json"
EXTERNAL = "external"  # the method of rows whose pictures another program made


class PlannedTrial(RecordModel):
    """One trial that a suite asks for; ``reference`` marks the row of real images."""

    label: Name
    method: str
    seed: int = Field(ge=0, lt=SEED_LIMIT)
    training_hash: Digest
    baseline: bool = False
    reference: bool = False


class RowSearch(RecordModel):
    """What the search of one row's options cost and, once it is over, found.

    Attributes:
        statuses: of its trials; "stopped" are those that were given up early.
        steps: trained by all of them together.
        seconds: that they trained and were judged, together.
        searched: options that were searched.
        lacking: options of the space that the row lacks or gives itself.
        winner: number of the best trial; None where none was finished, so that the row has the suite's own options.
        score: of the winner, on validation images.
        options: what the winner tried.
    """

    statuses: dict[str, Whole]
    steps: Whole
    seconds: float
    searched: list[str]
    lacking: list[str]
    winner: Whole | None = None
    score: float | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class SearchReport(RecordModel):
    """The searches of options before the comparison; see `ganbench.suite.Tuning`."""

    trials: Whole
    sampler: str
    scheduler: str
    metric: str
    higher_is_better: bool
    digits: int = Field(3, ge=0, le=15)
    share: float
    rows: dict[str, RowSearch]


class Plan(RecordModel):
    """The trials of one suite in one profile.

    Attributes:
        suite_path: absolute path of the suite file.
        suite_sha256: of the suite file's bytes.
        ganbench: version that planned.
        headline: the value that the suite declares methods to be ranked by, if it does.
        trials: in the order of the suite.
        search: what was searched before, if anything.
    """

    schema_version: int = SCHEMA_VERSION
    suite: Name
    profile: Name
    suite_path: str
    suite_sha256: Digest
    ganbench: str
    headline: str | None = None
    trials: list[PlannedTrial]
    search: SearchReport | None = None


def read_plan(profile_directory: Path) -> Plan | None:
    """Return the plan of a profile's directory, or None where there is none. Raises `InputError` if it is broken."""
    path = profile_directory / PLAN_FILE
    return read_model(path, Plan, "plan") if path.exists() else None


def write_plan(profile_directory: Path, plan: Plan) -> Plan:
    """Write ``plan`` atomically and return what was written.

    Where the plan that stands already comes from the very same suite file, its other trials stay planned, so that a
    run of some seeds or methods (``--seeds``, ``--only``) doesn't drop the rest from the leaderboard. Rows of other
    programs stay in any case.
    """
    merged = _merge(read_plan(profile_directory), plan)
    write_atomic(profile_directory / PLAN_FILE, to_json(merged.model_dump()))
    return merged


def _merge(old: Plan | None, new: Plan) -> Plan:
    if old is None:
        return new
    same = old.suite_sha256 == new.suite_sha256
    planned = {(trial.label, trial.seed) for trial in new.trials}
    others = [trial for trial in old.trials if (trial.label, trial.seed) not in planned]
    kept = [trial for trial in others if same or trial.method == EXTERNAL]
    return new.model_copy(
        update={"trials": [*new.trials, *kept], "search": _merge_search(old, new) if same else new.search}
    )


def _merge_search(old: Plan, new: Plan) -> SearchReport | None:
    if old.search is None or new.search is None:
        return new.search
    return new.search.model_copy(update={"rows": {**old.search.rows, **new.search.rows}})


def check_same_suite(results: Path, suite: str, suite_path: Path, sha256: str) -> None:
    """Raise `InputError` where ``results`` holds another suite of the same name: another file with other content.

    The same file edited, or moved, is the same suite.
    """
    for path in sorted((results / suite).glob(f"*/{PLAN_FILE}")):
        plan = read_model(path, Plan, "plan")
        if plan.suite_sha256 != sha256 and Path(plan.suite_path) != suite_path.absolute():
            raise InputError(
                f"{path.parent} holds results of another suite named {suite!r}: {plan.suite_path}, whose content "
                f"differs from {suite_path.absolute()}. Rename one of them, or choose another --results DIR."
            )
