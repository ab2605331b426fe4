"""The ``unpaired_folders`` dataset: two folders of a user's pictures, or CycleGAN's trainA, trainB, testA, testB."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator

from ganbench.data.base import DATASETS, Progress, TranslationData
from ganbench.data.folder_dataset import FolderDataset, needed_folders
from ganbench.data.prepared import Geometry


@DATASETS.register("unpaired_folders")
class UnpairedFolders(FolderDataset):
    """Two domains without pairs, each one folder, or one for each split."""

    summary: ClassVar[str] = "Two folders of your pictures, unpaired; or CycleGAN's trainA, trainB, testA, testB."

    source: str = Field("A", description="name of the domain that is translated")
    target: str = Field("B", description="name of the domain to translate to")
    source_folder: str = Field(
        "{split}A", description="folder of the source's pictures beneath root; {split}: each split has its own"
    )
    target_folder: str = Field(
        "{split}B", description="folder of the target's pictures beneath root; {split}: each split has its own"
    )

    @field_validator("target", "target_folder")
    @classmethod
    def _other_than_source(cls, value: str, info: ValidationInfo) -> str:
        if value == info.data.get(str(info.field_name).replace("target", "source")):
            raise ValueError(f"must differ from that of the source. Got {value!r} for both")
        return value

    def needed(self) -> Iterable[Path]:
        """Return the folders of both domains."""
        return needed_folders(self.folders(self.source_folder, self.target_folder))

    def make(self, geometry: Geometry, report: Progress | None) -> TranslationData:
        """Return the two domains."""
        sets = dict(zip((self.source, self.target), self.folders(self.source_folder, self.target_folder), strict=True))
        domains = self.domains(self.divided(sets), geometry, report)
        return TranslationData(domains, self.source, self.target, credits=self.credits)
