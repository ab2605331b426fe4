"""Randomness: every stream is derived from the trial's one seed and the purpose it serves.

A stream depends on (seed, purpose, index...) alone, so that resuming at any step gives the numbers that an
uninterrupted run would have seen.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

SEED_LIMIT = 2**63  # seeds lie below: those that users give, which become part of a folder's name, and derived ones


def derive_seed(seed: int, *purpose: str | int) -> int:
    """Return a 63-bit seed that depends on ``seed`` and ``purpose`` alone (sha256, the same on every platform)."""
    text = "/".join([str(seed), *map(str, purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def torch_generator(seed: int, *purpose: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a `torch.Generator` on ``device``, seeded for ``purpose``."""
    import torch  # reports draw too, and do without its seconds of import

    generator = torch.Generator(device=device)
    generator.manual_seed(derive_seed(seed, *purpose))
    return generator


def numpy_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return a `numpy.random.Generator`, seeded for ``purpose``."""
    return np.random.default_rng(derive_seed(seed, *purpose))
