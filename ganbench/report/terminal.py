"""A leaderboard on the terminal."""

from __future__ import annotations

from typing import Literal

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ganbench.report.layout import WIDTH, Entry, Line, Section, Table, caption, footnotes, sections
from ganbench.results.leaderboard import Leaderboard
from ganbench.results.rows import Kind

LEGEND = (
    "* best method; ± standard deviation over training seeds; ↑ higher, ↓ lower is better. Not ranked: real (unseen "
    "real images in place of outputs: what a perfect method scores) and the baselines (identity copies the input)."
)
LABEL_STYLES: dict[Kind, str] = {"real": "italic dim", "baseline": "italic dim", "method": "bold cyan"}


def print_leaderboard(board: Leaderboard, console: Console, full: bool = True) -> None:
    """Print the leaderboard; without ``full`` only the summary and the footnotes, as at the end of a run."""
    console.print(Text(caption(board), style="dim"))
    console.print()
    for section in sections(board, min(console.width, WIDTH))[: None if full else 1]:
        print_section(section, console)
    console.print(Text(LEGEND, style="dim"))
    for note in footnotes(board):
        console.print(Text(note, style="yellow" if note.startswith("⚠") else "dim"))


def print_section(section: Section, console: Console) -> None:
    """Print one section: title, tables, notes."""
    console.print(Text(section.title, style="bold"))
    for table in section.tables:
        console.print(_rich(table))
        console.print()
    for note in section.notes:
        console.print(Text(note, style="dim"))
    if section.notes:
        console.print()


def _rich(table: Table) -> RichTable:
    made = RichTable(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, header in enumerate(table.headers):
        justify: Literal["left", "right"] = "left" if index < table.text_columns else "right"
        made.add_column(Text(header), justify=justify, no_wrap=True)
    for line in table.lines:
        made.add_row(*_row(line))
    return made


def _row(line: Line) -> list[Text]:
    return [
        Text(line.label, style=LABEL_STYLES[line.kind]),
        *(_entry(entry, line) for entry in line.entries),
    ]


def _entry(entry: Entry, line: Line) -> Text:
    return Text(f"*{entry.text}" if entry.best else entry.text, style=_style(entry, line))  # * where there is no colour


def _style(entry: Entry, line: Line) -> str:
    if entry.alarm:
        return "yellow"
    if entry.best:
        return "bold green"
    return "" if line.kind == "method" else "dim"
