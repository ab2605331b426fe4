"""The patch discriminator of pix2pix and CycleGAN: one raw score per patch of the image."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Literal

from torch import nn

from ganbench.nets.discriminator import LEAK, ConvDiscriminator
from ganbench.nets.normalization import Norm, make_norm, needs_bias

PatchSize = Literal[1, 16, 34, 70, "image"]

PATCHES: tuple[int, ...] = (16, 34, 70, 142, 286, 574, 1150)
"""Receptive fields of one score, in pixels, after 1, 2, 3… convolutions of stride 2."""


def receptive_field(layers: Iterable[nn.Module]) -> int:
    """Return the height and width, in pixels, of what one output of ``layers`` sees of the input."""
    field = 1
    for layer in reversed(list(layers)):
        if isinstance(layer, nn.Conv2d):
            field = (field - 1) * layer.stride[0] + layer.kernel_size[0]
    return field


def largest_patch(image_size: int) -> int:
    """Return the largest patch, at most CycleGAN's 70 px, that leaves at least 4×4 scores at ``image_size``.

    A patch much larger than the image sees mostly padding: at 32 px a patch of 70 made half a cycle draw noise, one of
    34 made it draw one face.
    """
    return max((patch for patch in (16, 34, 70) if score_size(patch, image_size) >= 4), default=1)


def covering_patch(image_size: int) -> int:
    """Return the smallest patch above 1 px that covers an image of ``image_size``: 286 px at 256 (Isola 2016)."""
    return next((patch for patch in PATCHES if patch >= image_size), PATCHES[-1])


def resolve_patch(patch_size: PatchSize | None, image_size: int) -> int:
    """Return the patch in pixels that an option means: its number, the image's, or the largest that suits it."""
    if patch_size == "image":
        return covering_patch(image_size)
    return patch_size or largest_patch(image_size)


def score_size(patch_size: int, image_size: int) -> int:
    """Return height and width of the map of scores, 0 or less where the image is too small for the patch."""
    return image_size if patch_size == 1 else image_size // (1 << _strided(patch_size)) - 2


class PatchDiscriminator(ConvDiscriminator):
    """4×4 convolutions, the first ones of stride 2, leaky ReLU 0.2, no normalisation in the first (Isola 2016, 6.1.2).

    Images (N, channels, H, W) in [−1, 1] to raw scores (N, outputs, h, w). With a patch of 70, ndf 64 and
    instance normalisation it has 2,764,737 parameters; with batch normalisation and 6 channels, as pix2pix shows it
    image and condition, 2,768,705. A patch of 1 is the PixelGAN of three 1×1 convolutions.

    Args:
        ndf: channels after the first convolution.
        patch_size: receptive field of one score, in pixels: 1, or one of `PATCHES`.
        norm: normalisation of the middle layers.
        channels: of the images.
        outputs: scores per patch; 1, or the number of classes.
        bias: whether convolutions before a normalisation carry one; None: only where it is not batch.
    """

    def __init__(
        self,
        ndf: int,
        patch_size: int = 70,
        norm: Norm = "instance",
        channels: int = 3,
        outputs: int = 1,
        bias: bool | None = None,
    ) -> None:
        if patch_size == 1:
            super().__init__(_pixel_layers(channels, ndf, norm, outputs, needs_bias(norm, bias)))
        else:
            widths = [ndf * min(2**layer, 8) for layer in range(_strided(patch_size) + 1)]
            super().__init__(_patch_layers(channels, widths, norm, outputs, needs_bias(norm, bias)))


def _strided(patch_size: int) -> int:
    """Return the number of convolutions of stride 2 that lead to a patch of `PATCHES`."""
    return PATCHES.index(patch_size) + 1


def _patch_layers(channels: int, widths: list[int], norm: Norm, outputs: int, bias: bool) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, stride=2, padding=1), nn.LeakyReLU(LEAK)]
    strides = [2] * (len(widths) - 2) + [1]
    for (before, after), stride in zip(itertools.pairwise(widths), strides, strict=True):
        convolution = nn.Conv2d(before, after, 4, stride=stride, padding=1, bias=bias)
        layers += [convolution, make_norm(norm, after), nn.LeakyReLU(LEAK)]
    return [*layers, nn.Conv2d(widths[-1], outputs, 4, padding=1)]


def _pixel_layers(channels: int, ndf: int, norm: Norm, outputs: int, bias: bool) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, ndf, 1),
        nn.LeakyReLU(LEAK),
        nn.Conv2d(ndf, 2 * ndf, 1, bias=bias),
        make_norm(norm, 2 * ndf),
        nn.LeakyReLU(LEAK),
        nn.Conv2d(2 * ndf, outputs, 1),
    ]
