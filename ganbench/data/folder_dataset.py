"""What all datasets made of a user's own pictures have in common: options, splits, leaks, credits."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import torch
from pydantic import Field, field_validator, model_validator

from ganbench.data.base import SPLITS, Credit, Dataset, DatasetCard, Domain, Progress, Split, TranslationData
from ganbench.data.picture_files import (
    DATA_VARIABLE,
    Division,
    Folders,
    Sample,
    Shares,
    absolute,
    divide,
    list_pictures,
    samples,
    split_folders,
)
from ganbench.data.prepared import Array, Crop, Filter, Geometry, Job, PictureReader, Reader, prepare, shortened
from ganbench.errors import InputError, MissingFileError
from ganbench.options import Options

Arrays = Mapping[str, Array]
Places = Mapping[str, tuple[Sequence[Path], Array]]
"""Name of a domain and split → its files, and the digests of their pixels (N, 32)."""


class CreditOptions(Options):
    """Who made the pictures, and what may be done with them."""

    title: str
    artist: str
    licence: str
    url: str = ""
    publish: bool = Field(True, description="whether pictures may be published, as on a sheet that is committed")


class FolderDataset(Dataset):
    """Pictures in folders. Splits that have no folder of their own are split off train by content.

    A subclass adds the keys of its layout, `needed` and `make`.
    """

    root: str = Field(
        description=f"folder of the pictures; a relative path is seen from ${DATA_VARIABLE}, else the working directory"
    )
    crop: Crop = Field("center", description="center: the largest square in the middle; none: the whole, stretched")
    filter: Filter = Field("bicubic", description="how pictures are resized; antialiased, but for nearest")
    allow_enlarging: bool = Field(
        False, description="take pictures with fewer pixels than image_size, and enlarge them"
    )
    allow_leaks: bool = Field(False, description="take the same picture in two splits or two domains, with a warning")
    val_share: float = Field(0.1, gt=0, lt=1, description="share of the pictures for validation, without own folder")
    test_share: float = Field(0.1, gt=0, lt=1, description="share of the pictures for testing, without own folder")
    test_word: str = Field(
        "test", description="what stands for {split} in the folder of test pictures; 'val' where authors test on that"
    )
    n_train: int | None = Field(None, ge=1, description="most training pictures per domain; none given: all")
    n_val: int | None = Field(None, ge=1, description="most validation pictures per domain; none given: all")
    n_test: int | None = Field(None, ge=1, description="most test pictures per domain; none given: all")
    credit: CreditOptions | list[CreditOptions] | None = Field(
        None, description="title, artist, licence, url and publish, for the sheets; a list where there are several"
    )

    @field_validator("root")
    @classmethod
    def _absolute(cls, root: str) -> str:
        return absolute(root)

    @model_validator(mode="after")
    def _something_to_train(self) -> Self:
        if self.val_share + self.test_share >= 1:
            raise ValueError(
                f"val_share and test_share must leave something to train: together below 1. "
                f"Got {self.val_share:g} and {self.test_share:g}"
            )
        return self

    @property
    def map_names(self) -> tuple[str, ...]:
        """Names of the classes of label maps, where a layout has them."""
        return ()

    @abstractmethod
    def needed(self) -> Iterable[Path]:
        """Yield the folders and files that must be there."""

    @abstractmethod
    def make(self, geometry: Geometry, report: Progress | None) -> TranslationData:
        """Return the images; everything `needed` is there."""

    def missing(self) -> str | None:
        """Name every folder and file that is absent, with the remedy, or return None."""
        absent = [str(path) for path in dict.fromkeys(self.needed()) if not path.exists()]
        if not absent:
            return None
        origins = " and ".join(f"{credit.title} ({credit.url})" for credit in self._given_credits if credit.url)
        return (
            f"no such folder or file: {', '.join(absent)}. Put the pictures there, or correct the keys of the dataset "
            f"(a relative root is seen from ${DATA_VARIABLE}, else from the working directory)."
            f"{f' They come from {origins}.' if origins else ''}"
        )

    def load(self, image_size: int, report: Progress | None = None) -> TranslationData:
        """Return the pictures at ``image_size`` pixels, from the cache where the same files were prepared before.

        Raises:
            InputError: absent folders, empty splits, files that are damaged, too small or don't fit the layout, the
                same picture in two splits or domains. All of a kind are named.
        """
        if reason := self.missing():
            raise MissingFileError(reason)
        return self.make(Geometry(image_size, self.crop, self.filter, self.allow_enlarging), report)

    @property
    def shares(self) -> Shares:
        """How pictures are divided that no folder assigns to a split."""
        return Shares(self.val_share, self.test_share, dict(zip(SPLITS, self._limits, strict=True)))

    @property
    def credits(self) -> tuple[Credit, ...]:
        """Whom the suite credits."""
        return tuple(Credit(**each.model_dump()) for each in self._given_credits)

    @property
    def _given_credits(self) -> list[CreditOptions]:
        return self.credit if isinstance(self.credit, list) else [self.credit] if self.credit else []

    @property
    def _limits(self) -> tuple[int | None, ...]:
        return self.n_train, self.n_val, self.n_test

    def folders(self, *patterns: str) -> list[dict[Split, Path]]:
        """Return the folders by split of each pattern beneath the root."""
        return split_folders(Path(self.root), patterns, self.test_word)

    def divided(self, sets: Mapping[str, Folders]) -> dict[str, Division]:
        """Divide the pictures of several domains, each given by its folders; `InputError` with the problems of all."""
        divisions: dict[str, Division] = {}
        problems: list[str] = []
        for name, folders in sets.items():
            try:
                files = {split: [(path,) for path in paths] for split, paths in list_pictures(folders).items()}
                divisions[name] = divide(samples(files), self.shares, f"domain {name}")
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(problems)
        return divisions

    def domains(
        self, divisions: Mapping[str, Division], geometry: Geometry, report: Progress | None
    ) -> dict[str, Domain]:
        """Read the pictures of domains that are not paired; see that no picture stands in two of them or two splits."""
        jobs = {name: job(division, 0, PictureReader(geometry)) for name, division in divisions.items()}
        arrays = prepare(jobs, report)
        check_leaks(
            {
                f"{name}/{split}": place
                for name, division in divisions.items()
                for split, place in places(division, 0, arrays[name]).items()
            },
            self.allow_leaks,
        )
        for name in divisions:
            tell_of_enlarged(name, arrays[name], geometry)
        return {name: Domain(sliced(arrays[name]["images"], division)) for name, division in divisions.items()}

    @classmethod
    def card(cls) -> DatasetCard:
        """Describe the layout; names, counts and classes are those of the user's folders."""
        return DatasetCard(
            summary=cls.summary,
            domains=("named by the suite",),
            counts="all that the folders hold; without folders of their own, 80 % train + 10 % val + 10 % test",
            classes={},
            credits=(),
        )


