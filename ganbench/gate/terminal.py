"""A check's outcome on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ganbench.gate.compare import GateReport
from ganbench.gate.formats import HEADERS, change_text, notable, title, tolerance_text, verdict_line, watched_line
from ganbench.gate.snapshot import value_text
from ganbench.gate.verdict import Finding, Verdict
from ganbench.report.layout import printable

STYLES = {
    Verdict.REGRESSED: "bold red",
    Verdict.IMPROVED: "bold green",
    Verdict.SAME: "green",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NOT_COMPARABLE: "red",
    Verdict.NOTHING_MEASURED: "red",
}


def print_report(report: GateReport, console: Console) -> None:
    """Print the findings that matter, why they are what they are, and the outcome in the last line."""
    shown = notable(report)
    if shown:
        console.print(_table(shown))
        console.print()
    lines = [f"{f.label}, {title(f)}: {f.reason}." for f in shown if f.reason]
    for line in filter(None, [*lines, watched_line(report), *report.notes]):
        console.print(Text(printable(line), style="dim"))
    console.print(Text(printable(verdict_line(report)), style=STYLES[report.verdict]))


def _table(findings: Iterable[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, header in enumerate(HEADERS):
        numbers = 2 <= index < len(HEADERS) - 1
        table.add_column(Text(header), justify="right" if numbers else "left", overflow="fold", no_wrap=numbers)
    for finding in findings:
        texts = [Text(printable(cell)) for cell in (finding.label, title(finding), *_numbers(finding))]
        table.add_row(*texts, Text(finding.verdict.value, style=STYLES[finding.verdict]))
    return table


def _numbers(finding: Finding) -> tuple[str, ...]:
    """Return what fits eighty characters: no intervals, no numbers of seeds."""
    before, after = (value_text(quantity) for quantity in (finding.before, finding.after))
    return before, after, change_text(finding, limits=False), tolerance_text(finding)
