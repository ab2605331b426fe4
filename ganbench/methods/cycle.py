"""The cycle family: translation both ways, one class over the same terms; presets differ in their weights.

Zhu 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks"; numbers that the paper
leaves open are those of the authors' code, github.com/junyanz/pytorch-CycleGAN-and-pix2pix.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from pydantic import Field

from ganbench.methods.adversary import AdversarialOptions, Adversary
from ganbench.methods.base import METHODS, Batch, Losses, Method, Task, load_parts, state_of_parts
from ganbench.methods.image_networks import TranslatorOptions, make_generator, run_all, run_frozen
from ganbench.methods.optimization import (
    descend,
    frozen,
    learning_rate,
    make_optimizer,
    set_learning_rate,
    weighted_sum,
)
from ganbench.methods.reconstruction import Reconstruction, ReconstructionOptions

Fakes = tuple[torch.Tensor, torch.Tensor | None]
"""Translations to the target domain, and to the source domain where there is a way back."""


class HalfCycleOptions(AdversarialOptions, TranslatorOptions):
    """What half a cycle needs."""


class CycleOptions(HalfCycleOptions, ReconstructionOptions):
    """The full cycle: both directions, both cycles and the identity term."""

    lambda_cycle: float = Field(10.0, ge=0, description="weight of the forward and of the backward cycle")
    lambda_identity: float = Field(
        5.0, ge=0, description="absolute weight of the identity term; the authors' code says 0.5 times lambda_cycle"
    )


@dataclass(frozen=True)
class Terms:
    """Weights of the generators' terms. What would weigh nothing is neither computed nor built."""

    adversarial_forward: float = 1.0
    adversarial_backward: float = 0.0
    forward_cycle: float = 0.0
    backward_cycle: float = 0.0
    identity: float = 0.0

    @property
    def way_back(self) -> bool:
        """Whether anything is translated from target to source."""
        return max(self.adversarial_backward, self.forward_cycle, self.backward_cycle) > 0


