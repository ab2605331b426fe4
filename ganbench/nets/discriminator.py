"""What convolutional discriminators have in common: one stack of layers, whose feature maps can be asked for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

LEAK = 0.2  # slope of the leaky ReLU, Radford 2015, section 3


class ConvDiscriminator(nn.Module):
    """Images (N, channels, H, W) in [−1, 1] to raw scores (N, outputs, h, w), through layers one after the other."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return raw scores (N, outputs, h, w); no sigmoid."""
        result: torch.Tensor = self.layers(images)
        return result

    def features(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the feature maps [(N, C_l, H_l, W_l)] after every activation."""
        return maps_after_activations(self.layers, images)


def maps_after_activations(layers: nn.Sequential, images: torch.Tensor) -> list[torch.Tensor]:
    """Return the feature maps [(N, C_l, H_l, W_l)] that the (leaky) rectifiers among ``layers`` put out."""
    maps = []
    result = images
    for layer in layers:
        result = layer(result)
        if isinstance(layer, nn.LeakyReLU | nn.ReLU | nn.ELU):
            maps.append(result)
    return maps
