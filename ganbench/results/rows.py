"""Rows of a leaderboard, one per label with what became of each of its planned seeds, and their cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from ganbench.results.plan import Plan
from ganbench.results.record import Record
from ganbench.results.statistics import Interval, t_interval

Kind = Literal["real", "baseline", "method"]
KINDS: tuple[Kind, ...] = ("real", "baseline", "method")
MAX_REASON = 300  # characters


@dataclass(frozen=True)
class Cell:
    """A mean over seeds.

    Attributes:
        mean: over the seeds that are done.
        std: over seeds (divisor N − 1); None for one seed.
        values: seed → value.
        n: number of images (or pairs) behind each value; 0 for costs.
        partial: some planned seed of the row failed or is pending, so that the mean speaks for the others alone.
        best: no complete method has a better mean, to the digits shown.
        tied: not distinguishable from the best by an exact rank test over seeds.
        alarm: a distance below that of real images, or the metric's own alarm for any of the seeds.
        deterministic: 0 by nature, since the method gives one output per input.
        raters: of a fool rate, the bootstrap interval over the people who judged the one seed that was shown to them.
    """

    mean: float
    std: float | None
    values: dict[int, float]
    n: int = 0
    partial: bool = False
    best: bool = False
    tied: bool = False
    alarm: bool = False
    deterministic: bool = False
    raters: Interval | None = None

    @cached_property
    def interval(self) -> Interval | None:
        """Student's 95 % interval of the mean over seeds; of one seed that over its raters, or None."""
        return t_interval(list(self.values.values())) or self.raters


@dataclass
class Row:
    """One label.

    Attributes:
        seeds: seed → "pending" or the status of its record.
        reasons: status → why, of the first seed that has it.
        rank: best and worst place that the seeds allow it on the headline; None where it isn't ranked.
    """

    label: str
    method: str
    kind: Kind
    seeds: dict[int, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    rank: tuple[int, int] | None = None

    @property
    def complete(self) -> bool:
        """Whether every planned seed is done."""
        return set(self.seeds.values()) == {"ok"}

    @property
    def place(self) -> str:
        """The rank as text: "1", "2–4", "–"."""
        best, worst = self.rank or ("–", "–")
        return str(best) if best == worst else f"{best}–{worst}"

    @property
    def status(self) -> str:
        """Say what became of the seeds, and why: "1/2 ok, 1 failed: out of memory", "skipped: needs labels"."""
        return self._status(self.reasons)

    @property
    def short_status(self) -> str:
        """Say what became of the seeds: "2/2 ok", "1/2 ok, 1 failed", "skipped", "pending"."""
        return self._status({})

    def _status(self, reasons: Mapping[str, str]) -> str:
        counts = Counter(self.seeds.values())
        texts = {status: f"{status}: {reasons[status]}" if reasons.get(status) else status for status in counts}
        if len(counts) == 1 and "ok" not in counts:
            return next(iter(texts.values()))
        others = [f"{counts[status]} {text}" for status, text in texts.items() if status != "ok"]
        return ", ".join([f"{counts['ok']}/{len(self.seeds)} ok", *others])


def rows_of(records: Iterable[Record], plan: Plan | None) -> list[Row]:
    """Return the rows in the order of the plan; planned trials without a record are pending."""
    rows: dict[str, Row] = {}
    for trial in plan.trials if plan else ():
        row = rows.setdefault(trial.label, Row(trial.label, trial.method, _kind(trial.reference, trial.baseline)))
        row.seeds[trial.seed] = "pending"
    for record in records:
        row = rows.setdefault(record.label, Row(record.label, record.method, kind_of(record)))
        row.seeds[record.seed] = record.status
        row.reasons.setdefault(record.status, _reason(record.error))
    for row in rows.values():
        row.seeds = dict(sorted(row.seeds.items()))
    return list(rows.values())


def kind_of(record: Record) -> Kind:
    """Return which part of the table a record belongs to."""
    return _kind(record.reference, record.baseline)


def of_kind(rows: Sequence[Row], kind: Kind) -> list[Row]:
    """Return the rows of one kind, in their order."""
    return [row for row in rows if row.kind == kind]


def _kind(reference: bool, baseline: bool) -> Kind:
    return "real" if reference else "baseline" if baseline else "method"


def _reason(error: str | None) -> str:
    """Return one line: the first, or of a traceback the last, where Python says what happened."""
    lines = [line.strip() for line in (error or "").splitlines() if line.strip()] or [""]
    return lines[-1 if lines[0].startswith("Traceback") else 0][:MAX_REASON]
