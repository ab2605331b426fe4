"""Lines in place of a picture: its edges, and a sketch of them."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch.nn.functional import conv2d, pad

from ganbench.data.degradations.base import DEGRADATIONS, Degradation, rounded
from ganbench.data.degradations.blur import gaussian_blur

EDGE_STRENGTH = 48.0  # of 255: a step between two areas that is higher than this becomes a line
TIE = 0.5  # of 255: two pixels whose slopes differ by less share the ridge between them
WIDER = 1.6  # how much wider the second Gaussian is: Marr and Hildreth's approximation of a Laplacian


@DEGRADATIONS.register("edges")
class Edges(Degradation):
    """Canny 1986 without smoothing and hysteresis, which small drawn images don't need.

    Sobel slopes of each channel, the steepest channel at each pixel, kept where no neighbour across the edge is
    steeper. Lines are black or absent, however high the step, so that they say nothing of the colours beside them.
    """

    summary: ClassVar[str] = "Black lines of one to two pixels on white, where any colour channel has a step."

    def degrade(self, images: torch.Tensor) -> torch.Tensor:
        """Return lines, 0 on 255."""
        across, down = _steepest_slopes(images.float())
        strength = torch.hypot(across, down)
        lines = (strength > EDGE_STRENGTH) & _is_ridge(strength, across, down)
        return torch.where(lines, 0, 255).to(torch.uint8).expand(images.shape).contiguous()


@DEGRADATIONS.register("sketch")
class Sketch(Degradation):
    """Difference of Gaussians with a soft threshold: Winnemöller 2012, "XDoG", eq. 1 to 5, with its ε at 0.

    The darkest of the three channels' strokes stands, so that a step between colours of the same luma is drawn too.
    """

    summary: ClassVar[str] = "Pencil strokes on white on the dark side of every edge, the darker the higher the step."

    width: float = Field(0.012, ge=0.002, le=0.1, description="σ of the strokes, share of the image's width")
    whiteness: float = Field(
        0.02, ge=0, le=0.5, description="1 − τ: how much a flat area outweighs its edges; more leaves faint edges out"
    )
    pressure: float = Field(12.0, gt=0, le=1000, description="φ: how fast strokes darken with the height of the step")

    def degrade(self, images: torch.Tensor) -> torch.Tensor:
        """Return strokes, 0 to 255, the same in all channels."""
        values = images.float() / 255
        sigma = self.width * images.shape[-1]
        difference = gaussian_blur(values, sigma) - (1 - self.whiteness) * gaussian_blur(values, WIDER * sigma)
        strokes = 255 * (1 + (self.pressure * difference.clamp_max(0)).tanh())  # white where the difference is ≥ 0
        return rounded(strokes.amin(1, keepdim=True)).expand(images.shape).contiguous()


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
