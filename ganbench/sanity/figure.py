"""Small multiples: one panel for each metric and damage, the answer as a curve, the verdict as its colour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from PIL import Image, ImageDraw, ImageFont

from ganbench.metrics.base import Quantity
from ganbench.report.figures import FAINT, INK, LABEL_FONT, MARGIN, PAPER, SMALL_FONT, TITLE_FONT, plain
from ganbench.sanity.damage import DAMAGES
from ganbench.sanity.measure import Sanity
from ganbench.sanity.verdict import MEANING, Curve, Verdict

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom; pixels."""

WIDTH, PLOT, TEXT = 174, 58, 18  # of a panel, pixels: width, height of curve and of the line under it
GAP: Final = 6  # pixels between panels
GROUP_GAP: Final = 26  # pixels above the first row of a group
INSET: Final = 8  # pixels between a panel's border and its curve
HEAD: Final = 58  # pixels of the columns' headers
FINE: Final = 3  # times finer everything but text is drawn, then reduced
DOT: Final = 1.3  # pixels, radius of one draw's answer
HEADER_FONT = ImageFont.load_default(14)
LINES: dict[Verdict, Colour] = {
    Verdict.MONOTONE: (24, 119, 74),
    Verdict.WEAK: (176, 116, 0),
    Verdict.BLIND: (120, 124, 130),
    Verdict.MISLEADING: (200, 30, 45),
}
GROUNDS: dict[Verdict, Colour] = {
    Verdict.MONOTONE: (232, 245, 237),
    Verdict.WEAK: (254, 246, 224),
    Verdict.BLIND: (241, 242, 244),
    Verdict.MISLEADING: (253, 228, 229),
}
BAND: Final = (206, 209, 214)
AIMS = {True: "higher is better", False: "lower is better", None: "as real pictures is best"}


@dataclass(frozen=True)
class _Row:
    quantity: Quantity
    curves: tuple[Curve, ...]
    top: int


def figure(found: Sanity, caption: str) -> Image.Image:
    """Return the picture: metrics from top to bottom, damages from left to right, a legend beneath."""
    left = MARGIN + _label_width(found) + 14
    top = MARGIN + 62 + HEAD
    rows = list(_rows(found, top))
    width = left + len(found.damages) * (WIDTH + GAP) - GAP + MARGIN
    bottom = rows[-1].top + PLOT + TEXT
    height = bottom + 24 + 18 * (len(MEANING) + 1) + MARGIN
    canvas = _curves_layer(rows, left, width, height)
    pen = ImageDraw.Draw(canvas)
    pen.text((MARGIN, MARGIN - 4), "What each metric says of known damage", INK, TITLE_FONT)
    pen.text((MARGIN, MARGIN + 28), plain(caption), FAINT, SMALL_FONT)
    for column, name in enumerate(found.damages):
        _header(pen, name, left + column * (WIDTH + GAP), top - HEAD)
    for row in rows:
        _row_texts(pen, row, left)
    _legend(pen, bottom + 24)
    return canvas


def _rows(found: Sanity, top: int) -> Iterator[_Row]:
    group = ""
    for quantity in found.quantities:
        top += GROUP_GAP if group and quantity.group != group else 0
        group = quantity.group
        yield _Row(quantity, tuple(curve for curve in found.curves if curve.quantity.name == quantity.name), top)
        top += PLOT + TEXT + GAP


def _curves_layer(rows: list[_Row], left: int, width: int, height: int) -> Image.Image:
    """Return everything but text, drawn finely and reduced, which smooths the lines."""
    canvas = Image.new("RGB", (width * FINE, height * FINE), PAPER)
    pen = ImageDraw.Draw(canvas)
    for row in rows:
        for column, curve in enumerate(row.curves):
            x = left + column * (WIDTH + GAP)
            pen.rectangle(_fine((x, row.top, x + WIDTH, row.top + PLOT + TEXT)), GROUNDS[curve.verdict])
            _panel(pen, curve, (x + INSET, row.top + INSET, x + WIDTH - INSET, row.top + PLOT - 2))
    return canvas.reduce(FINE)


