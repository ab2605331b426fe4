"""Paint a digit as SVHN (Netzer 2011) shows house numbers: coloured, on a textured wall, between its neighbours."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

CANVAS = 64  # pixels per side while painting; shrunk or enlarged to the size asked for afterwards
CONTRAST = 0.3  # least difference of luma between ink and wall, share of the full range
LUMA = (0.299, 0.587, 0.114)
NEIGHBOUR = 0.6  # probability of a digit on either side

Plane = npt.NDArray[np.float64]


def paint_street_digit(
    ink: npt.NDArray[np.uint8], left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8],
    image_size: int, generator: np.random.Generator,
) -> npt.NDArray[np.uint8]:  # fmt: skip
    """Return one picture, uint8 (3, image_size, image_size).

    Args:
        ink: the digit in the middle, uint8 (H, H), 0 where there is none.
        left: its neighbour, of which an edge may be seen.
        right: the other one.
        image_size: pixels per side.
        generator: decides colours, texture, pose, light, blur and noise.
    """
    cover = _house_number(ink, left, right, generator)
    wall, paint = _colours(generator)
    picture = _wall(wall, generator)
    picture *= 1 - _shadow(cover, generator)
    picture += cover * (paint[:, None, None] - picture)
    return _photograph(picture, image_size, generator)


def _house_number(
    ink: npt.NDArray[np.uint8], left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8],
    generator: np.random.Generator,
) -> Plane:  # fmt: skip
    """Return how much of the wall three digits of one hand cover, (CANVAS, CANVAS) in [0, 1]."""
    scale, slant = generator.uniform(1.0, 1.3), generator.uniform(-0.2, 0.2)
    angle, bold = math.radians(generator.uniform(-10, 10)), generator.random() < 0.5
    x, y = generator.uniform(-0.05, 0.05, size=2)
    gap = generator.uniform(0.6, 0.72) * scale
    planes = [_posed(ink, x, y, scale, slant, angle)]
    for digit, side in ((left, -1), (right, 1)):
        if generator.random() < NEIGHBOUR:
            planes.append(_posed(digit, x + side * gap, y + side * gap * math.sin(angle), scale, slant, angle))
    cover = Image.fromarray(np.max(planes, axis=0))
    if bold:
        cover = cover.filter(ImageFilter.MaxFilter(3))
    return np.asarray(cover, np.float64) / 255


def _posed(
    ink: npt.NDArray[np.uint8], x: float, y: float, scale: float, slant: float, angle: float
) -> npt.NDArray[np.uint8]:
    """Return a digit on the canvas, its middle at (½ + x, ½ + y) of it, enlarged, sheared and turned."""
    side = ink.shape[0]
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    inverse = np.array([[1, slant], [0, 1]]) @ turn * side / (CANVAS * scale)
    offset = side / 2 - inverse @ (CANVAS * np.array([0.5 + x, 0.5 + y]))
    coefficients = (*inverse[0], offset[0], *inverse[1], offset[1])
    moved = Image.fromarray(ink).transform(
        (CANVAS, CANVAS), Image.Transform.AFFINE, tuple(map(float, coefficients)), Image.Resampling.BICUBIC
    )
    return np.asarray(moved)


def _colours(generator: np.random.Generator) -> tuple[Plane, Plane]:
    """Return the colours (3,) of wall and ink in [0, 1]; either may be the lighter one."""
    while True:
        wall, paint = (_colour(generator) for _ in range(2))
        if abs(float((wall - paint) @ LUMA)) >= CONTRAST:
            return wall, paint


def _colour(generator: np.random.Generator) -> Plane:
    hue, value = generator.random(), generator.uniform(0.1, 0.95)
    return np.array(colorsys.hsv_to_rgb(hue, generator.uniform(0, 0.75), value))


def _wall(colour: Plane, generator: np.random.Generator) -> Plane:
    """Return a lit wall with plaster, (3, CANVAS, CANVAS)."""
    ramp = np.linspace(-1, 1, CANVAS)
    light = generator.uniform(-0.2, 0.2) * ramp[:, None] + generator.uniform(-0.2, 0.2) * ramp[None]
    depth = generator.uniform(0.02, 0.12)
    rough = sum(_clouds(cells, generator) for cells in (4, 12, 32))
    return colour[:, None, None] * (1 + light + depth * rough)


def _clouds(cells: int, generator: np.random.Generator) -> Plane:
    """Return smooth noise of so many cells per side, about −1 to 1."""
    coarse = Image.fromarray(generator.standard_normal((cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((CANVAS, CANVAS), Image.Resampling.BICUBIC), np.float64)


def _shadow(cover: Plane, generator: np.random.Generator) -> Plane:
    """Return how much light the raised digits take from the wall below and beside them."""
    down, across = generator.integers(1, 4), generator.integers(-3, 4)
    return generator.uniform(0, 0.5) * np.roll(cover, (down, across), (0, 1))


def _photograph(picture: Plane, image_size: int, generator: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Blur, resize and add a sensor's noise."""
    values = np.rint(255 * picture.clip(0, 1)).astype(np.uint8).transpose(1, 2, 0)
    blurred = Image.fromarray(values).filter(ImageFilter.GaussianBlur(float(generator.uniform(0, 1.5))))
    small = np.asarray(blurred.resize((image_size, image_size), Image.Resampling.BICUBIC), np.float64)
    noise = generator.uniform(0, 8) * generator.standard_normal(small.shape)
    return np.ascontiguousarray(np.rint(small + noise).clip(0, 255).astype(np.uint8).transpose(2, 0, 1))
