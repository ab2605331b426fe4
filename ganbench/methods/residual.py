"""Residual images: Shen & Liu 2017, "Learning residual images for face attribute manipulation"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch.nn.functional import cross_entropy

from ganbench.methods.base import METHODS, Batch, Losses, Method, Task, TrainingOptions
from ganbench.methods.image_networks import DiscriminatorName, NetworkOptions, make_discriminator, run_all, run_frozen
from ganbench.methods.optimization import (
    descend,
    frozen,
    learning_rate,
    make_optimizer,
    set_learning_rate,
    weighted_sum,
)
from ganbench.nets.init import build
from ganbench.nets.residual_generator import ResidualImageGenerator

REAL_SOURCE, REAL_TARGET, GENERATED = range(3)  # classes of D
PERCEPTUAL_LAYER = 2  # of D, from 0: the third; unverified


class ResidualOptions(NetworkOptions, TrainingOptions):
    """The paper gives no value of alpha; reimplementations take 1e-6 to 5e-4 (unverified), which is the default here.

    alpha weighs a sum over an image's pixels and channels: at 128 px, 5e-4 of a sum is 24.6 of a mean, at 32 px 1.5.
    """

    discriminator: DiscriminatorName = Field("dcgan", description="what gives the scores: patches, or the whole image")
    alpha: float = Field(5e-4, ge=0, description="weight of the residual's absolute values, summed over an image")
    perceptual: float = Field(
        0.1, ge=0, description="weight, as a share of alpha, of the difference between D's features of x and of G(x)"
    )
    dual: float = Field(1.0, ge=0, description="weight of D's classification of the way back, G1(G0(x)), as source")

    def refusals(self, image_size: int, batch_size: int) -> Iterator[str]:
        """Yield what the generators, and then the discriminator, have against ``image_size``."""
        if image_size % 4:
            yield (
                f"image_size: residual's generators need a multiple of 4. "
                f"Got {image_size}: take {max(8, round(image_size / 4) * 4)}"
            )
        yield from super().refusals(image_size, batch_size)


@METHODS.register("residual")
class Residual(Method):
    """x + G0(x) must pass for a target image, y + G1(y) for a source image, before one judge of three classes.

    While training, the sums are left as they are: confined, they would give no gradient where they leave [−1, 1],
    and D learns to know them by that. Translations are clipped.
    """

    Options: ClassVar[type[ResidualOptions]] = ResidualOptions
    way_back = True
    summary = "two networks that draw what must be added to an image; one judge of three classes"
    paper = "Shen & Liu 2017, Learning residual images for face attribute manipulation"

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        self.forth, self.back = (
            build(
                lambda: ResidualImageGenerator(options.ngf, options.norm, options.bias_before_norm),
                generator, device, options.initialization,
            )
            for _ in range(2)
        )  # fmt: skip
        self.discriminator = make_discriminator(options, task, generator, device, outputs=3)
        self.generator_optimizer = make_optimizer([*self.forth.parameters(), *self.back.parameters()], options)
        self.discriminator_optimizer = make_optimizer(self.discriminator.parameters(), options)
        self.weights = {
            "adversarial": 1.0,
            "dual": options.dual,
            "sparsity": options.alpha,
            "perceptual": options.perceptual * options.alpha,
        }

    def training_step(self, batch: Batch, step: int, generator: torch.Generator) -> Losses:
        """Update both generators, then the discriminator."""
        lr = learning_rate(self.options, step, self.task.steps)
        set_learning_rate(lr, self.generator_optimizer, self.discriminator_optimizer)
        with frozen(self.discriminator):
            losses, fakes = self._update_generators(batch.x, batch.y)
        scores = self._scores([batch.x, batch.y, *fakes])
        truth = (REAL_SOURCE, REAL_TARGET, GENERATED, GENERATED)
        loss = torch.stack([_classified_as(*each) for each in zip(truth, scores, strict=True)]).mean()
        descend(loss, self.discriminator_optimizer)
        return losses | {"discriminator": loss.detach()}

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate source images; deterministic."""
        source = source.to(self.device)
        return (source + run_frozen(self.forth, source)).clamp(-1, 1)

    def translate_back(self, target: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate target images; deterministic."""
        target = target.to(self.device)
        return (target + run_frozen(self.back, target)).clamp(-1, 1)

    def _update_generators(
        self, x: torch.Tensor, y: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
        """Return the detached losses, and the translations to target and to source, detached."""
        residual_y, residual_x = self.forth(x).float(), self.back(y).float()
        fake_y, fake_x = x + residual_y, y + residual_x
        losses = {
            "adversarial": self._passing(fake_x, fake_y),
            "dual": self._passing(fake_y + self.back(fake_y).float(), fake_x + self.forth(fake_x).float()),
            "sparsity": _sum_per_image(residual_y.abs()) + _sum_per_image(residual_x.abs()),
            "perceptual": self._distance(x, fake_y) + self._distance(y, fake_x),
        }
        total = weighted_sum(losses, self.weights)
        descend(total, self.generator_optimizer)
        told = {name: loss.detach() for name, loss in losses.items()} | {"generator": total.detach()}
        return told, (fake_y.detach(), fake_x.detach())

    def _scores(self, images: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return run_all(self.discriminator, images, self.options.norm_of_discriminator)

    def _passing(self, as_source: torch.Tensor, as_target: torch.Tensor) -> torch.Tensor:
        """Return −log of D's probability that the first images are real source images, the second real target ones."""
        source, target = self._scores([as_source, as_target])
        return _classified_as(REAL_SOURCE, source) + _classified_as(REAL_TARGET, target)

    def _distance(self, images: torch.Tensor, translated: torch.Tensor) -> torch.Tensor:
        """Return the L1 distance between D's features of the third layer, summed over an image."""
        with torch.no_grad():
            maps = self.discriminator.features(images)
        layer = min(PERCEPTUAL_LAYER, len(maps) - 1)
        seen = self.discriminator.features(translated)[layer]
        return _sum_per_image((seen.float() - maps[layer].float()).abs())


def _sum_per_image(values: torch.Tensor) -> torch.Tensor:
    """Return the mean over the batch of the sums of (N, C, H, W)."""
    return values.sum((1, 2, 3)).mean()


def _classified_as(label: int, scores: torch.Tensor) -> torch.Tensor:
    """Return −log D_label, the mean over batch and patches, for raw scores (N, 3, h, w)."""
    n, _, h, w = scores.shape
    return cross_entropy(scores.float(), torch.full((n, h, w), label, device=scores.device))
