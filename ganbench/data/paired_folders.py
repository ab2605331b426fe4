"""The ``paired_folders`` dataset: two folders of a user's pictures, matched by name; one may hold label maps."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from ganbench.data.base import DATASETS, Progress, Split, TranslationData
from ganbench.data.folder_dataset import FolderDataset, job, needed_folders
from ganbench.data.label_maps import MapOptions
from ganbench.data.pairs import Side, match, paired_task
from ganbench.data.picture_files import PLACEHOLDER, divide, list_pictures, samples
from ganbench.data.prepared import Geometry, PictureReader, Reader, prepare
from ganbench.errors import InputError

SIDES = ("source", "target")


@DATASETS.register("paired_folders")
class PairedFolders(FolderDataset):
    """Pairs of pictures of one name, from two folders or from two for each split."""

    summary: ClassVar[str] = "Two folders of your pictures, paired by name; one may hold label maps (PNG)."

    source: str = Field("A", description="name of the domain that is translated")
    target: str = Field("B", description="name of the domain to translate to")
    source_folder: str = Field(description="folder of the source's pictures beneath root; {split}: one for each split")
    target_folder: str = Field(description="folder of the target's pictures beneath root; {split}: one for each split")
    maps: MapOptions | None = Field(None, description="which side holds label maps, and what their values mean")

    @model_validator(mode="after")
    def _two_sides(self) -> Self:
        if self.source == self.target or self.source_folder == self.target_folder:
            raise ValueError("source and target must differ, and so must source_folder and target_folder")
        if (PLACEHOLDER in self.source_folder) != (PLACEHOLDER in self.target_folder):
            raise ValueError(f"source_folder and target_folder must both contain {PLACEHOLDER}, or neither")
        return self

    @property
    def map_names(self) -> tuple[str, ...]:
        """Names of the classes of the label maps."""
        return self.maps.names if self.maps else ()

    def needed(self) -> Iterable[Path]:
        """Return the folders of both sides."""
        return needed_folders(self.folders(self.source_folder, self.target_folder))

    def make(self, geometry: Geometry, report: Progress | None) -> TranslationData:
        """Return the pairs."""
        pairs = match((self.source, self.target), self._files())
        division = divide(samples(pairs), self.shares, "pairs")
        jobs = {side: job(division, part, self._reader(side, geometry)) for part, side in enumerate(SIDES)}
        arrays = prepare(jobs, report)
        sides = [Side(getattr(self, side), arrays[side], part) for part, side in enumerate(SIDES)]
        return paired_task(self, division, sides, geometry, self.maps.palette() if self.maps else None)

    def _files(self) -> list[dict[Split, list[Path]]]:
        found: list[dict[Split, list[Path]]] = []
        problems: list[str] = []
        for folders in self.folders(self.source_folder, self.target_folder):
            try:
                found.append(list_pictures(folders))
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(problems)
        return found

    def _reader(self, side: str, geometry: Geometry) -> Reader:
        return self.maps.reader(geometry) if self.maps and self.maps.side == side else PictureReader(geometry)
