"""The extractors dinov2-vit-s-14, -b-14 and -l-14: DINOv2's class token, resized as torch-fidelity does.

Stein 2023, "Exposing flaws of generative model evaluation metrics", finds the Fréchet distance on ViT-L/14 closest to
people's judgement; its code resizes otherwise (PIL bicubic), so its numbers are not comparable with these.
"""

from __future__ import annotations

from typing import ClassVar

import torch

from ganbench.errors import InputError
from ganbench.nets.dinov2 import DinoV2, build_dinov2
from ganbench.nets.extractors import EXTRACTORS, Extractor, Features
from ganbench.nets.weights import WeightsFile, listed

SIZE = 224  # pixels
MEAN = (0.485, 0.456, 0.406)  # ImageNet's, of RGB in [0, 1]
STD = (0.229, 0.224, 0.225)


def dinov2_file(size_letter: str, sha256: str, size: int) -> WeightsFile:
    """Describe a published file. Its makers state no digest: this one is what users of the file agree on."""
    name = f"dinov2_vit{size_letter}14"
    return listed(
        WeightsFile(
            name=f"dinov2-vit-{size_letter}-14",
            title=f"The extractor dinov2-vit-{size_letter}-14",
            digests={f"{name}_pretrain.pth": sha256},
            url=f"https://dl.fbaipublicfiles.com/dinov2/{name}/{name}_pretrain.pth",
            size=size,
            licence="Apache-2.0 (Meta)",
            source="github.com/facebookresearch/dinov2; digest as pinned by github.com/finegrain-ai/refiners",
        )
    )


class Dino(Extractor):
    """The class token after the last normalisation. No classes."""

    weights: ClassVar[WeightsFile]
    resize = "bilinear 224 as TensorFlow 1 (torch-fidelity)"

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.network = _load(self.weights).to(device)
        self.mean = 255 * torch.tensor(MEAN, device=device)[:, None, None]
        self.std = 255 * torch.tensor(STD, device=device)[:, None, None]

    def extract(self, images: torch.Tensor) -> Features:
        """Return the class tokens."""
        from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x as resize

        pixels = resize(images.to(self.device, torch.float32), size=(SIZE, SIZE), align_corners=False)
        return Features(self.network((pixels - self.mean) / self.std), None)


def _load(file: WeightsFile) -> DinoV2:
    path = file.require()
    try:
        return build_dinov2(torch.load(path, map_location="cpu", weights_only=True))
    except RuntimeError as error:
        raise InputError(f"The weights file {path} must hold a whole DINOv2. {error} Get it: {file.command}") from None


@EXTRACTORS.register("dinov2-vit-s-14")
class DinoV2S14(Dino):
    """DINOv2 ViT-S/14: 384 features learned without labels; no classes."""

    name = "dinov2-vit-s-14"
    title = "DINOv2 ViT-S/14"
    dimensions = 384
    weights = dinov2_file("s", "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9", 88_283_115)


@EXTRACTORS.register("dinov2-vit-b-14")
class DinoV2B14(Dino):
    """DINOv2 ViT-B/14: 768 features learned without labels; no classes."""

    name = "dinov2-vit-b-14"
    title = "DINOv2 ViT-B/14"
    dimensions = 768
    weights = dinov2_file("b", "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73", 346_378_731)


@EXTRACTORS.register("dinov2-vit-l-14")
class DinoV2L14(Dino):
    """DINOv2 ViT-L/14: 1,024 features learned without labels; no classes."""

    name = "dinov2-vit-l-14"
    title = "DINOv2 ViT-L/14"
    dimensions = 1024
    weights = dinov2_file("l", "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428", 1_217_586_395)
