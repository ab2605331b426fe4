"""The patch discriminator of pix2pix and CycleGAN: one raw score per patch of the image."""

from __future__ import annotations

import itertools
from typing import Literal

import torch
from torch import nn

from ganbench.nets.normalization import Norm, make_norm, needs_bias

PatchSize = Literal[1, 16, 34, 70]

STRIDED_LAYERS: dict[PatchSize, int] = {16: 1, 34: 2, 70: 3}
"""Patch size in pixels (the receptive field of one score) → convolutions of stride 2. A patch of 1 has none."""


def largest_patch(image_size: int) -> PatchSize:
    """Return the largest patch, at most CycleGAN's 70 px, that leaves at least 4×4 scores at ``image_size``.

    A patch much larger than the image sees mostly padding: at 32 px a patch of 70 made half a cycle draw noise, one of
    34 made it draw one face.
    """
    fitting = [patch for patch in STRIDED_LAYERS if score_size(patch, image_size) >= 4]
    return max(fitting, default=1)


def score_size(patch_size: PatchSize, image_size: int) -> int:
    """Return height and width of the map of scores, 0 or less where the image is too small for the patch."""
    if patch_size == 1:
        return image_size
    return image_size // (1 << STRIDED_LAYERS[patch_size]) - 2


class PatchDiscriminator(nn.Module):
    """4×4 convolutions, the first ones of stride 2, leaky ReLU 0.2, no normalisation in the first (Isola 2016, 6.1.2).

    Images (N, channels, H, W) in [−1, 1] to raw scores (N, outputs, h, w). With a patch of 70, ndf 64 and
    instance normalisation it has 2,764,737 parameters. A patch of 1 is the PixelGAN of three 1×1 convolutions.

    Args:
        ndf: channels after the first convolution.
        patch_size: receptive field of one score, in pixels.
        norm: normalisation of the middle layers.
        channels: of the images.
        outputs: scores per patch; 1, or the number of classes.
    """

    def __init__(
        self, ndf: int, patch_size: PatchSize = 70, norm: Norm = "instance", channels: int = 3, outputs: int = 1
    ) -> None:
        super().__init__()
        layers = _pixel_layers if patch_size == 1 else _patch_layers
        self.layers = nn.Sequential(*layers(channels, ndf, patch_size, norm, outputs))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return raw scores (N, outputs, h, w); no sigmoid."""
        result: torch.Tensor = self.layers(images.contiguous(memory_format=torch.channels_last))
        return result

    def features(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the feature maps [(N, C_l, H_l, W_l)] after every activation."""
        maps = []
        result = images.contiguous(memory_format=torch.channels_last)
        for layer in self.layers:
            result = layer(result)
            if isinstance(layer, nn.LeakyReLU):
                maps.append(result)
        return maps


def _patch_layers(channels: int, ndf: int, patch_size: PatchSize, norm: Norm, outputs: int) -> list[nn.Module]:
    strided = STRIDED_LAYERS[patch_size]
    widths = [ndf * min(2**layer, 8) for layer in range(strided + 1)]
    layers: list[nn.Module] = [nn.Conv2d(channels, ndf, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    for layer, (before, after) in enumerate(itertools.pairwise(widths), start=1):
        stride = 2 if layer < strided else 1
        layers += [
            nn.Conv2d(before, after, 4, stride=stride, padding=1, bias=needs_bias(norm)),
            make_norm(norm, after),
            nn.LeakyReLU(0.2),
        ]
    return [*layers, nn.Conv2d(widths[-1], outputs, 4, padding=1)]


def _pixel_layers(channels: int, ndf: int, patch_size: PatchSize, norm: Norm, outputs: int) -> list[nn.Module]:  # noqa: ARG001
    return [
        nn.Conv2d(channels, ndf, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(ndf, 2 * ndf, 1, bias=needs_bias(norm)),
        make_norm(norm, 2 * ndf),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * ndf, outputs, 1),
    ]
