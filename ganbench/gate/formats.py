"""A check's outcome as Markdown for a pull request, as annotations for GitHub, and as plain data for JSON.

Names and reasons come from files that anybody may have written: every format escapes them its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ganbench.gate.compare import GateReport
from ganbench.gate.snapshot import Quantity, seeds_text
from ganbench.gate.verdict import Finding, Verdict
from ganbench.report.markdown import escape

HEADERS = ("method", "metric", "baseline", "now", "change", "tolerance", "verdict")
SYMBOLS = {
    Verdict.REGRESSED: "❌",
    Verdict.IMPROVED: "✅",
    Verdict.SAME: "✅",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.NOT_COMPARABLE: "⛔",
    Verdict.NOTHING_MEASURED: "⛔",
}
RULE = (
    "Cells: mean ± standard deviation over training seeds (their number). Change: of the mean, with the interval in "
    "which all comparisons of the table hold together with 95 %. Within the tolerance a value is the same; beyond it "
    "it has regressed or improved only where that interval excludes 0 and an exact rank test agrees (p < .05)."
)


def cells(finding: Finding) -> tuple[str, ...]:
    """Return the entries of a finding's line, for `HEADERS`, unescaped."""
    return (
        finding.label,
        title(finding),
        seeds_text(finding.before),
        seeds_text(finding.after),
        change_text(finding),
        tolerance_text(finding),
        finding.verdict.value,
    )


def title(finding: Finding) -> str:
    """Return the metric's title with the arrow of its better direction."""
    known = finding.before or finding.after
    return finding.title if known is None else f"{finding.title} {'↑' if known.higher_is_better else '↓'}"


def change_text(finding: Finding, limits: bool = True) -> str:
    """Return "−0.031 (−0.052 to −0.010)": the change of the mean, with ``limits`` also its interval."""
    if finding.change is None:
        return "–"
    interval, known = finding.interval, finding.before
    shown = f" ({_signed(interval.low, known)} to {_signed(interval.high, known)})" if interval and limits else ""
    return f"{_signed(finding.change, known)}{shown}"


def tolerance_text(finding: Finding) -> str:
    """Return the tolerated change in the metric's unit."""
    digits = finding.before.digits if finding.before else 3
    return "–" if finding.tolerance is None else f"{finding.tolerance:.{digits}f}"


def verdict_line(report: GateReport) -> str:
    """Return the outcome in one sentence."""
    where = f"{report.suite} ({report.profile})"
    if report.obstacles:
        return f"{where}: not comparable. {' '.join(report.obstacles)}"
    declared = [finding for finding in report.findings if finding.declared]
    alarms = [f for f in report.findings if not f.declared and report.blocks(f)]
    counts = ", ".join(_counts(declared)) or "nothing to compare"
    watched = f"; watched: {', '.join(_counts(alarms))}" if alarms else ""
    passed = "passed" if report.exit_code == 0 else "failed" if report.exit_code == 1 else "undecided"
    return f"{where}: {passed}. {counts}{watched}."


def watched_line(report: GateReport) -> str:
    """Return how the watched comparisons came out, in one line, or ""."""
    watched = [finding for finding in report.findings if not finding.declared]
    if not watched:
        return ""
    return (
        f"{len(watched)} further values are watched ({', '.join(_counts(watched))}): they alarm only on evidence that "
        "is corrected for their number."
    )


def notable(report: GateReport) -> list[Finding]:
    """Return what a short table shows: what was declared, and of the watched ones all that moved for certain.

    What can't be compared for a reason that a declared one gives already is told by its number alone.
    """
    told = {f.reason for f in report.findings if f.declared and f.verdict is Verdict.NOT_COMPARABLE}
    return [finding for finding in report.findings if finding.declared or _is_news(finding, told)]


def _is_news(finding: Finding, told: set[str]) -> bool:
    if finding.verdict is Verdict.NOT_COMPARABLE:
        return finding.reason not in told
    return finding.verdict not in (Verdict.SAME, Verdict.INCONCLUSIVE)


