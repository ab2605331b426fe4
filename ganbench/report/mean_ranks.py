"""Mean ranks over suites: as a table, as notes, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ganbench.report.layout import WIDTH, Entry, Line, Section, Table, printable
from ganbench.results.aggregate import MIN_SUITES, Aggregate, MeanRank
from ganbench.results.statistics import ALPHA


def section(found: Aggregate, width: int = WIDTH) -> Section:
    """Return the tables of one profile's suites, at most ``width`` characters wide, and how to read them."""
    title = f"Over {len(found.suites)} suites ({found.profile}): mean rank"
    lines = tuple(Line(row.label, "method", tuple(map(Entry, _mean(row)))) for row in found.rows)
    means = Table(("method", "mean rank", "95 % interval", "suites"), lines)
    return Section(title, (means, *_suite_tables(found, width)), tuple(_notes(found)))


def to_data(found: Aggregate) -> dict[str, Any]:
    """Return plain data for ``json.dumps``."""
    return {
        "profile": found.profile,
        "ranked_by": dict(found.suites),
        "mean_ranks": [asdict(row) for row in found.rows],
        "friedman_p": found.friedman_p,
        "critical_difference": found.critical_difference,
    }


def _mean(row: MeanRank) -> tuple[str, ...]:
    span = f"{row.interval.low:.1f} … {row.interval.high:.1f}" if row.interval else "–"
    return f"{row.mean:.2f}", span, str(len(row.ranks))


def _suite_tables(found: Aggregate, width: int) -> Iterator[Table]:
    """Yield the rank in each suite, as many suites at a time as fit."""
    room = width - max(len(row.label) for row in found.rows) - 4
    chunk: list[str] = []
    for suite in found.suites:
        if chunk and sum(len(name) + 3 for name in (*chunk, suite)) > room:
            yield _suite_table(found, chunk)
            chunk = []
        chunk.append(suite)
    yield _suite_table(found, chunk)


def _suite_table(found: Aggregate, suites: Sequence[str]) -> Table:
    ranks = [[f"{row.ranks[suite]:g}" if suite in row.ranks else "–" for suite in suites] for row in found.rows]
    lines = (Line(row.label, "method", tuple(map(Entry, texts))) for row, texts in zip(found.rows, ranks, strict=True))
    return Table(("method", *suites), tuple(lines))


def _notes(found: Aggregate) -> Sequence[str]:
    titles = dict.fromkeys(found.suites.values())
    suites = {title: ", ".join(suite for suite, own in found.suites.items() if own == title) for title in titles}
    by = "; ".join(f"{printable(title)} ({names})" for title, names in suites.items())
    notes = [
        f"Rank 1 is the best mean over seeds among the methods that two suites or more rank, by {by}. A suite in which "
        "a method is incomplete doesn't rank it. The interval is Student's, over suites.",
    ]
    sizes = {sum(suite in row.ranks for row in found.rows) for suite in found.suites}
    if len(sizes) > 1:
        notes.append("Suites rank different numbers of methods, so a rank of 2 is not worth the same everywhere.")
    if found.friedman_p is None or found.critical_difference is None:
        notes.append(f"A test of the ranks needs {MIN_SUITES} suites that rank the same three methods or more.")
        return notes
    verdict = "differ" if found.friedman_p < ALPHA else "do not differ beyond chance"
    notes.append(
        f"Over all suites the {len(found.complete)} methods that each of them ranks {verdict} (Friedman's test, p = "
        f"{found.friedman_p:.2g}); two of them do where their mean ranks, among themselves, lie "
        f"{found.critical_difference:.2f} apart (Nemenyi's critical difference)."
    )
    return notes
