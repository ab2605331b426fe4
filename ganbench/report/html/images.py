"""Pictures inside a page: rows of images as one WebP each, in the page itself."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from ganbench.results.pictures import Images

MAX_SIDE: Final = 160  # pixels of one image; larger ones are reduced
EXACT_SIDE: Final = 48  # pixels; images up to this size are kept to the pixel, and shown so
QUALITY: Final = 88  # of WebP


@dataclass(frozen=True)
class Strip:
    """Rows of images of equal size as one picture.

    Attributes:
        uri: the picture as a data URI.
        columns: images in a row.
        side: pixels of one image.
        gap: free pixels between two images.
        width, height: of the whole picture, in pixels.
        exact: whether its pixels are to be shown as squares.
    """

    uri: str
    columns: int
    side: int
    gap: int
    width: int
    height: int
    exact: bool


def strip(*rows: Images) -> Strip:
    """Return rows of equally many uint8 images (N, 3, H, H) as one picture, the gaps between them clear."""
    side = min(rows[0].shape[-1], MAX_SIDE)
    gap = max(1, side // 24)
    columns = len(rows[0])
    canvas = Image.new("RGBA", (columns * (side + gap) - gap, len(rows) * (side + gap) - gap))
    for top, images in enumerate(rows):
        for left, image in enumerate(images):
            canvas.paste(_fitted(image, side), (left * (side + gap), top * (side + gap)))
    exact = side <= EXACT_SIDE
    return Strip(_webp(canvas, exact), columns, side, gap, *canvas.size, exact)


def _fitted(image: Images, side: int) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    return picture if picture.width == side else picture.resize((side, side), Image.Resampling.LANCZOS)


def _webp(picture: Image.Image, exact: bool) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=exact, quality=QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
