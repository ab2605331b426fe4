"""The ``folder`` dataset: one folder of pictures, for tasks that are made from one domain, such as ``degraded``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ganbench.data.base import DATASETS, Progress, TranslationData
from ganbench.data.folder_dataset import FolderDataset, needed_folders
from ganbench.data.prepared import Geometry


@DATASETS.register("folder")
class Folder(FolderDataset):
    """One domain, source and target at once: ``{name: degraded, of: {name: folder, root: my_pictures}}``."""

    summary: ClassVar[str] = "One folder of your pictures, to be given to 'degraded' as 'of'."

    domain: str = Field("pictures", description="name of the domain")
    pictures: str = Field(".", description="folder of the pictures beneath root; {split}: each split has its own")

    def needed(self) -> Iterable[Path]:
        """Return the folders."""
        return needed_folders(self.folders(self.pictures))

    def make(self, geometry: Geometry, report: Progress | None) -> TranslationData:
        """Return the one domain."""
        divisions = self.divided({self.domain: self.folders(self.pictures)[0]})
        domains = self.domains(divisions, geometry, report)
        return TranslationData(domains, self.domain, self.domain, credits=self.credits)
