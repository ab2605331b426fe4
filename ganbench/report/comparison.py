"""A comparison of two sets of results, on the terminal and as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ganbench.report.layout import fixed, format_cell, printable
from ganbench.results.compare import Comparison, Finding
from ganbench.results.rows import Cell

STYLES: Final = {"better": "green", "worse": "bold red", "same": "dim", "not comparable": "yellow"}
HEADERS: Final = ("metric", "A", "B", "B − A", "95 % interval", "word")
LEGEND: Final = (
    "better, worse (higher, lower where neither is better): an exact rank test over training seeds says p < .05. "
    "same: equal on every seed to the digits shown. Intervals: Student's t, over pairs of equal seeds where both sides "
    "have the same, else Welch's."
)


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print one table per row of the leaderboard, and what else differs."""
    console.print(Text(f"{comparison.suite} ({comparison.profile}): B against A", style="bold"))
    for label, (a, b) in comparison.statuses.items():
        found = [finding for finding in comparison.findings if finding.label == label]
        status = a if a == b else f"A: {a or 'no such row'}; B: {b or 'no such row'}"
        console.print()
        console.print(Text.assemble((label, "bold cyan"), "  ", (printable(status or ""), "dim")))
        same = [finding for finding in found if finding.word == "same"]
        if len(found) > len(same):
            console.print(_table([finding for finding in found if finding.word != "same"]))
        if same:
            console.print(Text(f"same: {', '.join(printable(f.column.title) for f in same)}", style="dim"))
    console.print()
    counts = Counter(finding.word for finding in comparison.findings)
    console.print(" · ".join(f"{count} {word}" for word, count in counts.most_common()))
    for note in (LEGEND, *_chance(comparison.findings), *comparison.notes):
        console.print(Text(printable(note), style="dim"))


def to_data(comparison: Comparison) -> dict[str, Any]:
    """Return plain data for ``json.dumps``."""
    return {
        "suite": comparison.suite,
        "profile": comparison.profile,
        "ranked_by": comparison.headline.key if comparison.headline else None,
        "rows": [
            {
                "label": label,
                "status": {"a": a, "b": b},
                "metrics": {f.column.quantity: _finding(f) for f in comparison.findings if f.label == label},
            }
            for label, (a, b) in comparison.statuses.items()
        ],
        "notes": list(comparison.notes),
    }


def _chance(findings: Sequence[Finding]) -> Iterator[str]:
    tested = sum(finding.difference is not None and finding.difference.decidable for finding in findings)
    if tested:
        yield (
            f"{tested} differences were tested one by one: of so many equal pairs up to {tested / 20:.0f} look established."
        )


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header in HEADERS:
        table.add_column(header, justify="left" if header in ("metric", "word") else "right")
    for finding in findings:
        word = f"{finding.word}: {finding.reason}" if finding.reason else finding.word
        cells = (_value(finding.a, finding), _value(finding.b, finding), *_change(finding))
        table.add_row(
            printable(finding.column.header), *cells, Text(printable(word), style=STYLES.get(finding.word, ""))
        )
    return table


def _value(cell: Cell | None, finding: Finding) -> str:
    return format_cell(cell, finding.column.digits) if cell else "–"


def _change(finding: Finding) -> tuple[str, str]:
    found, digits = finding.difference, finding.column.digits
    if found is None:
        return "–", "–"
    interval = found.interval
    span = f"{fixed(interval.low, digits)} … {fixed(interval.high, digits)}" if interval else "–"
    return f"{found.mean:+z,.{digits}f}", span


def _finding(finding: Finding) -> dict[str, Any]:
    found = finding.difference
    return {
        "a": _side(finding.a),
        "b": _side(finding.b),
        "difference": asdict(found) if found else None,
        "higher_is_better": finding.column.higher_is_better,
        "word": finding.word,
        "reason": finding.reason,
    }


def _side(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    seeds = {str(seed): value for seed, value in cell.values.items()}
    return {"value": cell.mean, "std": cell.std, "n": cell.n, "seeds": seeds, "partial": cell.partial}
