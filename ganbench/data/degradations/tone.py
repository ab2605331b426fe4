"""Colours taken away: all of them, or those that the night leaves out."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field

from ganbench.data.degradations.base import DEGRADATIONS, Degradation, own_generator, rounded

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
LUMINANCE = (0.2126, 0.7152, 0.0722)  # of linear red, green and blue: ITU-R BT.709
MOONLIGHT = (0.55, 0.75, 1.25)  # what is left of red, green and blue light


@DEGRADATIONS.register("grayscale")
class Grayscale(Degradation):
    """Luma (ITU-R BT.601) in all three channels."""

    summary: ClassVar[str] = "Luma (ITU-R BT.601) in all three channels."

    def degrade(self, images: torch.Tensor) -> torch.Tensor:
        """Return the grey images."""
        luma = (images.float() * _column(LUMA)).sum(1, keepdim=True)
        return rounded(luma).expand(images.shape).contiguous()


@DEGRADATIONS.register("night")
class Night(Degradation):
    """Ours, after how cameras see at night; no paper's. Computed on linear light, each image with noise of its own.

    Colours fade, as they do for the eye in the dark, what light is left is bluish and dim, and the sensor adds noise
    whose variance has a part that grows with the light (photons) and a constant one (reading).
    """

    summary: ClassVar[str] = "By night: dim, bluish, faded, with a sensor's noise (ours, no paper's)."

    light: float = Field(0.16, gt=0, le=1, description="light that is left, share of the day's")
    fading: float = Field(0.5, ge=0, le=1, description="how far colours go towards grey; 1: all the way")
    noise: float = Field(
        0.08, ge=0, le=1, description="standard deviation of the noise on a white area, share of its linear light"
    )

    def degrade(self, images: torch.Tensor) -> torch.Tensor:
        """Return the images by night."""
        linear = _to_linear(images.float() / 255)
        grey = (linear * _column(LUMINANCE)).sum(1, keepdim=True)
        dim = self.light * torch.lerp(linear, grey.expand_as(linear), self.fading) * _column(MOONLIGHT)
        spread = self.noise * (self.light * dim + (self.light / 4) ** 2).sqrt()
        return rounded(255 * _from_linear((dim + spread * _noise(images)).clamp(0, 1)))


def _noise(images: torch.Tensor) -> torch.Tensor:
    """Return standard normal noise in the shape of the images, of each image its own."""
    draws = [own_generator(image, "night").standard_normal(image.shape) for image in images]
    return torch.stack([torch.from_numpy(draw).float() for draw in draws])


def _column(weights: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(weights)[:, None, None]


def _to_linear(values: torch.Tensor) -> torch.Tensor:
    """Return sRGB values in [0, 1] as linear light (IEC 61966-2-1)."""
    return torch.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _from_linear(light: torch.Tensor) -> torch.Tensor:
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
