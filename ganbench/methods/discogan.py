"""DiscoGAN: Kim 2017, "Learning to discover cross-domain relations with generative adversarial networks".

Facts are those of the authors' code, github.com/SKTBrain/DiscoGAN (image_translation.py, model.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from ganbench.losses.names import AdversarialName, ReconstructionName
from ganbench.methods.base import METHODS
from ganbench.methods.cycle import CycleFamily, CycleOptions, Terms
from ganbench.methods.image_networks import DiscriminatorName, GeneratorName
from ganbench.nets.normalization import Norm


class DiscoGanOptions(CycleOptions):
    """The defaults are the authors': batch 64 at 64 px is left to the suite."""

    discriminator: DiscriminatorName = Field("dcgan", description="what gives the scores: patches, or the whole image")
    generator: GeneratorName = Field("encoder_decoder", description="architecture of the generator")
    depth: int | None = Field(4, ge=2, le=10, description="halvings of unet and encoder_decoder")
    norm: Norm = Field("batch", description="normalisation in all networks")
    adversarial: AdversarialName = Field("nonsaturating", description="adversarial loss")
    reconstruction: ReconstructionName = Field("l2", description="loss between an image and what comes home of it")
    weight_decay: float = Field(1e-5, ge=0, le=1, description="L2 penalty on all weights, in the optimiser")
    decay_from: float = Field(1.0, ge=0, le=1, description="fraction of the run after which lr falls to 0; 1: never")
    pool_size: int = Field(0, ge=0, le=10_000, description="past fakes that are kept for the discriminator")
    lambda_cycle: float = Field(
        0.25,
        gt=0,
        description="factor of the reconstruction: the authors' images lie in [0, 1], where squared errors are a "
        "quarter of those in [-1, 1]",
    )
    features_share: float = Field(
        0.9, ge=0, lt=1, description="share of feature matching in what the discriminator teaches"
    )
    rate_at_first: float = Field(0.01, gt=0, lt=1, description="share of the reconstruction during the curriculum")
    rate: float = Field(0.5, gt=0, lt=1, description="share of the reconstruction after the curriculum")
    curriculum: float = Field(
        0.17, ge=0, le=1, description="fraction of the run with rate_at_first; the authors' 10,000 steps of 60,000"
    )
    discriminator_interval: int = Field(
        3,
        ge=2,
        le=100,
        description="the discriminators alone are updated in one of so many steps, the generators alone in the "
        "others; with n_critic above 1 that decides instead",
    )

    def conflicts(self) -> Iterator[str]:
        """Yield feature matching where there are no feature maps, and what the bases refuse."""
        if self.features_share and self.judgement != "scores":
            yield (
                f"features_share must be 0.0 with adversarial {self.adversarial!r}, whose discriminator has no feature "
                f"maps. Got {self.features_share} instead: set it to 0.0, or adversarial to 'nonsaturating'"
            )
        yield from super().conflicts()


@METHODS.register("discogan")
class DiscoGan(CycleFamily):
    """Total: (1 − rate)(0.1 GAN + 0.9 feature matching) + rate · reconstruction, both ways."""

    Options: ClassVar[type[DiscoGanOptions]] = DiscoGanOptions
    summary = "two translators that undo each other, led by feature matching; generators learn twice as often"
    paper = "Kim 2017, Learning to discover cross-domain relations with generative adversarial networks"

    def weigh(self, progress: float) -> Terms:
        """Return the weights: at first hardly any reconstruction, then one half of it."""
        options = self.options
        rate = options.rate_at_first if progress < options.curriculum else options.rate
        adversarial, features = (1 - rate) * (1 - options.features_share), (1 - rate) * options.features_share
        return Terms(
            adversarial_forward=adversarial,
            adversarial_backward=adversarial,
            features_forward=features,
            features_backward=features,
            forward_cycle=rate * options.lambda_cycle,
            backward_cycle=rate * options.lambda_cycle,
        )

    def trains_generators(self, step: int) -> bool:
        """Say whether the generators are updated: in steps that leave the discriminators alone."""
        if self.n_critic > 1:
            return super().trains_generators(step)
        return not self.trains_discriminators(step)

    def trains_discriminators(self, step: int) -> bool:
        """Say whether the discriminators are updated: in steps 0, 3, 6, …"""
        interval: int = self.options.discriminator_interval
        return self.n_critic > 1 or step % interval == 0
