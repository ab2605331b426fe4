"""GcGAN: Fu 2019, "Geometry-consistent generative adversarial networks for one-sided unsupervised domain mapping".

Facts are those of the authors' code, github.com/hufu6371/GcGAN (models/gc_gan_share_model.py, options, train_gcgan.sh):
one generator for plain and turned images, a discriminator for each kind.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field

from ganbench.methods.adversary import Adversary
from ganbench.methods.alternating import Alternating, Fakes, ReconstructingOptions
from ganbench.methods.base import METHODS, Batch, Scalars, Task
from ganbench.methods.image_networks import make_generator, run_all, run_frozen
from ganbench.methods.optimization import descend, frozen, make_optimizer, set_learning_rate, weighted_sum
from ganbench.methods.reconstruction import Reconstruction

Pair = tuple[torch.Tensor, torch.Tensor]
"""Plain images (N, 3, H, W), and turned ones."""


class GcGanOptions(ReconstructingOptions):
    """The defaults are the authors'."""

    geometry: Literal["rot90", "vertical_flip"] = Field(
        "rot90", description="how images are turned: a quarter clockwise, or upside down"
    )
    lambda_geometry: float = Field(
        20.0, ge=0, description="weight of the geometry consistency; the authors' code has 10 times 2"
    )
    lambda_identity: float = Field(
        3.0,
        ge=0,
        description="weight of the identity term; the authors' script has 10 times 0.3, their code 10 times 0.5",
    )


@METHODS.register("gcgan")
class GcGan(Alternating):
    """To turn and translate must give what translating and turning gives; nothing translates back."""

    Options: ClassVar[type[GcGanOptions]] = GcGanOptions
    summary = "one translator that gives the same whether images are turned before or after it"
    paper = "Fu 2019, Geometry-consistent generative adversarial networks for one-sided unsupervised domain mapping"

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        self.generator = make_generator(options, task, generator, device)
        self.plain = Adversary(options, task, generator, device, weight=0.5)
        self.turned = Adversary(options, task, generator, device, weight=0.5)
        self.reconstruction = Reconstruction(options.reconstruction, options, task, generator, device)
        self.optimizer = make_optimizer(self.generator.parameters(), options)
        self.weights = {
            "adversarial_plain": 1.0,
            "adversarial_turned": 1.0,
            "geometry": options.lambda_geometry,
            "identity": options.lambda_identity,
        }

    def turn(self, images: torch.Tensor) -> torch.Tensor:
        """Turn images (N, 3, H, H) by the option's geometry."""
        return images.flip(2) if self.options.geometry == "vertical_flip" else images.rot90(-1, (2, 3))

    def turn_back(self, images: torch.Tensor) -> torch.Tensor:
        """Undo `turn`."""
        return images.flip(2) if self.options.geometry == "vertical_flip" else images.rot90(1, (2, 3))

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate source images; deterministic."""
        return run_frozen(self.generator, source.to(self.device))

    def _fakes(self, batch: Batch, generator: torch.Generator) -> Fakes:
        plain, turned = run_all(self.generator, [batch.x, self.turn(batch.x)], self.options.norm)
        return {"plain": plain, "turned": turned}

    def _update_generators(
        self, batch: Batch, step: int, lr: float, generator: torch.Generator
    ) -> tuple[Scalars, Fakes]:
        with frozen(self.plain.network, self.turned.network):
            fakes = self._fakes(batch, generator)
            losses = self._losses((fakes["plain"], fakes["turned"]), (batch.y, self.turn(batch.y)))
            total = weighted_sum(losses, self.weights)
            set_learning_rate(lr, self.optimizer)
            descend(total, self.optimizer)
        told = {name: loss.detach() for name, loss in losses.items()} | {"generator": total.detach()}
        return told | self.reconstruction.update(lr), fakes

    def _losses(self, fake: Pair, real: Pair) -> Scalars:
        losses = {
            "adversarial_plain": self.plain.generator_loss(fake[0], real[0]),
            "adversarial_turned": self.turned.generator_loss(fake[1], real[1]),
        }
        if self.weights["geometry"]:  # each is the other's target: gradients flow into one side at a time
            losses["geometry"] = self._compare(fake, (self.turn_back(fake[1].detach()), self.turn(fake[0].detach())))
        if self.weights["identity"]:
            same, same_turned = run_all(self.generator, real, self.options.norm)
            losses["identity"] = self._compare((same, same_turned), real)
        return losses

    def _compare(self, output: Pair, target: Pair) -> torch.Tensor:
        """Return how far plain and turned images lie from those they should be, summed."""
        plain = self.reconstruction(output[0], target[0], self.plain.features)
        return plain + self.reconstruction(output[1], target[1], self.turned.features)

    def _update_discriminators(self, batch: Batch, fakes: Fakes, lr: float, generator: torch.Generator) -> Scalars:
        plain = self.plain.update(batch.y, fakes["plain"], generator, lr, name="discriminator_plain")
        turned = self.turn(batch.y)
        return plain | self.turned.update(turned, fakes["turned"], generator, lr, name="discriminator_turned")
