"""A baseline against a snapshot of new results: what can be compared, and the verdict on all of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ganbench.gate.snapshot import Quantity, Snapshot, SnapshotRow
from ganbench.gate.tolerance import Tolerance
from ganbench.gate.verdict import Finding, Verdict, judge, why_inconclusive
from ganbench.results.statistics import ALPHA, least_p

FAILED_EXIT, INCONCLUSIVE_EXIT = 1, 4
OPEN = (Verdict.NOT_COMPARABLE, Verdict.NOTHING_MEASURED)  # never green, whichever metric they befall


@dataclass(frozen=True)
class GateReport:
    """The outcome of a check.

    Attributes:
        obstacles: why nothing can be compared at all; then there are no findings.
        findings: the declared ones first, then the watched ones.
        notes: what a reader should know beside the verdicts.
        allow_inconclusive: whether an inconclusive declared comparison may pass.
    """

    suite: str
    profile: str
    obstacles: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    allow_inconclusive: bool = False

    @property
    def exit_code(self) -> int:
        """0 where all is well; 1 where anything regressed; 4 where something could not be compared or decided."""
        if any(finding.verdict is Verdict.REGRESSED for finding in self.findings):
            return FAILED_EXIT
        declared = any(finding.declared for finding in self.findings)
        return 0 if declared and not any(map(self.blocks, self.findings)) else INCONCLUSIVE_EXIT

    def blocks(self, finding: Finding) -> bool:
        """Whether ``finding`` alone keeps the gate from being green."""
        if finding.verdict is Verdict.INCONCLUSIVE:
            return finding.declared and not self.allow_inconclusive
        return finding.verdict in (Verdict.REGRESSED, *OPEN)

    @property
    def verdict(self) -> Verdict:
        """One word for all: the worst of those that count."""
        if self.obstacles:
            return Verdict.NOT_COMPARABLE
        found = {finding.verdict for finding in self.findings if finding.declared or self.blocks(finding)}
        order = (Verdict.REGRESSED, *OPEN, Verdict.INCONCLUSIVE, Verdict.IMPROVED, Verdict.SAME)
        return next((verdict for verdict in order if verdict in found), Verdict.NOTHING_MEASURED)


def compare(
    baseline: Snapshot, new: Snapshot, tolerances: Mapping[str, Tolerance], allow_inconclusive: bool = False
) -> GateReport:
    """Compare ``new`` results with a ``baseline``.

    Args:
        baseline: what is held to be good.
        new: what is to be judged.
        tolerances: metric → tolerance; naming a metric also declares it as one that decides, beside the headline.
        allow_inconclusive: let inconclusive comparisons pass.
    """
    obstacles = tuple(_obstacles(baseline, new))
    findings: list[Finding] = []
    if not obstacles:
        declared = {*tolerances, *([baseline.headline] if baseline.headline else [])}
        findings = _judged(_found(baseline, new, declared), tolerances, new)
    notes = () if obstacles else tuple(_notes(baseline, new, findings))
    ordered = sorted(findings, key=lambda finding: not finding.declared)
    return GateReport(baseline.suite, baseline.profile, obstacles, tuple(ordered), notes, allow_inconclusive)


def _obstacles(baseline: Snapshot, new: Snapshot) -> Iterator[str]:
    for what, before, after in (
        ("suite", baseline.suite, new.suite),
        ("profile", baseline.profile, new.profile),
        ("data fingerprint", baseline.data_fingerprint[:12], new.data_fingerprint[:12]),
    ):
        if before != after:
            yield f"The baseline's {what} is {before}, that of the results {after}."


def _found(baseline: Snapshot, new: Snapshot, declared: set[str]) -> list[Finding]:
    """Return one finding per row and quantity of the baseline; what can be judged is "same" until it is."""
    moved = _moved_yardsticks(baseline, new)
    found = []
    for label, row in baseline.rows.items():
        if row.reference:
            continue
        lacking = [] if declared & row.metrics.keys() else sorted(declared)  # one that decides is enough for a row
        metrics = [*row.metrics, *lacking]
        found += [_finding(label, name, name in declared, row, new.rows.get(label), moved) for name in metrics]
    return found


def _finding(
    label: str, name: str, declared: bool, row: SnapshotRow, now: SnapshotRow | None, moved: Mapping[str, str]
) -> Finding:
    before, after = row.metrics.get(name), now.metrics.get(name) if now else None
    known = before or after
    finding = Finding(label, name, known.title if known else name, declared, Verdict.SAME, before=before, after=after)
    if before is None:
        return replace(finding, verdict=Verdict.NOTHING_MEASURED, reason="the baseline has no value")
    if now is None or after is None:
        return replace(finding, verdict=Verdict.NOTHING_MEASURED, reason=_why_absent(name, now))
    reason = _differences(row, now, before, after) or moved.get(name, "")
    return replace(finding, verdict=Verdict.NOT_COMPARABLE, reason=reason) if reason else finding


def _why_absent(name: str, row: SnapshotRow | None) -> str:
    if row is None:
        return "the results have no such row"
    if row.reasons and not row.metrics:
        return "; ".join(f"{status}: {reason}".rstrip(": ") for status, reason in row.reasons.items())
    return row.missing.get(name, "the results have no value")


def _differences(row: SnapshotRow, now: SnapshotRow, before: Quantity, after: Quantity) -> str:
    """Say what was asked for or measured differently, or nothing."""
    return "; ".join(
        [
            *_changes("budget: ", row.budget.model_dump(), now.budget.model_dump()),
            *_changes("protocol: ", before.protocol, after.protocol),
            *_changes("", {"n": before.n}, {"n": after.n}),
        ]
    )


def _changes(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return [f"{what}{key} {_short(before.get(key))} → {_short(after.get(key))}" for key in keys]


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _moved_yardsticks(baseline: Snapshot, new: Snapshot) -> dict[str, str]:
    """Return metric → why it can't judge: real images, which nobody trained, score otherwise than in the baseline."""
    yardsticks = {label: row for label, row in baseline.rows.items() if row.reference}
    return {
        name: reason
        for label, row in yardsticks.items()
        for name, before in row.metrics.items()
        if (reason := _moved(label, before, new.rows[label].metrics.get(name) if label in new.rows else None))
    }


