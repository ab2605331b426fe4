"""Pictures from folders: any common kind of file into uint8 RGB, each conversion noted, nothing left out in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from ganbench.data.base import Progress
from ganbench.errors import InputError
from ganbench.hardware import available_cpus

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")  # by content; no format that runs programs (EPS)
MOST_PIXELS = 2**26  # of one picture: 8192 × 8192; a small file can claim far more and fill the memory
RESIZE = "PIL bicubic, antialiased"
DEEP_GREY = ("I;16", "I;16B", "I;16L", "I;16N")
ORIENTATION = 0x0112  # the EXIF tag; 1 is upright
T = TypeVar("T")


@dataclass(frozen=True)
class Pictures:
    """The pictures of one folder, in the order of their file names.

    Attributes:
        place: the folder, or the one file.
        images: uint8 (N, 3, H, W).
        names: file names, with suffix.
        notes: one line per kind of conversion: what was done to how many pictures.
        resized: whether any picture was brought to another size.
    """

    place: Path
    images: torch.Tensor
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    resized: bool = False

    @property
    def stems(self) -> tuple[str, ...]:
        """File names without suffix; no two are the same."""
        return tuple(Path(name).stem for name in self.names)


@dataclass(frozen=True)
class _Picture:
    """One decoded picture: uint8 (H, W, 3), and what had to be done to it."""

    pixels: npt.NDArray[np.uint8]
    remarks: tuple[str, ...]
    resized: bool


def read_pictures(place: Path, image_size: int | None = None, report: Progress | None = None) -> Pictures:
    """Read one picture, or all in a folder (not in its subfolders), as RGB.

    Alpha is laid on white, 16 bits are reduced to 8 (65535 is white), EXIF rotation is applied, an animation gives
    its first frame. Hidden files are no pictures.

    Args:
        place: a folder or a file: BMP, GIF, JPEG, PNG, TIFF or WebP.
        image_size: height and width that every picture is brought to (antialiased bicubic; not kept in proportion);
            None takes the pictures as they are, all of one size.
        report: told how many pictures are read, and of how many.

    Raises:
        InputError: no pictures, several of one stem, pictures that are damaged or too large (all are named), or
            of different sizes where ``image_size`` is None.
    """
    paths, notes = find_pictures(place)
    pictures = _read_all(paths, image_size, report)
    if len({picture.pixels.shape for picture in pictures}) > 1:
        raise InputError(_sizes_differ(place, paths, pictures))
    remarks = Counter(remark for picture in pictures for remark in picture.remarks)
    notes += [f"{place}: {count} of {len(paths)} pictures {remark}." for remark, count in remarks.items()]
    images = torch.from_numpy(np.stack([picture.pixels for picture in pictures])).permute(0, 3, 1, 2).contiguous()
    resized = any(picture.resized for picture in pictures)
    return Pictures(place, images, tuple(path.name for path in paths), tuple(notes), resized)


def write_pictures(folder: Path, stems: Iterable[str], images: torch.Tensor) -> None:
    """Write uint8 images (N, 3, H, W) as ``<stem>.png``, one per stem; the folder is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for stem, image in zip(stems, images, strict=True):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{stem}.png")


def find_pictures(place: Path) -> tuple[list[Path], list[str]]:
    """Return the picture files of a folder sorted by name, and notes on what else lies there; a file is itself.

    Raises:
        InputError: nothing there, no pictures, or several of one stem (``a.png`` and ``a.jpg``).
    """
    if not place.exists():
        raise InputError(f"{place}: no such picture or folder. Check the path.")
    if place.is_file():
        return [place], []
    entries = sorted(path for path in place.iterdir() if not path.name.startswith("."))
    paths = [path for path in entries if path.is_file() and path.suffix.lower() in SUFFIXES]
    known = set(paths)
    others = [f"{path.name}/" if path.is_dir() else path.name for path in entries if path not in known]
    left = f"{place}: not read, since they are no pictures ({', '.join(SUFFIXES)}): {', '.join(others)}."
    if not paths:
        raise InputError(left if others else f"{place}: holds no pictures ({', '.join(SUFFIXES)}).")
    twice = [stem for stem, count in Counter(path.stem for path in paths).items() if count > 1]
    if twice:
        groups = "; ".join(" and ".join(path.name for path in paths if path.stem == stem) for stem in twice)
        raise InputError(f"{place}: pictures are told apart by their names without suffix: {groups}. Rename them.")
    return paths, [left] if others else []


def _read_all(paths: Sequence[Path], image_size: int | None, report: Progress | None) -> list[_Picture]:
    """Decode in threads (Pillow's decoders run side by side); raise with every file that can't be read."""
    pictures: list[_Picture] = []
    problems: list[str] = []
    with ThreadPoolExecutor(available_cpus()) as pool:
        read = partial(try_to_read, partial(_read, image_size=image_size))
        for done, found in enumerate(pool.map(read, paths), start=1):
            if isinstance(found, str):
                problems.append(found)
            else:
                pictures.append(found)
            if report:
                report(done, len(paths))
    if problems:
        raise InputError(problems)
    return pictures


