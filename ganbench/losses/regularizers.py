"""Regularisers of the discriminator, to be combined with any loss: penalties, clipping, spectral normalisation.

One is a registered subclass of `Regularizer`; its fields are the keys of a suite's ``regularizer_options``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from pydantic import Field
from torch import nn

from ganbench.options import Options
from ganbench.registry import Registry

Critic = Callable[[torch.Tensor], torch.Tensor]
"""Images (N, C, H, W) → scores of any shape that begins with N."""


class Regularizer(Options):
    """What keeps a discriminator smooth. The base class does nothing.

    Attributes:
        per_image: True where a term is defined for one image at a time, which batch normalisation in the
            discriminator would break.
        bounds_slope: True where it keeps a critic's slope bounded, which a Wasserstein loss needs.
        source: paper and equation.
    """

    per_image: ClassVar[bool] = False
    bounds_slope: ClassVar[bool] = False
    source: ClassVar[str] = ""

    def prepare(self, network: nn.Module, generator: torch.Generator) -> None:
        """Change the discriminator once, after it was built; random numbers come from ``generator``."""

    def penalty(
        self, critic: Critic, real: torch.Tensor, fake: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor | None:
        """Return the weighted term of the discriminator's loss, a float32 scalar, or None.

        ``real`` and ``fake`` are images (N, C, H, W) of one size; ``generator`` is a CPU generator.
        """
        return None

    def after_update(self, network: nn.Module) -> None:
        """Change the discriminator after each of its updates."""


REGULARIZERS: Registry[type[Regularizer]] = Registry("regulariser", "ganbench.losses", "ganbench.losses")
REGULARIZERS.register("none")(Regularizer)


def slopes(critic: Critic, points: torch.Tensor) -> torch.Tensor:
    """Return ‖∇s‖₂ at each of ``points`` (N, C, H, W), as (N,) float32, differentiable.

    s is the mean over an image's patches, the critic whose expectation the losses take. The norm is over all pixels
    of an image. Everything is computed in float32, also under autocast: half-precision penalties end in NaN.
    """
    with torch.autocast(points.device.type, enabled=False):
        points = points.detach().float().requires_grad_(True)
        scores = critic(points).reshape(len(points), -1).mean(1)  # (N,)
        (gradients,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
        norms: torch.Tensor = gradients.flatten(1).norm(dim=1)
        return norms


@REGULARIZERS.register("gradient_penalty")
class GradientPenalty(Regularizer):
    """``weight``·E(‖∇s(ŷ)‖₂ − 1)² with ŷ = εy + (1 − ε)G, ε uniform per image."""

    per_image = True
    bounds_slope = True
    source = "Gulrajani 2017, equation 3"

    weight: float = Field(10.0, gt=0, description="weight of the penalty")

    def penalty(
        self, critic: Critic, real: torch.Tensor, fake: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the penalty at random points on lines between real and generated images."""
        epsilon = torch.rand(len(real), 1, 1, 1, generator=generator).to(real.device)
        line = torch.lerp(fake.detach().float(), real.detach().float(), epsilon)
        return self.weight * (slopes(critic, line) - 1).square().mean()
