"""The files of MNIST, USPS and SVHN: which are here, how they are read, and torchvision's own code to bring them."""

from __future__ import annotations

import gzip
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ganbench.archives import read_arrays
from ganbench.data.base import Credit
from ganbench.errors import InputError

Part = Literal["train", "test"]
PARTS: tuple[Part, ...] = ("train", "test")
Pictures = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
MOST_BYTES = 2**30  # of an unzipped file; the largest, of EMNIST, has 0.6 of it


class DigitFiles(ABC):
    """One set of digits on disk."""

    credit: ClassVar[Credit]
    side: ClassVar[int]  # of a picture, pixels

    @abstractmethod
    def expected(self, root: Path, part: Part) -> tuple[tuple[Path, ...], ...]:
        """Return the layouts in which one part may lie beneath ``root``, each as its files; the first is torchvision's.

        Of a file, ``<name>.gz`` does as well.
        """

    @abstractmethod
    def read(self, root: Path, part: Part, files: tuple[Path, ...]) -> tuple[Pictures, Labels]:
        """Return pictures, uint8 (N, H, W) or (N, H, W, 3), and digits (N,) from files that `find` gave."""

    @abstractmethod
    def download(self, root: Path) -> None:
        """Bring both parts by torchvision's code, which checks their md5."""

    def find(self, root: Path, part: Part) -> tuple[Path, ...] | None:
        """Return the files of one part, or None where it is absent in all layouts."""
        for layout in self.expected(root, part):
            found = [next((path for path in (file, _zipped(file)) if path.is_file()), None) for file in layout]
            if all(found):
                return tuple(path for path in found if path)
        return None


class Mnist(DigitFiles):
    """LeCun 1998; idx files, as published."""

    credit = Credit(
        "MNIST", "Yann LeCun, Corinna Cortes, Christopher Burges", "CC BY-SA 3.0 (as commonly stated)",
        "http://yann.lecun.com/exdb/mnist/",
    )  # fmt: skip
    side = 28

    def expected(self, root: Path, part: Part) -> tuple[tuple[Path, ...], ...]:
        """Return torchvision's ``MNIST/raw``, or ``root`` itself."""
        word = {"train": "train", "test": "t10k"}[part]
        names = (f"{word}-images-idx3-ubyte", f"{word}-labels-idx1-ubyte")
        return tuple(tuple(folder / name for name in names) for folder in (root / "MNIST" / "raw", root))

    def read(self, root: Path, part: Part, files: tuple[Path, ...]) -> tuple[Pictures, Labels]:
        """Return pictures (N, 28, 28)."""
        images, labels = map(_read_idx, files)
        return images, labels.astype(np.int64)

    def download(self, root: Path) -> None:
        """Bring the four files."""
        from torchvision.datasets import MNIST

        MNIST(root, download=True)


class Usps(DigitFiles):
    """Hull 1994; 16 × 16, as libsvm's text or as npz with ``images`` in [−1, 1] (or uint8) and ``labels``."""

    credit = Credit(
        "USPS", "Jonathan Hull (1994)", "no licence stated: research",
        "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html#usps",
    )  # fmt: skip
    side = 16

    def expected(self, root: Path, part: Part) -> tuple[tuple[Path, ...], ...]:
        """Return torchvision's ``usps.bz2`` and ``usps.t.bz2``, or ``usps_train.npz`` and ``usps_test.npz``."""
        return (root / {"train": "usps.bz2", "test": "usps.t.bz2"}[part],), (root / f"usps_{part}.npz",)

    def read(self, root: Path, part: Part, files: tuple[Path, ...]) -> tuple[Pictures, Labels]:
        """Return pictures (N, 16, 16)."""
        if files[0].suffix == ".npz":
            return _read_npz(files[0])
        from torchvision.datasets import USPS

        usps = USPS(root, train=part == "train")
        return np.asarray(usps.data), np.asarray(usps.targets, np.int64)

    def download(self, root: Path) -> None:
        """Bring both files."""
        from torchvision.datasets import USPS

        for part in PARTS:
            USPS(root, train=part == "train", download=True)


class Svhn(DigitFiles):
    """Netzer 2011; cropped digits, 32 × 32."""

    credit = Credit(
        "SVHN", "Yuval Netzer et al., Stanford and Google (2011)", "non-commercial use only",
        "http://ufldl.stanford.edu/housenumbers/",
    )  # fmt: skip
    side = 32

    def expected(self, root: Path, part: Part) -> tuple[tuple[Path, ...], ...]:
        """Return ``train_32x32.mat`` and ``test_32x32.mat``."""
        return ((root / f"{part}_32x32.mat",),)

    def read(self, root: Path, part: Part, files: tuple[Path, ...]) -> tuple[Pictures, Labels]:
        """Return pictures (N, 32, 32, 3)."""
        from torchvision.datasets import SVHN

        svhn = SVHN(root, split=part)
        return np.ascontiguousarray(svhn.data.transpose(0, 2, 3, 1)), np.asarray(svhn.labels, np.int64)

    def download(self, root: Path) -> None:
        """Bring both files."""
        from torchvision.datasets import SVHN

        for part in PARTS:
            SVHN(root, split=part, download=True)


SETS: Mapping[str, DigitFiles] = {"mnist": Mnist(), "svhn": Svhn(), "usps": Usps()}
"""Name of the set → its files."""


def _zipped(file: Path) -> Path:
    return file.with_name(f"{file.name}.gz")


def _unzipped(file: Path) -> bytes:
    with gzip.open(file) as opened:
        content = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InputError(f"{file}: would unpack to more than {MOST_BYTES:,} bytes. Bring it anew.")
    return content


def _read_idx(file: Path) -> Pictures:
    """Read idx: two zero bytes, the type (8: uint8), the number of dimensions, each as a big-endian int32, the data."""
    content = _unzipped(file) if file.suffix == ".gz" else file.read_bytes()
    if content[:3] != b"\0\0\x08" or len(content) < 4:
        raise InputError(f"{file}: is no idx file of bytes. Bring it anew.")
    start = 4 + 4 * content[3]
    shape = tuple(np.frombuffer(content, ">i4", content[3], 4).tolist())
    if len(content) - start != np.prod(shape):
        raise InputError(f"{file}: must hold {shape} values. Got {len(content) - start} bytes of them: bring it anew.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()


def _read_npz(file: Path) -> tuple[Pictures, Labels]:
    arrays = read_arrays(file, "these digits", "Bring the file anew.")
    if not {"images", "labels"} <= set(arrays):
        raise InputError(f"{file}: must hold the arrays images and labels. Got {', '.join(arrays)}.")
    images, labels = arrays["images"], arrays["labels"].astype(np.int64)
    if images.dtype != np.uint8:
        if images.min() < -1 or images.max() > 1:
            raise InputError(f"{file}: images must lie in [−1, 1], or be uint8. Got {images.min()} to {images.max()}.")
        images = np.rint((images + 1) * 127.5).astype(np.uint8)
    return images, labels
