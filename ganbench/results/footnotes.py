"""What stands above and below a leaderboard: how it was measured, and what a reader must not miss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ganbench.results.columns import Column, protocol_differences
from ganbench.results.people import fool_rate_notes
from ganbench.results.plan import EXTERNAL
from ganbench.results.ranks import undecidable
from ganbench.results.record import Record
from ganbench.results.rows import Cell, Row
from ganbench.results.search_notes import search_notes
from ganbench.results.statistics import ALPHA, MIN_SEEDS, least_p
from ganbench.results.store import ResultSet

Key = tuple[str, str]


def caption_of(suite: str, profile: str, records: Sequence[Record]) -> tuple[str, ...]:
    """Return the conditions that all rows share: suite, data, budget, seeds, images, date, hardware."""
    trained = [record for record in records if not record.baseline and not record.reference] or list(records)
    if not trained:
        return (f"suite {suite}", f"profile {profile}")
    seeds = sorted({record.seed for record in trained})
    steps = _span(record.budget.steps for record in trained if record.budget.steps) or "0"
    parts = [
        f"suite {suite}",
        f"profile {profile}",
        f"data {_span(_dataset(record) for record in trained)} at {_span(r.budget.image_size for r in trained)} px",
        f"{steps} steps of batch {_span(r.budget.batch_size for r in trained)}",
        f"training seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}",
        *_images(trained),
        max(record.timings.finished[:10] for record in records),
        _span(_hardware(record) for record in trained),
        f"ganbench {_span(str(record.provenance.get('ganbench', '?')) for record in trained)}",
    ]
    return tuple(part for part in parts if part)


def order_notes(rows: Sequence[Row], headline: Column | None, declared: str | None) -> Iterator[str]:
    """Yield what ranks mean here, and whether so few seeds can establish any."""
    if declared is not None and headline is None:
        yield f"The suite ranks by {declared}, which was not measured: no method has a rank."
    ranked = [row for row in rows if row.rank]
    if headline is None or len(ranked) < 2:
        return
    seeds = max(len(row.seeds) for row in ranked)
    if undecidable(seeds):
        yield f"{undecidable(seeds)} The marked value is the better mean, no more."
        return
    few = [row.label for row in ranked if len(row.seeds) < MIN_SEEDS]
    if few:
        yield f"{', '.join(few)}: of fewer than {MIN_SEEDS} seeds, so nothing establishes where in the order."
    yield (
        f"rank: the places that a method may hold by {headline.title}; behind those that are better beyond chance "
        f"(exact two-sided rank test over training seeds, p < {ALPHA:g} for each pair), level with all it can't be "
        f"told from. {seeds} seeds a side reach p = {least_p(seeds, seeds):.2g} at best."
    )


def footnotes_of(
    rows: Sequence[Row],
    columns: Sequence[Column],
    cells: Mapping[Key, Cell],
    records: Sequence[Record],
    results: ResultSet,
) -> tuple[str, ...]:
    """Return the footnotes, the most important first."""
    notes = (
        *_marks(cells),
        *search_notes(results.plan.search if results.plan else None),
        *_external(rows, results),
        *fool_rate_notes(records),
        *_missing(records),
        *(
            f"{name} stands in several columns, since its protocol differs between rows: {difference}."
            for name, difference in protocol_differences(columns).items()
        ),
        *_unequal_n(columns),
        *_versions(records),
        *_left_out(results),
    )
    return tuple(map(_without_home, notes))


def _marks(cells: Mapping[Key, Cell]) -> Iterator[str]:
    if any(cell.partial for cell in cells.values()):
        yield "† not every planned seed is done: the mean speaks for the finished ones alone, and is not ranked."
    alarmed = sorted({label for (label, _), cell in cells.items() if cell.alarm})
    if alarmed:
        yield (
            f"⚠ memorization alarm: {', '.join(alarmed)} lies nearer to the training images than unseen real images "
            "do, so it probably copies them. The marked columns say so."
        )
    if any(cell.tied for cell in cells.values()):
        yield "≈ not distinguishable from the best (exact two-sided rank test over training seeds, p ≥ .05)."


def _external(rows: Sequence[Row], results: ResultSet) -> Iterator[str]:
    """Only a suite has methods of its own to be told apart from."""
    labels = [row.label for row in rows if row.method == EXTERNAL]
    if labels and results.plan:
        yield (
            f"{', '.join(labels)}: pictures that another program made. What it was trained on, and how long, isn't "
            "known here, so it is not ranked."
        )


def _missing(records: Sequence[Record]) -> Iterator[str]:
    """One footnote per reason. What real images can't have (a translation) is no lack, so their row doesn't count."""
    done = [record for record in records if record.status == "ok"]
    asked = [record for record in done if not record.reference] or done
    names: dict[str, dict[str, None]] = {}
    labels: dict[str, dict[str, None]] = {}
    for record in asked:
        for name, reason in record.missing.items():
            names.setdefault(reason, {})[name] = None
            labels.setdefault(reason, {})[record.label] = None
    everybody = {record.label for record in asked}
    for reason, affected in names.items():
        where = "" if set(labels[reason]) == everybody else f" for {', '.join(labels[reason])}"
        yield f"Not measured: {', '.join(affected)}{where}: {reason.rstrip('.')}."


def _unequal_n(columns: Iterable[Column]) -> Iterator[str]:
    for column in columns:
        if len(column.n) > 1:
            yield f"{column.title}: the rows rest on different numbers of images or pairs ({_numbers(column.n)})."


def _versions(records: Sequence[Record]) -> Iterator[str]:
    versions = _labels_by(records, _code)
    if len(versions) > 1:
        texts = [f"{', '.join(labels)}: {version}" for version, labels in versions.items()]
        yield f"Rows come from different versions of ganbench: {'; '.join(texts)}."
    dirty = _labels_by([record for record in records if record.provenance.get("git_dirty")], lambda _: "")
    for labels in dirty.values():
        whose = "all rows" if len(labels) == len({record.label for record in records}) else ", ".join(labels)
        yield f"Measured with uncommitted changes in ganbench's code: {whose}."
    hardware = _labels_by([record for record in records if record.budget.updates], _hardware)
    if len(hardware) > 1:
        texts = [f"{', '.join(labels)}: {machine}" for machine, labels in hardware.items()]
        yield f"Times and memory come from different machines: {'; '.join(texts)}."


def _left_out(results: ResultSet) -> Iterator[str]:
    if results.stale:
        verb = "is" if results.stale == 1 else "are"
        yield f"{_count(results.stale, 'record')} of an earlier version of this suite {verb} not shown."
    yield from (f"Not read: {problem}" for problem in results.problems_in_brief)


def _without_home(text: str) -> str:
    """Return ``text`` fit for publishing: paths below the home directory begin with ~."""
    home = str(Path.home())
    return text.replace(f"{home}/", "~/") if len(home) > 1 else text


def _labels_by(records: Iterable[Record], key: Callable[[Record], str]) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {}
    for record in records:
        found.setdefault(key(record), {})[record.label] = None
    return {value: list(labels) for value, labels in found.items()}


def _code(record: Record) -> str:
    commit = record.provenance.get("git_commit")
    version = record.provenance.get("ganbench", "unknown version")
    return f"{version} ({str(commit)[:8]})" if commit else str(version)


def _dataset(record: Record) -> str:
    name, source, target = (record.dataset.get(key) for key in ("name", "source", "target"))
    return f"{name} ({source} → {target})" if source and target else str(name or "unknown")


def _hardware(record: Record) -> str:
    hardware = record.provenance.get("hardware")
    if not isinstance(hardware, dict):
        return ""
    return str(hardware.get("gpu") or f"{hardware.get('cpu', '')}, {_count(record.budget.threads, 'thread')}")


def _images(records: Sequence[Record]) -> list[str]:
    """Return how many test images were judged: the number that most values rest on."""
    counts = [measured.n for record in records for measured in record.metrics.values()]
    return [f"n = {max(set(counts), key=counts.count)} test images"] if counts else []


def _span(values: Iterable[str | int]) -> str:
    return " / ".join(map(str, dict.fromkeys(values)))


def _numbers(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
