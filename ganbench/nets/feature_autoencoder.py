"""The two halves of DTN's generator G = g∘f: a classifier whose features are f, and the decoder g."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from ganbench.nets.normalization import Norm, needs_bias
from ganbench.nets.resnet_generator import ResnetBlock, Upsampling, stage, upsample

FeatureKind = Literal["map", "vector"]

VECTOR_LENGTH = 128  # Taigman 2016, section 5.1
MAP_CHANNELS = 32


class AttributeClassifier(nn.Module):
    """A convolutional classifier of several attributes at once; its features are DTN's f.

    Each stage is a 3×3 convolution, batch normalisation, ReLU and max pooling; the features end in a tanh, so that
    their squared differences have a known scale (0 to 4).

    Args:
        classes: attribute → number of its classes.
        image_size: height and width of the images, a multiple of 8.
        width: channels after the first stage.
        features: ``vector``: (N, 128, 1, 1) as in the paper; ``map``: (N, 32, size/4, size/4), which keeps where
            things are.
    """

    def __init__(self, classes: Mapping[str, int], image_size: int, width: int, features: FeatureKind) -> None:
        super().__init__()
        stages = 2 if features == "map" else 3
        widths = [3, *(width << index for index in range(stages))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [*stage(nn.Conv2d(before, after, 3, padding=1, bias=False), "batch"), nn.MaxPool2d(2)]
        if features == "map":
            last, length = nn.Conv2d(widths[-1], MAP_CHANNELS, 3, padding=1), MAP_CHANNELS * (image_size // 4) ** 2
        else:
            last, length = nn.Conv2d(widths[-1], VECTOR_LENGTH, image_size // 8), VECTOR_LENGTH
        self.layers = nn.Sequential(*layers, last, nn.Tanh())
        self.heads = nn.ModuleDict({name: nn.Linear(length, count) for name, count in classes.items()})

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features of images (N, 3, H, W) in [−1, 1]."""
        result: torch.Tensor = self.layers(images)
        return result

    def logits(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return attribute → raw scores (N, classes)."""
        features = self(images).flatten(1)
        return {name: head(features) for name, head in self.heads.items()}


class FeatureDecoder(nn.Module):
    """g: features of an `AttributeClassifier` to images (N, 3, H, W) in [−1, 1].

    Args:
        image_size: height and width of the images, a multiple of 8.
        ngf: channels before the last convolution.
        n_blocks: residual blocks at a quarter of the resolution; the paper has none.
        norm: normalisation after every convolution but the last.
        upsampling: how the resolution is regained.
        features: the kind of features that come in.
        bias: whether convolutions before a normalisation carry one; None: only where it is not batch.
    """

    def __init__(
        self,
        image_size: int,
        ngf: int,
        n_blocks: int,
        norm: Norm,
        upsampling: Upsampling,
        features: FeatureKind,
        bias: bool | None = None,
    ) -> None:
        super().__init__()
        carry = needs_bias(norm, bias)
        if features == "map":
            layers = stage(nn.Conv2d(MAP_CHANNELS, 4 * ngf, 3, padding=1, bias=carry), norm)
        else:
            layers = stage(nn.ConvTranspose2d(VECTOR_LENGTH, 8 * ngf, image_size // 8, bias=carry), norm)
            layers += upsample(8 * ngf, norm, upsampling, bias)
        layers += [ResnetBlock(4 * ngf, norm, bias) for _ in range(n_blocks)]
        for width in (4 * ngf, 2 * ngf):
            layers += upsample(width, norm, upsampling, bias)
        self.layers = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7), nn.Tanh())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Draw images from features."""
        result: torch.Tensor = self.layers(features)
        return result
