"""Pictures brought to the size that is asked for: decoded side by side into one array, and kept on disk by content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import PIL
from PIL import Image

from ganbench.data.base import Progress
from ganbench.data.cache import cache_file, read_arrays, write_arrays
from ganbench.data.pictures import open_picture, to_rgb, try_to_read
from ganbench.errors import InputError
from ganbench.hardware import available_cpus

FORMAT = 1  # raised whenever the code makes other arrays from the same files and options
CHUNK = 32  # pictures per piece of work of a thread
MOST_NAMED = 20  # problems that are listed; a folder of nothing but damaged files needs no longer list

Crop = Literal["center", "none"]
Filter = Literal["lanczos", "bicubic", "bilinear", "box", "nearest"]
FILTERS: Mapping[Filter, Image.Resampling] = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.BOX,
    "nearest": Image.Resampling.NEAREST,
}
Array = npt.NDArray[np.generic]
Field = tuple[tuple[int, ...], type[np.generic]]


@dataclass(frozen=True)
class Geometry:
    """How a picture becomes a square.

    Attributes:
        image_size: height and width, pixels.
        crop: "center" takes the largest square in the middle; "none" the whole, stretched.
        filter: of Pillow, antialiased when it shrinks (but for "nearest").
        allow_enlarging: whether pictures may have fewer pixels than ``image_size``.
    """

    image_size: int
    crop: Crop
    filter: Filter
    allow_enlarging: bool

    def square(self, picture: Image.Image, resampling: Filter | None = None) -> Image.Image:
        """Return a picture as a square, by ``filter`` or another one; `InputError` where it is too small."""
        box = self._box(picture)
        width, height = box[2] - box[0], box[3] - box[1]
        if min(width, height) < self.image_size and not self.allow_enlarging:
            raise InputError(
                f"a picture must have at least {self.image_size} × {self.image_size} pixels. "
                f"Got {picture.width} × {picture.height}. Lower image_size, remove it, or give allow_enlarging: true."
            )
        size = (self.image_size, self.image_size)
        return picture.resize(size, FILTERS[resampling or self.filter], box)

    def _box(self, picture: Image.Image) -> tuple[int, int, int, int]:
        if self.crop == "none":
            return 0, 0, picture.width, picture.height
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        return left, top, left + side, top + side


class Reader(Protocol):
    """Makes arrays from one file; its ``repr`` tells everything that decides them beside the file's bytes."""

    def fields(self) -> Mapping[str, Field]:
        """Return name → shape and dtype of what each file gives."""

    def read(self, path: Path) -> Mapping[str, Array]:
        """Return the arrays of one file; raise whatever is wrong with it."""


@dataclass(frozen=True)
class PictureReader:
    """One picture per file: ``images`` (3, S, S); ``size``, the file's width and height; ``content``, its digest."""

    geometry: Geometry

    def fields(self) -> Mapping[str, Field]:
        """Return what `read` returns, by name."""
        return picture_fields(self.geometry.image_size)

    def read(self, path: Path) -> Mapping[str, Array]:
        """Decode one file."""
        with open_picture(path) as opened:
            return picture_arrays(to_rgb(opened), self.geometry)


def picture_fields(image_size: int) -> dict[str, Field]:
    """Return the fields of `picture_arrays`."""
    return {"images": ((3, image_size, image_size), np.uint8), "size": ((2,), np.int32), "content": ((32,), np.uint8)}


def picture_arrays(picture: Image.Image, geometry: Geometry) -> dict[str, Array]:
    """Return an RGB picture's square (3, S, S), its width and height, and the sha256 of all its pixels."""
    content = hashlib.sha256(repr(picture.size).encode() + picture.tobytes()).digest()
    return {
        "images": np.asarray(geometry.square(picture)).transpose(2, 0, 1),
        "size": np.array(picture.size, np.int32),
        "content": np.frombuffer(content, np.uint8),
    }


@dataclass(frozen=True)
class Job:
    """Files to be read by one reader, with the digests of their bytes."""

    files: Sequence[Path]
    digests: Sequence[str]
    reader: Reader

    @property
    def cache(self) -> Path:
        """Where the arrays are kept: the name follows from the files' content, not from their names."""
        return cache_file("pictures", f"format {FORMAT}", f"Pillow {PIL.__version__}", repr(self.reader), *self.digests)


def prepare(jobs: Mapping[str, Job], report: Progress | None = None) -> dict[str, dict[str, Array]]:
    """Return, for each job, name → array with one entry per file, from the cache where they were made before.

    Each array is made once, at its full size, and written to by all threads: at no time are there two of it.

    Raises:
        InputError: files that can't be read or used: those of all jobs are named.
    """
    made = {name: arrays for name, job in jobs.items() if (arrays := read_arrays(job.cache)) is not None}
    counter = _Counter(report, sum(len(job.files) for name, job in jobs.items() if name not in made))
    problems: list[str] = []
    for name, job in jobs.items():
        if name not in made:
            made[name], found = _read_all(job, counter)
            problems += found
            if not problems:
                write_arrays(job.cache, made[name])
    if problems:
        raise InputError(shortened(list(dict.fromkeys(problems))))
    return made


def shortened(problems: Sequence[str]) -> list[str]:
    """Return the first problems, and how many more there are."""
    more = len(problems) - MOST_NAMED
    return [*problems[:MOST_NAMED], *([f"… and {more} more."] if more > 0 else [])]


class _Counter:
    """Tells how many files of all jobs are read."""

    def __init__(self, report: Progress | None, total: int) -> None:
        self.report, self.total, self.done = report, total, 0

    def add(self, count: int) -> None:
        self.done += count
        if self.report:
            self.report(self.done, self.total)


def _read_all(job: Job, counter: _Counter) -> tuple[dict[str, Array], list[str]]:
    """Read the files of one job in threads (Pillow's decoders run side by side); return arrays and problems."""
    fields = job.reader.fields().items()
    arrays: dict[str, Array] = {name: np.empty((len(job.files), *shape), dtype) for name, (shape, dtype) in fields}

    def read_chunk(start: int) -> list[str]:
        problems = []
        for index, path in enumerate(job.files[start : start + CHUNK], start):
            found = try_to_read(job.reader.read, path)
            if isinstance(found, str):
                problems.append(found)
            else:
                for name, value in found.items():
                    arrays[name][index] = value
        return problems

    problems: list[str] = []
    starts = range(0, len(job.files), CHUNK)
    with ThreadPoolExecutor(available_cpus()) as pool:
        for start, found in zip(starts, pool.map(read_chunk, starts), strict=True):
            problems += found
            counter.add(min(CHUNK, len(job.files) - start))
    return arrays, problems
