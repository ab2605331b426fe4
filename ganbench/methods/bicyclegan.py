"""BicycleGAN: Zhu 2017, "Toward multimodal image-to-image translation".

Numbers that the paper leaves open are those of the authors' code, github.com/junyanz/BicycleGAN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch.nn.functional import l1_loss

from ganbench.methods.adversary import Adversary
from ganbench.methods.alternating import Alternating, Fakes, ReconstructingOptions
from ganbench.methods.base import METHODS, Batch, Scalars, Task
from ganbench.methods.image_networks import GeneratorName, make_generator, run_all, run_frozen
from ganbench.methods.optimization import descend, frozen, make_optimizer, set_learning_rate, weighted_sum
from ganbench.methods.pix2pix import beside
from ganbench.methods.reconstruction import Reconstruction
from ganbench.nets.init import build
from ganbench.nets.latent_encoder import EncoderKind, LatentEncoder


class BicycleGanOptions(ReconstructingOptions):
    """The defaults are the paper's."""

    generator: GeneratorName = Field("unet", description="architecture of the generator")
    pool_size: int = Field(0, ge=0, le=10_000, description="past fakes that are kept for the discriminators")
    conditional_discriminator: bool = Field(
        False, description="whether the discriminators see the source image; the paper found it better without"
    )
    shared_discriminator: bool = Field(
        False, description="one discriminator for encoded and for random codes; the paper has one for each"
    )
    latent_size: int = Field(8, ge=1, le=512, description="length of the code")
    encoder: EncoderKind = Field("resnet", description="layout of the encoder of target images")
    nef: int = Field(64, ge=1, le=1024, description="channels after the encoder's first convolution")
    lambda_image: float = Field(10.0, ge=0, description="weight of the reconstruction from the encoded target")
    lambda_latent: float = Field(
        0.5, ge=0, description="weight of the L1 distance of a random code to the regained one"
    )
    lambda_kl: float = Field(
        0.01, ge=0, description="weight of the divergence of encoded codes from a standard normal, summed over the code"
    )


@dataclass(frozen=True)
class Drawn:
    """What one batch gives.

    Attributes:
        mean: of the codes of the target images, (N, latent_size).
        log_variance: of the same codes.
        random: codes from a standard normal, (N, latent_size).
        fakes: outputs for a code drawn around ``mean``, "discriminator", and for ``random``, "discriminator_random".
    """

    mean: torch.Tensor
    log_variance: torch.Tensor
    random: torch.Tensor
    fakes: Fakes


