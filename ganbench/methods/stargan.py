"""StarGAN: Choi 2017, "StarGAN: unified generative adversarial networks for multi-domain image-to-image translation".

Numbers that the paper leaves open are those of the authors' code, github.com/yunjey/stargan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch.nn.functional import cross_entropy, one_hot

from ganbench.losses.names import AdversarialName
from ganbench.methods.adversary import AdversarialOptions, Adversary
from ganbench.methods.alternating import Turns
from ganbench.methods.base import METHODS, Batch, Losses, Scalars, Task
from ganbench.methods.optimization import (
    descend,
    frozen,
    learning_rate,
    make_optimizer,
    set_learning_rate,
    weighted_sum,
)
from ganbench.methods.reconstruction import Reconstruction, ReconstructionOptions
from ganbench.nets.init import InitKind, build
from ganbench.nets.stargan import StarganDiscriminator, StarganGenerator, full_depth


class StarganOptions(AdversarialOptions, ReconstructionOptions):
    """The defaults are the paper's. Its discriminator is its own: nothing about patches can be chosen."""

    adversarial: AdversarialName = Field("wgan-gp", description="adversarial loss")
    lr: float = Field(1e-4, gt=0, le=1, description="learning rate at the start")
    init: InitKind | None = Field(
        "xavier",
        description="how initial weights are drawn; xavier is near to torch's own, which the authors keep",
    )
    n_blocks: int = Field(6, ge=1, le=32, description="residual blocks of the generator")
    pool_size: int = Field(0, ge=0, le=10_000, description="past fakes that are kept for the discriminator")
    discriminator: Literal["patch"] = Field("patch", description="stargan has a discriminator of its own")
    patch_size: None = Field(None, description="follows from the depth of stargan's discriminator: leave it out")
    discriminator_norm: Literal["none"] = Field("none", description="stargan's discriminator has no normalisation")
    lambda_class: float = Field(1.0, ge=0, description="weight of the classification of domains")
    lambda_reconstruction: float = Field(10.0, ge=0, description="weight of the way back to the original domain")

    def conflicts(self) -> Iterator[str]:
        """Yield losses on anything but scores, and what the bases refuse."""
        if self.judgement != "scores":
            yield (
                f"adversarial must be a loss on scores: stargan's discriminator gives scores and classes. "
                f"Got {self.adversarial!r} instead: take 'wgan-gp', 'hinge' or 'lsgan'"
            )
        yield from super().conflicts()

    def refusals(self, image_size: int, batch_size: int) -> Iterator[str]:
        """Yield what the pair of networks has against ``image_size``."""
        step = max(4, 1 << full_depth(image_size))
        if image_size % step:
            yield (
                f"image_size: stargan's networks halve it {full_depth(image_size)} times. "
                f"Got {image_size}: take {max(step, round(image_size / step) * step)}"
            )


@dataclass(frozen=True)
class _Mixed:
    """Images of all domains together.

    Attributes:
        images: (N, 3, H, W) in [−1, 1].
        origin: int64 (N,), the index of the domain that each comes from.
        aim: int64 (N,), the index of the domain that each is translated to.
    """

    images: torch.Tensor
    origin: torch.Tensor
    aim: torch.Tensor


@METHODS.register("stargan")
class StarGan(Turns):
    """One generator for all domains, told where to go; one discriminator that also names the domain of an image.

    A batch holds ``batch_size`` images of each domain; their aims are its origins shuffled, as in the authors' code,
    so that some images are asked to stay what they are.
    """

    Options: ClassVar[type[StarganOptions]] = StarganOptions
    way_back = True
    summary = "one translator between all domains of the data, told where to go; its judge also names the domain"
    paper = "Choi 2017, StarGAN: unified generative adversarial networks for multi-domain image-to-image translation"

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        count, bias = len(task.domains), options.bias_before_norm
        self.generator = build(
            lambda: StarganGenerator(count, options.ngf, options.n_blocks, options.norm, bias),
            generator, device, options.initialization,
        )  # fmt: skip
        judge = build(
            lambda: StarganDiscriminator(task.image_size, count, options.ndf), generator, device, options.initialization
        )
        self.adversary = Adversary(options, task, generator, device, network=judge)
        self.reconstruction = Reconstruction(options.reconstruction, options, task, generator, device)
        self.optimizer = make_optimizer(self.generator.parameters(), options)
        self.weights = {
            "adversarial": 1.0,
            "classification": options.lambda_class,
            "reconstruction": options.lambda_reconstruction,
        }

    def training_step(self, batch: Batch, step: int, generator: torch.Generator) -> Losses:
        """Update the discriminator and, once in n_critic steps, the generator."""
        lr = learning_rate(self.options, step, self.task.steps)
        mixed = self._mix(batch, generator)
        if self.trains_generators(step):
            losses, fake = self._update_generator(mixed, lr)
        else:
            with torch.no_grad():
                losses, fake = Scalars(), self._translate(mixed.images, mixed.aim)
        named = cross_entropy(self._classes(mixed.images), mixed.origin)
        further = self.options.lambda_class * named
        losses |= self.adversary.update(mixed.images, fake, generator, lr, further)
        return losses | {"discriminator_classification": named.detach()}

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate source images to the target domain; deterministic."""
        return self.translate_to(self.task.target, source)

    def translate_back(self, target: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate target images to the source domain; deterministic."""
        return self.translate_to(self.task.source, target)

    @torch.no_grad()
    def translate_to(self, domain: str, images: torch.Tensor) -> torch.Tensor:
        """Translate images (N, 3, H, W) in [−1, 1] of any domain to ``domain``."""
        aim = torch.full((len(images),), self.task.domains.index(domain), device=self.device)
        self.generator.eval()
        try:
            return self._translate(images.to(self.device), aim).float()
        finally:
            self.generator.train()

    def _mix(self, batch: Batch, generator: torch.Generator) -> _Mixed:
        parts = [batch.images[name] for name in self.task.domains]
        counts = torch.tensor([len(images) for images in parts])
        origin = torch.arange(len(parts)).repeat_interleave(counts)
        aim = origin[torch.randperm(len(origin), generator=generator)]
        return _Mixed(torch.cat(parts), origin.to(self.device), aim.to(self.device))

    def _translate(self, images: torch.Tensor, aim: torch.Tensor) -> torch.Tensor:
        fake: torch.Tensor = self.generator(images, one_hot(aim, len(self.task.domains)))
        return fake

    def _classes(self, images: torch.Tensor) -> torch.Tensor:
        """Return the discriminator's logits of the domains, (N, number of domains) float32."""
        logits: torch.Tensor = self.adversary.network.judge(images)[1]  # type: ignore[operator]
        return logits.float()

    def _update_generator(self, mixed: _Mixed, lr: float) -> tuple[Scalars, torch.Tensor]:
        """Return the detached losses, and the translations, detached."""
        fake = self._translate(mixed.images, mixed.aim)
        with frozen(self.adversary.network):
            losses = {
                "adversarial": self.adversary.generator_loss(fake, mixed.images),
                "classification": cross_entropy(self._classes(fake), mixed.aim),
                "reconstruction": self.reconstruction(
                    self._translate(fake, mixed.origin), mixed.images, self.adversary.features
                ),
            }
            total = weighted_sum(losses, self.weights)
            set_learning_rate(lr, self.optimizer)
            descend(total, self.optimizer)
        told = {name: loss.detach() for name, loss in losses.items()} | {"generator": total.detach()}
        return told | self.reconstruction.update(lr), fake.detach()