def try_to_read(read: Callable[[Path], T], path: Path) -> T | str:
    """Return what ``read`` makes of a file, or a sentence that names the file and says why it can't be read."""
    try:
        return read(path)
    except UnidentifiedImageError:
        reason = f"none of {', '.join(FORMATS)}"
    except InputError as error:
        return f"{path}: {error}"
    except Exception as error:  # on damaged files decoders raise whatever they trip over
        reason = f"{error}" or type(error).__name__
    return f"{path}: is not a readable picture ({' '.join(reason.split())}). Remove or repair it."


def open_picture(path: Path) -> Image.Image:
    """Open a picture of one of the `FORMATS`, not decoded yet; `InputError` where it is too large."""
    opened = Image.open(path, formats=FORMATS)
    if opened.width * opened.height > MOST_PIXELS:
        opened.close()
        raise InputError(
            f"a picture must have at most {MOST_PIXELS:,} pixels. Got {opened.width} × {opened.height}. "
            "Shrink or remove it."
        )
    return opened


def _read(path: Path, image_size: int | None) -> _Picture:
    with open_picture(path) as opened:
        remarks = list(_remarks(opened))
        picture = to_rgb(opened)
    resized = image_size is not None and picture.size != (image_size, image_size)
    if image_size is not None and resized:
        if picture.width != picture.height:
            remarks.append("were not square: stretched to a square")
        remarks.append(f"were resized to {image_size} × {image_size} ({RESIZE})")
        picture = picture.resize((image_size, image_size), Image.Resampling.BICUBIC)  # antialiased when it shrinks
    return _Picture(np.asarray(picture), tuple(remarks), resized)


def _remarks(opened: Image.Image) -> Iterable[str]:
    """Yield what has to be done to an opened picture, before it is decoded."""
    mode = opened.mode
    if getattr(opened, "is_animated", False):
        yield "had several frames: the first was taken"
    if opened.getexif().get(ORIENTATION, 1) != 1:
        yield "were turned upright, as their EXIF orientation says"
    if _is_deep(opened):
        yield "had 16 bits per channel: reduced to 8, 65535 is white"
    if _has_alpha(opened):
        yield "had an alpha channel: laid on white"
    if mode.startswith("P"):
        yield "had a palette: its colours were taken"
    elif mode in ("1", "L", "LA", "I", *DEEP_GREY):
        yield "were grey: the one channel was taken for all three"
    elif mode in ("CMYK", "YCbCr"):
        yield f"were {mode}: converted to RGB without a colour profile"


def to_rgb(opened: Image.Image) -> Image.Image:
    """Return any opened picture upright as 8-bit RGB: alpha laid on white, 16-bit grey divided by 257.

    Raises `InputError` for pixels whose range nobody knows: floating point (which may also be NaN) and 32-bit ones.
    """
    mode, deep = opened.mode, _is_deep(opened)
    if mode == "F" or (mode == "I" and not deep):
        raise InputError(f"pixels of mode {mode} have no known range. Save it with 8 or 16 bits per channel.")
    picture = ImageOps.exif_transpose(opened)
    if mode in ("I", *DEEP_GREY):
        return _shallow(picture).convert("RGB")
    if not _has_alpha(picture):
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _shallow(picture: Image.Image) -> Image.Image:
    """Return 16-bit grey as 8-bit grey: Pillow's own conversion would clip at 255, which makes the picture white."""
    values = np.asarray(picture).astype(np.float64)
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))


def _is_deep(opened: Image.Image) -> bool:
    """Whether there are 16 bits per channel (in colour Pillow keeps the upper eight by itself)."""
    tiles = getattr(opened, "tile", ())  # how the file is to be decoded; gone once it is
    raw = str(tiles[0][3]) if tiles else ""
    return opened.mode in DEEP_GREY or ";16" in raw or (opened.mode == "I" and opened.format == "PNG")


def _has_alpha(picture: Image.Image) -> bool:
    return picture.mode in ("RGBA", "RGBa", "LA", "PA") or "transparency" in picture.info


def _sizes_differ(place: Path, paths: Sequence[Path], pictures: Sequence[_Picture]) -> str:
    """Name the pictures that aren't of the commonest size."""
    sizes = [f"{picture.pixels.shape[1]} × {picture.pixels.shape[0]}" for picture in pictures]
    (common, count), *_ = Counter(sizes).most_common()
    odd = ", ".join(f"{path.name} ({size})" for path, size in zip(paths, sizes, strict=True) if size != common)
    return (
        f"{place}: all pictures must be of one size. {count} are {common} (width × height), but not {odd}. "
        "Give --image-size to bring all to one size, or remove these."
    )
