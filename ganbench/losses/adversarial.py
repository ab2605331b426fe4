"""Adversarial losses: what a discriminator and a generator minimise, as functions of raw scores.

A loss is one registered subclass of `AdversarialLoss`; it brings the regulariser and the number of discriminator
updates that belong to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch.nn.functional import softplus

from ganbench.losses.regularizers import GradientPenalty, Regularizer
from ganbench.registry import Registry


class AdversarialLoss(ABC):
    """A pair of losses on raw scores (any shape, no sigmoid); means over batch and patches, always in float32.

    Attributes:
        n_critic: discriminator updates per generator update, unless an option says otherwise.
        regularizer: added to the discriminator's loss, or None.
        generator_scale: factor that undoes a ½ in `generator`, for methods whose paper weighs the loss without it.
        source: where the formulas come from.
    """

    n_critic: ClassVar[int] = 1
    regularizer: ClassVar[Regularizer | None] = None
    generator_scale: ClassVar[float] = 1.0
    source: ClassVar[str] = ""

    def discriminator_loss(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        """Return what the discriminator minimises, a scalar: ``real`` and ``fake`` are scores of y and G(x)."""
        return self._discriminator(real.float(), fake.float())

    def generator_loss(self, fake: torch.Tensor) -> torch.Tensor:
        """Return what the generator minimises, a scalar: ``fake`` are scores of G(x)."""
        return self._generator(fake.float())

    @abstractmethod
    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor: ...

    @abstractmethod
    def _generator(self, fake: torch.Tensor) -> torch.Tensor: ...


ADVERSARIAL: Registry[type[AdversarialLoss]] = Registry("adversarial loss", "ganbench.losses", "ganbench.losses")


@ADVERSARIAL.register("nonsaturating")
class NonSaturating(AdversarialLoss):
    """D: E softplus(−s(y)) + E softplus(s(G)); G: E softplus(−s(G))."""

    source = "Goodfellow 2014, section 3"

    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return softplus(-real).mean() + softplus(fake).mean()

    def _generator(self, fake: torch.Tensor) -> torch.Tensor:
        return softplus(-fake).mean()


@ADVERSARIAL.register("lsgan")
class LeastSquares(AdversarialLoss):
    """D: ½E(s(y) − 1)² + ½E s(G)²; G: ½E(s(G) − 1)², the codes (0, 1, 1) of the paper."""

    generator_scale = 2.0
    source = "Mao 2017, equation 9"

    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return 0.5 * (real - 1).square().mean() + 0.5 * fake.square().mean()

    def _generator(self, fake: torch.Tensor) -> torch.Tensor:
        return 0.5 * (fake - 1).square().mean()


@ADVERSARIAL.register("wgan-gp")
class WassersteinGradientPenalty(AdversarialLoss):
    """D: E s(G) − E s(y) + 10·E(‖∇s‖₂ − 1)² on lines between y and G; G: −E s(G).

    The paper trains with Adam's betas (0, 0.9): a method keeps its own unless a suite gives these.
    """

    n_critic = 5
    regularizer = GradientPenalty(weight=10.0)
    source = "Gulrajani 2017, equation 3"

    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return fake.mean() - real.mean()

    def _generator(self, fake: torch.Tensor) -> torch.Tensor:
        return -fake.mean()
