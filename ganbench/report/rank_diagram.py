"""The critical-difference diagram (Demšar 2006, figure 1): mean ranks on a line, bars over what can't be told apart."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageDraw

from ganbench.errors import InputError
from ganbench.report.figures import FAINT, INK, LABEL_FONT, MARGIN, PAPER, SMALL_FONT, plain
from ganbench.results.aggregate import MIN_SUITES, Aggregate, MeanRank, cliques

AXIS: Final = 520  # pixels from the first rank to the last
STEP: Final = 30  # pixels between labels
HEAD: Final = 96  # pixels above the axis
BAR_STEP: Final = 12  # pixels between bars
FINE: Final = 3  # times finer the lines are drawn, then reduced


def rank_diagram(found: Aggregate) -> Image.Image:
    """Return the picture; rank 1, the best, is on the left. Raises `InputError` where there are too few suites."""
    if found.critical_difference is None:
        raise InputError(
            f"A critical-difference diagram needs {MIN_SUITES} suites that rank the same three methods or more. "
            f"Profile {found.profile} has {len(found.suites)} suites."
        )
    rows, bars = found.complete, cliques(found.complete, found.critical_difference)
    side = round(max(LABEL_FONT.getlength(_text(row)) for row in rows)) + 24
    below = HEAD + 14 + BAR_STEP * len(bars)
    width = 2 * (MARGIN + side) + AXIS
    height = below + STEP * ((len(rows) + 1) // 2) + 30 + MARGIN
    drawing = _Drawing(width, height, MARGIN + side, len(rows))
    drawing.lines(rows, bars, below, found.critical_difference)
    canvas = drawing.canvas.reduce(FINE)
    _texts(canvas, drawing, found, below)
    return canvas


class _Drawing:
    def __init__(self, width: int, height: int, left: int, count: int) -> None:
        self.width, self.left, self.count = width, left, count
        self.canvas = Image.new("RGB", (width * FINE, height * FINE), PAPER)
        self.pen = ImageDraw.Draw(self.canvas)

    def x(self, rank: float) -> float:
        return self.left + (rank - 1) / (self.count - 1) * AXIS

    def line(self, points: list[tuple[float, float]], width: float, colour: tuple[int, int, int] = INK) -> None:
        self.pen.line([(x * FINE, y * FINE) for x, y in points], colour, round(width * FINE), joint="curve")

    def lines(
        self, rows: tuple[MeanRank, ...], bars: list[tuple[MeanRank, ...]], below: int, difference: float
    ) -> None:
        self.line([(self.x(1), HEAD), (self.x(self.count), HEAD)], 1.6)
        for rank in range(1, self.count + 1):
            self.line([(self.x(rank), HEAD - 8), (self.x(rank), HEAD)], 1.6)
        start, end, top = self.x(1), min(self.x(1 + difference), self.x(self.count)), HEAD - 52
        self.line([(start, top), (end, top)], 1.6)
        for x in (start, end):
            self.line([(x, top - 5), (x, top + 5)], 1.6)
        for index, bar in enumerate(bars):
            y = HEAD + 12 + BAR_STEP * index
            self.line([(self.x(bar[0].mean) - 4, y), (self.x(bar[-1].mean) + 4, y)], 5)
        for index, row in enumerate(rows):
            x, (edge, y) = self.x(row.mean), self.end(index, below)
            self.line([(x, HEAD), (x, y), (edge, y)], 1, FAINT)

    def end(self, index: int, below: int) -> tuple[int, int]:
        """Return where the line of the method at ``index`` ends: left for the better half, right for the others."""
        half = (self.count + 1) // 2
        if index < half:
            return self.left - 8, below + STEP * index + 8
        return self.left + AXIS + 8, below + STEP * (self.count - 1 - index) + 8


def _texts(canvas: Image.Image, drawing: _Drawing, found: Aggregate, below: int) -> None:
    pen = ImageDraw.Draw(canvas)
    for rank in range(1, drawing.count + 1, 1 + drawing.count // 20):  # so that numbers don't touch
        pen.text((drawing.x(rank), HEAD - 12), str(rank), INK, SMALL_FONT, anchor="ms")
    note = f"critical difference {found.critical_difference:.2f}"
    pen.text((drawing.x(1), HEAD - 62), note, INK, SMALL_FONT, anchor="ls")
    half = (drawing.count + 1) // 2
    for index, row in enumerate(found.complete):
        x, y = drawing.end(index, below)
        pen.text(
            (x - 6 if index < half else x + 6, y),
            plain(_text(row)),
            INK,
            LABEL_FONT,
            anchor="rm" if index < half else "lm",
        )
    caption = f"{len(found.suites)} suites ({found.profile}); bars: not told apart by Nemenyi's test, p < .05"
    pen.text((MARGIN, canvas.height - MARGIN), plain(caption), FAINT, SMALL_FONT, anchor="ls")


def _text(row: MeanRank) -> str:
    return f"{row.label}  {row.mean:.2f}"
