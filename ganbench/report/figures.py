"""Pictures of translations: a grid per method, and one sheet on which all methods meet.

Images are uint8 arrays (N, 3, H, W).
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ganbench.errors import InputError

Images = npt.NDArray[np.uint8]

CELL: Final = 96  # pixels to which small images are enlarged, by a whole factor
MAX_CELL: Final = 160  # pixels; larger images are reduced
GUTTER: Final = 3  # pixels between images of one row
ROW_GAP: Final = 6  # pixels between rows
BLOCK_GAP: Final = 16  # pixels between blocks of rows
MARGIN: Final = 20  # pixels around everything
MAX_BYTES: Final = 1_000_000  # of a PNG file
PAPER: Final = (255, 255, 255)
INK: Final = (32, 33, 36)
FAINT: Final = (110, 114, 120)
BLANK: Final = (238, 238, 240)
BLANK_HEIGHT: Final = 44  # pixels of a row that has no images
TITLE_FONT, LABEL_FONT, SMALL_FONT = (ImageFont.load_default(size) for size in (22, 16, 12))


@dataclass(frozen=True)
class Strip:
    """One row of a sheet.

    Attributes:
        label: what the row shows.
        images: uint8 (N, 3, H, W), or None where there are none to show; then the row is a low grey band.
        note: a second, smaller line under the label.
        block: rows of one block stand close together; a new block leaves a gap.
    """

    label: str
    images: Images | None
    note: str = ""
    block: int = 0


def method_grid(inputs: Images, outputs: Images, title: str = "", columns: int = 8, rows: int = 3) -> Image.Image:
    """Return inputs above outputs, in up to ``rows`` pairs of rows of up to ``columns`` images.

    Args:
        inputs: uint8 (N, 3, H, W) source images.
        outputs: uint8 (N, 3, H, W), the translation of each.
        title: line at the top.
        columns: images in a row.
        rows: pairs of rows.
    """
    _check(inputs, "inputs")
    _check(outputs, "outputs")
    if inputs.shape != outputs.shape:
        raise InputError(f"The outputs of a grid must have the inputs' shape {inputs.shape}. Got {outputs.shape}.")
    strips = []
    for block, start in enumerate(range(0, min(len(inputs), rows * columns), columns)):
        part = slice(start, start + columns)
        strips += [Strip("input", inputs[part], block=block), Strip("output", outputs[part], block=block)]
    return sheet(strips, title, columns=columns)


def sheet(strips: Sequence[Strip], title: str = "", footer: Sequence[str] = (), columns: int = 10) -> Image.Image:
    """Return one picture: a title, labelled rows of images, and small lines (credits) at the bottom.

    Args:
        strips: rows from top to bottom; at least one has images. All images have the same size.
        title: line at the top.
        footer: lines at the bottom; long ones are wrapped.
        columns: most images in a row.
    """
    shown = [strip.images for strip in strips if strip.images is not None and len(strip.images)]
    if not shown:
        raise InputError("A sheet must have at least one row of images. Got none.")
    for images in shown:
        _check(images, "images")
    cell = _cell_size(shown[0].shape[-1])
    count = min(columns, max(len(images) for images in shown))
    left = MARGIN + _label_width(strips) + 14
    width = left + count * (cell + GUTTER) - GUTTER + MARGIN
    lines = [line for text in footer for line in _wrap(text, width - 2 * MARGIN)]
    top = MARGIN + (38 if title else 0)
    height = top + _rows_height(strips, cell) + (14 + 17 * len(lines) if lines else 0) + MARGIN
    canvas = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(canvas)
    if title:
        pen.text((MARGIN, MARGIN - 4), plain(_fitting(title, width - 2 * MARGIN)), INK, TITLE_FONT)
    bottom = _draw_strips(canvas, strips, top, left, cell, count)
    for index, line in enumerate(lines):
        pen.text((MARGIN, bottom + 14 + 17 * index), line, FAINT, SMALL_FONT)
    return canvas


def encode_png(image: Image.Image, limit: int = MAX_BYTES) -> bytes:
    """Return ``image`` as PNG of at most ``limit`` bytes: with fewer colours, then smaller, where it must be."""
    content = _png(image)
    while len(content) > limit:
        content = _png(image.quantize(256, method=Image.Quantize.FASTOCTREE))
        image = image.reduce(2) if len(content) > limit else image
    return content


def plain(text: str) -> str:
    """Return ``text`` in the characters that Pillow's own font has: accents and typographic signs are simplified."""
    signs = str.maketrans(
        {"→": ">", "–": "-", "—": "-", "’": "'", "ø": "o", "ł": "l", "ß": "ss", "×": "x", "∞": " inf"}
    )
    folded = unicodedata.normalize("NFKD", text.translate(signs))
    return "".join(sign for sign in folded if sign in "·±©" or " " <= sign <= "~")


