"""Adversarial losses whose discriminator is an autoencoder: it judges by its reconstruction error, the energy.

The energy L is a mean absolute error over pixels and channels, in [0, 2] for images in [−1, 1].
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch.nn.functional import normalize, relu

from ganbench.losses.adversarial import ADVERSARIAL, AdversarialLoss, State


class Energy(AdversarialLoss):
    """G: L(G), the energy of fakes."""

    judgement = "energy"

    def _generator(self, fake: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        return fake.mean()


@ADVERSARIAL.register("ebgan")
class EnergyBased(Energy):
    """D: L(y) + relu(m − L(G)); G: L(G), and in EBGAN-PT the repelling regulariser, `pulling_away`.

    The paper's margins (10 to 80) belong to its own scale of L; here the margin has to lie within [0, 2], above the
    energy that real images end with. The regulariser's weight belongs to that scale too: here it weighs more.
    """

    source = "Zhao 2016, equations 1 and 2; repelling regulariser: section 2.4"

    margin: float = Field(0.5, gt=0, le=2, description="energy m above which a fake no longer counts")
    lambda_pt: float = Field(
        0.0, ge=0, description="weight of the repelling regulariser (PT) for the generator; 0.1 is the paper's EBGAN-PT"
    )

    @property
    def least_batch(self) -> int:
        """Two where fakes repel each other."""
        return 2 if self.repels else 1

    @property
    def repels(self) -> bool:
        """Whether the repelling regulariser weighs anything."""
        return self.lambda_pt > 0

    def repulsion(self, codes: torch.Tensor) -> torch.Tensor:
        """Return the weighted repelling regulariser of fakes with these codes (N, F)."""
        return self.lambda_pt * pulling_away(codes)

    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor, state: State) -> torch.Tensor:
        return real.mean() + relu(self.margin - fake).mean()


@ADVERSARIAL.register("began")
class BoundaryEquilibrium(Energy):
    """D: L(y) − k·L(G), k ← clip(k + λ(γL(y) − L(G)), 0, 1); G: L(G).

    The state holds ``k`` and ``convergence``, the measure M = L(y) + |γL(y) − L(G)| of the last update.
    """

    source = "Berthelot 2017, section 3.3 and 3.4"

    gamma: float = Field(0.75, gt=0, le=1, description="the ratio L(G)/L(y) that is kept; lower: less diverse")
    lambda_k: float = Field(0.001, gt=0, le=1, description="the step of k")

    def initial_state(self) -> dict[str, float]:
        """Return k = 0: at first the discriminator only learns to draw real images."""
        return {"k": 0.0, "convergence": 0.0}

    def advance(self, state: State, real: torch.Tensor, fake: torch.Tensor) -> State:
        """Return the next k, and M, from the energies of real images and of fakes."""
        balance = self.gamma * real.mean() - fake.mean()
        k = (state["k"] + self.lambda_k * balance).clamp(0, 1)
        return {"k": k, "convergence": real.mean() + balance.abs()}

    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor, state: State) -> torch.Tensor:
        return real.mean() - state["k"] * fake.mean()


def pulling_away(codes: torch.Tensor) -> torch.Tensor:
    """Return the mean squared cosine between the codes (N, F) of different images, N ≥ 2: a float32 scalar in [0, 1].

    Zhao 2016, section 2.4, "pulling-away term": 1 where all codes point the same way, 0 where they are orthogonal.
    """
    with torch.autocast(codes.device.type, enabled=False):
        directions = normalize(codes.float(), dim=1)
        squares = (directions @ directions.T).square()  # (N, N)
        n = len(codes)
        return (squares.sum() - squares.diagonal().sum()) / (n * (n - 1))
