"""A leaderboard as LaTeX, to be pasted into a paper whose preamble has ``\\usepackage{booktabs}``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ganbench.report.layout import Entry, Line, Section, Table, caption, footnotes, legend, sections
from ganbench.results.leaderboard import Leaderboard

SPECIAL: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "`": r"\textasciigrave{}",
}  # fmt: skip
SIGNS: Final = {
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "→": r"$\rightarrow$", "↔": r"$\leftrightarrow$", "±": r"$\pm$",
    "≈": r"$\approx$", "≥": r"$\geq$", "≤": r"$\leq$", "×": r"$\times$", "−": "$-$", "∞": r"$\infty$",
    "†": r"\textsuperscript{\dag}", "⚠": r"\textsuperscript{!}", "σ": r"$\sigma$", "τ": r"$\tau$", "λ": r"$\lambda$",
    "·": r"$\cdot$", "²": r"\textsuperscript{2}", "µ": r"$\mu$", 
    "–": r"\textendash{}", "—": r"\textemdash{}", "’": "'", "…": r"\ldots{}",
}  # fmt: skip


def to_latex(board: Leaderboard) -> str:
    """Return one ``table`` per section of the leaderboard, with its notes below; needs the package booktabs alone.

    Signs that LaTeX's standard fonts lack are shown as "?".
    """
    head = [f"% {_comment(f'{board.suite} ({board.profile})')}", r"% needs \usepackage{booktabs}"]
    notes = [*legend(board), *footnotes(board)]
    parts = [_section(section, board) for section in sections(board)]
    return "\n".join([*head, *parts, _notes([caption(board), *notes])]) + "\n"


def escape(text: str) -> str:
    """Return ``text`` so that LaTeX prints it as it is: no command, no end of a cell or line, no unknown sign."""
    signs = "".join(_sign(character) for character in " ".join(text.split()))
    return signs.replace("--", "-{}-")  # two hyphens would become a dash


def _sign(character: str) -> str:
    known = SPECIAL.get(character) or SIGNS.get(character)
    if known:
        return known
    return character if re.fullmatch(r"[ -~À-ÏÑ-Ýß-ïñ-ýÿ]", character) else "?"  # ÐÞðþ need another font encoding


def _comment(text: str) -> str:
    return "".join(character if " " <= character <= "~" else "?" for character in text)


def _section(section: Section, board: Leaderboard) -> str:
    title = f"{board.suite} ({board.profile}). {section.title}"
    body = "\n\n\\medskip\n".join(_tabular(table) for table in section.tables)
    notes = f"\n\n\\medskip\n{_notes(section.notes)}" if section.notes else ""
    return f"\\begin{{table}}\n\\centering\n\\caption{{{escape(title)}}}\n\\small\n{body}{notes}\n\\end{{table}}"


def _tabular(table: Table) -> str:
    columns = "l" * table.text_columns + "r" * (len(table.headers) - table.text_columns)
    header = " & ".join(escape(header) for header in table.headers)
    lines = [f"{_label(line)} & {' & '.join(map(_cell, line.entries))} \\\\" for line in table.lines]
    rows = "\n".join(
        [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", rf"{header} \\", r"\midrule", *_ruled(table, lines)]
    )
    return rows + "\n\\bottomrule\n\\end{tabular}"


def _ruled(table: Table, lines: Sequence[str]) -> list[str]:
    """Return the lines with a rule between what is not ranked and the methods."""
    first = next((index for index, line in enumerate(table.lines) if line.kind == "method"), 0)
    return [*lines[:first], *([r"\midrule"] if first else []), *lines[first:]]


def _label(line: Line) -> str:
    return escape(line.label) if line.kind == "method" else rf"\textit{{{escape(line.label)}}}"


def _cell(entry: Entry) -> str:
    text = re.sub(r"^-(?=[0-9])", "$-$", escape(entry.text))
    return rf"\textbf{{{text}}}" if entry.best else text


def _notes(notes: Sequence[str]) -> str:
    lines = (f"{escape(note)}\\par" for note in notes)
    return "\\begin{minipage}{\\linewidth}\\footnotesize\n" + "\n".join(lines) + "\n\\end{minipage}"
