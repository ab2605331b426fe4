"""Terms that ask an image to be smooth."""

from __future__ import annotations

import torch


def total_variation(images: torch.Tensor) -> torch.Tensor:
    """Return the mean over pixels and channels of √(∂ᵤ² + ∂ᵥ²), for images (N, C, H, W), in float32.

    Taigman 2016, section 3, with B = 1 (its sum over pixels is taken as a mean here, as all other terms are).
    A small constant under the root keeps the gradient finite where the image is flat.
    """
    images = images.float()
    across = images[..., :-1, 1:] - images[..., :-1, :-1]
    down = images[..., 1:, :-1] - images[..., :-1, :-1]
    return (across.square() + down.square() + 1e-8).sqrt().mean()
