"""What a page says beside pictures and numbers: what did not finish, how methods were set, where numbers come from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganbench.report.layout import printable
from ganbench.results.leaderboard import Leaderboard
from ganbench.results.record import Record
from ganbench.results.store import ResultSet

Records = Mapping[str, Sequence[tuple[Path, Record]]]
Fact = tuple[str, str]


@dataclass(frozen=True)
class Failure:
    """A trial that is not done, and why: the whole text, of which ``reason`` is one line."""

    label: str
    seed: int
    status: str
    reason: str
    text: str


@dataclass(frozen=True)
class Setting:
    """How one row was trained: method, budget, and options that differ from row to row marked."""

    label: str
    method: str
    budget: str
    options: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True)
class Trial:
    """One trial as a line of the list of all."""

    label: str
    seed: int
    status: str
    training_hash: str
    training: str
    evaluation: str
    finished: str


def failures_of(board: Leaderboard, records: Records) -> list[Failure]:
    """Return the trials whose records say anything but ok; pending ones have none."""
    return [
        Failure(label, record.seed, record.status, _first_line(record.error), without_home(record.error or ""))
        for label, found in _in_order(board, records)
        for _, record in found
        if record.status != "ok"
    ]


def pending_of(board: Leaderboard) -> list[str]:
    """Return the trials that have no record yet: "cyclegan: seeds 1, 2"."""
    waiting = {row.label: [seed for seed, status in row.seeds.items() if status == "pending"] for row in board.rows}
    return [f"{label}: seed {', '.join(map(str, seeds))}" for label, seeds in waiting.items() if seeds]


def settings_of(board: Leaderboard, records: Records) -> list[Setting]:
    """Return how each row was trained, baselines left out."""
    first = {label: found[0][1] for label, found in _in_order(board, records) if found}
    trained = {label: one for label, one in first.items() if not one.baseline and not one.reference}
    common = _common([record.options for record in trained.values()])
    return [_setting(label, record, common) for label, record in trained.items()]


def trials_of(board: Leaderboard, records: Records) -> list[Trial]:
    """Return all recorded trials."""
    return [_trial(record) for _, found in _in_order(board, records) for _, record in found]


def provenance_of(board: Leaderboard, records: Records, results: ResultSet) -> list[Fact]:
    """Return where the numbers come from, as (what, value); where trials differ, all their values."""
    every = [record for found in records.values() for _, record in found]
    origins = [record.provenance for record in every]
    facts = [
        ("ganbench", _joined(_code(origin) for origin in origins)),
        ("Python", _joined(str(origin.get("python", "")) for origin in origins)),
        ("Packages", _joined(_packages(origin.get("packages")) for origin in origins)),
        ("Machine", _joined(_machine(origin.get("hardware")) for origin in origins)),
        ("Threads per trial", _joined(str(record.budget.threads) for record in every)),
        ("Precision", _joined(record.budget.precision for record in every)),
        ("Deterministic algorithms", _joined(_yes(origin.get("deterministic_algorithms")) for origin in origins)),
        ("Training seeds", ", ".join(str(seed) for seed in sorted({record.seed for record in every}))),
        ("Data", _joined(_plain(record.dataset) for record in every)),
        ("Data fingerprint", board.fingerprint),
    ]
    if results.plan:
        name = Path(results.plan.suite_path).name
        facts.append(("Suite file", f"{name}, sha256 {results.plan.suite_sha256}"))
    return [(name, value) for name, value in facts if value]


def without_home(text: str) -> str:
    """Return ``text`` fit for showing to others: paths below the home directory begin with ~."""
    home = str(Path.home())
    return text.replace(f"{home}/", "~/") if len(home) > 1 else text


def _in_order(board: Leaderboard, records: Records) -> Iterator[tuple[str, Sequence[tuple[Path, Record]]]]:
    return ((row.label, records.get(row.label, ())) for row in board.rows)


def _first_line(error: str | None) -> str:
    return printable(without_home(next((line for line in (error or "").splitlines() if line.strip()), "")))


def _common(options: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return option → the value that most rows have, so that what sets a row apart can be seen."""
    names = dict.fromkeys(name for one in options for name in one)
    values = {name: [json.dumps(one[name]) for one in options if name in one] for name in names}
    return {name: max(dict.fromkeys(found), key=found.count) for name, found in values.items()}


def _setting(label: str, record: Record, common: Mapping[str, Any]) -> Setting:
    budget = record.budget
    trained = f"{budget.steps} steps of batch {budget.batch_size} at {budget.image_size} px"
    text = (
        f"{trained}, {budget.updates} generator updates" if budget.updates else f"not trained, {budget.image_size} px"
    )
    set_options = ((name, value) for name, value in record.options.items() if value is not None and value != {})
    options = tuple((name, _plain(value), json.dumps(value) != common[name]) for name, value in set_options)
    return Setting(label, record.method, text, options)


def _trial(record: Record) -> Trial:
    timings = record.timings
    return Trial(
        record.label, record.seed, record.status, record.training_hash[:8],
        f"{timings.training_seconds:.0f}", f"{timings.evaluation_seconds:.0f}", timings.finished[:16].replace("T", " "),
    )  # fmt: skip


def _joined(values: Iterable[str]) -> str:
    return " / ".join(filter(None, dict.fromkeys(values)))


def _code(origin: Mapping[str, Any]) -> str:
    commit = origin.get("git_commit")
    dirty = ", with uncommitted changes" if origin.get("git_dirty") else ""
    return f"{origin.get('ganbench', 'unknown')}{f', commit {commit}' if commit else ''}{dirty}"


def _packages(packages: Any) -> str:
    return ", ".join(f"{name} {version}" for name, version in packages.items()) if isinstance(packages, dict) else ""


def _machine(hardware: Any) -> str:
    if not isinstance(hardware, dict):
        return ""
    parts = (
        hardware.get("gpu"), hardware.get("cpu"), hardware.get("cores") and f"{hardware['cores']} cores",
        hardware.get("memory_gib") and f"{hardware['memory_gib']} GiB", hardware.get("system"),
    )  # fmt: skip
    return ", ".join(str(part) for part in parts if part)


def _yes(value: Any) -> str:
    return "" if value is None else "yes" if value else "no"


def _plain(value: Any) -> str:
    """Return plain data as people write it: name: x, sizes: [1, 2]."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(item)}" for key, item in value.items())
    return f"[{', '.join(map(_plain, value))}]" if isinstance(value, list) else str(value)
