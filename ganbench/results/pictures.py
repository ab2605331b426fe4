"""Pictures that stand beside records, so that a page can be made where the data isn't.

A profile's directory holds the first test images, a trial's directory the training images that its outputs lie nearest
to. Images are uint8 (N, 3, H, W).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ganbench.archives import read_arrays
from ganbench.errors import InputError
from ganbench.results.files import write_atomic

Images = npt.NDArray[np.uint8]

PICTURES_FILE: Final = "pictures.npz"
NEIGHBOURS_FILE: Final = "neighbours.npz"
MOST: Final = 16  # test images that are kept
CLOSEST: Final = "copies_pixel"  # the quantity whose details name the closest training images


@dataclass(frozen=True)
class Pictures:
    """What all methods of a profile were given, and what they were held against.

    Attributes:
        inputs: the first source test images, in the order of the stored translations.
        real: target test images.
        counterparts: the true target of each input, or None.
        credits: who made the images, under which licence; one line each.
    """

    inputs: Images
    real: Images
    counterparts: Images | None = None
    credits: tuple[str, ...] = ()


def write_pictures(profile_directory: Path, pictures: Pictures) -> None:
    """Write the first `MOST` of each of the pictures into a profile's directory."""
    arrays = {"inputs": pictures.inputs[:MOST], "real": pictures.real[:MOST], "credits": np.array(pictures.credits)}
    if pictures.counterparts is not None:
        arrays["counterparts"] = pictures.counterparts[:MOST]
    _write(profile_directory / PICTURES_FILE, arrays)


def read_pictures(profile_directory: Path) -> Pictures | None:
    """Return the pictures of a profile's directory, or None where there are none. `InputError` if they are broken."""
    arrays = _read(profile_directory / PICTURES_FILE, ("inputs", "real", "credits"))
    if arrays is None:
        return None
    return Pictures(arrays["inputs"], arrays["real"], arrays.get("counterparts"), tuple(map(str, arrays["credits"])))


def closest_pairs(details: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the closest pairs that a record's `CLOSEST` value names, closest first; see `metrics.memorization`."""
    pairs = details.get("closest", [])
    return [pair for pair in pairs if isinstance(pair, dict) and {"output", "train", "score", "seen"} <= pair.keys()]


def write_neighbours(trial_directory: Path, details: Mapping[str, Any], train: Images) -> None:
    """Write the training images of the `closest_pairs` in ``details``, in their order; nothing where there are none."""
    pairs = closest_pairs(details)
    if pairs:
        _write(trial_directory / NEIGHBOURS_FILE, {"train": train[[pair["train"] for pair in pairs]]})


def read_neighbours(trial_directory: Path) -> Images | None:
    """Return what `write_neighbours` wrote, or None where there is nothing. `InputError` if it is broken."""
    arrays = _read(trial_directory / NEIGHBOURS_FILE, ("train",))
    return None if arrays is None else arrays["train"]


def are_images(array: npt.NDArray[Any]) -> bool:
    """Whether an array from a file is what `Images` are: uint8 (N, 3, H, W)."""
    return array.dtype == np.uint8 and array.ndim == 4 and array.shape[1] == 3 and array.size > 0


def _write(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the keywords for allow_pickle
    write_atomic(path, buffer.getvalue())


def _read(path: Path, needed: Sequence[str]) -> dict[str, npt.NDArray[Any]] | None:
    if not path.exists():
        return None
    arrays = read_arrays(path, "these pictures", "Delete the file and run again.")
    lacking = [name for name in needed if name not in arrays]
    if lacking:
        raise InputError(f"{path}: these pictures lack {', '.join(lacking)}. Delete the file and run again.")
    strange = [name for name, array in arrays.items() if name != "credits" and not are_images(array)]
    if strange:
        raise InputError(f"{path}: {', '.join(strange)} must be uint8 (N, 3, H, W). Delete the file and run again.")
    return arrays
