"""The judge's network: a small CNN with one head per question, trained on real images only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

LARGEST = 64  # pixels; larger pictures are shrunk before they are judged


class JudgeNet(nn.Module):
    """Three strided stages of convolution and batch norm, pooled to 4 × 4, and a linear head per attribute.

    Args:
        classes: attribute → number of its classes.
        width: channels of the first stage.
    """

    def __init__(self, classes: Mapping[str, int], width: int) -> None:
        super().__init__()
        stages = [strided_stage(a, b) for a, b in pairwise((3, width, 2 * width, 4 * width))]
        self.trunk = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.heads = nn.ModuleDict({name: nn.Linear(16 * 4 * width, n) for name, n in classes.items()})

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return attribute → logits (N, classes) of float images (N, 3, H, W) in [−1, 1]."""
        hidden = self.trunk(images)
        return {name: head(hidden) for name, head in self.heads.items()}


def strided_stage(inputs: int, outputs: int) -> nn.Sequential:
    """Return two convolutions with batch norm and ReLU, the first of which halves the resolution."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def judge_input(images: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return uint8 images (N, 3, H, W) as float in [−1, 1], shrunk (bilinear, antialiased) to at most 64 pixels."""
    pixels = images.to(device, torch.float32) / 127.5 - 1
    if max(pixels.shape[-2:]) > LARGEST:
        pixels = functional.interpolate(pixels, (LARGEST, LARGEST), mode="bilinear", antialias=True)
    return pixels.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Change:
    """How each of a batch of images is changed: shifted by up to 1/16, contrast and brightness by up to 5 %.

    Attributes:
        grid: where each pixel comes from (N, H, W, 2).
        contrast: factor (N, 1, 1, 1).
        brightness: addend (N, 1, 1, 1).
    """

    grid: torch.Tensor
    contrast: torch.Tensor
    brightness: torch.Tensor

    def of_images(self, images: torch.Tensor) -> torch.Tensor:
        """Return float images (N, 3, H, W) shifted, their border prolonged, and varied."""
        moved = functional.grid_sample(images, self.grid, padding_mode="border", align_corners=False)
        return moved * self.contrast + self.brightness

    def of_maps(self, maps: torch.Tensor, void: int) -> torch.Tensor:
        """Return label maps (N, H, W) shifted alike, int64; what comes from outside is void."""
        above = maps[:, None].float() - void  # grid_sample fills with 0
        moved = functional.grid_sample(above, self.grid, mode="nearest", padding_mode="zeros", align_corners=False)
        return moved[:, 0].long() + void


def draw_change(images: torch.Tensor, generator: torch.Generator) -> Change:
    """Draw a change of each image of a float batch (N, 3, H, W) from ``generator`` (a CPU generator)."""
    count, _, height, width = images.shape
    draws = torch.rand(4, count, generator=generator).to(images.device) * 2 - 1
    theta = torch.eye(2, 3, device=images.device).repeat(count, 1, 1)
    theta[:, :, 2] = draws[:2].T / 8  # in units of half the size
    grid = functional.affine_grid(theta, [count, 3, height, width], align_corners=False)
    return Change(grid, (1 + 0.05 * draws[2])[:, None, None, None], (0.05 * draws[3])[:, None, None, None])


def augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Shift each image of a float batch by up to 1/16 of its size and vary contrast and brightness by ±5 %.

    Never mirrored: a mirrored digit is another digit.
    """
    return draw_change(images, generator).of_images(images)
