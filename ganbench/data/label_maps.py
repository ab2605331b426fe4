"""Label maps: pictures whose pixels name a class, by an index or by a colour, as index PNGs and palette PNGs do."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from pydantic import Field, model_validator

from ganbench.data.base import VOID
from ganbench.data.pictures import open_picture, to_rgb
from ganbench.data.prepared import Array, Geometry
from ganbench.data.prepared import Field as ArrayField
from ganbench.errors import InputError
from ganbench.options import Options
from ganbench.registry import did_you_mean

OUTSIDE = 254  # stands for values that are neither a class nor void, until they are refused
MOST_CLASSES = 254
LARGEST_INDEX = 65535
INDEX_MODES = ("P", "L", "I;16", "I;16B", "I;16L", "I")
NAMED_VALUES = 5  # that a message lists

Code = int | str
Pixels = npt.NDArray[np.uint8]


class MapOptions(Options):
    """Which side of a pair is a label map, and what its values mean.

    Files hold indices (0, 1, …: grey or palette pictures) or colours ("#804080"); what stands in neither ``classes``
    nor ``void`` is refused. Networks see each class as a colour; metrics look at the classes themselves.
    """

    side: Literal["source", "target"] = Field(description="which domain holds the label maps")
    classes: dict[str, Code] = Field(min_length=2, max_length=MOST_CLASSES, description="class → its index or colour")
    void: list[Code] = Field(default_factory=list, description="indices or colours of no class; drawn black")
    colours: dict[str, str] = Field(
        default_factory=dict, description="class → the colour that it is drawn in; none given: the file's, or our own"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        codes = [*self.classes.values(), *self.void]
        if len({type(code) for code in codes}) > 1:
            raise ValueError("classes and void must be all indices (0, 1, …) or all colours ('#804080')")
        twice = sorted({str(code) for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"classes and void must be distinct. Got {', '.join(twice)} more than once")
        unknown = [name for name in self.colours if name not in self.classes]
        if unknown:
            hint = did_you_mean(unknown[0], self.classes)
            raise ValueError(f"colours must be those of classes. Got {', '.join(unknown)}. {hint}".rstrip())
        for code in [*codes, *self.colours.values()]:
            _check(code)
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices here."""
        return tuple(self.classes)

    def palette(self) -> Pixels:
        """Return the colours (256, 3) that classes are drawn in; void is black."""
        colours = np.zeros((256, 3), np.uint8)
        for index, (name, code) in enumerate(self.classes.items()):
            own = code if isinstance(code, str) else None
            colours[index] = rgb(self.colours.get(name) or own or default_colour(index))
        return colours

    def reader(self, geometry: Geometry) -> MapReader:
        """Return what reads the files."""
        return MapReader(geometry, tuple(self.classes.values()), tuple(self.void))


@dataclass(frozen=True)
class MapReader:
    """Reads one label map: ``map`` (S, S), the index of each pixel's class or 255; ``size``, the file's.

    Attributes:
        geometry: how it becomes a square; pixels are taken from the nearest, whatever its filter.
        codes: index or colour in the file, of each class.
        void: those that mean no class.
    """

    geometry: Geometry
    codes: tuple[Code, ...]
    void: tuple[Code, ...]

    def fields(self) -> Mapping[str, ArrayField]:
        """Return what `read` returns, by name."""
        size = self.geometry.image_size
        return {"map": ((size, size), np.uint8), "size": ((2,), np.int32)}

    def read(self, path: Path) -> Mapping[str, Array]:
        """Decode one file; `InputError` with the values that are outside the palette."""
        with open_picture(path) as opened:
            values = _colours(opened) if isinstance(self.codes[0], str) else _indices(opened)
        indices = _table(self.codes, self.void).take(values, mode="clip")
        if (outside := indices == OUTSIDE).any():
            raise InputError(self._outside(values, outside))
        small = self.geometry.square(Image.fromarray(indices), "nearest")
        return {"map": np.asarray(small), "size": np.array(values.shape[::-1], np.int32)}

    def _outside(self, values: npt.NDArray[np.int32], outside: npt.NDArray[np.bool_]) -> str:
        found = np.unique(values[outside])
        colours = isinstance(self.codes[0], str)
        listed = ", ".join(f"#{value:06x}" if colours else str(value) for value in found[:NAMED_VALUES])
        more = f" and {len(found) - NAMED_VALUES} more" if len(found) > NAMED_VALUES else ""
        lossy = " (JPEG blurs label maps: save them as PNG)" if more and colours else ""
        return (
            f"a label map must hold the values of its classes and void alone. Got {listed}{more} in "
            f"{int(outside.sum())} pixels{lossy}. Name their class, or list them as void."
        )


def draw(maps: Pixels, palette: Pixels) -> Pixels:
    """Return label maps (N, S, S) as pictures (N, 3, S, S) in the colours of a palette (256, 3)."""
    images = np.empty((len(maps), 3, *maps.shape[1:]), np.uint8)
    for channel in range(3):
        images[:, channel] = palette[:, channel][maps]
    return images


@lru_cache(maxsize=2)
def _table(codes: tuple[Code, ...], void: tuple[Code, ...]) -> Pixels:
    """Return value in the file → index of the class, `VOID` or `OUTSIDE`; its last entry stands for all above."""
    length = 2**24 if isinstance(codes[0], str) else LARGEST_INDEX + 2
    table = np.full(length, OUTSIDE, np.uint8)
    for index, code in enumerate(codes):
        table[_value(code)] = index
    for code in void:
        table[_value(code)] = VOID
    return table


def _indices(opened: Image.Image) -> npt.NDArray[np.int32]:
    if opened.mode not in INDEX_MODES:
        raise InputError(
            f"a label map with indices must be grey or have a palette. Got mode {opened.mode}. "
            "Give the classes as colours ('#804080'), or save indices."
        )
    return np.asarray(ImageOps.exif_transpose(opened)).astype(np.int32)


def _colours(opened: Image.Image) -> npt.NDArray[np.int32]:
    red, green, blue = np.moveaxis(np.asarray(to_rgb(opened)).astype(np.int32), -1, 0)
    return np.asarray(red << 16 | green << 8 | blue, np.int32)


def _check(code: Code) -> None:
    if isinstance(code, str) and not re.fullmatch("#[0-9a-fA-F]{6}", code):
        raise ValueError(f"a colour must be written as '#804080'. Got {code!r}")
    if isinstance(code, int) and not 0 <= code <= LARGEST_INDEX:
        raise ValueError(f"an index must be between 0 and {LARGEST_INDEX}. Got {code}")


def _value(code: Code) -> int:
    return int(code[1:], 16) if isinstance(code, str) else code


def rgb(colour: str) -> Sequence[int]:
    """Return the channels of a colour that is written as '#804080'."""
    return tuple(bytes.fromhex(colour[1:]))


def default_colour(index: int) -> str:
    """Return a colour for each class: hues in steps of the golden ratio stay apart however many there are."""
    hue, saturation, value = index * 0.61803 % 1, (0.85, 0.45)[index % 2], (1.0, 0.75, 0.5)[index % 3]
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hsv_to_rgb(hue, saturation, value))
