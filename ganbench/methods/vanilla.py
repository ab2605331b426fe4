"""The plain GAN: noise to target images, the source unseen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from pydantic import Field

from ganbench.losses.names import AdversarialName
from ganbench.methods.adversary import AdversarialOptions, Adversary
from ganbench.methods.alternating import Alternating, Fakes
from ganbench.methods.base import METHODS, Batch, Scalars, Task
from ganbench.methods.image_networks import DiscriminatorName, run_frozen
from ganbench.methods.optimization import descend, frozen, make_optimizer, set_learning_rate
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

    def refusals(self, image_size: int, batch_size: int) -> Iterator[str]:
        """Yield what generator and discriminator have against ``image_size``."""
        if not suits_dcgan(image_size):
            yield (
                "image_size: the dcgan generator needs a power of two, at least 8. "
                f"Got {image_size}: take {max(8, 1 << image_size.bit_length() - 1)}"
            )
        yield from super().refusals(image_size, batch_size)


@METHODS.register("vanilla")
class Vanilla(Alternating):
    """Draws target images from noise: what a generator reaches that need not keep anything of a source."""

    Options: ClassVar[type[VanillaOptions]] = VanillaOptions
    summary = "noise to target images by the adversarial loss alone; the source is not looked at"
    paper = "Goodfellow 2014, Generative adversarial nets; networks of Radford 2015 (DCGAN)"
    stochastic = True

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        self.generator = build(
            lambda: DcganGenerator(
                task.image_size, options.ngf, options.noise_dim, options.norm, options.bias_before_norm
            ),
            generator, device, options.initialization,
        )  # fmt: skip
        self.adversary = Adversary(options, task, generator, device)
        self.optimizer = make_optimizer(self.generator.parameters(), options)

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return as many images from noise as ``source`` has; only their number is taken from it."""
        return run_frozen(self.generator, self._noise(len(source), generator))

    def _fakes(self, batch: Batch, generator: torch.Generator) -> Fakes:
        return {"drawn": self.generator(self._noise(len(batch.y), generator))}

    def _update_generators(
        self, batch: Batch, step: int, lr: float, generator: torch.Generator
    ) -> tuple[Scalars, Fakes]:
        fakes = self._fakes(batch, generator)
        with frozen(self.adversary.network):
            loss = self.adversary.generator_loss(fakes["drawn"], batch.y)
            set_learning_rate(lr, self.optimizer)
            descend(loss, self.optimizer)
        return {"generator": loss.detach()}, fakes

    def _update_discriminators(self, batch: Batch, fakes: Fakes, lr: float, generator: torch.Generator) -> Scalars:
        return self.adversary.update(batch.y, fakes["drawn"], generator, lr)

    def _noise(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(count, self.options.noise_dim, generator=generator).to(self.device)
