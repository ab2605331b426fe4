"""The extractors clip-vit-b-32 and clip-vit-l-14: the image encoders of CLIP, as torch-fidelity runs them.

Radford 2021, "Learning Transferable Visual Models From Natural Language Supervision". Pictures are resized as
TensorFlow 1 did, like torch-fidelity's others, and not as CLIP's own preprocessing does (bicubic, antialiased).
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import torch

from ganbench.nets.extractors import EXTRACTORS, Extractor, Features
from ganbench.nets.weights import WeightsFile, listed


def clip_file(name: str, file_name: str, sha256: str, size: int) -> WeightsFile:
    """Describe a file of OpenAI's: ``file_name`` as they publish it, the digest is a part of the address."""
    return listed(
        WeightsFile(
            name=name,
            title=f"The extractor {name}",
            digests={f"{name}-{sha256}.pt": sha256, file_name: sha256},  # torch-fidelity's name for it, OpenAI's own
            url=f"https://openaipublic.azureedge.net/clip/models/{sha256}/{file_name}",
            size=size,
            licence="MIT (OpenAI)",
            source="torch-fidelity and github.com/openai/CLIP",
        )
    )


class Clip(Extractor):
    """The image encoder of CLIP, its output before normalisation. No classes."""

    weights: ClassVar[WeightsFile]
    resize = "bilinear 224 as TensorFlow 1 (torch-fidelity)"

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        path = self.weights.require()
        from torch_fidelity.feature_extractor_clip import FeatureExtractorCLIP

        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():  # initial weights draw from the global one
            warnings.simplefilter("ignore", FutureWarning)  # OpenAI's files are TorchScript
            network: Any = FeatureExtractorCLIP(self.name, ["clip"], str(path))
        self.network = network.to(device)

    def extract(self, images: torch.Tensor) -> Features:
        """Return the image embeddings."""
        return Features(self.network(images.to(self.device))[0], None)


@EXTRACTORS.register("clip-vit-b-32")
class ClipVitB32(Clip):
    """CLIP ViT-B/32: 512 features of pictures, learned from captions; no classes."""

    name = "clip-vit-b-32"
    title = "CLIP ViT-B/32"
    dimensions = 512
    weights = clip_file(
        name="clip-vit-b-32",
        file_name="ViT-B-32.pt",
        sha256="40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
        size=353_976_522,
    )


@EXTRACTORS.register("clip-vit-l-14")
class ClipVitL14(Clip):
    """CLIP ViT-L/14: 768 features of pictures, learned from captions; no classes."""

    name = "clip-vit-l-14"
    title = "CLIP ViT-L/14"
    dimensions = 768
    weights = clip_file(
        name="clip-vit-l-14",
        file_name="ViT-L-14.pt",
        sha256="b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
        size=932_768_134,
    )
