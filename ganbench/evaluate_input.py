"""What `evaluate` judges: folders of pictures, each with a role, checked together and made into a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ganbench.data.base import Domain, Split, TranslationData
from ganbench.data.pictures import Pictures, read_pictures
from ganbench.errors import InputError

SMALLEST = 8  # pixels; below that no metric means anything
Report = Callable[[str, int, int], None]
"""Called with (stage, step, steps)."""
ROLES = {
    "generated": "the pictures to be judged",
    "source": "what they were made from",
    "target": "real target pictures that no training saw",
    "train": "real target pictures that the method was trained on",
    "counterpart": "the one right answer to each source picture",
}


class AbsentPicturesError(InputError):
    """A metric asks for pictures that no folder gave."""


class _Given(dict[Split, torch.Tensor]):
    """The splits that were given; asking for another one says which folder is missing."""

    def __init__(self, images: Mapping[Split, torch.Tensor | None], absent: Mapping[Split, str]) -> None:
        super().__init__({split: tensor for split, tensor in images.items() if tensor is not None})
        self._absent = absent

    def __missing__(self, split: Split) -> torch.Tensor:
        raise AbsentPicturesError(f"needs {self._absent[split]}")


@dataclass(frozen=True)
class Material:
    """The pictures of every role that was given, in the order of the generated ones where they belong together.

    Attributes:
        images: role → uint8 (N, 3, H, W), all of one size.
        notes: what a reader must know of them, one sentence each.
        resized: whether any picture was brought to another size.
    """

    images: dict[str, torch.Tensor]
    notes: tuple[str, ...]
    resized: bool

    def data(self) -> TranslationData:
        """Return the task that the folders pose."""
        target, source, train = (self.images.get(role) for role in ("target", "source", "train"))
        held_out = "held-out real target pictures (--target)"
        no_training = "training pictures of the source, which a suite has and folders have not (--append)"
        wanted = _Given(
            {"train": train, "val": target, "test": target},
            {"train": "real target training pictures (--train)", "val": held_out, "test": held_out},
        )
        given = _Given(
            {"test": source}, {"train": no_training, "val": no_training, "test": "the source pictures (--source)"}
        )
        pairs: dict[Split, torch.Tensor] = {}
        if "counterpart" in self.images:
            pairs["test"] = self.images["counterpart"]
        return TranslationData({"source": Domain(given), "target": Domain(wanted)}, "source", "target", {}, pairs)


def read_folders(folders: Mapping[str, Path], image_size: int | None, report: Report) -> Material:
    """Read the folder of every role; ``generated`` is always among them.

    The pictures of source, generated and counterpart belong together by file name without suffix.

    Raises:
        InputError: the problems of all folders: pictures that can't be read, different sizes, missing partners.
    """
    problems: list[str] = []
    found: dict[str, Pictures] = {}
    for role, folder in folders.items():
        try:
            found[role] = read_pictures(folder, image_size, _reporter(report, f"reading {role} pictures"))
        except InputError as error:
            problems += error.problems
    problems += _different_sizes(found)
    for role in ("source", "counterpart"):
        if {role, "generated"} <= found.keys():
            problems += unmatched(found["generated"], found[role])
    if problems:
        raise InputError(problems)
    images = {role: pictures.images for role, pictures in found.items()}
    images |= {role: in_order(found[role], found["generated"]) for role in ("source", "counterpart") if role in found}
    notes = (*(note for pictures in found.values() for note in pictures.notes), *_seen_in_training(images))
    return Material(images, notes, any(pictures.resized for pictures in found.values()))


def _reporter(report: Report, stage: str) -> Callable[[int, int], None]:
    return lambda done, total: report(stage, done, total)


def _different_sizes(found: Mapping[str, Pictures]) -> list[str]:
    """Refuse folders of unequal sizes: distances between them would measure the resizing."""
    sizes = {role: tuple(pictures.images.shape[-2:]) for role, pictures in found.items()}
    texts = ", ".join(f"--{role} {width} × {height}" for role, (height, width) in sizes.items())
    if len(set(sizes.values())) > 1:
        return [f"The pictures of all folders must be of one size (width × height). Got {texts}. Give --image-size."]
    small = any(min(size) < SMALLEST for size in sizes.values())
    return [f"Pictures must have at least {SMALLEST} pixels each way. Got {texts}."] if small else []


def unmatched(generated: Pictures, other: Pictures) -> list[str]:
    """Say which pictures of two folders have no partner of the same name (without suffix) in the other."""
    return [*_alone(generated, other), *_alone(other, generated)]


def _alone(pictures: Pictures, others: Pictures) -> list[str]:
    partners = set(others.stems)
    alone = [name for name, stem in zip(pictures.names, pictures.stems, strict=True) if stem not in partners]
    if not alone:
        return []
    return [
        f"{pictures.place}: {len(alone)} of {len(pictures.names)} pictures have no partner of the same name (suffix "
        f"aside) in {others.place}: {', '.join(alone)}. Rename them, or bring the missing ones."
    ]


def in_order(pictures: Pictures, of: Pictures) -> torch.Tensor:
    """Return images (N, 3, H, W) in the order of the pictures ``of`` the same names."""
    place = {stem: index for index, stem in enumerate(pictures.stems)}
    return pictures.images[[place[stem] for stem in of.stems]]


def _seen_in_training(images: Mapping[str, torch.Tensor]) -> list[str]:
    """Warn where held-out pictures are training pictures as well."""
    if not {"target", "train"} <= images.keys():
        return []
    known = {image.numpy().tobytes() for image in images["train"]}
    count = sum(image.numpy().tobytes() in known for image in images["target"])
    if not count:
        return []
    return [
        f"⚠ {count} of the {len(images['target'])} --target pictures are also in --train, so they are not held out: "
        "the row real looks better than it is, and copies are hard to tell."
    ]