def to_markdown(report: GateReport) -> str:
    """Return the outcome as Markdown: what matters first, all watched values folded away."""
    parts = [f"## {SYMBOLS[report.verdict]} ganbench: {escape(report.verdict.value)}", escape(verdict_line(report))]
    if report.findings:
        parts += [_table(notable(report)), *_bullets(reasons(report))]
    watched = [finding for finding in report.findings if not finding.declared]
    if watched:
        folded = f"<details><summary>{escape(watched_line(report))}</summary>\n\n{_table(watched)}\n\n</details>"
        parts.append(folded)
    parts += [*_bullets(report.notes), *([escape(RULE)] if report.findings else [])]
    return "\n\n".join(parts) + "\n"


def github_lines(report: GateReport) -> Iterator[str]:
    """Yield GitHub workflow commands: an error for what fails the check, a warning for what was let pass undecided."""
    for obstacle in report.obstacles:
        yield _command("error", "not comparable", obstacle)
    for finding in notable(report):
        if report.blocks(finding):
            yield _command("error", finding.verdict.value, _sentence(finding))
        elif finding.verdict is Verdict.INCONCLUSIVE:
            yield _command("warning", finding.verdict.value, _sentence(finding))
    if not report.obstacles and not any(finding.declared for finding in report.findings):
        yield _command("error", "nothing measured", verdict_line(report))


def to_data(report: GateReport) -> dict[str, Any]:
    """Return plain data for ``json.dumps``."""
    return {
        "suite": report.suite,
        "profile": report.profile,
        "verdict": report.verdict.value,
        "exit_code": report.exit_code,
        "allow_inconclusive": report.allow_inconclusive,
        "obstacles": list(report.obstacles),
        "notes": list(report.notes),
        "findings": [_finding_data(finding, report.blocks(finding)) for finding in report.findings],
    }


def _finding_data(finding: Finding, blocks: bool) -> dict[str, Any]:
    interval = finding.interval
    return {
        "label": finding.label,
        "metric": finding.metric,
        "declared": finding.declared,
        "verdict": finding.verdict.value,
        "blocks": blocks,
        "reason": finding.reason,
        "baseline": _quantity_data(finding.before),
        "now": _quantity_data(finding.after),
        "change": finding.change,
        "interval": [interval.low, interval.high] if interval else None,
        "tolerance": finding.tolerance,
    }


def _quantity_data(quantity: Quantity | None) -> dict[str, Any] | None:
    if quantity is None:
        return None
    return {
        "value": quantity.mean,
        "std": quantity.std,
        "n": quantity.n,
        "higher_is_better": quantity.higher_is_better,
        "protocol": quantity.protocol,
        "seeds": quantity.seeds,
    }


def _counts(findings: Iterable[Finding]) -> list[str]:
    verdicts = [finding.verdict for finding in findings]
    return [f"{verdicts.count(verdict)} {verdict.value}" for verdict in Verdict if verdict in verdicts]


def reasons(report: GateReport) -> list[str]:
    """Return why notable findings are what they are: one line for all labels of a metric with the same reason."""
    labels: dict[tuple[str, str], list[str]] = {}
    for finding in notable(report):
        if finding.reason:
            labels.setdefault((title(finding), finding.reason), []).append(finding.label)
    return [f"{', '.join(found)}, {metric}: {reason}." for (metric, reason), found in labels.items()]


def _sentence(finding: Finding) -> str:
    change = f"{seeds_text(finding.before)} → {seeds_text(finding.after)}"
    reason = f"; {finding.reason}" if finding.reason else ""
    return f"{finding.label}: {title(finding)} {change}{reason}"


def _command(kind: str, heading: str, message: str) -> str:
    """Return one workflow command, its data escaped as GitHub's actions/toolkit does (packages/core, command.ts)."""
    text = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{kind} title=ganbench%3A {heading}::{text}"


def _table(findings: Iterable[Finding]) -> str:
    lines = [(*(escape(cell) for cell in cells(f)[:-1]), f"{SYMBOLS[f.verdict]} {f.verdict.value}") for f in findings]
    rule = ("---", "---", *("---:" for _ in HEADERS[2:-1]), "---")
    return "\n".join(f"| {' | '.join(line)} |" for line in (HEADERS, rule, *lines))


def _bullets(notes: Iterable[str]) -> list[str]:
    lines = [f"- {escape(note)}" for note in notes]
    return ["\n".join(lines)] if lines else []


def _signed(value: float, quantity: Quantity | None) -> str:
    return f"{value:+z.{quantity.digits if quantity else 3}f}".replace("-", "−")
