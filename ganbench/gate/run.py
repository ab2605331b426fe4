"""The verb `check`: read both sides, compare, write what was asked for."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from ganbench.errors import NothingComparableError
from ganbench.gate.compare import GateReport, compare
from ganbench.gate.formats import github_lines, to_data, to_markdown
from ganbench.gate.junit import to_junit
from ganbench.gate.snapshot import read_baseline
from ganbench.gate.take import choose_like, take
from ganbench.gate.tolerance import parse_tolerances
from ganbench.results.files import check_writable, write_atomic


@dataclass(frozen=True)
class CheckRequest:
    """What is to be compared, and how strictly.

    Attributes:
        tolerances: as given, ``METRIC=0.02`` or ``METRIC=5%``.
    """

    results: Path
    baseline: Path
    tolerances: tuple[str, ...] = ()
    allow_inconclusive: bool = False


@dataclass(frozen=True)
class Outputs:
    """What is wanted beside the exit code; without ``as_json`` a table for people goes to standard output."""

    junit: Path | None = None
    summary: Path | None = None
    github: bool = False
    as_json: bool = False


def run_check(request: CheckRequest, outputs: Outputs) -> int:
    """Compare, print and write; return the exit code.

    Raises `InputError` where a side can't be read, or a file can't be written.
    """
    for path in (outputs.junit, outputs.summary):
        if path is not None:
            check_writable(path.parent)
    report = compare_files(request)
    if outputs.junit is not None:
        write_atomic(outputs.junit, to_junit(report))
    if outputs.summary is not None:
        write_atomic(outputs.summary, to_markdown(report).encode())
    _print(report, outputs)
    return report.exit_code


def compare_files(request: CheckRequest) -> GateReport:
    """Return the comparison of the results with the baseline file."""
    baseline = read_baseline(request.baseline)
    known = {name for row in baseline.rows.values() for name in row.metrics}
    tolerances = parse_tolerances(request.tolerances, known)
    try:
        results = choose_like(request.results, baseline)
    except NothingComparableError as error:
        return GateReport(baseline.suite, baseline.profile, (str(error),), (), (), request.allow_inconclusive)
    return compare(baseline, take(results), tolerances, request.allow_inconclusive)


def _print(report: GateReport, outputs: Outputs) -> None:
    if outputs.as_json:
        sys.stdout.write(json.dumps(to_data(report), indent=1) + "\n")
        return
    from rich.console import Console

    from ganbench.gate.terminal import print_report

    print_report(report, Console())
    if outputs.github:
        sys.stdout.write("".join(f"{line}\n" for line in github_lines(report)))