def needed_folders(sets: Iterable[Folders]) -> list[Path]:
    """Return all folders of several sets."""
    return [folder for each in sets for folder in each.values()]


def in_order(division: Division) -> list[Sample]:
    """Return all samples: those of train, then val, then test."""
    return [sample for split in SPLITS for sample in division[split]]


def job(division: Division, part: int, reader: Reader) -> Job:
    """Return what is to be read of one part of all samples."""
    ordered = in_order(division)
    return Job([sample.files[part] for sample in ordered], [sample.digests[part] for sample in ordered], reader)


def sliced(array: Array, division: Division) -> dict[Split, torch.Tensor]:
    """Cut an array of all samples into its splits; nothing is copied."""
    parts = torch.from_numpy(array).split([len(division[split]) for split in SPLITS])
    return dict(zip(SPLITS, parts, strict=True))


def places(division: Division, part: int, arrays: Arrays) -> dict[Split, tuple[list[Path], Array]]:
    """Return, for each split, files of one part of its samples with the digests of their pixels."""
    contents = sliced(arrays["content"], division)
    return {split: ([s.files[part] for s in division[split]], contents[split].numpy()) for split in SPLITS}


def check_leaks(groups: Places, allowed: bool) -> None:
    """Raise `InputError` naming pictures that are the same, to the pixel, in two groups; where allowed, warn."""
    seen: dict[bytes, tuple[str, Path]] = {}
    problems = []
    for group, (paths, contents) in groups.items():
        for path, content in zip(paths, contents, strict=True):
            other, twin = seen.setdefault(content.tobytes(), (group, path))
            if other != group:
                problems.append(f"{path} ({group}) is the same picture as {twin} ({other}).")
    if problems and allowed:
        warnings.warn(
            f"In two splits or two domains: {len(problems)} picture(s). The first: {problems[0]}", stacklevel=2
        )
    elif problems:
        remedy = "Remove one of each, or give allow_leaks: true: no picture may be in two splits or two domains."
        raise InputError([*shortened(problems), remedy])


def tell_of_enlarged(name: str, arrays: Arrays, geometry: Geometry) -> None:
    """Warn where pictures were enlarged, which the suite allows."""
    enlarged = int((arrays["size"].min(axis=1) < geometry.image_size).sum())
    if enlarged:
        warnings.warn(
            f"{name}: {enlarged} of {len(arrays['size'])} pictures were enlarged to "
            f"{geometry.image_size} × {geometry.image_size} pixels.",
            stacklevel=2,
        )
