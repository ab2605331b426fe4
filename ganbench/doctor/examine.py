"""The verb `doctor`: what is here, what is missing, and the remedy. It reads and reports, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ganbench.doctor.machine import Finding, Status, machine_findings
from ganbench.doctor.suites import suite_findings

SIGNS: dict[Status, tuple[str, str]] = {"ok": ("✓", "green"), "note": ("!", "yellow"), "missing": ("✗", "bold red")}


def examine(results: Path, suites: Path) -> list[Finding]:
    """Look at the machine, and at each suite in the folder ``suites``."""
    return [*machine_findings(results), *suite_findings(suites, results)]


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Print one line per finding under its topic, and the remedies of those that need one."""
    topic, width = "", max((len(finding.subject) for finding in findings), default=0)
    for finding in findings:
        if finding.topic != topic:
            topic = finding.topic
            console.print(Text(topic.capitalize(), style="bold"))
        sign, style = SIGNS[finding.status]
        line = Text.assemble((f"  {sign} ", style), (f"{finding.subject:{width}}  ", "cyan"), finding.text)
        console.print(line, soft_wrap=True)
        if finding.remedy:
            console.print(Text(f"      → {finding.remedy}", style=style), soft_wrap=True)
    console.print(Text(_conclusion(findings), style="bold"))


def _conclusion(findings: Sequence[Finding]) -> str:
    missing = sum(finding.status == "missing" for finding in findings)
    if missing:
        return f"{missing} thing{'s' * (missing > 1)} to mend (✗)."
    return "All that must be here is here."
