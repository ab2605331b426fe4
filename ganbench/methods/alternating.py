"""The training step of methods that update generators and discriminators in turns."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch

from ganbench.losses.adversarial import Judgement
from ganbench.methods.adversary import AdversarialOptions
from ganbench.methods.base import Batch, Losses, Method, Scalars, Task
from ganbench.methods.image_networks import TranslatorOptions
from ganbench.methods.optimization import learning_rate
from ganbench.methods.reconstruction import ReconstructionOptions

Fakes = dict[str, torch.Tensor]
"""Generated images (N, 3, H, W), by the name of the adversary that judges them."""


class AlternatingOptions(AdversarialOptions, TranslatorOptions):
    """What a method with image-to-image generators and discriminators needs."""


class ReconstructingOptions(AlternatingOptions, ReconstructionOptions):
    """What such a method needs that also compares images with known ones."""

    @property
    def discriminators(self) -> set[Judgement]:
        """That of the adversarial loss, and one of scores where the reconstructions are judged."""
        return super().discriminators | ({"scores"} if self.judges_pairs else set())


class Turns(Method):
    """Updates the generators once in n_critic steps, which follows from the step alone, so that resuming is exact."""

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        self.n_critic = options.critic_updates if isinstance(options, AdversarialOptions) else 1

    def trains_generators(self, step: int) -> bool:
        """Say whether the generators are updated in this step: the last of every n_critic."""
        return (step + 1) % self.n_critic == 0

    def generator_updates(self, steps: int) -> int:
        """Return how many of ``steps`` training steps updated the generators."""
        return sum(map(self.trains_generators, range(steps)))


class Alternating(Turns):
    """Where it is their turn, updates the generators and then the discriminators, on the same fakes.

    A subclass that takes turns in another way overrides `trains_generators` and `trains_discriminators`.
    """

    def trains_discriminators(self, step: int) -> bool:
        """Say whether the discriminators are updated in this step: always."""
        return True

    def training_step(self, batch: Batch, step: int, generator: torch.Generator) -> Losses:
        """Update the generators, then the discriminators on real images and pooled fakes, where it is their turn."""
        lr = learning_rate(self.options, step, self.task.steps)
        losses = Scalars()
        if self.trains_generators(step):
            losses, fakes = self._update_generators(batch, step, lr, generator)
        else:
            with torch.no_grad():
                fakes = self._fakes(batch, generator)
        if self.trains_discriminators(step):
            losses |= self._update_discriminators(batch, fakes, lr, generator)
        return losses

    @abstractmethod
    def _fakes(self, batch: Batch, generator: torch.Generator) -> Fakes:
        """Generate images for a step that updates the discriminators alone; noise is drawn from ``generator``."""

    @abstractmethod
    def _update_generators(
        self, batch: Batch, step: int, lr: float, generator: torch.Generator
    ) -> tuple[Scalars, Fakes]:
        """Update the generators; return detached losses, and the fakes that were judged."""

    @abstractmethod
    def _update_discriminators(self, batch: Batch, fakes: Fakes, lr: float, generator: torch.Generator) -> Scalars:
        """Update the discriminators; return their detached losses."""
