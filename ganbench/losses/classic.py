"""Adversarial losses of classifiers and regressors: the discriminator tells real from generated."""

from __future__ import annotations

import torch
from pydantic import Field
from torch.nn.functional import softplus

from ganbench.losses.adversarial import ADVERSARIAL, AdversarialLoss, State


@ADVERSARIAL.register("nonsaturating")
class NonSaturating(AdversarialLoss):
    """D: E softplus(−s(y)) + E softplus(s(G)); G: E softplus(−s(G))."""

    source = "Goodfellow 2014, section 3"

    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor, state: State) -> torch.Tensor:
        return softplus(-real).mean() + softplus(fake).mean()

    def _generator(self, fake: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        return softplus(-fake).mean()


@ADVERSARIAL.register("lsgan")
class LeastSquares(AdversarialLoss):
    """D: ½E(s(y) − b)² + ½E(s(G) − a)²; G: ½E(s(G) − c)². Codes (−1, 1, 0) give the Pearson χ² divergence."""

    scale = 2.0
    source = "Mao 2017, equation 2; codes 0, 1, 1: equation 9"

    a: float = Field(0.0, description="the code of fakes")
    b: float = Field(1.0, description="the code of real images")
    c: float = Field(1.0, description="the code that the generator aims at")

    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor, state: State) -> torch.Tensor:
        return 0.5 * (real - self.b).square().mean() + 0.5 * (fake - self.a).square().mean()

    def _generator(self, fake: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        return 0.5 * (fake - self.c).square().mean()
