"""pix2pix: Isola 2016, "Image-to-image translation with conditional adversarial networks", and its ablations.

Numbers that the paper leaves open are those of the authors' code, github.com/phillipi/pix2pix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from ganbench.losses.adversarial import Judgement
from ganbench.losses.names import AdversarialName
from ganbench.methods.adversary import Adversary
from ganbench.methods.alternating import ReconstructingOptions, Turns
from ganbench.methods.base import METHODS, Batch, Losses, Scalars, Task
from ganbench.methods.image_networks import GeneratorName, make_generator, run_frozen
from ganbench.methods.optimization import (
    descend,
    frozen,
    learning_rate,
    make_optimizer,
    set_learning_rate,
    weighted_sum,
)
from ganbench.methods.reconstruction import Reconstruction
from ganbench.nets.normalization import Norm


class Pix2PixOptions(ReconstructingOptions):
    """The defaults are the paper's; each row of its tables is a change of one or two."""

    generator: GeneratorName = Field("unet", description="architecture of the generator")
    norm: Norm = Field("batch", description="normalisation in all networks")
    adversarial: AdversarialName = Field("nonsaturating", description="adversarial loss")
    pool_size: int = Field(0, ge=0, le=10_000, description="past fakes that are kept for the discriminator")
    decay_from: float = Field(
        1.0, ge=0, le=1, description="fraction of the run after which the learning rate falls linearly to 0; 1: never"
    )
    lambda_adversarial: float = Field(
        1.0, ge=0, description="weight of the adversarial loss; 0: the reconstruction alone, without a discriminator"
    )
    lambda_reconstruction: float = Field(
        100.0, ge=0, description="weight of the reconstruction loss; 0: the adversarial loss alone"
    )
    conditional_discriminator: bool = Field(
        True, description="whether the discriminator sees the source image beside the one it judges"
    )
    noise: Literal["dropout", "input", "none"] = Field(
        "dropout",
        description="what makes outputs differ: dropout in the generator, also when translating; a plane of Gaussian "
        "noise beside the source image; or nothing",
    )
    mismatched_pairs: bool = Field(
        False,
        description="whether half of the discriminator's fakes are real targets beside the wrong source (Reed 2016)",
    )

    @property
    def reconstructs(self) -> bool:
        """Whether outputs are compared with the images they should be."""
        return self.lambda_reconstruction > 0 and self.reconstruction != "none"

    @property
    def judges(self) -> bool:
        """Whether there is a discriminator."""
        return self.lambda_adversarial > 0

    @property
    def judges_pairs(self) -> bool:
        """Whether a discriminator of scores judges outputs as reconstructions."""
        return self.reconstructs and super().judges_pairs

    @property
    def critic_updates(self) -> int:
        """Discriminator updates per generator update; 1 where there is no discriminator to wait for."""
        return super().critic_updates if self.judges else 1

    @property
    def discriminators(self) -> set[Judgement]:
        """That of the adversarial loss, where it weighs anything, and one of scores where outputs are judged."""
        own: set[Judgement] = {self.judgement} if self.judges else set()
        return own | ({"scores"} if self.judges_pairs else set())

    def conflicts(self) -> Iterator[str]:
        """Yield what would leave nothing to learn from, or lacks a discriminator, and what the bases refuse."""
        if not (self.judges or self.reconstructs):
            yield (
                "lambda_adversarial and lambda_reconstruction are both 0, or reconstruction is 'none': nothing is "
                "left to learn from. Set lambda_adversarial to 1.0"
            )
        if not self.judges and self.reconstructs and self.reconstruction == "feature_matching":
            yield (
                "reconstruction 'feature_matching' compares features of the discriminator, and lambda_adversarial 0 "
                "leaves it out. Set reconstruction to 'perceptual', or lambda_adversarial to 1.0"
            )
        if self.mismatched_pairs and not (self.judges and self.conditional_discriminator):
            yield (
                "mismatched_pairs needs a discriminator that sees the source: to any other, a real target beside the "
                "wrong source is real. Set mismatched_pairs to false, or conditional_discriminator to true and "
                "lambda_adversarial to 1.0"
            )
        yield from super().conflicts()

    def refusals(self, image_size: int, batch_size: int) -> Iterator[str]:
        """Yield pairs that can't be mismatched, and what the bases have against such batches."""
        if self.mismatched_pairs and batch_size < 2:
            yield (
                "batch_size: mismatched_pairs takes the wrong target from the same batch, which must have at least 2. "
                f"Got {batch_size}: take 2, or set mismatched_pairs to false"
            )
        yield from super().refusals(image_size, batch_size)

    def ignored(self) -> Iterator[tuple[str, str]]:
        """Yield what belongs to a discriminator, where there is none, and what the bases have."""
        if not self.judges:
            for key in ("adversarial", "regularizer", "n_critic", "pool_size", "conditional_discriminator"):
                yield key, "lambda_adversarial 0 leaves the discriminator out"
        yield from super().ignored()


