"""The stored translations of one trial: what it is judged by, so that a metric can be added without training again."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from ganbench.results.files import write_atomic

TRANSLATIONS_FILE = "translations.npz"


def load_translations(directory: Path) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return a trial's stored outputs (N, 3, H, W) and, where it has them, samples (M, K, 3, H, W), as uint8."""
    with np.load(directory / TRANSLATIONS_FILE, allow_pickle=False) as stored:
        samples = torch.from_numpy(stored["samples"]) if "samples" in stored else None
        return torch.from_numpy(stored["outputs"]), samples


def store_translations(directory: Path, images: Mapping[str, torch.Tensor]) -> None:
    """Write ``outputs``, and ``samples`` where there are any, uint8 as `load_translations` returns them."""
    buffer = io.BytesIO()
    arrays = {name: tensor.numpy() for name, tensor in images.items()}
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the keywords for allow_pickle
    write_atomic(directory / TRANSLATIONS_FILE, buffer.getvalue())
