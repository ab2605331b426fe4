"""Adversarial losses whose discriminator is a critic: its mean scores are compared, its slope is bounded."""

from __future__ import annotations

import torch

from ganbench.losses.adversarial import ADVERSARIAL, AdversarialLoss, State


class Wasserstein(AdversarialLoss):
    """D: E s(G) − E s(y); G: −E s(G)."""

    n_critic = 5
    needs_regularizer = True

    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor, state: State) -> torch.Tensor:
        return fake.mean() - real.mean()

    def _generator(self, fake: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        return -fake.mean()


@ADVERSARIAL.register("wgan-gp")
class WassersteinGradientPenalty(Wasserstein):
    """D: E s(G) − E s(y) + 10·E(‖∇s‖₂ − 1)² on lines between y and G; G: −E s(G).

    The paper trains with Adam's betas (0, 0.9): a method keeps its own unless a suite gives these.
    """

    regularizer = "gradient_penalty"
    source = "Gulrajani 2017, equation 3"
