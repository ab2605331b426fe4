"""Perceptual distances of LPIPS's form: squared differences of unit-normalised features of a frozen network.

d(x, y) = Σ_l 1/(H_l W_l) Σ_hw ‖w_l ⊙ (f̂_l(x) − f̂_l(y))‖² (Zhang 2018, "The Unreasonable Effectiveness of Deep
Features as a Perceptual Metric", eq. 1; f̂ has unit length over the channels). It is the squared Euclidean distance of
two *embeddings*, the weighted feature maps laid end to end, so every image is passed through the network once, however
many pairs it is in.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from ganbench.nets import efficientnet
from ganbench.nets.extractors import check_images
from ganbench.nets.weights import WeightsFile, listed


class PerceptualDistance(ABC):
    """A perceptual distance between images.

    Attributes:
        name: carries the network and, for LPIPS, is the field's ("lpips-squeeze").
        title: how tables call it.
        version: of the weights, where their authors number them.
        digest: sha256 (hex) of the weights in use.
        resize: the size at which images are compared, in words.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[str] = ""
    resize: ClassVar[str]
    digest: str

    def __init__(self, device: torch.device) -> None:
        self.device = device

    @abstractmethod
    def maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the weighted, unit-normalised feature maps (N, C_l, H_l, W_l) of a uint8 batch."""

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Return embeddings (N, F), float32 on the CPU; their squared Euclidean distances are the distances."""
        check_images(images)
        with torch.inference_mode():
            maps = self.maps(images)
            return torch.cat([(m / (m.shape[-1] * m.shape[-2]) ** 0.5).flatten(1) for m in maps], 1).cpu()

    def embeddings(self, images: torch.Tensor, batch_size: int = 16) -> Iterator[torch.Tensor]:
        """Yield the embeddings of ``images`` batch by batch, so that memory stays bounded."""
        for batch in images.split(batch_size):
            yield self.embed(batch)

    def between(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Return the distances (N,), float64, between images of the same place in two uint8 sets."""
        pairs = zip(self.embeddings(first), self.embeddings(second), strict=True)
        return torch.cat([(a.double() - b.double()).square().sum(1) for a, b in pairs])

    def spread(self, images: torch.Tensor) -> float:
        """Return the mean distance over all pairs i < j of N ≥ 2 images, every pair weighted the same.

        Exact without visiting the pairs: mean over i < j of ‖e_i − e_j‖² = 2/(N−1) · (Σ‖e_i‖² − N‖ē‖²).
        """
        count, total, squares = len(images), torch.zeros(()), 0.0
        for batch in self.embeddings(images):
            total = total + batch.double().sum(0)
            squares += float(batch.double().square().sum())
        return max(0.0, 2 / (count - 1) * (squares - float(total.square().sum()) / count))


def unit_normalised(features: torch.Tensor) -> torch.Tensor:
    """Scale every spatial position of (N, C, H, W) to unit length over the channels (1e-10 guards zeros, as LPIPS)."""
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)


class EmbeddedDistance(PerceptualDistance):
    """LPIPS's form on five stages of EfficientNet-Lite0, each weighted 1/5; works without any download.

    Not LPIPS: its weights were never fitted to people's judgements, and its numbers must not be compared with it.
    """

    name = "pd_efficientnet-lite0"
    title = "PD (EfficientNet-Lite0)"
    resize = "bilinear 64, antialiased"

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.digest = efficientnet.SHA256
        self.network = efficientnet.load_efficientnet_lite0(device)

    def maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the unit-normalised maps of the five stages, scaled by √(1/5): d is their mean, in [0, 4]."""
        stages = efficientnet.stages(self.network, efficientnet.prepare_images(images, 64, self.device))
        return [unit_normalised(stage) * len(stages) ** -0.5 for stage in stages]


SQUEEZENET = listed(
    WeightsFile(
        name="lpips-squeeze",
        title="LPIPS (SqueezeNet)",
        digests={
            "squeezenet1_1-b8a52dc0.pth": "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
            "squeezenet1_1_from_fp16.pth": "62fc568c02362d8962b4277cf1e7b1dccb0a1265d76e3ddbb069ed693b0814e2",
        },
        url="https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
        size=4_958_839,
        licence="BSD-3-Clause (torchvision), trained on ImageNet",
        source="torchvision.models.squeezenet1_1",
        notes={"squeezenet1_1_from_fp16.pth": "convolution weights rounded to half precision"},
    )
)


class Lpips(PerceptualDistance):
    """LPIPS v0.1 with SqueezeNet: backbone from torchvision's file, linear layers from the lpips package."""

    name = "lpips-squeeze"
    title = "LPIPS (SqueezeNet)"
    version = "0.1"
    resize = "native, bilinear 64 where smaller"

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        path = SQUEEZENET.require()
        self.digest = SQUEEZENET.digests[path.name]
        self.network = _lpips_network(path).to(device, memory_format=torch.channels_last)  # 1.5 times faster on CPUs
        self.scales = [lin.model[-1].weight.clamp_min(0).sqrt() for lin in self.network.lins]

    def maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the maps of the seven layers, each channel scaled by the root of its learned weight."""
        pixels = images.to(self.device, torch.float32) / 127.5 - 1  # LPIPS takes [−1, 1]
        if min(pixels.shape[-2:]) < 64:
            pixels = nn.functional.interpolate(pixels, (64, 64), mode="bilinear", antialias=True)
        scaled = self.network.scaling_layer(pixels).contiguous(memory_format=torch.channels_last)
        layers: Sequence[torch.Tensor] = self.network.net(scaled)
        return [unit_normalised(layer) * scale for layer, scale in zip(layers, self.scales, strict=True)]


def _lpips_network(backbone: Path) -> Any:
    import lpips

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():  # torchvision warns of lpips' old arguments
        warnings.simplefilter("ignore")
        network = lpips.LPIPS(net="squeeze", version=Lpips.version, pnet_rand=True, verbose=False)
    loaded = torch.load(backbone, map_location="cpu", weights_only=True)
    # lpips cuts torchvision's ``features.{i}`` into ``slice{k}.{i}``; the layer numbers stay
    own = network.net.state_dict()
    network.net.load_state_dict({key: loaded["features." + key.split(".", 1)[1]] for key in own})
    return network.eval().requires_grad_(False)