def _moved(label: str, before: Quantity, now: Quantity | None) -> str:
    if now is None:
        return f"{label}, which nobody trains, has no value: whether the measuring changed, nobody can say"
    if abs(now.mean - before.mean) <= Tolerance().around(before):
        return ""
    means = f"{before.mean:.{before.digits}f} to {now.mean:.{before.digits}f}"
    return f"{label}, which nobody trains, moved from {means}: the measuring changed"


def _judged(found: Iterable[Finding], tolerances: Mapping[str, Tolerance], new: Snapshot) -> list[Finding]:
    findings = list(found)
    counts = Counter(finding.declared for finding in findings if finding.verdict is Verdict.SAME)
    return [
        _judge(finding, tolerances, new, counts[finding.declared]) if finding.verdict is Verdict.SAME else finding
        for finding in findings
    ]


def _judge(finding: Finding, tolerances: Mapping[str, Tolerance], new: Snapshot, comparisons: int) -> Finding:
    before, after = finding.before, finding.after
    if before is None or after is None:
        return finding
    tolerance = tolerances.get(finding.metric, Tolerance()).around(before)
    verdict, interval = judge(before, after, tolerance, comparisons)
    reason = why_inconclusive(before, after) if verdict is Verdict.INCONCLUSIVE else ""
    failures = _failures(new.rows[finding.label])
    if failures and verdict in (Verdict.SAME, Verdict.IMPROVED):
        verdict, reason = Verdict.INCONCLUSIVE, f"{failures}: the mean speaks for the others alone"
    return replace(finding, verdict=verdict, reason=reason, tolerance=tolerance, interval=interval)


def _failures(row: SnapshotRow) -> str:
    """Say which seeds gave nothing; a baseline has none of these."""
    return ", ".join(f"seed {seed} {status}" for seed, status in row.unfinished.items())


def _notes(baseline: Snapshot, new: Snapshot, findings: Iterable[Finding]) -> Iterator[str]:
    fresh = [label for label, row in new.rows.items() if label not in baseline.rows and not row.reference]
    if fresh:
        yield f"Not in the baseline, and so not judged: {', '.join(fresh)}."
    for label, row in baseline.rows.items():
        if label in new.rows:
            changes = _changes("", row.options, new.rows[label].options)
            if changes:
                yield f"{label}: options changed: {'; '.join(changes)}."
    yield from _other_numbers(baseline, new)
    yield from _powerless(findings)
    yield from _origins("Baseline", baseline)
    yield from _origins("Results", new)


def _other_numbers(baseline: Snapshot, new: Snapshot) -> Iterator[str]:
    """Say what to do where the hardware alone chose another number format than the baseline's."""
    pairs = [(row.budget, new.rows[label].budget) for label, row in baseline.rows.items() if label in new.rows]
    before = {old.precision for old, now in pairs if old.precision != now.precision}
    for precision in sorted(before):
        yield (
            f"The baseline was trained in {precision}, as its hardware or profile chose: write precision: {precision} "
            "into the suite's profile, or make a baseline on this hardware."
        )


def _powerless(findings: Iterable[Finding]) -> Iterator[str]:
    """Say beforehand, and not only of a change, where the seeds are too few for any alarm."""
    pairs = [(len(f.before.seeds), len(f.after.seeds)) for f in findings if f.declared and f.before and f.after]
    few = [pair for pair in dict.fromkeys(pairs) if least_p(*pair) >= ALPHA]
    if few:
        counts = ", ".join(f"{before} against {after}" for before, after in few)
        yield f"No alarm is possible with so few training seeds ({counts}): give the suite 5."


def _origins(what: str, snapshot: Snapshot) -> Iterator[str]:
    texts = {_origin(origin): None for row in snapshot.rows.values() for origin in row.provenance}
    yield f"{what}: {'; '.join(texts) or 'nothing measured'}."


def _origin(origin: Mapping[str, Any]) -> str:
    commit = str(origin.get("git_commit") or "")[:8] + " with uncommitted changes" * bool(origin.get("git_dirty"))
    parts = (f"ganbench {origin.get('ganbench', '?')}", commit, f"torch {origin.get('torch', '?')}")
    return ", ".join(part for part in (*parts, str(origin.get("machine") or "")) if part)
