"""A comparison of two sets of results, on the terminal and as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ganbench.report.layout import fixed, printable
from ganbench.results.compare import Comparison, Finding
from ganbench.results.rows import Cell

STYLES: Final = {"better": "green", "worse": "bold red", "same": "dim", "not comparable": "yellow"}
HEADERS: Final = ("metric", "A", "B", "B − A", "95 % interval", "p", "word")
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
        for part in _parts(found):
            console.print(part)
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
        yield f"{tested} differences were tested one by one: were all equal, up to {tested / 20:.0f} would seem real."


def _parts(findings: Sequence[Finding]) -> Iterator[Table | Text]:
    """Yield a table of what differs, then a line for each reason that nothing can be said, then what is the same."""
    changed = [finding for finding in findings if finding.difference and finding.word != "same"]
    if changed:
        yield _table(changed)
    reasons: dict[str, list[str]] = {}
    for finding in findings:
        if finding.reason and not (finding.difference and finding.difference.decidable and not finding.partial):
            reasons.setdefault(f"{finding.word}, {finding.reason}", []).append(finding.column.title)
    for reason, titles in reasons.items():
        names = "the above" if len(titles) == len(changed) else _names(titles, findings)
        yield Text(printable(f"{reason}: {names}"), style="yellow")
    same = [finding.column.title for finding in findings if finding.word == "same"]
    if same:
        yield Text(printable(f"same: {_names(same, findings)}"), style="dim")


def _names(titles: Sequence[str], findings: Sequence[Finding]) -> str:
    return f"all {len(titles)} values" if len(titles) == len(findings) else ", ".join(titles)


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header in HEADERS:
        text = header in ("metric", "word")
        table.add_column(header, justify="left" if text else "right", no_wrap=header != "metric")
    for finding in findings:
        cells = (_value(finding.a, finding), _value(finding.b, finding), *_change(finding))
        word = Text(finding.word, style=STYLES.get(finding.word, ""))
        table.add_row(printable(finding.column.header), *cells, word)
    return table


def _value(cell: Cell | None, finding: Finding) -> str:
    return fixed(cell.mean, finding.column.digits) + "†" * cell.partial if cell else "–"


def _change(finding: Finding) -> tuple[str, str, str]:
    found, digits = finding.difference, finding.column.digits
    if found is None:
        return "–", "–", "–"
    interval = found.interval
    span = f"{fixed(interval.low, digits)} … {fixed(interval.high, digits)}" if interval else "–"
    return f"{found.mean:+z,.{digits}f}", span, f"{found.p:.2g}"


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
