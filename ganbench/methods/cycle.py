"""The cycle family: translation both ways, one class over the same terms; presets differ in their weights.

Zhu 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks"; numbers that the paper
leaves open are those of the authors' code, github.com/junyanz/pytorch-CycleGAN-and-pix2pix.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from pydantic import Field, model_validator

from ganbench.losses.adversarial import ADVERSARIAL, AdversarialLoss
from ganbench.losses.names import AdversarialName, ReconstructionName
from ganbench.losses.reconstruction import RECONSTRUCTION
from ganbench.methods.base import METHODS, Batch, Losses, Method, Task, TrainingOptions, load_parts, state_of_parts
from ganbench.methods.image_networks import NetworkOptions, make_discriminator, make_generator, run_all, run_frozen
from ganbench.methods.image_pool import ImagePool
from ganbench.methods.optimization import descend, learning_rate, make_adam, set_learning_rate

Fakes = tuple[torch.Tensor, torch.Tensor | None]
"""Translations to the target domain, and to the source domain where there is a way back."""


class AdversarialOptions(NetworkOptions, TrainingOptions):
    """What half a cycle needs: an adversarial loss, its networks and its schedule."""

    adversarial: AdversarialName = Field("lsgan", description="adversarial loss")
    n_critic: int | None = Field(
        None, ge=1, le=100, description="discriminator updates per generator update; none given: the loss's own"
    )
    pool_size: int = Field(50, ge=0, le=10_000, description="past fakes that are kept for the discriminator")

    @model_validator(mode="after")
    def _refuse_batch_norm(self) -> AdversarialOptions:
        regularizer = ADVERSARIAL.get(self.adversarial).regularizer
        if regularizer is not None and regularizer.per_image and self.norm_of_discriminator == "batch":
            raise ValueError(
                f"the discriminator of {self.adversarial!r} must have no batch normalisation: its penalty is defined "
                "for each image alone, batch normalisation ties the images together. "
                "Set discriminator_norm to 'instance' or 'none'"
            )
        return self


class CycleOptions(AdversarialOptions):
    """The full cycle: both directions, both cycles and the identity term."""

    reconstruction: ReconstructionName = Field("l1", description="loss of the cycles and of the identity term")
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
    """One way of translation: a generator into a domain, that domain's discriminator and its pool of fakes."""

    def __init__(
        self, options: AdversarialOptions, task: Task, generator: torch.Generator, device: torch.device
    ) -> None:
        self.norm = options.norm_of_discriminator
        self.loss: AdversarialLoss = ADVERSARIAL.get(options.adversarial)()
        self.generator = make_generator(options, task, generator, device)
        self.discriminator = make_discriminator(options, task, generator, device)
        self.pool = ImagePool(options.pool_size, device)

    def generator_loss(self, fake: torch.Tensor) -> torch.Tensor:
        """Return the generator's adversarial loss, in the scale of the paper: least squares without Mao's ½."""
        return self.loss.generator_scale * self.loss.generator_loss(self.discriminator(fake))

    def discriminator_loss(self, real: torch.Tensor, fake: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return the discriminator's loss on real images and on fakes from the pool, with its regulariser."""
        fake = self.pool.exchange(fake, generator)
        loss = self.loss.discriminator_loss(*run_all(self.discriminator, [real, fake], self.norm))
        if self.loss.regularizer is not None:
            loss = loss + self.loss.regularizer(self.discriminator, real, fake, generator)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both networks and of the pool."""
        return state_of_parts(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        load_parts(self, state_dict)


class CycleFamily(Method):
    """Adversarial terms both ways, forward and backward cycle, identity; a preset gives the `Terms`."""

    Options: ClassVar[type[AdversarialOptions]] = AdversarialOptions

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        self.terms = self.weigh(options)
        self.reconstruction = RECONSTRUCTION.get(getattr(options, "reconstruction", "l1"))
        self.forth = Direction(options, task, generator, device)
        self.back = Direction(options, task, generator, device) if self.terms.way_back else None
        self.n_critic = options.n_critic or self.forth.loss.n_critic
        directions = [way for way in (self.forth, self.back) if way is not None]
        self.generator_optimizer = make_adam([p for way in directions for p in way.generator.parameters()], options)
        self.discriminator_optimizer = make_adam(
            [p for way in directions for p in way.discriminator.parameters()], options
        )

    def weigh(self, options: Any) -> Terms:
        """Return the weights of the terms."""
        raise NotImplementedError

    def training_step(self, batch: Batch, step: int, generator: torch.Generator) -> Losses:
        """Update the generators (every n_critic steps), then the discriminators on real images and pooled fakes."""
        lr = learning_rate(self.options, step, self.task.steps)
        set_learning_rate(lr, self.generator_optimizer, self.discriminator_optimizer)
        if (step + 1) % self.n_critic:
            losses, fakes = dict[str, torch.Tensor](), self._fakes(batch)
        else:
            losses, fakes = self._update_generators(batch)
        return losses | self._update_discriminators(batch, fakes, generator)

    def generator_updates(self, steps: int) -> int:
        """Return how many of ``steps`` training steps updated the generators."""
        return steps // self.n_critic

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate source images; deterministic."""
        return run_frozen(self.forth.generator, source.to(self.device))

    @torch.no_grad()
    def _fakes(self, batch: Batch) -> Fakes:
        return self.forth.generator(batch.x), None if self.back is None else self.back.generator(batch.y)

    def _update_generators(self, batch: Batch) -> tuple[dict[str, torch.Tensor], Fakes]:
        self._discriminators_learn(False)  # their weight gradients would be thrown away
        losses, fakes = self._generator_losses(batch.x, batch.y)
        weights = asdict(self.terms)
        total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
        descend(total, self.generator_optimizer)
        self._discriminators_learn(True)
        return {name: loss.detach() for name, loss in losses.items()} | {"generator": total.detach()}, fakes

    def _generator_losses(self, x: torch.Tensor, y: torch.Tensor) -> tuple[dict[str, torch.Tensor], Fakes]:
        fake_y, same_y = self._pass(self.forth, x, y)
        losses = {"adversarial_forward": self.forth.generator_loss(fake_y)}
        kept = [self.reconstruction(image, y) for image in same_y]
        fake_x = None
        if self.back is not None:
            fake_x, same_x = self._pass(self.back, y, x)
            losses |= self._losses_of_way_back(self.back, (x, y), (fake_y, fake_x))
            kept += [self.reconstruction(image, x) for image in same_x]
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
            losses["adversarial_backward"] = back.generator_loss(fake_x)
        if self.terms.forward_cycle:
            losses["forward_cycle"] = self.reconstruction(back.generator(fake_y), x)
        if self.terms.backward_cycle:
            losses["backward_cycle"] = self.reconstruction(self.forth.generator(fake_x), y)
        return losses

    def _update_discriminators(self, batch: Batch, fakes: Fakes, generator: torch.Generator) -> dict[str, torch.Tensor]:
        fake_y, fake_x = fakes
        losses = {"discriminator_forward": self.forth.discriminator_loss(batch.y, fake_y, generator)}
        if self.back is not None and fake_x is not None and self.terms.adversarial_backward:
            losses["discriminator_backward"] = self.back.discriminator_loss(batch.x, fake_x, generator)
        # half the loss, so that a discriminator learns slower than its generator (Zhu 2017, section 7.1)
        descend(0.5 * torch.stack(list(losses.values())).sum(), self.discriminator_optimizer)
        return {name: loss.detach() for name, loss in losses.items()}

    def _discriminators_learn(self, learn: bool) -> None:
        for way in (self.forth, self.back):
            if way is not None:
                way.discriminator.requires_grad_(learn)


@METHODS.register("half_cycle")
class HalfCycle(CycleFamily):
    """Source to target by the adversarial loss alone: nothing translates back, nothing ties output to input."""

    summary = "image to image by the adversarial loss alone: half a cycle, nothing translates back"
    paper = "the ablation 'GAN alone' of Zhu 2017, table 4"

    def weigh(self, options: AdversarialOptions) -> Terms:
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
