"""Adversarial losses of classifiers and regressors: the discriminator tells real from generated."""

from __future__ import annotations

import torch
from pydantic import Field
from torch.nn.functional import relu, softplus

from ganbench.losses.adversarial import ADVERSARIAL, AdversarialLoss, State


class Classifier(AdversarialLoss):
    """D: E softplus(−s(y)) + E softplus(s(G)), the cross-entropy of real against generated."""

    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor, state: State) -> torch.Tensor:
        return softplus(-real).mean() + softplus(fake).mean()


@ADVERSARIAL.register("minimax")
class Minimax(Classifier):
    """D: E softplus(−s(y)) + E softplus(s(G)); G: −E softplus(s(G)), flat where D is sure of a fake."""

    source = "Goodfellow 2014, equation 1"

    def _generator(self, fake: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        return -softplus(fake).mean()


@ADVERSARIAL.register("nonsaturating")
class NonSaturating(Classifier):
    """D: E softplus(−s(y)) + E softplus(s(G)); G: E softplus(−s(G))."""

    source = "Goodfellow 2014, section 3"

    def _generator(self, fake: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        return softplus(-fake).mean()


@ADVERSARIAL.register("dragan")
class Dragan(NonSaturating):
    """D: nonsaturating + 10·E(‖∇s(y + δ)‖₂ − 1)²; G: nonsaturating."""

    regularizer = "dragan"
    named_after_regularizer = "nonsaturating"
    source = "Kodali 2017, section 2.3"


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


@ADVERSARIAL.register("hinge")
class Hinge(AdversarialLoss):
    """D: E relu(1 − s(y)) + E relu(1 + s(G)); G: −E s(G)."""

    source = "Miyato 2018, equations 16 and 17"

    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor, state: State) -> torch.Tensor:
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def _generator(self, fake: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        return -fake.mean()
