"""BicycleGAN's encoder: Zhu 2017, "Toward multimodal image-to-image translation", section 4.

Layouts as in the authors' code, github.com/junyanz/BicycleGAN.
"""

from __future__ import annotations

import itertools
from typing import Literal

import torch
from torch import nn

from ganbench.nets.autoencoder_discriminator import halvings
from ganbench.nets.discriminator import LEAK
from ganbench.nets.normalization import Norm, make_norm, needs_bias

EncoderKind = Literal["resnet", "conv"]


class LatentEncoder(nn.Module):
    """Images (N, channels, H, W) in [−1, 1] to mean and log-variance of a latent code, each (N, z).

    A 4×4 convolution of stride 2, then residual blocks with average pooling (``resnet``) or strided 4×4 convolutions
    (``conv``) down to 8 px, at most 4·nef channels, an average over what is left, and two linear layers.

    Args:
        image_size: height and width, at least 8; they say how often is halved.
        nef: channels after the first convolution.
        z: length of the code, the paper's is 8.
        kind: the layout; the paper's results are those of ``resnet``.
        norm: normalisation of the middle layers.
        channels: of the images.
        bias: whether convolutions before a normalisation carry one; None: only where it is not batch.
    """

    def __init__(
        self,
        image_size: int,
        nef: int = 64,
        z: int = 8,
        kind: EncoderKind = "resnet",
        norm: Norm = "instance",
        channels: int = 3,
        bias: bool | None = None,
    ) -> None:
        super().__init__()
        widths = [nef * min(level, 4) for level in range(1, max(halvings(image_size), 2) + 1)]
        layers: list[nn.Module] = [nn.Conv2d(channels, nef, 4, stride=2, padding=1)]
        halve = _pooled if kind == "resnet" else _strided
        for before, after in itertools.pairwise(widths):
            layers += halve(before, after, norm, needs_bias(norm, bias))
        self.layers = nn.Sequential(*layers, nn.LeakyReLU(LEAK), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.mean = nn.Linear(widths[-1], z)
        self.log_variance = nn.Linear(widths[-1], z)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and log-variance, each (N, z)."""
        features = self.layers(images)
        return self.mean(features), self.log_variance(features)


def _strided(before: int, after: int, norm: Norm, bias: bool) -> list[nn.Module]:
    convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=bias)
    return [nn.LeakyReLU(LEAK), convolution, make_norm(norm, after)]


def _pooled(before: int, after: int, norm: Norm, bias: bool) -> list[nn.Module]:
    return [_PooledBlock(before, after, norm, bias)]


class _PooledBlock(nn.Module):
    """Two 3×3 convolutions and a 1×1 shortcut beside them, both halved by average pooling."""

    def __init__(self, before: int, after: int, norm: Norm, bias: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            make_norm(norm, before), nn.LeakyReLU(LEAK), nn.Conv2d(before, before, 3, padding=1, bias=bias),
            make_norm(norm, before), nn.LeakyReLU(LEAK), nn.Conv2d(before, after, 3, padding=1),
            nn.AvgPool2d(2),
        )  # fmt: skip
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(before, after, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layers(x) + self.shortcut(x)
        return result
