"""What `ganbench sanity` leaves: a table of verdicts on the terminal and as Markdown, all numbers as CSV, curves."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

import ganbench
from ganbench.metrics.base import Quantity
from ganbench.metrics.detector_power import ALPHA, CLEAN, Power
from ganbench.metrics.memorization import ALARM
from ganbench.report.figures import encode_png
from ganbench.results.files import write_atomic
from ganbench.sanity.damage import DAMAGES
from ganbench.sanity.figure import figure
from ganbench.sanity.measure import DRAWS, Sanity
from ganbench.sanity.verdict import MEANING, Curve, Verdict

STYLES = {
    Verdict.MONOTONE: "green",
    Verdict.WEAK: "yellow",
    Verdict.BLIND: "dim",
    Verdict.MISLEADING: "bold red",
}
MARKS = {Verdict.MONOTONE: "✔", Verdict.WEAK: "~", Verdict.BLIND: "·", Verdict.MISLEADING: "✘"}
POWER_HEADERS = (
    "copies",
    "alarm",
    "closest pairs right",
    "copies below threshold",
    f"C_T below its {ALPHA:.0%}",
    f"AuthPct below its {ALPHA:.0%}",
)
COLUMNS = ("metric", "title", "damage", "level", "mean", "lowest", "highest", "noise_floor", "spearman", "verdict")


def write_files(found: Sanity, folder: Path) -> list[Path]:
    """Write sanity.csv, sanity.md and sanity.png into ``folder``."""
    contents = {
        "sanity.csv": to_csv(found).encode(),
        "sanity.md": to_markdown(found).encode(),
        "sanity.png": encode_png(figure(found, caption(found))),
    }
    for name, content in contents.items():
        write_atomic(folder / name, content)
    return [folder / name for name in contents]


def caption(found: Sanity) -> str:
    """Say what was measured."""
    request, data = found.request, found.data
    return (
        f"{request.name}, {data.target} against {data.source}, {request.image_size} px; {DRAWS} draws of "
        f"{found.outputs} held-out images each; features of {request.extractor}; seed {request.seed}; "
        f"ganbench {ganbench.__version__}"
    )


def print_sanity(found: Sanity, console: Console) -> None:
    """Print the verdicts, what the copy detectors find, and what could not be measured."""
    console.print(Text(caption(found), style="dim"))
    console.print(_verdict_table(found))
    for verdict, meaning in MEANING.items():
        console.print(Text.assemble((f"{MARKS[verdict]} {verdict}", STYLES[verdict]), f": {meaning}"))
    console.print(Text("; ".join(f"{_head(name)}: {_range(name)}" for name in found.damages), style="dim"))
    if found.power:
        console.print(_power_table(found))
        console.print(Text(_power_note(found.power), style="dim"))
    for why, names in _reasons(found).items():
        console.print(Text(f"not measured: {', '.join(names)}: {why}", style="dim"))


def _verdict_table(found: Sanity) -> Table:
    """Return one mark for each verdict, narrow enough for a terminal of 80 columns."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("metric", overflow="fold")
    for name in found.damages:
        table.add_column(_head(name), no_wrap=True, min_width=len(_head(name)))
    for quantity, curves in _rows(found):
        marks = [Text(MARKS[curve.verdict], style=STYLES[curve.verdict]) for curve in curves]
        table.add_row(quantity.name.removesuffix(f"_{found.request.extractor}"), *marks)
    return table


def _head(damage: str) -> str:
    return damage.split("_")[0]


def _range(name: str) -> str:
    damage = DAMAGES[name]
    return f"{damage.title}, up to {damage.label(damage.levels[-1])} {damage.short}"


def _reasons(found: Sanity) -> dict[str, list[str]]:
    """Return why something could not be measured → what."""
    reasons: dict[str, list[str]] = {}
    for what, why in found.missing.items():
        reasons.setdefault(why, []).append(what)
    return reasons


def to_markdown(found: Sanity) -> str:
    """Return the tables as Markdown."""
    titles = [DAMAGES[name].title for name in found.damages]
    lines = [
        "# What the metrics see here",
        "",
        caption(found),
        "",
        *_markdown_table(["metric", *titles], _cells(found)),
    ]
    lines += ["", *(f"- **{verdict.value}**: {meaning}." for verdict, meaning in MEANING.items())]
    lines += ["", *(f"- {DAMAGES[name].title}: {_levels(name)}" for name in found.damages)]
    if found.power:
        lines += ["", "## Planted copies", "", power_to_markdown(found.power)]
    lines += ["", *(f"- not measured: {', '.join(names)}: {why}" for why, names in _reasons(found).items())]
    return "\n".join([*lines, "", "![curves](sanity.png)", ""])


def power_to_markdown(power: Sequence[Power]) -> str:
    """Return what the copy detectors find as a Markdown table, and how to read it."""
    table = _markdown_table([*POWER_HEADERS], map(_power_cells, power))
    return "\n".join([*table, "", _power_note(power)])


def to_csv(found: Sanity) -> str:
    """Return one row for each quantity, damage and level."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for curve in found.curves:
        writer.writerows(_csv_rows(curve))
    return buffer.getvalue()


def _csv_rows(curve: Curve) -> Iterator[tuple[object, ...]]:
    ends = (curve.quantity.name, curve.quantity.title, curve.damage)
    over_all = (_number(curve.floor), _number(curve.rank_correlation), curve.verdict.value)
    for level, answers in zip(curve.levels, curve.answers, strict=True):
        known = answers[answers.isfinite()]
        numbers = (known.mean(), known.min(), known.max()) if len(known) else (math.nan,) * 3
        yield (*ends, level, *(_number(float(number)) for number in numbers), *over_all)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _rows(found: Sanity) -> Iterator[tuple[Quantity, list[Curve]]]:
    for quantity in found.quantities:
        yield quantity, [curve for curve in found.curves if curve.quantity.name == quantity.name]


def _cells(found: Sanity) -> Iterator[list[str]]:
    for quantity, curves in _rows(found):
        yield [f"{quantity.title} (`{quantity.name}`)", *(_emphasised(curve.verdict) for curve in curves)]


def _emphasised(verdict: Verdict) -> str:
    return f"**{verdict.value}**" if verdict is Verdict.MISLEADING else verdict.value


def _levels(name: str) -> str:
    damage = DAMAGES[name]
    return f"{', '.join(map(damage.label, damage.levels))} ({damage.unit})"


def _power_table(found: Sanity) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, header in enumerate(POWER_HEADERS):
        table.add_column(header, justify="right" if index else "left")
    for row in found.power:
        table.add_row(*_power_cells(row))
    return table


def _power_cells(row: Power) -> list[str]:
    name = "none (false alarms)" if row.disguise == CLEAN else row.disguise
    shares = (row.detected, row.named, row.found, row.c_t, row.authpct)
    return [name, *("–" if math.isnan(share) else f"{share:.0%}" for share in shares)]


def _power_note(power: Sequence[Power]) -> str:
    return (
        f"{power[-1].planted} training images, disguised, among {power[0].outputs} held-out ones; shares "
        f"of {power[0].draws} draws. The copy detector raises the alarm at p < {ALARM:g}."
    )


def _markdown_table(headers: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [headers, ["---"] * len(headers), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
