"""The segmenter: a small encoder and decoder that names the class of every pixel, trained on real images only."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from ganbench.nets.judge_net import strided_stage

LARGEST = 128  # pixels of the longer side; larger pictures are shrunk before they are segmented
STAGES = 4  # halvings of the resolution


class Segmenter(nn.Module):
    """Four strided stages of convolution and batch norm, and the way back, to which each resolution adds what it held.

    Images of any size: what comes up is resized (bilinear) to the stage that it meets.

    Args:
        classes: number of classes.
        width: channels at full resolution; 2, 4, 8 and 8 times as many below.
    """

    def __init__(self, classes: int, width: int = 16) -> None:
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(STAGES + 1)]
        self.stem = _convolution(3, width)
        self.down = nn.ModuleList([strided_stage(a, b) for a, b in pairwise(widths)])
        self.narrow = nn.ModuleList([nn.Conv2d(b, a, 1) for a, b in pairwise(widths)])
        self.mix = nn.ModuleList([_convolution(each, each) for each in widths[:-1]])
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N, classes, H, W) of float images (N, 3, H, W) in [−1, 1]."""
        maps = [self.stem(images)]
        for down in self.down:
            maps.append(down(maps[-1]))
        result = maps.pop()
        for narrow, mix in zip(reversed(self.narrow), reversed(self.mix), strict=True):
            same = maps.pop()
            larger = functional.interpolate(narrow(result), same.shape[-2:], mode="bilinear", align_corners=False)
            result = mix(larger + same)
        logits: torch.Tensor = self.head(result)
        return logits


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def segmenter_size(height: int, width: int) -> tuple[int, int]:
    """Return the height and width at which pictures of this size are segmented: at most 128 px, same shape."""
    scale = min(1.0, LARGEST / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def segmenter_input(images: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return uint8 images (N, 3, H, W) as float in [−1, 1], shrunk (bilinear, antialiased) to `segmenter_size`."""
    pixels = images.to(device, torch.float32) / 127.5 - 1
    size = segmenter_size(*pixels.shape[-2:])
    if size != tuple(pixels.shape[-2:]):
        pixels = functional.interpolate(pixels, size, mode="bilinear", antialias=True)
    return pixels.contiguous(memory_format=torch.channels_last)


def shrink_maps(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return label maps (N, H, W) at ``size`` (height, width), each pixel that of the nearest one's centre."""
    if tuple(maps.shape[-2:]) == size:
        return maps
    rows, columns = (
        ((torch.arange(new) + 0.5) * old / new).long() for old, new in zip(maps.shape[-2:], size, strict=True)
    )
    return maps[:, rows][:, :, columns]
