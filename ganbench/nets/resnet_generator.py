"""The residual image-to-image generator of Johnson 2016 as CycleGAN uses it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from ganbench.nets.normalization import Norm, make_norm, needs_bias

Upsampling = Literal["deconv", "resize"]


def published_blocks(image_size: int) -> int:
    """Return CycleGAN's number of residual blocks: 6 up to 128 px, 9 above (Zhu 2017, section 7.1)."""
    return 6 if image_size <= 128 else 9


class ResnetBlock(nn.Module):
    """x + two 3×3 convolutions with reflection padding, (N, channels, H, W) to the same; dropout is between them."""

    def __init__(self, channels: int, norm: Norm, bias: bool | None = None, dropout: bool = False) -> None:
        super().__init__()
        bias = needs_bias(norm, bias)
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), make_norm(norm, channels),
            nn.ReLU(), *([nn.Dropout(0.5)] if dropout else []),
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), make_norm(norm, channels),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the residual to ``x``."""
        result: torch.Tensor = x + self.layers(x)
        return result


class ResnetGenerator(nn.Module):
    """c7s1-ngf, d-2ngf, d-4ngf, ``n_blocks`` residual blocks, u-2ngf, u-ngf, c7s1-3, tanh (Zhu 2017, appendix 7.2).

    Images (N, in_channels, H, W) in [−1, 1] to images (N, 3, H, W); H and W are multiples of 4. With ngf 64 and
    instance normalisation it has 11,378,179 parameters for 9 blocks and 7,837,699 for 6.

    Args:
        ngf: channels after the first convolution.
        n_blocks: residual blocks at a quarter of the resolution.
        norm: normalisation after every convolution but the last.
        upsampling: ``deconv`` (the paper's stride-½ convolution) or ``resize`` (nearest neighbour and a 3×3
            convolution: no checkerboard, Odena 2016).
        in_channels: more than 3 where noise or a code is laid beside the image.
        bias: whether convolutions before a normalisation carry one; None: only where it is not batch.
        dropout: whether the residual blocks drop half of their inner features.
    """

    def __init__(
        self,
        ngf: int,
        n_blocks: int,
        norm: Norm = "instance",
        upsampling: Upsampling = "deconv",
        in_channels: int = 3,
        bias: bool | None = None,
        dropout: bool = False,
    ) -> None:
        super().__init__()
        carry = needs_bias(norm, bias)
        layers = [nn.ReflectionPad2d(3), *stage(nn.Conv2d(in_channels, ngf, 7, bias=carry), norm)]
        for width in (ngf, 2 * ngf):
            layers += stage(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=carry), norm)
        layers += [ResnetBlock(4 * ngf, norm, bias, dropout) for _ in range(n_blocks)]
        for width in (4 * ngf, 2 * ngf):
            layers += upsample(width, norm, upsampling, bias)
        self.layers = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7), nn.Tanh())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Translate images (N, in_channels, H, W) in [−1, 1]."""
        result: torch.Tensor = self.layers(images)
        return result


def stage(convolution: nn.Conv2d | nn.ConvTranspose2d, norm: Norm) -> list[nn.Module]:
    """Return convolution, normalisation and ReLU."""
    return [convolution, make_norm(norm, convolution.out_channels), nn.ReLU()]


def upsample(width: int, norm: Norm, upsampling: Upsampling, bias: bool | None = None) -> list[nn.Module]:
    """Return the layers from (N, ``width``, H, W) to (N, ``width`` // 2, 2H, 2W)."""
    bias = needs_bias(norm, bias)
    if upsampling == "resize":
        return [nn.Upsample(scale_factor=2.0), *stage(nn.Conv2d(width, width // 2, 3, padding=1, bias=bias), norm)]
    return stage(nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1, bias=bias), norm)
