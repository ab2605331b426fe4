"""Which picture files a user's folders hold, and which split each belongs to: by its folder, or by its content."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ganbench.data.base import SPLITS, Split
from ganbench.data.pictures import find_pictures
from ganbench.errors import InputError
from ganbench.hardware import available_cpus

DATA_VARIABLE = "GANBENCH_DATA"
PLACEHOLDER = "{split}"
CHUNK = 64  # files that one thread hashes at once

Folders = Mapping[Split, Path]
"""Split → its folder; what has no folder of its own is split off train."""


@dataclass(frozen=True)
class Sample:
    """What belongs to one split as a whole: one picture file, or the two of a pair.

    Attributes:
        files: the files.
        digests: sha256 (hex) of the bytes of each.
    """

    files: tuple[Path, ...]
    digests: tuple[str, ...]

    @property
    def key(self) -> str:
        """Digest of the whole sample (hex): it decides split and order, so that neither follows from names.

        A pair has the same one in both directions, so that these are trained and judged on the same pairs.
        """
        return self.digests[0] if len(self.digests) == 1 else _sha256("".join(sorted(self.digests)).encode())

    @property
    def position(self) -> float:
        """Where the sample stands between 0 and 1, uniformly over contents; always the same for the same content."""
        return int(self.key[:13], 16) / 16**13


Division = Mapping[Split, Sequence[Sample]]


@dataclass(frozen=True)
class Shares:
    """How samples are divided where no folders say it.

    Attributes:
        val: share split off train for validation, where there is no folder of it.
        test: likewise for testing.
        limits: split → most samples, or None for all.
    """

    val: float
    test: float
    limits: Mapping[Split, int | None]


def absolute(path: str) -> str:
    """Return a path as seen from ``$GANBENCH_DATA``, or where that is not set from the working directory.

    Workers run in other directories and must find the same files, so options hold the absolute path.
    """
    return str((Path(os.environ.get(DATA_VARIABLE) or ".").expanduser() / Path(path).expanduser()).absolute())


def split_folders(root: Path, patterns: Sequence[str], test_word: str) -> list[dict[Split, Path]]:
    """Return the folders of each pattern: one, or of a pattern with ``{split}`` those of train, val and test.

    Of val and test there must be all patterns' folders or none, so those that only some have are returned, absent.
    """
    words: dict[Split, str] = {"train": "train", "val": "val", "test": test_word}
    if test_word == "val":
        del words["val"]
    divided = [pattern for pattern in patterns if PLACEHOLDER in pattern]
    splits = [
        split
        for split, word in words.items()
        if split == "train" or any((root / pattern.replace(PLACEHOLDER, word)).is_dir() for pattern in divided)
    ]
    return [
        {split: root / pattern.replace(PLACEHOLDER, words[split]) for split in splits}
        if PLACEHOLDER in pattern
        else {"train": root / pattern}
        for pattern in patterns
    ]


def list_pictures(folders: Folders) -> dict[Split, list[Path]]:
    """Return the picture files of each split's folder; warn of other files there.

    Raises:
        InputError: folders without pictures, or with several of one stem: all are named.
    """
    found: dict[Split, list[Path]] = {}
    problems: list[str] = []
    for split, folder in folders.items():
        try:
            found[split], notes = find_pictures(folder)
        except InputError as error:
            problems += error.problems
            continue
        for note in notes:
            warnings.warn(note, stacklevel=2)
    if problems:
        raise InputError(problems)
    return found


def hash_files(paths: Sequence[Path]) -> list[str]:
    """Return the sha256 (hex) of each file's bytes; `InputError` naming all that can't be read."""
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    with ThreadPoolExecutor(available_cpus()) as pool:
        found = [each for chunk in pool.map(_hash_chunk, chunks) for each in chunk]
    problems = [str(each) for each in found if isinstance(each, InputError)]
    if problems:
        raise InputError(problems)
    return [each for each in found if isinstance(each, str)]


def samples(files: Mapping[Split, Sequence[tuple[Path, ...]]]) -> dict[Split, list[Sample]]:
    """Hash the files of each sample of each split."""
    paths = [path for each in files.values() for paths in each for path in paths]
    digests = dict(zip(paths, hash_files(paths), strict=True))
    return {
        split: [Sample(paths, tuple(digests[path] for path in paths)) for paths in each]
        for split, each in files.items()
    }


def divide(given: Mapping[Split, Sequence[Sample]], shares: Shares, what: str) -> dict[Split, list[Sample]]:
    """Divide samples into all splits, each in the order of content.

    What has no folder of its own is split off train by content: the same content always falls to the same split, and
    adding files moves none. A sample's order within its split follows from content too, so that the first n are an
    unbiased choice, and names say nothing.

    Args:
        given: split → samples of its folder; at least train.
        shares: shares and limits.
        what: what is divided, for messages.

    Raises:
        InputError: a split without samples.
    """
    parts: dict[Split, list[Sample]] = {split: list(given.get(split, ())) for split in SPLITS if split != "train"}
    parts["train"] = []
    for sample in given["train"]:
        parts[_split_of(sample, given, shares)].append(sample)
    problems = [_empty(split, given, shares, what) for split in SPLITS if not parts[split]]
    if problems:
        raise InputError(problems)
    return {split: sorted(parts[split], key=lambda each: each.key)[: shares.limits[split]] for split in SPLITS}


def _split_of(sample: Sample, given: Mapping[Split, Sequence[Sample]], shares: Shares) -> Split:
    """Return the split of a sample of the training folder: from opposite ends, so that one share moves no other."""
    if "test" not in given and sample.position < shares.test:
        return "test"
    if "val" not in given and sample.position >= 1 - shares.val:
        return "val"
    return "train"


def _empty(split: Split, given: Mapping[Split, Sequence[Sample]], shares: Shares, what: str) -> str:
    if split in given and split != "train":
        return f"{what}: the split {split} is empty. Put pictures into its folder, or remove the folder."
    return (
        f"{what}: the split {split} is empty: of {len(given['train'])} pictures without a split of their own, "
        f"val_share {shares.val:g} and test_share {shares.test:g} leave it none. Add pictures or change the shares."
    )


def _hash_chunk(paths: Sequence[Path]) -> list[str | InputError]:
    return [_hash_file(path) for path in paths]


def _hash_file(path: Path) -> str | InputError:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return InputError(f"{path}: cannot be read ({error.strerror}).")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
