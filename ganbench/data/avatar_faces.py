"""Draw faces: what a face is, and how many of them become pixels. Imports neither torch nor, before use, DiceBear."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from ganbench.data.avatar_styles import CLASSES, POSE, STYLES

BACKGROUND = "#f2f2f2"  # of all styles: a translation need not guess it
CHUNK = 25  # faces per piece of work: some 0.1 s at 64 px
WORTH_WORKERS = 200  # faces; starting processes takes as long as drawing about as many

Pixels = npt.NDArray[np.uint8]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Face:
    """All that decides how a face looks, but for its size.

    Attributes:
        style: name of the style.
        seed: DiceBear's seed, from which everything follows that is not forced.
        classes: attribute → class; an attribute that is absent is at its first class.
        glasses: whether it wears them.
    """

    style: str
    seed: str
    classes: Mapping[str, str]
    glasses: bool = False

    def dice_options(self) -> dict[str, Any]:
        """Return DiceBear's options for this face."""
        style = STYLES[self.style]
        # as part of the drawing it also fixes the extent of what is clipped; otherwise glasses that stick out shift
        # the sampling of all edges by a hair
        options: dict[str, Any] = {"seed": self.seed, "backgroundColor": [BACKGROUND], **POSE, **style.always}
        for attribute, classes in style.attributes.items():
            options |= classes[self.classes.get(attribute, CLASSES[attribute][0])]
        options |= (style.glasses if self.glasses else style.bare) or {}
        return {name: self._choose(name, value) for name, value in options.items()}

    def _choose(self, name: str, value: Any) -> Any:
        """Choose one of several variants; DiceBear would, but checks a list of them for longer than it draws."""
        if name.endswith("Variant"):
            return random.Random(f"{self.seed}/{name}").choice(value)
        return list(value) if isinstance(value, tuple) else value


def style_definition(style: str) -> dict[str, Any]:
    """Return a style's definition as the package dicebear-styles holds it."""
    text = files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8")
    definition: dict[str, Any] = json.loads(text)
    return definition


@cache
def _dice_style(style: str) -> Any:
    from dicebear import Style

    return Style(style_definition(style))


def draw(face: Face, image_size: int) -> Pixels:
    """Return one face as uint8 RGB (3, image_size, image_size)."""
    import resvg_py
    from dicebear import Avatar
    from PIL import Image

    svg = Avatar(_dice_style(face.style), face.dice_options()).to_string()
    png = resvg_py.svg_to_bytes(svg_string=svg, width=image_size, height=image_size, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png))) as image:
        return np.ascontiguousarray(np.asarray(image.convert("RGB")).transpose(2, 0, 1))


def draw_chunk(faces: Sequence[Face], image_size: int) -> Pixels:
    """Return several faces as uint8 RGB (N, 3, image_size, image_size)."""
    return np.stack([draw(face, image_size) for face in faces])


def useful_workers(faces: int) -> int:
    """Return how many processes to draw so many faces with: all cores where it pays, else this one alone."""
    from joblib import cpu_count  # type: ignore[import-untyped]

    return int(cpu_count()) if faces >= WORTH_WORKERS else 1


def draw_all(faces: Sequence[Face], image_size: int, workers: int = 1, report: Progress | None = None) -> Pixels:
    """Draw many faces; ``report`` is told how many are done, and of how many.

    Returns:
        uint8 RGB (N, 3, image_size, image_size), in the order of ``faces``.
    """
    from joblib import Parallel, delayed

    size = min(CHUNK, ceil(len(faces) / workers))
    chunks = [faces[start : start + size] for start in range(0, len(faces), size)]
    drawn: list[Pixels] = []
    # loky, not multiprocessing: it neither runs the caller's main script again nor forks a process that has threads
    parallel = Parallel(n_jobs=workers, backend="loky", return_as="generator", idle_worker_timeout=5)
    for pixels in parallel(delayed(draw_chunk)(chunk, image_size) for chunk in chunks):
        drawn.append(pixels)
        if report:
            report(min(len(drawn) * size, len(faces)), len(faces))
    return np.concatenate(drawn)
