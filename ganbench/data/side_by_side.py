"""The ``side_by_side`` dataset: pix2pix's files, each holding the two pictures of a pair beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from ganbench.data.base import DATASETS, Progress, TranslationData
from ganbench.data.folder_dataset import FolderDataset, job, needed_folders
from ganbench.data.pairs import Side, paired_task
from ganbench.data.picture_files import divide, list_pictures, samples
from ganbench.data.pictures import open_picture, to_rgb
from ganbench.data.prepared import Array, Geometry, picture_arrays, picture_fields, prepare
from ganbench.data.prepared import Field as ArrayField
from ganbench.errors import InputError


@DATASETS.register("side_by_side")
class SideBySide(FolderDataset):
    """Pairs in one file each: A is its left half, B its right."""

    summary: ClassVar[str] = "Pairs in one picture each, left and right, as pix2pix's sets are."

    pictures: str = Field("{split}", description="folder of the files beneath root; {split}: each split has its own")
    direction: Literal["AtoB", "BtoA"] = Field("AtoB", description="AtoB: from the left half to the right")
    left: str = Field("A", description="name of the left halves' domain")
    right: str = Field("B", description="name of the right halves' domain")

    @model_validator(mode="before")
    @classmethod
    def _no_maps(cls, values: Any) -> Any:
        if isinstance(values, dict) and "maps" in values:
            raise ValueError(
                "maps: label maps are not read from halves of a picture. Cut them into two folders of PNGs with equal "
                "names, and take paired_folders"
            )
        return values

    @field_validator("right")
    @classmethod
    def _other_than_left(cls, right: str, info: ValidationInfo) -> str:
        if right == info.data.get("left"):
            raise ValueError(f"must differ from left. Got {right!r} for both")
        return right

    def needed(self) -> Iterable[Path]:
        """Return the folders."""
        return needed_folders(self.folders(self.pictures))

    def make(self, geometry: Geometry, report: Progress | None) -> TranslationData:
        """Return the pairs."""
        (folders,) = self.folders(self.pictures)
        files = {split: [(path,) for path in paths] for split, paths in list_pictures(folders).items()}
        division = divide(samples(files), self.shares, "pairs")
        arrays = prepare({"pairs": job(division, 0, HalvesReader(geometry))}, report)["pairs"]
        sides = [Side(self.left, _half(arrays, "left")), Side(self.right, _half(arrays, "right"))]
        return paired_task(self, division, sides if self.direction == "AtoB" else sides[::-1], geometry)


@dataclass(frozen=True)
class HalvesReader:
    """Reads both halves of a file: the arrays of `PictureReader`, as ``left/…`` and ``right/…``."""

    geometry: Geometry

    def fields(self) -> Mapping[str, ArrayField]:
        """Return what `read` returns, by name."""
        own = picture_fields(self.geometry.image_size)
        return {f"{half}/{name}": field for half in ("left", "right") for name, field in own.items()}

    def read(self, path: Path) -> Mapping[str, Array]:
        """Decode one file; `InputError` where its width is odd."""
        with open_picture(path) as opened:
            picture = to_rgb(opened)
        if picture.width % 2:
            raise InputError(
                f"two pictures side by side must have an even width. Got {picture.width} × {picture.height}. "
                "Cut it, or remove it."
            )
        middle = picture.width // 2
        boxes = {"left": (0, 0, middle, picture.height), "right": (middle, 0, picture.width, picture.height)}
        return {
            f"{half}/{name}": array
            for half, box in boxes.items()
            for name, array in picture_arrays(picture.crop(box), self.geometry).items()
        }


def _half(arrays: Mapping[str, Array], half: str) -> dict[str, Array]:
    return {name.removeprefix(f"{half}/"): array for name, array in arrays.items() if name.startswith(half)}
