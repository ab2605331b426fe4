"""Degradations: what is taken from images to make the source of a paired task, so that a method must put it back.

One is a decorated function from uint8 images (N, 3, H, W) to the same, deterministic for each image; the first line of
its docstring says what it does.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import conv2d, pad

from ganbench.registry import Registry

Degradation = Callable[[torch.Tensor], torch.Tensor]
DEGRADATIONS: Registry[Degradation] = Registry("degradation", "ganbench.data.degradations", "ganbench.datasets")

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
EDGE_STRENGTH = 48.0  # of 255: a step between two areas that is higher than this becomes a line
TIE = 0.5  # of 255: two pixels whose slopes differ by less share the ridge between them


@DEGRADATIONS.register("grayscale")
def grayscale(images: torch.Tensor) -> torch.Tensor:
    """Luma (ITU-R BT.601) in all three channels."""
    weights = torch.tensor(LUMA, device=images.device)[:, None, None]
    luma = (images.float() * weights).sum(1, keepdim=True)
    return luma.round().clamp(0, 255).to(torch.uint8).expand(images.shape).contiguous()


@DEGRADATIONS.register("edges")
def edges(images: torch.Tensor) -> torch.Tensor:
    """Black lines of one to two pixels on white, where any colour channel has a step.

    Canny 1986 without smoothing and hysteresis, which small drawn images don't need: Sobel slopes of each channel, the
    steepest channel at each pixel, kept where no neighbour across the edge is steeper. Lines are black or absent,
    however high the step, so that they say nothing of the colours beside them.
    """
    across, down = _steepest_slopes(images.float())
    strength = torch.hypot(across, down)
    lines = (strength > EDGE_STRENGTH) & _is_ridge(strength, across, down)
    return torch.where(lines, 0, 255).to(torch.uint8).expand(images.shape).contiguous()


def _steepest_slopes(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return Sobel's slopes to the right and down, (N, 1, H, W) each, of the channel that is steepest at the pixel.

    A step of height h between two areas has the slope h on both pixels beside it.
    """
    n, c, h, w = images.shape
    sobel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], device=images.device) / 4
    kernels = torch.stack([sobel, sobel.T])[:, None]  # (2, 1, 3, 3)
    slopes = conv2d(pad(images.reshape(n * c, 1, h, w), (1, 1, 1, 1), "replicate"), kernels).reshape(n, c, 2, h, w)
    steepest = slopes.square().sum(2).argmax(1)  # (N, H, W)
    chosen = slopes.gather(1, steepest[:, None, None].expand(n, 1, 2, h, w))
    return chosen[:, :, 0], chosen[:, :, 1]


def _is_ridge(strength: torch.Tensor, across: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """Say of each pixel of (N, 1, H, W) whether no neighbour along its slope, to the nearest 45°, is steeper.

    Of two pixels that are equally steep both may stand: lines are then two pixels wide, but never broken.
    """
    height, width = strength.shape[-2:]
    framed = pad(strength, (1, 1, 1, 1))
    octant = (torch.atan2(down, across) / (torch.pi / 4)).round().long() % 4  # opposite directions are one
    ridge = torch.zeros_like(strength, dtype=torch.bool)
    for number, (dy, dx) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        sides = [framed[..., 1 + k * dy :, 1 + k * dx :][..., :height, :width] for k in (-1, 1)]
        ridge |= (octant == number) & (strength + TIE >= torch.maximum(*sides))
    return ridge
