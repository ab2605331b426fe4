"""A check's outcome on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ganbench.gate.compare import GateReport
from ganbench.gate.formats import change_text, notable, reasons, title, tolerance_text, verdict_line, watched_line
from ganbench.gate.snapshot import value_text
from ganbench.gate.verdict import Finding, Verdict
from ganbench.report.layout import printable

NUMBERS = ("baseline", "now", "change", "tolerance")
HEADERS = ("method", *NUMBERS, "verdict")
STYLES = {
    Verdict.REGRESSED: "bold red",
    Verdict.IMPROVED: "bold green",
    Verdict.SAME: "green",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NOT_COMPARABLE: "red",
    Verdict.NOTHING_MEASURED: "red",
}


def print_report(report: GateReport, console: Console) -> None:
    """Print the findings that matter, one table per metric, why they are what they are, and the outcome at the end."""
    shown = notable(report)
    for metric in dict.fromkeys(finding.metric for finding in shown):
        group = [finding for finding in shown if finding.metric == metric]
        console.print(Text(printable(title(group[0])), style="bold"))
        console.print(_table(group))
        console.print()
    for line in filter(None, [*reasons(report), watched_line(report), *report.notes]):
        console.print(Text(printable(line), style="dim"))
    console.print(Text(printable(verdict_line(report)), style=STYLES[report.verdict]))


def _table(findings: Iterable[Finding]) -> Table:
    """Return what fits eighty characters: no intervals, no numbers of seeds."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header in HEADERS:
        numbers = header in NUMBERS
        table.add_column(Text(header), justify="right" if numbers else "left", overflow="fold", no_wrap=numbers)
    for finding in findings:
        before, after = (value_text(quantity) for quantity in (finding.before, finding.after))
        entries = (before, after, change_text(finding, limits=False), tolerance_text(finding))
        verdict = Text(finding.verdict.value, style=STYLES[finding.verdict])
        table.add_row(Text(printable(finding.label)), *entries, verdict)
    return table
