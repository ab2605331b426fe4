"""The plain GAN: noise to target images, the source unseen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from pydantic import Field

from ganbench.errors import InputError
from ganbench.losses.names import AdversarialName
from ganbench.methods.adversary import AdversarialOptions, Adversary
from ganbench.methods.base import METHODS, Batch, Losses, Method, Task
from ganbench.methods.image_networks import DiscriminatorName, run_frozen
from ganbench.methods.optimization import descend, frozen, learning_rate, make_optimizer, set_learning_rate
from ganbench.nets.dcgan import DcganGenerator, suits_dcgan
from ganbench.nets.init import build
from ganbench.nets.normalization import Norm


class VanillaOptions(AdversarialOptions):
    """The defaults are the paper's: batch normalisation, no pool, no decay of the learning rate."""

    noise_dim: int = Field(
        100, ge=1, le=4096, description="length of the standard normal noise; the paper's is uniform"
    )
    norm: Norm = Field("batch", description="normalisation in both networks")
    adversarial: AdversarialName = Field("nonsaturating", description="adversarial loss")
    discriminator: DiscriminatorName = Field(
        "dcgan", description="what gives the scores: patches, or dcgan's one score of the whole image"
    )
    pool_size: int = Field(0, ge=0, le=10_000, description="past fakes that are kept for the discriminator")
    decay_from: float = Field(
        1.0, ge=0, le=1, description="fraction of the run after which the learning rate falls linearly to 0; 1: never"
    )

    def refusals(self, image_size: int) -> Iterator[str]:
        """Yield what generator and discriminator have against ``image_size``."""
        if not suits_dcgan(image_size):
            yield (
                "image_size: the dcgan generator needs a power of two, at least 8. "
                f"Got {image_size}: take {max(8, 1 << image_size.bit_length() - 1)}"
            )
        yield from super().refusals(image_size)


@METHODS.register("vanilla")
class Vanilla(Method):
    """Draws target images from noise: what a generator reaches that need not keep anything of a source."""

    Options: ClassVar[type[VanillaOptions]] = VanillaOptions
    summary = "noise to target images by the adversarial loss alone; the source is not looked at"
    paper = "Goodfellow 2014, Generative adversarial nets; networks of Radford 2015 (DCGAN)"
    stochastic = True

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        if problems := list(options.refusals(task.image_size)):
            raise InputError(problems)
        self.generator = build(
            lambda: DcganGenerator(
                task.image_size, options.ngf, options.noise_dim, options.norm, options.bias_before_norm
            ),
            generator, device, options.initialization,
        )  # fmt: skip
        self.adversary = Adversary(options, task, generator, device)
        self.optimizer = make_optimizer(self.generator.parameters(), options)

    def training_step(self, batch: Batch, step: int, generator: torch.Generator) -> Losses:
        """Update the generator (every n_critic steps), then the discriminator on the same fakes."""
        lr = learning_rate(self.options, step, self.task.steps)
        noise = self._noise(len(batch.y), generator)
        losses: dict[str, torch.Tensor] = {}
        if (step + 1) % self.options.critic_updates:
            with torch.no_grad():
                fake = self.generator(noise)
        else:
            fake = self.generator(noise)
            losses["generator"] = self._update_generator(fake, batch.y, lr)
        return losses | {"discriminator": self.adversary.update(batch.y, fake, generator, lr)}

    def _update_generator(self, fake: torch.Tensor, real: torch.Tensor, lr: float) -> torch.Tensor:
        with frozen(self.adversary.network):
            loss = self.adversary.generator_loss(fake, real)
            set_learning_rate(lr, self.optimizer)
            descend(loss, self.optimizer)
        return loss.detach()

    def generator_updates(self, steps: int) -> int:
        """Return how many of ``steps`` training steps updated the generator."""
        updates: int = steps // self.options.critic_updates
        return updates

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return as many images from noise as ``source`` has; only their number is taken from it."""
        return run_frozen(self.generator, self._noise(len(source), generator))

    def _noise(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(count, self.options.noise_dim, generator=generator).to(self.device)
