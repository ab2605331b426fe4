"""DualGAN: Yi 2017, "DualGAN: unsupervised dual learning for image-to-image translation", as published in June 2017.

The authors' code, github.com/duxingren14/DualGAN, changed with time: later versions have a sigmoid cross-entropy with
two generator steps, then a gradient penalty. All of them are options: ``adversarial``, ``n_critic``, ``lambda_cycle``.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ganbench.losses.names import AdversarialName
from ganbench.methods.base import METHODS
from ganbench.methods.cycle import CycleFamily, CycleOptions, Terms
from ganbench.methods.image_networks import GeneratorName
from ganbench.nets.normalization import Norm


class DualGanOptions(CycleOptions):
    """The defaults are those of the paper; RMSprop's decay rate is that of the authors' code."""

    generator: GeneratorName = Field("unet", description="architecture of the generator")
    norm: Norm = Field("batch", description="normalisation in all networks")
    adversarial: AdversarialName = Field("wgan", description="adversarial loss; the critic's weights are clipped")
    n_critic: int | None = Field(3, ge=1, le=100, description="discriminator updates per generator update")
    optimizer: Literal["adam", "rmsprop"] = Field("rmsprop", description="optimiser of all networks")
    lr: float = Field(5e-5, gt=0, le=1, description="learning rate at the start")
    rmsprop_decay: float = Field(0.9, ge=0, lt=1, description="RMSprop's decay rate")
    decay_from: float = Field(1.0, ge=0, le=1, description="fraction of the run after which lr falls to 0; 1: never")
    pool_size: int = Field(0, ge=0, le=10_000, description="past fakes that are kept for the discriminator")
    lambda_cycle: float = Field(
        200.0, ge=0, description="weight of each direction's reconstruction; the paper's range is 100 to 1000"
    )


@METHODS.register("dualgan")
class DualGan(CycleFamily):
    """Two critics with clipped weights and two generators that undo each other under a heavy L1."""

    Options: ClassVar[type[DualGanOptions]] = DualGanOptions
    discriminator_weight = 1.0
    summary = "two translators that undo each other, taught by clipped Wasserstein critics"
    paper = "Yi 2017, DualGAN: Unsupervised dual learning for image-to-image translation"

    def weigh(self, progress: float) -> Terms:
        """Return both adversarial terms and both cycles."""
        return Terms(
            adversarial_forward=1.0,
            adversarial_backward=1.0,
            forward_cycle=self.options.lambda_cycle,
            backward_cycle=self.options.lambda_cycle,
        )