@METHODS.register("bicyclegan")
class BicycleGan(Alternating):
    """cVAE-GAN (target → code → target) and cLR-GAN (code → image → code) with one generator and one encoder."""

    Options: ClassVar[type[BicycleGanOptions]] = BicycleGanOptions
    summary = "many outputs for one input: a code of 8 numbers, encoded from the target or drawn, decides the rest"
    paper = "Zhu 2017, Toward multimodal image-to-image translation"
    stochastic = True
    needs_pairs = True

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        self.generator = make_generator(options, task, generator, device, in_channels=3 + options.latent_size)
        self.encoder = build(
            lambda: LatentEncoder(task.image_size, options.nef, options.latent_size, options.encoder,
                                  options.norm, bias=options.bias_before_norm),
            generator, device, options.initialization,
        )  # fmt: skip
        channels = 6 if options.conditional_discriminator else 3
        self.adversary = Adversary(options, task, generator, device, channels)
        self.second_adversary = (
            None if options.shared_discriminator else Adversary(options, task, generator, device, channels)
        )
        self.reconstruction = Reconstruction(options.reconstruction, options, task, generator, device)
        self.optimizer = make_optimizer([*self.generator.parameters(), *self.encoder.parameters()], options)

    @property
    def adversaries(self) -> dict[str, Adversary]:
        """Who judges outputs for encoded codes, and who those for random codes; by the names of their losses."""
        return {
            "discriminator": self.adversary,
            "discriminator_random": self.second_adversary or self.adversary,
        }

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate source images, each with a code of its own from a standard normal."""
        source = source.to(self.device)
        return run_frozen(self.generator, self._with_code(source, self._random(source, generator)))

    def _random(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return a standard normal code (N, latent_size) for each image of x."""
        return torch.randn(len(x), self.options.latent_size, generator=generator).to(x.device)

    def _with_code(self, x: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        """Return what the generator is given: each number of the code as a plane beside the image."""
        planes = code[:, :, None, None].expand(-1, -1, *x.shape[2:])  # (N, latent_size, H, W)
        return beside(x, planes.to(x.dtype))

    def _draw(self, batch: Batch, generator: torch.Generator) -> Drawn:
        mean, log_variance = (values.float() for values in self.encoder(batch.y))
        spread, random = (self._random(batch.x, generator) for _ in range(2))
        encoded = mean + (0.5 * log_variance).exp() * spread
        inputs = [self._with_code(batch.x, code) for code in (encoded, random)]
        fakes = run_all(self.generator, inputs, self.options.norm)
        return Drawn(mean, log_variance, random, dict(zip(self.adversaries, fakes, strict=True)))

    def _fakes(self, batch: Batch, generator: torch.Generator) -> Fakes:
        return self._draw(batch, generator).fakes

    def _update_generators(
        self, batch: Batch, step: int, lr: float, generator: torch.Generator
    ) -> tuple[Scalars, Fakes]:
        drawn = self._draw(batch, generator)
        with frozen(*{adversary.network for adversary in self.adversaries.values()}):
            losses = self._generator_losses(batch.x, batch.y, drawn)
            total = weighted_sum(losses, self._weights())
            set_learning_rate(lr, self.optimizer)
            descend(total, self.optimizer)
        told = {name: loss.detach() for name, loss in losses.items()} | {"generator": total.detach()}
        return told | self.reconstruction.update(lr), drawn.fakes

    def _weights(self) -> dict[str, float]:
        return {
            "adversarial": 1.0,
            "adversarial_random": 1.0,
            "reconstruction": self.options.lambda_image,
            "latent": self.options.lambda_latent,
            "kl": self.options.lambda_kl,
        }

    def _generator_losses(self, x: torch.Tensor, y: torch.Tensor, drawn: Drawn) -> Scalars:
        first, second = (
            adversary.generator_loss(self._seen(x, drawn.fakes[name]), self._seen(x, y))
            for name, adversary in self.adversaries.items()
        )
        losses = {"adversarial": first, "adversarial_random": second, "kl": kl_from_normal(drawn)}
        if self.options.lambda_image:
            fake = drawn.fakes["discriminator"]
            losses["reconstruction"] = self.reconstruction(fake, y, lambda image: self._features(x, image))
        if self.options.lambda_latent:
            losses["latent"] = self._latent_loss(drawn)
        return losses

    def _latent_loss(self, drawn: Drawn) -> torch.Tensor:
        """Return the mean absolute difference of random codes from those that the encoder sees in the outputs.

        The encoder learns nothing from it: it and the generator would hide the code in the image (Zhu 2017, section 4).
        """
        with frozen(self.encoder):
            regained, _ = self.encoder(drawn.fakes["discriminator_random"])
        return l1_loss(regained.float(), drawn.random)

    def _seen(self, x: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Return what a discriminator is given: the image, or (N, 6, H, W) with the source."""
        return beside(x, image) if self.options.conditional_discriminator else image

    def _features(self, x: torch.Tensor, image: torch.Tensor) -> Sequence[torch.Tensor]:
        return self.adversary.features(self._seen(x, image))

    def _update_discriminators(self, batch: Batch, fakes: Fakes, lr: float, generator: torch.Generator) -> Scalars:
        real, losses = self._seen(batch.x, batch.y), Scalars()
        for name, adversary in self.adversaries.items():
            losses |= adversary.update(real, self._seen(batch.x, fakes[name].detach()), generator, lr, name=name)
        return losses


def kl_from_normal(drawn: Drawn) -> torch.Tensor:
    """Return KL(N(mean, variance) ‖ N(0, I)), summed over the code, averaged over the batch (Zhu 2017, equation 6)."""
    divergence = 0.5 * (drawn.mean.square() + drawn.log_variance.exp() - 1 - drawn.log_variance)
    return divergence.sum(1).mean()
