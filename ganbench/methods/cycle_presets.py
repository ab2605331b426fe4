"""Presets of the cycle family: CycleGAN, its paper's ablation, and a second cycle.

The ablation is that of Zhu 2017, section 5.1.4: "GAN + forward cycle" and "GAN + backward cycle" are the full loss with
the cycle term in one direction alone. Both adversarial terms stay; the paper sees mode collapse "especially for the
direction of the mapping that was removed". The identity term (section 5.2, for paintings) is no part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from ganbench.losses.adversarial import Judgement
from ganbench.losses.reconstruction import RECONSTRUCTION
from ganbench.methods.base import METHODS, TrainingOptions
from ganbench.methods.cycle import CycleFamily, CycleOptions, Terms
from ganbench.methods.image_networks import TranslatorOptions
from ganbench.methods.reconstruction import ReconstructionOptions


class CycleGanOptions(CycleOptions):
    """The full cycle: both directions, both cycles and the identity term."""

    lambda_identity: float = Field(
        5.0, ge=0, description="absolute weight of the identity term; the authors' code says 0.5 times lambda_cycle"
    )


class DoubleCycleOptions(CycleGanOptions):
    """The full cycle, and what a second one leaves."""

    lambda_cycle: float = Field(10.0, gt=0, description="weight of each direction's reconstruction after one cycle")
    lambda_second: float = Field(10.0, ge=0, description="weight of each direction's reconstruction after two cycles")


class CycleOnlyOptions(TranslatorOptions, TrainingOptions, ReconstructionOptions):
    """Two generators and their cycles; no discriminator, so no option of one."""

    lambda_cycle: float = Field(10.0, gt=0, description="weight of the forward and of the backward cycle")

    @property
    def discriminators(self) -> set[Judgement]:
        """One of scores where the cycles are judged, else none."""
        return {"scores"} if self.judges_pairs else set()

    def conflicts(self) -> Iterator[str]:
        """Yield losses that need what is not there, and what the bases refuse."""
        learned = RECONSTRUCTION.get(self.reconstruction).compares == "discriminator features"
        if learned or self.reconstruction == "none":
            yield (
                "reconstruction of cycle_only must be a loss that needs no discriminator of a domain: there is none, "
                f"and no other term. Got {self.reconstruction!r} instead: leave it out, or set it to 'perceptual'"
            )
        yield from super().conflicts()


@METHODS.register("half_cycle")
class HalfCycle(CycleFamily):
    """Source to target by the adversarial loss alone: nothing translates back, nothing ties output to input.

    "GAN alone" of Zhu 2017, table 4: without cycles the two directions know nothing of each other, so one is trained.
    """

    way_back = False
    summary = "image to image by the adversarial loss alone: half a cycle, nothing translates back"
    paper = "the ablation 'GAN alone' of Zhu 2017, table 4"

    def weigh(self, progress: float) -> Terms:
        """Return the forward adversarial term alone."""
        return Terms(adversarial_forward=1.0)


@METHODS.register("forward_cycle")
class ForwardCycle(CycleFamily):
    """Adversarial terms both ways, and F(G(x)) against x."""

    Options: ClassVar[type[CycleOptions]] = CycleOptions
    summary = "two translators, of which only source → target → source must return"
    paper = "the ablation 'GAN + forward cycle' of Zhu 2017, section 5.1.4"

    def weigh(self, progress: float) -> Terms:
        """Return both adversarial terms and the forward cycle."""
        return Terms(adversarial_forward=1.0, adversarial_backward=1.0, forward_cycle=self.options.lambda_cycle)


@METHODS.register("backward_cycle")
class BackwardCycle(CycleFamily):
    """Adversarial terms both ways, and G(F(y)) against y."""

    Options: ClassVar[type[CycleOptions]] = CycleOptions
    summary = "two translators, of which only target → source → target must return"
    paper = "the ablation 'GAN + backward cycle' of Zhu 2017, section 5.1.4"

    def weigh(self, progress: float) -> Terms:
        """Return both adversarial terms and the backward cycle."""
        return Terms(adversarial_forward=1.0, adversarial_backward=1.0, backward_cycle=self.options.lambda_cycle)


@METHODS.register("cycle_only")
class CycleOnly(CycleFamily):
    """Both cycles and no discriminator: nothing asks for target images, copying is a perfect answer."""

    Options: ClassVar[type[CycleOnlyOptions]] = CycleOnlyOptions
    summary = "two translators that undo each other, and nothing else: no discriminator"
    paper = "the ablation 'Cycle alone' of Zhu 2017, table 4"

    def weigh(self, progress: float) -> Terms:
        """Return both cycles."""
        return Terms(forward_cycle=self.options.lambda_cycle, backward_cycle=self.options.lambda_cycle)


@METHODS.register("cyclegan")
class CycleGan(CycleFamily):
    """Both directions with discriminators, cycles and the identity term."""

    Options: ClassVar[type[CycleGanOptions]] = CycleGanOptions
    summary = "two translators that undo each other, with identity term"
    paper = "Zhu 2017, Unpaired image-to-image translation using cycle-consistent adversarial networks"

    def weigh(self, progress: float) -> Terms:
        """Return the paper's terms with the options' weights."""
        return Terms(
            adversarial_forward=1.0,
            adversarial_backward=1.0,
            forward_cycle=self.options.lambda_cycle,
            backward_cycle=self.options.lambda_cycle,
            identity=self.options.lambda_identity,
        )


@METHODS.register("double_cycle")
class DoubleCycle(CycleGan):
    """CycleGAN whose cycles are gone twice: F(G(F(G(x)))) against x too. A stronger gradient, or amplified error?

    No paper: an open question of a discussion among GAN researchers in 2017.
    """

    Options: ClassVar[type[DoubleCycleOptions]] = DoubleCycleOptions
    summary = "cyclegan, and a second cycle: source → target → source → target → source"
    paper = "none: an open question of a public discussion, 2017"

    def weigh(self, progress: float) -> Terms:
        """Return CycleGAN's terms and the second cycle."""
        return replace(super().weigh(progress), second_cycle=self.options.lambda_second)