def _panel(pen: ImageDraw.ImageDraw, curve: Curve, box: Box) -> None:
    """Draw the noise floor as a band, the draws as dots, their mean as a line."""
    known = curve.answers[curve.answers.isfinite()]
    low, high = float(known.min()), float(known.max())
    steps = len(curve.levels) - 1
    left, top, right, bottom = box

    def place(level: int, value: float) -> tuple[float, float]:
        share = (value - low) / (high - low) if high > low else 0.5
        return (left + level / steps * (right - left)) * FINE, (bottom - share * (bottom - top)) * FINE

    undamaged = curve.answers[0]
    (_, upper), (_, lower) = place(0, float(undamaged.max())), place(0, float(undamaged.min()))
    pen.rectangle((left * FINE, upper - FINE / 2, right * FINE, lower + FINE / 2), BAND)
    means = [place(k, float(mean)) for k, mean in enumerate(curve.means) if torch.isfinite(mean)]
    pen.line(means, LINES[curve.verdict], round(1.8 * FINE), joint="curve")
    for level, answers in enumerate(curve.answers):
        for x, y in (place(level, float(value)) for value in answers if torch.isfinite(value)):
            pen.ellipse((x - DOT * FINE, y - DOT * FINE, x + DOT * FINE, y + DOT * FINE), LINES[curve.verdict])


def _fine(box: Box) -> Box:
    left, top, right, bottom = (FINE * side for side in box)
    return left, top, right, bottom


def _header(pen: ImageDraw.ImageDraw, name: str, left: int, top: int) -> None:
    damage = DAMAGES[name]
    for index, line in enumerate(_wrapped(damage.title)):
        pen.text((left, top + 16 * index), line, INK, HEADER_FONT)
    pen.text((left, top + HEAD - 20), f"0 to {damage.label(damage.levels[-1])} {damage.short}", FAINT, SMALL_FONT)


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if HEADER_FONT.getlength(longer) > WIDTH and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _row_texts(pen: ImageDraw.ImageDraw, row: _Row, left: int) -> None:
    middle = row.top + (PLOT + TEXT) // 2
    pen.text((left - 14, middle - 2), plain(row.quantity.title), INK, LABEL_FONT, anchor="rs")
    pen.text((left - 14, middle + 15), AIMS[row.quantity.higher_is_better], FAINT, SMALL_FONT, anchor="rs")
    for column, curve in enumerate(row.curves):
        x, y = left + column * (WIDTH + GAP), row.top + PLOT + TEXT - 5
        pen.text((x + INSET - 2, y), _ends(curve), INK, SMALL_FONT, anchor="ls")
        pen.text((x + WIDTH - 5, y), curve.verdict.value, LINES[curve.verdict], SMALL_FONT, anchor="rs")


def _ends(curve: Curve) -> str:
    """Return the mean answer without damage and at its strongest."""
    known = curve.means[curve.means.isfinite()]
    return f"{_short(float(known[0]))} to {_short(float(known[-1]))}"


def _short(value: float) -> str:
    """Return three digits, at most three decimals: 254, 12.3, 0.04."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"
    shortest = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if shortest == "-0" else shortest  # the font has no minus sign but the hyphen


def _legend(pen: ImageDraw.ImageDraw, top: int) -> None:
    for index, (verdict, meaning) in enumerate(MEANING.items()):
        pen.text((MARGIN, top + 18 * index), verdict.value, LINES[verdict], SMALL_FONT)
        pen.text((MARGIN + 76, top + 18 * index), plain(meaning), FAINT, SMALL_FONT)
    line = (
        "Grey band: draws of undamaged pictures (noise floor). Dots: draws. Line: their mean. Every panel has its own "
        "scale; its numbers are the mean without damage and at the strongest."
    )
    pen.text((MARGIN, top + 18 * len(MEANING)), line, FAINT, SMALL_FONT)


def _label_width(found: Sanity) -> int:
    titles = [LABEL_FONT.getlength(plain(quantity.title)) for quantity in found.quantities]
    return int(max(*titles, *(SMALL_FONT.getlength(aim) for aim in AIMS.values()))) + 1
