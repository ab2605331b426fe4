"""A check's outcome as JUnit XML, which every CI system can show."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ganbench.gate.compare import GateReport
from ganbench.gate.formats import change_text, title
from ganbench.gate.snapshot import seeds_text
from ganbench.gate.verdict import Finding, Verdict

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def to_junit(report: GateReport) -> bytes:
    """Return one test suite with a test case per comparison.

    A regression is a failure; what keeps the gate from being green otherwise is an error; what is undecided but may
    pass is skipped.
    """
    name = f"ganbench {report.suite} {report.profile}"
    cases = [_case(finding, report) for finding in report.findings]
    if not any(finding.declared for finding in report.findings):
        cases.append(_whole(report))
    suite = Element("testsuite", {"name": _clean(name), "tests": str(len(cases)), **_tally(cases)})
    suite.extend(cases)
    root = Element("testsuites")
    root.append(suite)
    indent(root)
    content: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _case(finding: Finding, report: GateReport) -> Element:
    where = f"{report.suite}.{report.profile}.{finding.label}"
    case = Element("testcase", {"classname": _clean(where), "name": _clean(title(finding))})
    kind = _kind(finding, report)
    if kind:
        message = f"{finding.verdict.value}: {finding.reason}".rstrip(": ")
        detail = SubElement(case, kind, {"message": _clean(message)})
        detail.text = _clean(
            f"baseline {seeds_text(finding.before)}, now {seeds_text(finding.after)}, change {change_text(finding)}"
        )
    return case


def _kind(finding: Finding, report: GateReport) -> str | None:
    if finding.verdict is Verdict.REGRESSED:
        return "failure"
    if report.blocks(finding):
        return "error"
    return "skipped" if finding.verdict is Verdict.INCONCLUSIVE else None


def _whole(report: GateReport) -> Element:
    """Return the case that fails where there was nothing to compare: an empty suite would pass."""
    case = Element("testcase", {"classname": _clean(f"{report.suite}.{report.profile}"), "name": "comparison"})
    message = " ".join(report.obstacles) or "no declared metric was measured"
    SubElement(case, "error", {"message": _clean(f"{report.verdict.value}: {message}")})
    return case


def _tally(cases: list[Element]) -> dict[str, str]:
    kinds = (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    return {name: str(sum(case.find(kind) is not None for case in cases)) for name, kind in kinds}


def _clean(text: str) -> str:
    """Return ``text`` without what XML can't hold, not even escaped."""
    return NOT_XML.sub("�", text)
