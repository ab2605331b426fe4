"""The ``digit_sets`` dataset: two of MNIST, USPS and SVHN, unpaired, as in DTN; from the user's files or downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from pydantic import Field, ValidationInfo, field_validator

from ganbench.data.base import DATASETS, SPLITS, Dataset, DatasetCard, Domain, Progress, Split, TranslationData
from ganbench.data.digit_files import PARTS, SETS, DigitFiles, Labels, Part, Pictures
from ganbench.data.picture_files import DATA_VARIABLE, absolute
from ganbench.errors import InputError, MissingFileError
from ganbench.seeding import numpy_generator

DIGITS = tuple("0123456789")
SIDE = 32  # smaller pictures than SVHN's get a black border or are enlarged to it
OWN_TEST = 0.2  # share of all pictures that an own division keeps for testing

SetName = Literal["mnist", "svhn", "usps"]
Labelled = tuple[Pictures, Labels]


@DATASETS.register("digit_sets")
class DigitSets(Dataset):
    """Digits of one set into those of another, labelled.

    MNIST's 28 pixels get a border of two, as in DTN (Taigman 2017); USPS's 16 are enlarged. Validation images are
    drawn from the training images of each set.
    """

    summary: ClassVar[str] = "MNIST, USPS and SVHN, two of them, unpaired and labelled; your files or downloaded."

    source: SetName = Field("svhn", description="set that is translated")
    target: SetName = Field("mnist", description="set to translate to", validate_default=True)
    root: str = Field(
        "digits", description=f"folder of the files; a relative path is seen from ${DATA_VARIABLE}, else from here"
    )
    download: bool = Field(False, description="bring absent files by torchvision's code, which checks their md5")
    division: Literal["official", "own"] = Field(
        "official", description="official: train and test as published; own: all that is here, a fifth for testing"
    )
    n_train: int | None = Field(None, ge=1, description="most training images per domain; none given: all")
    n_val: int = Field(1000, ge=1, description="validation images per domain")
    n_test: int | None = Field(None, ge=1, description="most test images per domain; none given: all")

    @field_validator("root")
    @classmethod
    def _absolute(cls, root: str) -> str:
        return absolute(root)

    @field_validator("target")
    @classmethod
    def _other_than_source(cls, target: str, info: ValidationInfo) -> str:
        if target == info.data.get("source"):
            raise ValueError(f"must be another set than the source. Got {target!r} for both")
        return target

    def missing(self) -> str | None:
        """Name the files that are absent and that no download would bring."""
        absent = [] if self.download else [line for name in (self.source, self.target) for line in self._absent(name)]
        if not absent:
            return None
        return f"{'; '.join(absent)}. Put them there, correct root, or give download: true."

    def _absent(self, name: str) -> list[str]:
        """Say of each part of a set that must be here and is not which files it is looked for in."""
        files, root = SETS[name], Path(self.root)
        lacking = [part for part in PARTS if files.find(root, part) is None]
        if self.division == "own" and len(lacking) < len(PARTS):  # one of them is enough
            return []
        return [f"{name} ({part}): no {_layouts(files, root, part)}" for part in lacking]

    def load(self, image_size: int, report: Progress | None = None) -> TranslationData:
        """Return both sets at ``image_size`` pixels, resized by Pillow's bicubic filter.

        Raises:
            MissingFileError: files are absent, or could not be downloaded; the text says which to put where.
        """
        if self.download:
            self._bring()
        if reason := self.missing() or "; ".join(line for n in (self.source, self.target) for line in self._absent(n)):
            raise MissingFileError(f"dataset digit_sets: {reason}")
        return TranslationData(
            domains={name: self._domain(name, image_size) for name in (self.source, self.target)},
            source=self.source,
            target=self.target,
            classes={"digit": DIGITS},
            credits=(SETS[self.source].credit, SETS[self.target].credit),
        )

    def _bring(self) -> None:
        """Download the sets that are not here; `MissingFileError` with the files to put where it fails."""
        problems = []
        for name in (self.source, self.target):
            if absent := self._absent(name):
                try:
                    SETS[name].download(Path(self.root))
                except (OSError, RuntimeError) as error:  # what torchvision and urllib raise
                    problems.append(f"{name} could not be downloaded ({error}): {'; '.join(absent)}")
        if problems:
            raise MissingFileError([f"dataset digit_sets: {problem}. Put them there by hand." for problem in problems])

    def _domain(self, name: str, image_size: int) -> Domain:
        parts = {part: found for part in PARTS if (found := self._read(name, part)) is not None}
        splits = self._divided(name, parts)
        return Domain(
            images={split: _prepared(pictures, SETS[name].side, image_size) for split, (pictures, _) in splits.items()},
            labels={split: {"digit": torch.from_numpy(labels)} for split, (_, labels) in splits.items()},
        )

    def _read(self, name: str, part: Part) -> Labelled | None:
        root = Path(self.root)
        found = SETS[name].find(root, part)
        return SETS[name].read(root, part, found) if found else None

    def _divided(self, name: str, parts: Mapping[Part, Labelled]) -> dict[Split, Labelled]:
        """Draw the splits; `InputError` where validation would leave nothing to train on."""
        if self.division == "own":
            whole = _joined(list(parts.values()))
            order = _order(name, len(whole[1]))
            n_test = round(OWN_TEST * len(order))
            test, rest = _chosen(whole, order[:n_test]), _chosen(whole, order[n_test:])
        else:
            order = _order(name, len(parts["train"][1]))
            test, rest = parts["test"], _chosen(parts["train"], order)
        if len(rest[1]) <= self.n_val:
            raise InputError(
                f"dataset digit_sets: n_val must be below the {len(rest[1])} images of {name} that are not for "
                f"testing. Got {self.n_val}."
            )
        first = self.n_val + self.n_train if self.n_train else None
        val, train = _chosen(rest, slice(self.n_val)), _chosen(rest, slice(self.n_val, first))
        return dict(zip(SPLITS, (train, val, _chosen(test, slice(self.n_test))), strict=True))

    @classmethod
    def card(cls) -> DatasetCard:
        """Describe the dataset: its sets and their authors."""
        return DatasetCard(
            summary=cls.summary,
            domains=tuple(SETS),
            counts="mnist 60,000 + 10,000, usps 7,291 + 2,007, svhn 73,257 + 26,032; 1,000 of train are val",
            classes={"digit": DIGITS},
            credits=tuple(files.credit for files in SETS.values()),
        )


def _layouts(files: DigitFiles, root: Path, part: Part) -> str:
    return ", nor ".join(" and ".join(map(str, layout)) for layout in files.expected(root, part))


def _order(name: str, count: int) -> npt.NDArray[np.int64]:
    return numpy_generator(0, "digit_sets", name).permutation(count)


def _chosen(labelled: Labelled, index: npt.NDArray[np.int64] | slice) -> Labelled:
    pictures, labels = labelled
    return pictures[index], labels[index]


def _joined(parts: list[Labelled]) -> Labelled:
    return np.concatenate([pictures for pictures, _ in parts]), np.concatenate([labels for _, labels in parts])


def _prepared(pictures: Pictures, side: int, image_size: int) -> torch.Tensor:
    """Return pictures (N, H, W) or (N, H, W, 3) as uint8 (N, 3, image_size, image_size)."""
    border = (SIDE - side) // 2 if side == 28 else 0  # MNIST's own margin is part of it; USPS fills its frame
    if border:
        pictures = np.pad(pictures, ((0, 0), (border, border), (border, border)))
    made = np.empty((len(pictures), 3, image_size, image_size), np.uint8)
    for index, picture in enumerate(pictures):
        resized = np.asarray(Image.fromarray(picture).resize((image_size, image_size), Image.Resampling.BICUBIC))
        made[index] = resized if resized.ndim == 2 else resized.transpose(2, 0, 1)
    return torch.from_numpy(made)
