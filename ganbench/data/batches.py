"""Stateless batches: which images a step sees follows from seed and step alone, so that resuming is exact."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import torch

from ganbench.data.base import TranslationData
from ganbench.seeding import torch_generator


def to_float(images: torch.Tensor) -> torch.Tensor:
    """Map uint8 images (any shape, 0…255) to float32 in [−1, 1]."""
    return images.float().div_(127.5).sub_(1.0)


def to_uint8(images: torch.Tensor) -> torch.Tensor:
    """Map float images in [−1, 1] to uint8, rounding to the nearest and clipping what lies outside."""
    return images.float().add(1.0).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


@lru_cache(maxsize=64)
def _epoch_order(count: int, seed: int, purpose: str, epoch: int) -> torch.Tensor:
    return torch.randperm(count, generator=torch_generator(seed, "order", purpose, epoch))


def batch_indices(count: int, batch_size: int, step: int, seed: int, purpose: str) -> torch.Tensor:
    """Return the indices (batch_size,) of one step: a window on the endless row of shuffled epochs.

    Args:
        count: number of images to draw from.
        batch_size: images in the batch; it may span epochs.
        step: index of the training step, from 0.
        seed: of the trial.
        purpose: name of the stream ("order of avataaars"); different purposes draw independently.
    """
    first = step * batch_size
    epochs = range(first // count, (first + batch_size - 1) // count + 1)
    row = torch.cat([_epoch_order(count, seed, purpose, epoch) for epoch in epochs])
    offset = first - epochs.start * count
    return row[offset : offset + batch_size]


class BatchSource:
    """Serves the training images of all domains, kept as uint8 on the device.

    Args:
        data: the task.
        batch_size: images of each domain in a batch.
        seed: of the trial.
        flip: mirror each image horizontally with probability ½ (pairs together).
        device: where batches are made.
        memory_format: of the batches: that of the networks, or each of their passes would convert them anew.
    """

    def __init__(
        self,
        data: TranslationData,
        batch_size: int,
        seed: int,
        flip: bool = False,
        device: torch.device | str = "cpu",
        memory_format: torch.memory_format = torch.channels_last,
    ) -> None:
        self.data, self.batch_size, self.seed, self.flip = data, batch_size, seed, flip
        self._memory_format = memory_format
        self._images = {name: domain.images["train"].to(device) for name, domain in data.domains.items()}
        self._labels = {
            name: {attribute: labels.to(device) for attribute, labels in data.labels(name, "train").items()}
            for name in data.domains
        }
        if data.paired:  # the target of a pair is the counterpart, in the order of the source
            self._images[data.target] = data.counterparts["train"].to(device)
            self._labels[data.target] = self._labels[data.source]

    def images(self, step: int) -> dict[str, torch.Tensor]:
        """Return domain → float images (N, 3, H, W) in [−1, 1] of one step."""
        return {name: self._drawn(images, name, step) for name, images in self._images.items()}

    def labels(self, step: int) -> Mapping[str, Mapping[str, torch.Tensor]]:
        """Return domain → attribute → int64 labels (N,) of one step."""
        return {
            name: {attribute: values[self._indices(name, step)] for attribute, values in labels.items()}
            for name, labels in self._labels.items()
        }

    def _drawn(self, images: torch.Tensor, domain: str, step: int) -> torch.Tensor:
        batch = self._flipped(to_float(images[self._indices(domain, step)]), domain, step)
        return batch.contiguous(memory_format=self._memory_format)

    def _stream(self, domain: str) -> str:
        return "pairs" if self.data.paired and domain in (self.data.source, self.data.target) else domain

    def _indices(self, domain: str, step: int) -> torch.Tensor:
        return batch_indices(len(self._images[domain]), self.batch_size, step, self.seed, self._stream(domain))

    def _flipped(self, images: torch.Tensor, domain: str, step: int) -> torch.Tensor:
        if not self.flip:
            return images
        generator = torch_generator(self.seed, "flip", self._stream(domain), step)
        mirrored = torch.rand(len(images), generator=generator).to(images.device) < 0.5
        return torch.where(mirrored[:, None, None, None], images.flip(-1), images)
