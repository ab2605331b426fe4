"""A leaderboard as Markdown, readable also as plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ganbench.report.layout import Entry, Line, Section, Table, caption, footnotes, legend, sections
from ganbench.results.leaderboard import Leaderboard


def to_markdown(board: Leaderboard, picture: str | None = None) -> str:
    """Return the leaderboard as Markdown.

    Args:
        board: what to show.
        picture: name of the comparison sheet beside the text, or None.
    """
    parts = [f"# {escape(board.suite)} ({escape(board.profile)})", escape(caption(board))]
    if picture:
        parts.append(f"![The same test images through every method]({picture})")
    parts += [section_markdown(section).rstrip() for section in sections(board)]
    parts += ["## Notes", _bullets([*legend(board), *footnotes(board)])]
    return "\n\n".join(parts) + "\n"


def section_markdown(section: Section) -> str:
    """Return one section: title, tables, notes."""
    notes = [_bullets(section.notes)] if section.notes else []
    return "\n\n".join([f"## {section.title}", *map(_table, section.tables), *notes]) + "\n"


def escape(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is: no markup, no HTML, no end of a table's cell."""
    html = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*|\[\]~])", r"\\\1", " ".join(html.split()))


def _bullets(notes: Sequence[str]) -> str:
    return "\n".join(f"- {escape(note)}" for note in notes)


def _table(table: Table) -> str:
    lines = [[_label(line), *map(_cell, line.entries)] for line in table.lines]
    headers = [escape(header) for header in table.headers]
    widths = [max(len(line[index]) for line in [headers, *lines]) for index in range(len(headers))]
    left = table.text_columns
    rule = [("-" * width if index < left else "-" * (width - 1) + ":") for index, width in enumerate(widths)]
    return "\n".join(_line(line, widths, left) for line in [headers, rule, *lines])


def _line(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    padded = [
        cell.ljust(width) if index < left else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def _label(line: Line) -> str:
    return escape(line.label) if line.kind == "method" else f"*{escape(line.label)}*"


def _cell(entry: Entry) -> str:
    return f"**{escape(entry.text)}**" if entry.best else escape(entry.text)
