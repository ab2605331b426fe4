"""Two sets of results (of two branches, machines or versions), held against each other value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ganbench.errors import NothingComparableError
from ganbench.results.columns import Column
from ganbench.results.leaderboard import Leaderboard, build_leaderboards
from ganbench.results.record import Record
from ganbench.results.rows import Cell, Row
from ganbench.results.statistics import MIN_SEEDS, Difference, difference
from ganbench.results.store import ResultSet, read_results

Word = Literal["better", "worse", "higher", "lower", "same", "inconclusive", "not comparable"]


@dataclass(frozen=True)
class Finding:
    """One quantity of one row on both sides.

    Attributes:
        label: the row.
        column: the quantity, as A has it, or B where A lacks it.
        word: better, worse (B against A; higher and lower where neither is better): the exact rank test says
            p < .05. same: equal on every seed, to the digits shown. Else inconclusive, or not comparable.
        reason: why the word is one of the last two.
        difference: of B − A, or None where nothing can be subtracted.
    """

    label: str
    column: Column
    a: Cell | None
    b: Cell | None
    word: Word
    reason: str = ""
    difference: Difference | None = None

    @property
    def partial(self) -> bool:
        """Whether planned seeds of either side failed or are pending."""
        return any(cell is not None and cell.partial for cell in (self.a, self.b))


@dataclass(frozen=True)
class Comparison:
    """One suite and profile on both sides.

    Attributes:
        statuses: label → what became of its seeds in A and in B; None where a side lacks the row.
        notes: what else differs between the sides, one sentence each.
    """

    suite: str
    profile: str
    headline: Column | None
    findings: tuple[Finding, ...]
    statuses: Mapping[str, tuple[str | None, str | None]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Side:
    results: ResultSet
    board: Leaderboard

    @property
    def key(self) -> tuple[str, str]:
        return self.board.suite, self.board.profile

    @property
    def rows(self) -> dict[str, Row]:
        return {row.label: row for row in self.board.rows}

    def record(self, label: str) -> Record | None:
        shown = self.results.shown.values()
        return next((r for r in shown if (r.label, r.data_fingerprint) == (label, self.board.fingerprint)), None)


def compare_results(a: Path, b: Path) -> tuple[list[Comparison], list[str]]:
    """Compare every suite and profile that both directories hold; return also why others were left out.

    Raises:
        InputError: a directory is absent or holds no results.
        NothingComparableError: nothing in common: other suites, profiles or images.
    """
    sides = [_sides(root) for root in (a, b)]
    pairs = [(one, other) for one in sides[0] for other in sides[1]
             if (one.key, one.board.fingerprint) == (other.key, other.board.fingerprint)]  # fmt: skip
    left_out = list(_left_out(sides[0], sides[1]))
    if not pairs:
        raise NothingComparableError("\n".join([f"{a} (A) and {b} (B) can't be compared.", *left_out]))
    return [_compare(one, other) for one, other in pairs], left_out


def _sides(root: Path) -> list[_Side]:
    sets = read_results(root, series=False)
    return [_Side(results, board) for results in sets for board in build_leaderboards(results)]


def _left_out(a: Sequence[_Side], b: Sequence[_Side]) -> Iterator[str]:
    for name, here, there in (("A", a, b), ("B", b, a)):
        for side in here:
            prints = [other.board.fingerprint for other in there if other.key == side.key]
            title = "/".join(side.key)
            if not prints:
                held = ", ".join(sorted({"/".join(other.key) for other in there}))
                yield f"Only {name} holds {title}; the other side holds {held}."
            elif side.board.fingerprint not in prints and name == "A":
                yield (
                    f"{title}: the images differ (data fingerprint {side.board.fingerprint[:12]} in A, "
                    f"{prints[0][:12]} in B), so no value can be compared."
                )


def _compare(a: _Side, b: _Side) -> Comparison:
    labels = list(dict.fromkeys([*a.rows, *b.rows]))
    return Comparison(
        *a.key,
        a.board.headline,
        tuple(finding for label in labels for finding in _findings(label, a.board, b.board)),
        {label: tuple(s.rows[label].status if label in s.rows else None for s in (a, b)) for label in labels},  # type: ignore[misc]
        tuple(_notes(a, b)),
    )


def _findings(label: str, a: Leaderboard, b: Leaderboard) -> Iterator[Finding]:
    """Yield a finding for every quantity that either side has of a row."""
    ours, theirs = _measured(label, a), _measured(label, b)
    for column, cell in ours:
        same = [(other, there) for other, there in theirs if _alike(column, other)]
        if same:
            yield _judge(label, column, cell, same[0][1])
        else:
            others = [other for other, _ in theirs if other.quantity == column.quantity]
            yield Finding(label, column, cell, None, "not comparable", _why(column, others, "B", bool(theirs)))
    for column, cell in theirs:
        if not any(other.quantity == column.quantity for other, _ in ours):
            yield Finding(label, column, None, cell, "not comparable", _why(column, [], "A", bool(ours)))


def _measured(label: str, board: Leaderboard) -> list[tuple[Column, Cell]]:
    """Return what a row has; of costs those that have a better direction, since the others are what was asked for."""
    columns = [column for column in board.columns if column.group != "cost" or column.arrow]
    return [(column, board.cells[label, column.key]) for column in columns if (label, column.key) in board.cells]


def _alike(column: Column, other: Column) -> bool:
    return column.quantity == other.quantity and dict(column.protocol) == dict(other.protocol)


def _why(column: Column, others: Sequence[Column], side: str, has_row: bool) -> str:
    if not others:
        return f"not measured in {side}" if has_row else f"{side} has no values of this row"
    return f"the protocol differs: {'; '.join(_changes(column.protocol, others[0].protocol))}"


def _changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    keys = [key for key in {**a, **b} if a.get(key) != b.get(key)]
    return [f"{key} {a.get(key, '–')} in A, {b.get(key, '–')} in B" for key in keys]


def _judge(label: str, column: Column, a: Cell, b: Cell) -> Finding:
    if a.n != b.n:
        return Finding(label, column, a, b, "not comparable", f"A rests on {a.n} images or pairs, B on {b.n}")
    found = difference(a.values, b.values, paired=True)  # equal seeds see the same images in the same order
    word, reason = _word(column, a, b, found)
    return Finding(label, column, a, b, word, reason, found)


def _word(column: Column, a: Cell, b: Cell, found: Difference) -> tuple[Word, str]:
    if a.partial or b.partial:
        return "inconclusive", "not every planned seed is done"
    if _rounded(a, column) == _rounded(b, column):
        return "same", ""
    if not found.decidable:
        return "inconclusive", f"so few seeds can't go below p = {found.least_p:.2g}"
    if not found.established:
        return "inconclusive", f"p = {found.p:.2g}"
    if column.higher_is_better is None:
        return ("higher" if found.mean > 0 else "lower"), ""
    return ("better" if (found.mean > 0) == column.higher_is_better else "worse"), ""


def _rounded(cell: Cell, column: Column) -> dict[int, float]:
    return {seed: round(value, column.digits) for seed, value in cell.values.items()}


def _notes(a: _Side, b: _Side) -> Iterator[str]:
    for label in a.rows:
        one, other = a.record(label), b.record(label)
        if one and other:
            asked = [{"method": r.method, **r.options, **_asked(r)} for r in (one, other)]
            changes = _changes(*asked)
            if changes:
                yield f"{label} was asked for differently: {'; '.join(changes)}."
    for what in ("ganbench", "git_commit"):
        values = [{str(r.provenance.get(what)) for r in side.results.shown.values()} for side in (a, b)]
        if values[0] != values[1]:
            texts = (", ".join(sorted(value[:12] for value in side)) for side in values)
            yield f"{what.replace('_', ' ')}: {' in A, '.join(texts)} in B."
    seeds = [len(row.seeds) for side in (a, b) for row in side.board.rows if row.kind == "method"]
    if seeds and min(seeds) < MIN_SEEDS:
        yield f"Fewer than {MIN_SEEDS} training seeds a side establish no difference: give the suite five."


def _asked(record: Record) -> dict[str, Any]:
    return record.budget.model_dump(exclude={"updates", "images_seen"})
