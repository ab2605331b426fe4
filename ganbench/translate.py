"""The verb `translate`: pictures through a trained checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import ValidationError

from ganbench.checkpoint import load_checkpoint
from ganbench.data.batches import to_uint8
from ganbench.data.pictures import Pictures, read_pictures, write_pictures
from ganbench.errors import InputError
from ganbench.methods.base import Method, Task
from ganbench.spec import TrialSpec, make_method
from ganbench.training import translate_all


def translate_pictures(checkpoint: Path, source: Path, output: Path, seed: int) -> Pictures:
    """Translate one picture, or all in a folder, and write PNG files of the same names; return what was read.

    Pictures are converted to RGB and resized to the checkpoint's image size, as `read_pictures` does it.

    Raises:
        InputError: a damaged checkpoint, no pictures, unreadable pictures (all are named), two of one name.
    """
    method = load_method(checkpoint)
    pictures = read_pictures(source, method.task.image_size)
    outputs = to_uint8(translate_all(method, pictures.images, seed, "pictures"))
    write_pictures(output, pictures.stems, outputs)
    return pictures


def load_method(checkpoint: Path, device: torch.device | None = None) -> Method:
    """Return the trained method that a checkpoint holds, on the CPU unless ``device`` says otherwise."""
    content = load_checkpoint(checkpoint)
    try:
        spec = TrialSpec.model_validate_json(content["spec"])
        classes = {attribute: tuple(names) for attribute, names in content["classes"].items()}
        # checkpoints of earlier versions have none, and are of datasets whose keys say it
        source, target, *others = content.get("domains") or (spec.dataset["source"], spec.dataset["target"])
        task = Task(spec.image_size, source, target, spec.steps, spec.batch_size, classes, tuple(others))
        if spec.reference:
            raise InputError(f"{checkpoint}: is of the row of real images, which translates nothing.")
        method = make_method(spec, task, device or torch.device("cpu"))
        method.load_state_dict(content["method"])
    except (ValidationError, KeyError, AttributeError, RuntimeError, TypeError) as error:
        raise InputError(f"{checkpoint}: does not fit this ganbench ({type(error).__name__}: {error}).") from None
    return method