class Direction:
    """One way of translation: a generator into a domain, and the adversary that judges images of that domain."""

    def __init__(self, options: HalfCycleOptions, task: Task, generator: torch.Generator, device: torch.device) -> None:
        self.generator = make_generator(options, task, generator, device)
        # half the loss, so that a discriminator learns slower than its generator (Zhu 2017, section 7.1)
        self.adversary = Adversary(options, task, generator, device, weight=0.5)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of generator and adversary."""
        return state_of_parts(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        load_parts(self, state_dict)


class CycleFamily(Method):
    """Adversarial terms both ways, forward and backward cycle, identity; a preset gives the `Terms`."""

    Options: ClassVar[type[HalfCycleOptions]] = HalfCycleOptions

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        self.terms = self.weigh(options)
        self.forth = Direction(options, task, generator, device)
        self.back = Direction(options, task, generator, device) if self.terms.way_back else None
        self.ways = [way for way in (self.forth, self.back) if way is not None]
        name = options.reconstruction if isinstance(options, ReconstructionOptions) else "none"
        self.reconstruction = Reconstruction(name, options, task, generator, device)
        self.optimizer = make_optimizer([p for way in self.ways for p in way.generator.parameters()], options)

    def weigh(self, options: Any) -> Terms:
        """Return the weights of the terms."""
        raise NotImplementedError

    def training_step(self, batch: Batch, step: int, generator: torch.Generator) -> Losses:
        """Update the generators (every n_critic steps), then the discriminators on real images and pooled fakes."""
        lr = learning_rate(self.options, step, self.task.steps)
        if (step + 1) % self.options.critic_updates:
            losses, fakes = dict[str, torch.Tensor](), self._fakes(batch)
        else:
            losses, fakes = self._update_generators(batch, lr)
        return losses | self._update_adversaries(batch, fakes, generator, lr)

    def generator_updates(self, steps: int) -> int:
        """Return how many of ``steps`` training steps updated the generators."""
        updates: int = steps // self.options.critic_updates
        return updates

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate source images; deterministic."""
        return run_frozen(self.forth.generator, source.to(self.device))

    @torch.no_grad()
    def _fakes(self, batch: Batch) -> Fakes:
        return self.forth.generator(batch.x), None if self.back is None else self.back.generator(batch.y)

    def _update_generators(self, batch: Batch, lr: float) -> tuple[dict[str, torch.Tensor], Fakes]:
        with frozen(*(way.adversary.network for way in self.ways)):
            losses, fakes = self._generator_losses(batch.x, batch.y)
            total = weighted_sum(losses, asdict(self.terms))
            set_learning_rate(lr, self.optimizer)
            descend(total, self.optimizer)
        return {name: loss.detach() for name, loss in losses.items()} | {"generator": total.detach()}, fakes

    def _generator_losses(self, x: torch.Tensor, y: torch.Tensor) -> tuple[dict[str, torch.Tensor], Fakes]:
        fake_y, same_y = self._pass(self.forth, x, y)
        losses = {"adversarial_forward": self.forth.adversary.generator_loss(fake_y, y)}
        kept = [self._compare(self.forth, image, y) for image in same_y]
        fake_x = None
        if self.back is not None:
            fake_x, same_x = self._pass(self.back, y, x)
            losses |= self._losses_of_way_back(self.back, (x, y), (fake_y, fake_x))
            kept += [self._compare(self.back, image, x) for image in same_x]
        return losses | ({"identity": torch.stack(kept).sum()} if kept else {}), (fake_y, fake_x)

    def _pass(
        self, way: Direction, images: torch.Tensor, arrived: torch.Tensor
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Translate ``images`` and, for the identity term, ``arrived``: images that are in the way's domain already."""
        fake, *same = run_all(way.generator, [images, arrived] if self.terms.identity else [images], self.options.norm)
        return fake, same

    def _losses_of_way_back(
        self, back: Direction, real: tuple[torch.Tensor, torch.Tensor], fake: tuple[torch.Tensor, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        (x, y), (fake_y, fake_x) = real, fake
        losses = {}
        if self.terms.adversarial_backward:
            losses["adversarial_backward"] = back.adversary.generator_loss(fake_x, x)
        if self.terms.forward_cycle:
            losses["forward_cycle"] = self._compare(back, back.generator(fake_y), x)
        if self.terms.backward_cycle:
            losses["backward_cycle"] = self._compare(self.forth, self.forth.generator(fake_x), y)
        return losses

    def _compare(self, way: Direction, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return how far ``output`` lies from ``target``, both images of the domain that ``way`` leads to."""
        return self.reconstruction(output, target, way.adversary.features)

    def _update_adversaries(
        self, batch: Batch, fakes: Fakes, generator: torch.Generator, lr: float
    ) -> dict[str, torch.Tensor]:
        fake_y, fake_x = fakes
        losses = {"discriminator_forward": self.forth.adversary.update(batch.y, fake_y, generator, lr)}
        if self.back is not None and fake_x is not None and self.terms.adversarial_backward:
            losses["discriminator_backward"] = self.back.adversary.update(batch.x, fake_x, generator, lr)
        return losses | self.reconstruction.update(lr)


@METHODS.register("half_cycle")
class HalfCycle(CycleFamily):
    """Source to target by the adversarial loss alone: nothing translates back, nothing ties output to input."""

    summary = "image to image by the adversarial loss alone: half a cycle, nothing translates back"
    paper = "the ablation 'GAN alone' of Zhu 2017, table 4"

    def weigh(self, options: HalfCycleOptions) -> Terms:
        """Return the forward adversarial term alone."""
        return Terms()


@METHODS.register("cyclegan")
class CycleGan(CycleFamily):
    """Both directions with discriminators, cycles and the identity term."""

    Options: ClassVar[type[CycleOptions]] = CycleOptions
    summary = "two translators that undo each other, with identity term"
    paper = "Zhu 2017, Unpaired image-to-image translation using cycle-consistent adversarial networks"

    def weigh(self, options: CycleOptions) -> Terms:
        """Return the paper's terms with the options' weights."""
        return Terms(
            adversarial_backward=1.0,
            forward_cycle=options.lambda_cycle,
            backward_cycle=options.lambda_cycle,
            identity=options.lambda_identity,
        )
