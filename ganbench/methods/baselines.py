"""The rows that every table carries: copying, the mean image, a random training image, and real images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ganbench.data.base import TranslationData
from ganbench.data.batches import to_float
from ganbench.methods.base import METHODS, Method, Report, Task


class Baseline(Method):
    """Base of methods that are not trained and that every suite carries."""

    trained = False
    baseline = True


@METHODS.register("identity")
class Identity(Baseline):
    """Copies the input: all content, no translation."""

    summary = "copies the input: all content, no translation"

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return a copy of ``source``."""
        return source.detach().to(self.device, torch.float32, copy=True)


class TrainingImages(Baseline):
    """Base of baselines that answer with images made from the target's training images.

    Attributes:
        bank: float images (M, 3, H, W) in [−1, 1] on the CPU; empty until `prepare`.
    """

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        self.bank = torch.empty(0, 3, task.image_size, task.image_size)

    def state_dict(self) -> dict[str, Any]:
        """Return the bank."""
        return {"bank": self.bank}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the bank."""
        self.bank = state["bank"]


@METHODS.register("mean_target")
class MeanTarget(TrainingImages):
    """Answers every input with the mean target training image: no content, no variety."""

    summary = "the mean target training image, whatever the input"

    def prepare(self, data: TranslationData, seed: int, report: Report) -> None:
        """Compute the mean image."""
        self.bank = to_float(data.images(data.target, "train")).mean(0, keepdim=True)

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return the mean image, once per image of ``source``."""
        return self.bank.repeat(len(source), 1, 1, 1).to(self.device)


@METHODS.register("random_target")
class RandomTarget(TrainingImages):
    """Answers every input with a random target training image: perfect quality, no content, all memorization."""

    summary = "a random target training image: perfect quality, no content, all memorization"
    stochastic = True

    def prepare(self, data: TranslationData, seed: int, report: Report) -> None:
        """Keep the training images."""
        self.bank = to_float(data.images(data.target, "train"))

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one training image, drawn with replacement, for each image of ``source``."""
        chosen = torch.randint(len(self.bank), (len(source),), generator=generator)
        return self.bank[chosen].to(self.device)


@METHODS.register("real")
class Real(Baseline):
    """The reference row: held-out target images stand in the place of outputs; what a perfect model would score."""

    reference = True
    summary = "held-out real target images in place of outputs: what a perfect method would score"

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Raise: this row translates nothing, its images come from the data."""
        raise NotImplementedError("The row of real images translates nothing: take held-out target images.")
