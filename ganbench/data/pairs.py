"""From the two sides of pairs, read from files, to a paired task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganbench.data.base import SPLITS, Domain, Split, TranslationData
from ganbench.data.folder_dataset import (
    Arrays,
    FolderDataset,
    check_leaks,
    in_order,
    places,
    sliced,
    tell_of_enlarged,
)
from ganbench.data.label_maps import Pixels, draw
from ganbench.data.picture_files import Division
from ganbench.data.prepared import Geometry, shortened
from ganbench.errors import InputError


@dataclass(frozen=True)
class Side:
    """One side of all pairs.

    Attributes:
        name: of the domain.
        arrays: ``images``, ``size`` and ``content`` of all pairs, or of label maps ``map`` and ``size``.
        part: which of a sample's files it is.
    """

    name: str
    arrays: Arrays
    part: int = 0

    def images(self, palette: Pixels | None) -> Pixels:
        """Return uint8 images (N, 3, S, S); label maps are drawn in the colours of ``palette``."""
        if "map" not in self.arrays:
            return np.asarray(self.arrays["images"], np.uint8)
        assert palette is not None  # whoever reads label maps knows how they are drawn  # noqa: S101
        return draw(np.asarray(self.arrays["map"], np.uint8), palette)


def paired_task(
    dataset: FolderDataset, division: Division, sides: Sequence[Side], geometry: Geometry, palette: Pixels | None = None
) -> TranslationData:
    """Return the paired task from ``sides[0]`` to ``sides[1]``, with label maps for both where one side holds them.

    Raises:
        InputError: pairs whose pictures have other proportions, or the same picture in two splits.
    """
    _refuse_other_proportions(division, sides)
    source, target = sides
    for side in sides:
        if "content" in side.arrays:
            groups = {f"{side.name}/{split}": each for split, each in places(division, side.part, side.arrays).items()}
            check_leaks(groups, dataset.allow_leaks)
        tell_of_enlarged(side.name, side.arrays, geometry)
    images = {side.name: sliced(side.images(palette), division) for side in sides}
    maps = [sliced(side.arrays["map"], division) for side in sides if "map" in side.arrays]
    return TranslationData(
        domains={name: Domain(each) for name, each in images.items()},
        source=source.name,
        target=target.name,
        counterparts=images[target.name],
        paired=True,
        credits=dataset.credits,
        label_maps={side.name: maps[0] for side in sides} if maps else {},
        map_classes=dataset.map_names,
    )


def match(names: Sequence[str], sides: Sequence[Mapping[Split, Sequence[Path]]]) -> dict[Split, list[tuple[Path, ...]]]:
    """Pair the files of two sides by their names without suffix, split by split.

    Args:
        names: of the two sides, for messages.
        sides: split → files, for each side; no two of a split share a stem.

    Raises:
        InputError: files without a partner: all are named.
    """
    pairs: dict[Split, list[tuple[Path, ...]]] = {}
    problems: list[str] = []
    for split in (split for split in SPLITS if split in sides[0]):
        first, second = ({path.stem: path for path in side[split]} for side in sides)
        pairs[split] = [(path, second[stem]) for stem, path in first.items() if stem in second]
        problems += [f"{path}: has no partner of that name among the {names[1]} pictures ({split})."
                     for stem, path in first.items() if stem not in second]  # fmt: skip
        problems += [f"{path}: has no partner of that name among the {names[0]} pictures ({split})."
                     for stem, path in second.items() if stem not in first]  # fmt: skip
    if problems:
        raise InputError([*shortened(problems), "Pairs are matched by name without suffix: add or remove these."])
    return pairs


def _refuse_other_proportions(division: Division, sides: Sequence[Side]) -> None:
    """Refuse pairs that would not lie on one another; one may be larger than the other, to the nearest pixel."""
    (width, height), (other_width, other_height) = (np.asarray(side.arrays["size"]).T.astype(float) for side in sides)
    scale = np.maximum(other_width / width, other_height / height)
    off = np.maximum(np.abs(width * scale - other_width), np.abs(height * scale - other_height)) > 1
    problems = [
        f"{' and '.join(dict.fromkeys(map(str, sample.files)))}: the two pictures of a pair must have the same "
        f"proportions. Got {width[k]:.0f} × {height[k]:.0f} and {other_width[k]:.0f} × {other_height[k]:.0f}."
        for k, sample in enumerate(in_order(division))
        if off[k]
    ]
    if problems:
        raise InputError([*shortened(problems), "Cut them alike, or remove them."])
