"""The verb `translate`: pictures through a trained checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from pydantic import ValidationError

from ganbench.checkpoint import load_checkpoint
from ganbench.data.batches import to_uint8
from ganbench.errors import InputError
from ganbench.methods.base import Method, Task
from ganbench.spec import TrialSpec, make_method
from ganbench.training import translate_all

PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


def translate_pictures(checkpoint: Path, source: Path, output: Path, seed: int) -> int:
    """Translate one picture, or all in a folder, and write PNG files of the same names; return how many.

    Pictures are converted to RGB and resized to the checkpoint's image size (antialiased bicubic).

    Raises:
        InputError: a damaged checkpoint, no pictures, unreadable pictures (all are named), two of one name.
    """
    method = load_method(checkpoint)
    paths = _find_pictures(source)
    images = torch.stack(_read_all(paths, method.task.image_size))
    outputs = to_uint8(translate_all(method, images, seed, "pictures"))
    output.mkdir(parents=True, exist_ok=True)
    for path, picture in zip(paths, outputs, strict=True):
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(output / f"{path.stem}.png")
    return len(paths)


def load_method(checkpoint: Path, device: torch.device | None = None) -> Method:
    """Return the trained method that a checkpoint holds, on the CPU unless ``device`` says otherwise."""
    content = load_checkpoint(checkpoint)
    try:
        spec = TrialSpec.model_validate_json(content["spec"])
        classes = {attribute: tuple(names) for attribute, names in content["classes"].items()}
        domains = (str(spec.dataset["source"]), str(spec.dataset["target"]))
        task = Task(spec.image_size, *domains, spec.steps, spec.batch_size, classes)
        if spec.reference:
            raise InputError(f"{checkpoint}: is of the row of real images, which translates nothing.")
        method = make_method(spec, task, device or torch.device("cpu"))
        method.load_state_dict(content["method"])
    except (ValidationError, KeyError, AttributeError, RuntimeError, TypeError) as error:
        raise InputError(f"{checkpoint}: does not fit this ganbench ({type(error).__name__}: {error}).") from None
    return method


def _find_pictures(source: Path) -> list[Path]:
    if not source.exists():
        raise InputError(f"{source}: no such picture or folder.")
    if source.is_file():
        return [source]
    paths = sorted(path for path in source.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise InputError(f"{source}: holds no pictures ({', '.join(sorted(PICTURE_SUFFIXES))}).")
    stems = [path.stem for path in paths]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise InputError(f"{source}: several pictures would become {twice[0]}.png. Rename one of each pair.")
    return paths


def _read_all(paths: Sequence[Path], size: int) -> list[torch.Tensor]:
    images, problems = [], []
    for path in paths:
        try:
            images.append(_read(path, size))
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError) as error:
            problems.append(f"{path}: is not a readable picture ({error}). Remove or repair it.")
    if problems:
        raise InputError(problems)
    return images


def _read(path: Path, size: int) -> torch.Tensor:
    """Return one picture as uint8 RGB (3, size, size), turned upright as its EXIF says."""
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)
