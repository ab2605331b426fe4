"""Blur: of a lens out of focus, and of a camera in motion."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch.nn.functional import conv2d, pad

from ganbench.data.degradations.base import DEGRADATIONS, Degradation, own_generator, rounded

REACH = 3.0  # standard deviations at which a Gaussian is cut off
SAMPLES = 4  # points of a motion's path per pixel of its length


@DEGRADATIONS.register("gaussian_blur")
class GaussianBlur(Degradation):
    """Convolution with a Gaussian, the border continued outwards."""

    summary: ClassVar[str] = "Out of focus: a Gaussian blur, the same for every image."

    sigma: float = Field(0.04, gt=0, le=0.25, description="standard deviation, share of the image's width")

    def degrade(self, images: torch.Tensor) -> torch.Tensor:
        """Return the blurred images."""
        return rounded(gaussian_blur(images.float(), self.sigma * images.shape[-1]))


@DEGRADATIONS.register("motion_blur")
class MotionBlur(Degradation):
    """Mean over a straight path of the camera during the exposure, the border continued outwards.

    The path's direction is drawn for each image from all directions, its length from half the longest to the longest.
    """

    summary: ClassVar[str] = "Blurred by a straight motion, its direction and length drawn for each image."

    longest: float = Field(0.25, gt=0, le=1, description="longest path, share of the image's width")

    def degrade(self, images: torch.Tensor) -> torch.Tensor:
        """Return the blurred images."""
        return rounded(torch.stack([self._moved(image) for image in images]))

    def _moved(self, image: torch.Tensor) -> torch.Tensor:
        """Return one image (3, H, W) as floats, averaged over its path."""
        generator = own_generator(image, "motion_blur")
        length = self.longest * image.shape[-1] * generator.uniform(0.5, 1)
        weights = path_weights(length, generator.uniform(0, math.pi))
        reach, (height, width) = len(weights) // 2, image.shape[-2:]
        framed = pad(image[None].float(), (reach,) * 4, "replicate")[0]
        moved = torch.zeros(image.shape)
        for row, column in np.argwhere(weights):  # few: a path is a line
            moved += float(weights[row, column]) * framed[:, row : row + height, column : column + width]
        return moved


def gaussian_blur(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Return float images (N, C, H, W) blurred by a Gaussian of ``sigma`` pixels, their border continued."""
    reach = math.ceil(REACH * sigma)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    weights = torch.softmax(-0.5 * (offsets / sigma) ** 2, 0)  # a Gaussian of sum 1
    n, c, h, w = images.shape
    framed = pad(images.reshape(n * c, 1, h, w), (reach,) * 4, "replicate")
    return conv2d(conv2d(framed, weights[None, None, :, None]), weights[None, None, None]).reshape(n, c, h, w)


def path_weights(length: float, angle: float) -> npt.NDArray[np.float64]:
    """Return how much each offset counts in the mean over a centred straight path, (2r+1, 2r+1), of sum 1.

    Args:
        length: of the path, pixels.
        angle: to the rows, radians.
    """
    reach = math.floor(length / 2) + 1
    weights = np.zeros((2 * reach + 1, 2 * reach + 1))
    steps = np.linspace(-length / 2, length / 2, SAMPLES * math.ceil(length) + 1)
    rows, columns = reach + steps * math.sin(angle), reach + steps * math.cos(angle)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    for down in (0, 1):  # each point falls on the four pixels around it
        for right in (0, 1):
            share = (1 - np.abs(rows - top - down)) * (1 - np.abs(columns - left - right))
            inside = share > 0
            np.add.at(weights, (top[inside] + down, left[inside] + right), share[inside])
    weights /= weights.sum()
    return weights