def _draw_strips(canvas: Image.Image, strips: Sequence[Strip], top: int, left: int, cell: int, count: int) -> int:
    for index, strip in enumerate(strips):
        if index:
            top += _gap(strips[index - 1], strip)
        height = _height(strip, cell)
        _draw_label(ImageDraw.Draw(canvas), strip, left - 14, top + height // 2)
        _draw_images(canvas, strip.images, top, left, cell, count)
        top += height
    return top


def _draw_label(pen: ImageDraw.ImageDraw, strip: Strip, right: int, middle: int) -> None:
    if not strip.note:
        pen.text((right, middle), plain(strip.label), INK, LABEL_FONT, anchor="rm")
        return
    pen.text((right, middle - 2), plain(strip.label), INK, LABEL_FONT, anchor="rs")
    pen.text((right, middle + 15), plain(strip.note), FAINT, SMALL_FONT, anchor="rs")


def _draw_images(canvas: Image.Image, images: Images | None, top: int, left: int, cell: int, count: int) -> None:
    if images is None:
        canvas.paste(BLANK, (left, top, left + count * (cell + GUTTER) - GUTTER, top + BLANK_HEIGHT))
        return
    for column in range(min(count, len(images))):
        canvas.paste(_scaled(images[column], cell), (left + column * (cell + GUTTER), top))


def _scaled(image: Images, cell: int) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    enlarged = cell >= picture.width
    return picture.resize((cell, cell), Image.Resampling.NEAREST if enlarged else Image.Resampling.LANCZOS)


def _cell_size(size: int) -> int:
    return min(size * max(1, round(CELL / size)), MAX_CELL)


def _height(strip: Strip, cell: int) -> int:
    return BLANK_HEIGHT if strip.images is None else cell


def _gap(above: Strip, below: Strip) -> int:
    return ROW_GAP if above.block == below.block else BLOCK_GAP


def _rows_height(strips: Sequence[Strip], cell: int) -> int:
    return sum(_height(strip, cell) for strip in strips) + sum(_gap(a, b) for a, b in pairwise(strips))


def _label_width(strips: Sequence[Strip]) -> int:
    labels = [LABEL_FONT.getlength(plain(strip.label)) for strip in strips]
    notes = [SMALL_FONT.getlength(plain(strip.note)) for strip in strips]
    return int(max(*labels, *notes)) + 1


def _wrap(text: str, width: int) -> list[str]:
    """Break ``text`` at spaces into lines of at most ``width`` pixels."""
    lines = [""]
    for word in plain(text).split():
        candidate = f"{lines[-1]} {word}".strip()
        if lines[-1] and SMALL_FONT.getlength(candidate) > width:
            lines.append(word)
        else:
            lines[-1] = candidate
    return lines


def _fitting(text: str, width: int) -> str:
    while text and TITLE_FONT.getlength(plain(text)) > width:
        text = text[:-1]
    return text


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _check(images: Images, name: str) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] != 3 or images.shape[2] != images.shape[3]:
        raise InputError(
            f"The {name} of a picture must be uint8 (N, 3, H, H). Got {images.dtype} {images.shape} instead."
        )
