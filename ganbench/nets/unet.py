"""The U-Net of pix2pix, and the encoder–decoder that it is without its skips (Isola 2016, section 6.1.1)."""

from __future__ import annotations

import torch
from torch import nn

from ganbench.nets.discriminator import LEAK
from ganbench.nets.normalization import Norm, make_norm, needs_bias

MAX_DEPTH = 8  # Isola 2016: eight halvings take 256 px to 1 px


def possible_depth(image_size: int) -> int:
    """Return how often ``image_size`` can be halved without a remainder."""
    return (image_size & -image_size).bit_length() - 1


def full_depth(image_size: int) -> int:
    """Return the halvings that lead to 1 px, at most 8; a size that is no power of two ends at its last even half."""
    return min(possible_depth(image_size), MAX_DEPTH)


class Unet(nn.Module):
    """Images (N, in_channels, H, W) in [−1, 1] to images (N, 3, H, W); H and W are multiples of 2^depth.

    Strided 4×4 convolutions with leaky ReLU 0.2 lead to the bottleneck, of ngf, 2·ngf, 4·ngf, 8·ngf, 8·ngf… channels;
    transposed ones with ReLU lead back, and see what the encoder had at their resolution. With ngf 64, depth 8 and
    batch normalisation it has 54,413,955 parameters.

    As in the authors' code neither the first convolution nor the bottleneck is normalised: at 1×1 px an instance
    normalisation would leave zeros and a batch normalisation of one image too. What is left of the bottleneck is
    never less than 1×1, what the decoder normalises never less than 2×2.

    Args:
        ngf: channels after the first convolution.
        depth: halvings of the resolution, at least 1; see `full_depth`.
        norm: normalisation of all layers but the first, the bottleneck and the last.
        skips: False makes it the plain encoder–decoder.
        dropout: whether decoder layers drop half of their outputs: the first, and of the next two those of 8·ngf
            channels (all three from 128 px on).
        in_channels: more than 3 where noise or a code is laid beside the image.
        bias: whether convolutions before a normalisation carry one; None: only where it is not batch.
    """

    def __init__(
        self,
        ngf: int,
        depth: int,
        norm: Norm = "batch",
        skips: bool = True,
        dropout: bool = False,
        in_channels: int = 3,
        bias: bool | None = None,
    ) -> None:
        super().__init__()
        self.skips = skips
        bias = needs_bias(norm, bias)  # of every convolution but the last: the authors' count of parameters says so
        widths = [ngf * min(2**level, 8) for level in range(depth)]
        self.down = nn.ModuleList([nn.Conv2d(in_channels, ngf, 4, stride=2, padding=1, bias=bias)])
        for level in range(1, depth):
            self.down.append(_down(widths[level - 1], widths[level], "none" if level == depth - 1 else norm, bias))
        self.up = nn.ModuleList()
        for level in range(depth - 1, 0, -1):
            drop = dropout and (level == depth - 1 or (widths[level - 1] == 8 * ngf and depth - 1 - level < 3))
            fan_in = widths[level] * (2 if skips and level < depth - 1 else 1)
            self.up.append(_up(fan_in, widths[level - 1], norm, bias, drop))
        fan_in = ngf * (2 if skips and depth > 1 else 1)
        self.up.append(nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(fan_in, 3, 4, stride=2, padding=1), nn.Tanh()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Translate images (N, in_channels, H, W)."""
        maps = [images]
        for down in self.down:
            maps.append(down(maps[-1]))
        result: torch.Tensor = self.up[0](maps.pop())
        for up in self.up[1:]:
            same_size = maps.pop()
            result = up(torch.cat([result, same_size], 1) if self.skips else result)
        return result


def _down(before: int, after: int, norm: Norm, bias: bool) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=bias)
    return nn.Sequential(nn.LeakyReLU(LEAK), convolution, make_norm(norm, after))


def _up(before: int, after: int, norm: Norm, bias: bool, drop: bool) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=bias)
    layers = [nn.ReLU(), convolution, make_norm(norm, after)]
    return nn.Sequential(*layers, *([nn.Dropout(0.5)] if drop else []))
