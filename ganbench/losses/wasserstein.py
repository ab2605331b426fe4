"""Adversarial losses whose discriminator is a critic: its mean scores are compared, its slope is bounded."""

from __future__ import annotations

import torch

from ganbench.losses.adversarial import ADVERSARIAL, AdversarialLoss, State


@ADVERSARIAL.register("wgan")
class Wasserstein(AdversarialLoss):
    """D: E s(G) − E s(y), weights clipped to ±0.01; G: −E s(G).

    The paper trains with RMSprop at 5e-5: a method keeps its own optimiser unless a suite says so.
    """

    n_critic = 5
    needs_regularizer = True
    regularizer = "clipping"
    source = "Arjovsky 2017, algorithm 1"

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
    named_after_regularizer = "wgan"
    source = "Gulrajani 2017, equation 3"


@ADVERSARIAL.register("mean_matching")
class MeanMatching(Wasserstein):
    """D: E s(G) − E s(y), weights clipped to ±0.01; G: (E s(G) − E s(y))², only as real as the real.

    The generator is not asked to beat the real images, so it stops where the critic's means agree. A proposal from a
    discussion among GAN researchers in 2017; no paper is known.
    """

    needs_real = True
    source = "a discussion among GAN researchers in 2017"

    def _generator(self, fake: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        assert real is not None  # noqa: S101  # needs_real
        return (fake.mean() - real.mean()).square()