@METHODS.register("pix2pix")
class Pix2Pix(Turns):
    """A U-Net that draws the counterpart of its input; a discriminator that sees both."""

    Options: ClassVar[type[Pix2PixOptions]] = Pix2PixOptions
    summary = "a U-Net trained on pairs: close to the counterpart, and real to a discriminator that sees the input"
    paper = "Isola 2016, Image-to-image translation with conditional adversarial networks"
    stochastic = True
    needs_pairs = True

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        self.generator = make_generator(
            options, task, generator, device,
            dropout=options.noise == "dropout", in_channels=4 if options.noise == "input" else 3,
        )  # fmt: skip
        self.one_by_one = task.batch_size == 1
        if self.one_by_one:
            keep_no_statistics(self.generator)
        channels = 6 if options.conditional_discriminator else 3
        # half the loss, so that it learns slower than the generator (Isola 2016, section 3.3)
        self.adversary = Adversary(options, task, generator, device, channels, weight=0.5) if options.judges else None
        name = options.reconstruction if options.reconstructs else "none"
        self.reconstruction = Reconstruction(name, options, task, generator, device)
        self.optimizer = make_optimizer(self.generator.parameters(), options)

    @classmethod
    def is_stochastic(cls, options: Pix2PixOptions) -> bool:
        """Say whether there is noise."""
        return options.noise != "none"

    def training_step(self, batch: Batch, step: int, generator: torch.Generator) -> Losses:
        """Update the discriminator on pairs, then the generator (every n_critic steps) on the same fakes."""
        lr = learning_rate(self.options, step, self.task.steps)
        turn = self.trains_generators(step)
        with torch.set_grad_enabled(turn):
            fake = self.generator(self._input(batch.x, generator))
        losses = self._update_adversary(batch, fake.detach(), generator, lr)
        return losses | (self._update_generator(batch, fake, lr) if turn else {})

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate source images, with the noise that the options name."""
        dropout = generator if self.options.noise == "dropout" else None
        groups = source.to(self.device).split(1 if self.one_by_one else max(1, len(source)))
        return torch.cat([run_frozen(self.generator, self._input(x, generator), dropout) for x in groups])

    def _input(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return what the generator is given: (N, 3, H, W), or (N, 4, H, W) with a plane of noise."""
        if self.options.noise != "input":
            return x
        return beside(x, torch.randn(x[:, :1].shape, generator=generator).to(x.device))

    def _seen(self, x: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Return what the discriminator is given: (N, 6, H, W), or the image alone."""
        return beside(x, image) if self.options.conditional_discriminator else image

    def _update_adversary(self, batch: Batch, fake: torch.Tensor, generator: torch.Generator, lr: float) -> Scalars:
        if self.adversary is None:
            return {}
        real, fake = self._seen(batch.x, batch.y), self._seen(batch.x, fake)
        if self.options.mismatched_pairs:  # fakes of both kinds weigh as much together as the real pairs (Reed 2016)
            real, fake = torch.cat([real, real]), torch.cat([fake, self._seen(batch.x, batch.y.roll(1, 0))])
        return self.adversary.update(real, fake, generator, lr)

    def _update_generator(self, batch: Batch, fake: torch.Tensor, lr: float) -> Scalars:
        with frozen(*([] if self.adversary is None else [self.adversary.network])):
            losses = self._generator_losses(batch.x, batch.y, fake)
            weights = {
                "adversarial": self.options.lambda_adversarial,
                "reconstruction": self.options.lambda_reconstruction,
            }
            total = weighted_sum(losses, weights)
            set_learning_rate(lr, self.optimizer)
            descend(total, self.optimizer)
        told = {name: loss.detach() for name, loss in losses.items()} | {"generator": total.detach()}
        return told | self.reconstruction.update(lr)

    def _generator_losses(self, x: torch.Tensor, y: torch.Tensor, fake: torch.Tensor) -> Scalars:
        losses = {}
        if self.adversary is not None:
            losses["adversarial"] = self.adversary.generator_loss(self._seen(x, fake), self._seen(x, y))
        if self.options.reconstructs:
            losses["reconstruction"] = self.reconstruction(fake, y, lambda image: self._features(x, image))
        return losses

    def _features(self, x: torch.Tensor, image: torch.Tensor) -> Sequence[torch.Tensor]:
        """Return the discriminator's feature maps of ``image`` beside the source."""
        assert self.adversary is not None  # noqa: S101  # the options refuse it
        return self.adversary.features(self._seen(x, image))


def beside(x: torch.Tensor, planes: torch.Tensor) -> torch.Tensor:
    """Lay ``planes`` (N, C, H, W) as further channels beside the source images x (N, 3, H, W)."""
    return torch.cat([x, planes], 1)


def keep_no_statistics(net: nn.Module) -> None:
    """Make batch normalisation use the statistics of what it is given, also in evaluation mode.

    A network trained on batches of one image has never seen others than those of single images, and the paper
    translates "in exactly the same manner" (Isola 2016, section 3.4).
    """
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.track_running_stats = False
            layer.running_mean = layer.running_var = layer.num_batches_tracked = None
