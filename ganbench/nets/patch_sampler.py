"""The two-layer perceptrons by which CUT compares patches of images (Park 2020, section 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from ganbench.nets.resnet_generator import ResnetBlock, ResnetGenerator


def encoder_stages(generator: ResnetGenerator) -> list[int]:
    """Return which of the generator's layers are compared: indices into its ``layers``.

    They are the two strided convolutions, the first residual block and the fifth (or the last, where there are fewer).
    The pixels, which come first in the paper, are no layer of it (Park 2020, appendix C.1; layers 0, 4, 8, 12, 16 of
    the authors' generator, github.com/taesungp/contrastive-unpaired-translation).
    """
    layers = list(enumerate(generator.layers))
    strided = [place for place, layer in layers if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2)]
    blocks = [place for place, layer in layers if isinstance(layer, ResnetBlock)]
    return [*strided, *dict.fromkeys((blocks[0], blocks[:5][-1]))]


def encoder_channels(generator: ResnetGenerator) -> list[int]:
    """Return the channels of the maps that `encode` gives."""
    layers = [generator.layers[place] for place in encoder_stages(generator)]
    strided = [layer.out_channels for layer in layers if isinstance(layer, nn.Conv2d)]
    return [3, *strided, *[strided[-1]] * (len(layers) - len(strided))]  # residual blocks keep their channels


def encode(generator: ResnetGenerator, images: torch.Tensor) -> list[torch.Tensor]:
    """Return the images (N, 3, H, W) themselves and the feature maps (N, C_l, H_l, W_l) of `encoder_stages`."""
    stages, maps = encoder_stages(generator), [images]
    result = images
    for place, layer in enumerate(generator.layers[: stages[-1] + 1]):
        result = layer(result)
        if place in stages:
            maps.append(result)
    return maps


class PatchSampler(nn.Module):
    """For each feature map a perceptron C_l → ``width`` → ``width``, applied to some of its places.

    Args:
        channels: C_l of each map.
        width: features of a patch; the paper's is 256.
    """

    def __init__(self, channels: Sequence[int], width: int = 256) -> None:
        super().__init__()
        self.perceptrons = nn.ModuleList(
            nn.Sequential(nn.Linear(count, width), nn.ReLU(), nn.Linear(width, width)) for count in channels
        )

    def forward(self, maps: Sequence[torch.Tensor], places: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return vectors (N, P_l, width) of length 1, for maps (N, C_l, H_l, W_l) and places (P_l,) in H_l·W_l."""
        chosen = [values.flatten(2)[:, :, where].transpose(1, 2) for values, where in zip(maps, places, strict=True)]
        return [normalize(net(each).float(), dim=2) for net, each in zip(self.perceptrons, chosen, strict=True)]


def draw_places(maps: Sequence[torch.Tensor], count: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Return for each map (N, C_l, H_l, W_l) up to ``count`` different places, drawn from the CPU ``generator``."""
    sizes = [values.shape[2] * values.shape[3] for values in maps]
    return [torch.randperm(size, generator=generator)[:count].to(maps[0].device) for size in sizes]


def patch_contrast(queries: torch.Tensor, keys: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return PatchNCE, a scalar: how hard each query finds its own key among those of its image (Park 2020, eq. 3).

    Args:
        queries: vectors (N, P, F) of length 1, of patches of the output.
        keys: those of the same places of the input; no gradient flows into them.
        temperature: what their products are divided by; the paper's is 0.07.
    """
    products = queries @ keys.detach().transpose(1, 2) / temperature  # (N, P, P); the diagonal is right
    truth = torch.arange(products.shape[1], device=products.device).expand(products.shape[:2])
    return cross_entropy(products.flatten(0, 1), truth.flatten())
