"""Feature extractors: frozen pretrained networks with one input convention, uint8 RGB (N, 3, H, W) of any size.

A new extractor is one registered subclass in one file; its class attributes say everything a protocol needs without
loading it. Values are named after the extractor (``fd_inception-v3-768``); the field's plain names (``fid``, ``kid``,
``is``) belong to ``inception-v3`` with its 2,048 features alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from ganbench.errors import InputError
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


class DigestInUse:
    """The class attribute ``digest`` of an extractor whose file is brought: `WeightsFile.digest_in_use`."""

    def __get__(self, instance: object, owner: type[Extractor]) -> str:
        if owner.weights is None:
            raise AttributeError(f"The extractor {owner.__name__} must declare its weights or their digest.")
        return owner.weights.digest_in_use()


class Extractor(ABC):
    """A frozen network. ``__init__`` loads it, calling it on images returns their `Features`.

    Attributes:
        name: key in a suite.
        title: how tables call it.
        weights: the file that has to be brought; None where the weights come with an installed package.
        digest: sha256 (hex) of its weights file, checked when it is loaded; by default that of ``weights``.
        resize: what is done to the pictures before the network, in words; part of every protocol.
        dimensions: width D of the pooled features.
        canonical: True where the field's plain names (FID, KID, IS) belong to this network.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    weights: ClassVar[WeightsFile | None] = None
    digest: ClassVar[Any] = DigestInUse()  # a str, wherever it is read
    resize: ClassVar[str]
    dimensions: ClassVar[int]
    canonical: ClassVar[bool] = False

    def __init__(self, device: torch.device) -> None:
        self.device = device

    @abstractmethod
    def extract(self, images: torch.Tensor) -> Features:
        """Return the features of one batch of uint8 images, on any device."""

    def __call__(self, images: torch.Tensor) -> Features:
        """Return the features of all images (N, 3, H, W), uint8.

        The network always sees equally many at once, the last of them repeated where some lack: which kernels a
        library takes, and with them the last digits, depends on that number. So the features of an image are the same
        to the bit in whatever company it comes.
        """
        check_images(images)
        with torch.inference_mode():
            batches = [self._extract_padded(batch) for batch in images.split(self.batch_size)]
        logits = [batch.logits for batch in batches if batch.logits is not None]
        return Features(torch.cat([batch.pooled for batch in batches]), torch.cat(logits) if logits else None)

    @property
    def batch_size(self) -> int:
        """How many images the network sees at once: what fits the caches of a CPU core, or keeps a GPU busy."""
        return 4 if self.device.type == "cpu" else 50

    def _extract_padded(self, batch: torch.Tensor) -> Features:
        count = len(batch)
        lacking = batch[-1:].expand(self.batch_size - count, -1, -1, -1)
        found = self.extract(torch.cat([batch, lacking]))
        return Features(found.pooled[:count].cpu(), None if found.logits is None else found.logits[:count].cpu())


EXTRACTORS: Registry[type[Extractor]] = Registry("extractor", "ganbench.nets", "ganbench.extractors")


def check_images(images: torch.Tensor) -> None:
    """Raise `InputError` unless ``images`` is uint8 (N, 3, H, W) with at least one image."""
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3 or len(images) == 0:
        raise InputError(
            "Images must be a uint8 RGB tensor (N, 3, H, W) with N of at least 1. "
            f"Got {images.dtype} of shape {tuple(images.shape)} instead."
        )
