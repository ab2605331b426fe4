"""Degradations: what is taken from images to make the source of a paired task, so that a method must put it back.

One is a class whose fields are the options that a suite may give, registered under the name that it gives the source
domain. What is random in it follows from the content of the image: the same picture is degraded the same way wherever
it stands.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch

from ganbench.data.base import Split, TranslationData
from ganbench.options import Options
from ganbench.registry import Registry
from ganbench.seeding import numpy_generator

CHUNK = 256  # images that are degraded at once: their copies as floats shall not fill the memory


class Degradation(Options, ABC):
    """One way to make images worse. Lengths are shares of the image's width, so that they fit every image size."""

    summary: ClassVar[str]
    uses_label_maps: ClassVar[bool] = False

    @abstractmethod
    def degrade(self, images: torch.Tensor) -> torch.Tensor:
        """Return the degraded images, uint8 (N, 3, H, W), of such images; each depends on its own image alone."""

    def source_images(self, data: TranslationData, domain: str, split: Split) -> torch.Tensor:
        """Return the degraded images of one domain and split, in their order."""
        images = data.images(domain, split)
        degraded = torch.empty_like(images)
        for start in range(0, len(images), CHUNK):
            degraded[start : start + CHUNK] = self.degrade(images[start : start + CHUNK])
        return degraded


DEGRADATIONS: Registry[type[Degradation]] = Registry("degradation", "ganbench.data.degradations", "ganbench.datasets")


def own_generator(image: torch.Tensor, purpose: str) -> np.random.Generator:
    """Return the random generator of one uint8 image, seeded by its content and the purpose."""
    content = hashlib.sha256(image.contiguous().numpy().data).hexdigest()
    return numpy_generator(0, "degradation", purpose, content)


def rounded(images: torch.Tensor) -> torch.Tensor:
    """Return float images on the scale of 0 to 255 as uint8."""
    return images.round().clamp(0, 255).to(torch.uint8)
