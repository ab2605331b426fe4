"""Structural similarity of one and of several scales, as differentiable functions on images in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import avg_pool2d

WINDOW = 11  # pixels
SIGMA = 1.5  # pixels
K1, K2 = 0.01, 0.03
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales from fine to coarse (Wang 2003, section 4.2)."""
FLOOR = 1e-3  # the least value of a factor of MS-SSIM


def n_scales(image_size: int) -> int:
    """Return how many scales, 1 to 5, MS-SSIM takes of images of ``image_size`` px: the coarsest holds a window.

    1 below 22 px, 2 at 32, 3 at 64, 4 at 128, 5 from 176 px.
    """
    return max([1, *(m for m in range(2, len(SCALE_WEIGHTS) + 1) if image_size >> (m - 1) >= WINDOW)])


def ssim(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the structural similarity of each pair, (N,) in [−1, 1]; 1 for equal images.

    Wang 2004, equation 13: Gaussian window of 11 px, σ = 1.5, biased moments, per channel, the mean over the places
    where the window fits. Below 11 px the window shrinks to the largest odd size that fits, with the same σ.

    Args:
        x: images (N, C, H, W) in [0, 1]; float64 is computed as such, all else in float32.
        y: as many images, of the same shape, range and type.
    """
    luminance, structure = _factors(x, y)
    return (luminance * structure).mean((1, 2, 3))


def ms_ssim(x: torch.Tensor, y: torch.Tensor, scales: int | None = None) -> torch.Tensor:
    """Return the structural similarity over several scales of each pair, (N,) float32 in [0, 1].

    Wang 2003, equation 7, per channel, with halving by 2×2 means; with fewer than five scales the exponents of the
    finest are renormalised to the sum 1. A factor below 0.001 (structures that contradict each other) counts as 0.001,
    for a negative one has no root; its gradient is kept, so that a loss leads out of there.

    Args:
        x: images (N, C, H, W) in [0, 1].
        y: as many images, of the same shape and range.
        scales: 1 to 5; none given: `n_scales`, as many as the image allows.
    """
    scales = scales or n_scales(min(x.shape[-2:]))
    factors = []
    for scale in range(scales):
        luminance, structure = _factors(x, y)
        last = scale == scales - 1
        factors.append((luminance * structure if last else structure).mean((2, 3)))
        x, y = (x, y) if last else (avg_pool2d(x, 2), avg_pool2d(y, 2))
    exponents = torch.tensor(SCALE_WEIGHTS[:scales], device=x.device)
    return (_floored(torch.stack(factors)) ** (exponents / exponents.sum())[:, None, None]).prod(0).mean(1)


def coarse_l1(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the absolute error, weighted with the window of MS-SSIM's coarsest scale, of each pair: (N,) float32."""
    error = (x.float() - y.float()).abs()
    for _ in range(n_scales(min(x.shape[-2:])) - 1):
        error = avg_pool2d(error, 2)
    return _blur(error).mean((1, 2, 3))


def _floored(values: torch.Tensor) -> torch.Tensor:
    return values + (values.clamp(min=FLOOR) - values).detach()


def _factors(x: torch.Tensor, y: torch.Tensor) -> Sequence[torch.Tensor]:
    """Return the maps of luminance, and of contrast times structure, (N, C, h, w)."""
    x, y = (images if images.dtype == torch.float64 else images.float() for images in (x, y))
    moments = _blur(torch.cat([x, y, x * x, y * y, x * y]))
    mean_x, mean_y, square_x, square_y, product = moments.chunk(5)
    variances = square_x - mean_x.square() + square_y - mean_y.square()
    luminance = (2 * mean_x * mean_y + K1**2) / (mean_x.square() + mean_y.square() + K1**2)
    structure = (2 * (product - mean_x * mean_y) + K2**2) / (variances + K2**2)
    return luminance, structure


def _blur(images: torch.Tensor) -> torch.Tensor:
    """Return weighted means (N, C, h, w) where the window fits; in the images' type, also under autocast.

    Two matrix products take a fifth to a fifteenth of the time of convolutions with one channel each on a CPU.
    """
    height, width = images.shape[-2:]
    window = min(WINDOW, height, width)
    window -= 1 - window % 2
    with torch.autocast(images.device.type, enabled=False):
        down, across = (_moving_mean(size, window, images) for size in (height, width))
        return down @ images @ across.T


def _moving_mean(size: int, window: int, like: torch.Tensor) -> torch.Tensor:
    """Return the matrix (size − window + 1, size) whose rows hold the Gaussian window at each place where it fits."""
    centres = torch.arange(size - window + 1, device=like.device) + window // 2
    offsets = (torch.arange(size, device=like.device) - centres[:, None]).to(like.dtype)
    weights = torch.exp(-offsets.square() / (2 * SIGMA**2)) * (offsets.abs() <= window // 2)
    return weights / weights.sum(1, keepdim=True)
