"""The ``class_folders`` dataset: several domains of a user's pictures, one per sub-folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from ganbench.data.base import DATASETS, Progress, TranslationData
from ganbench.data.folder_dataset import FolderDataset, needed_folders
from ganbench.data.picture_files import PLACEHOLDER, Folders
from ganbench.data.prepared import Geometry
from ganbench.errors import InputError
from ganbench.registry import did_you_mean

DOMAIN = "{domain}"


@DATASETS.register("class_folders")
class ClassFolders(FolderDataset):
    """Each sub-folder is a domain: source and target are named, all others are further domains."""

    summary: ClassVar[str] = "Several domains, one per sub-folder of your pictures (also <split>/<domain>)."

    source: str = Field(description="sub-folder whose pictures are translated")
    target: str = Field(description="sub-folder to whose pictures they are translated")
    others: list[str] | None = Field(
        None, description="sub-folders that are further domains, for methods of several; none given: all that are there"
    )
    folder: str = Field(
        DOMAIN, description="folder of a domain beneath root: {domain}, or {split}/{domain} where splits have their own"
    )

    @field_validator("folder")
    @classmethod
    def _names_the_domain(cls, folder: str) -> str:
        if Path(folder).name != DOMAIN:
            raise ValueError(f"must end in {DOMAIN}, as in {PLACEHOLDER}/{DOMAIN}. Got {folder!r}")
        return folder

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [self.source, self.target, *(self.others or ())]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"source, target and others must be distinct. Got {', '.join(twice)} more than once")
        return self

    def needed(self) -> Iterable[Path]:
        """Return the folder that holds the domains' folders; which of these there are is said by `make`."""
        return needed_folders(self.folders(str(Path(self.folder).parent)))

    def make(self, geometry: Geometry, report: Progress | None) -> TranslationData:
        """Return source, target and the other domains, in the order of their names."""
        domains = self.domains(self.divided(self._sets()), geometry, report)
        return TranslationData(domains, self.source, self.target, credits=self.credits)

    def _sets(self) -> Mapping[str, Folders]:
        there = self._names()
        others = self.others if self.others is not None else [n for n in there if n not in (self.source, self.target)]
        names = [self.source, self.target, *others]
        problems = [self._unknown(name, there) for name in names if name not in there]
        sets = dict(zip(names, self.folders(*(self.folder.replace(DOMAIN, name) for name in names)), strict=True))
        absent = [str(folder) for name in names if name in there for folder in sets[name].values()
                  if not folder.is_dir()]  # fmt: skip
        if absent:
            problems.append(f"no such folder: {', '.join(absent)}. All domains must have the same splits.")
        if problems:
            raise InputError(problems)
        return sets

    def _names(self) -> list[str]:
        """Return the names of the sub-folders with training pictures."""
        (folders,) = self.folders(str(Path(self.folder).parent))
        return sorted(p.name for p in folders["train"].iterdir() if p.is_dir() and not p.name.startswith("."))

    def _unknown(self, name: str, there: list[str]) -> str:
        (folders,) = self.folders(str(Path(self.folder).parent))
        place = folders["train"]
        known = ", ".join(there) or "none"
        hint = f"give folder: '{PLACEHOLDER}/{DOMAIN}'" if (place / "train" / name).is_dir() else "correct the name"
        return f"{place}: has no sub-folder {name!r}. {did_you_mean(name, there)}Sub-folders: {known}: {hint}."
