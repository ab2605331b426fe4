"""Regularisers of the discriminator: terms that are added to its loss, whichever that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch

Discriminator = Callable[[torch.Tensor], torch.Tensor]


class Regularizer(Protocol):
    """A term of the discriminator's loss that looks at the discriminator itself.

    Attributes:
        per_image: True where the term is defined for one image at a time, which batch normalisation in the
            discriminator would break.
    """

    per_image: ClassVar[bool]

    def __call__(
        self, discriminator: Discriminator, real: torch.Tensor, fake: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the weighted term, a float32 scalar; images are (N, 3, H, W), random numbers from ``generator``."""
        ...


@dataclass(frozen=True)
class GradientPenalty:
    """``weight``·E(‖∇s(ŷ)‖₂ − 1)² with ŷ = εy + (1 − ε)G, ε uniform per image (Gulrajani 2017, equation 3).

    s is the mean over an image's patches, the critic whose expectation the loss takes. The norm is over all pixels
    of an image. Everything is computed in float32, also under autocast: half-precision penalties end in NaN.
    """

    per_image: ClassVar[bool] = True
    weight: float = 10.0

    def __call__(
        self, discriminator: Discriminator, real: torch.Tensor, fake: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the weighted penalty; ``generator`` is a CPU generator, ``real`` and ``fake`` carry no gradient."""
        with torch.autocast(real.device.type, enabled=False):
            epsilon = torch.rand(len(real), 1, 1, 1, generator=generator).to(real.device)
            line = torch.lerp(fake.detach().float(), real.detach().float(), epsilon).requires_grad_(True)
            scores = discriminator(line).reshape(len(line), -1).mean(1)  # (N,)
            (gradients,) = torch.autograd.grad(scores.sum(), line, create_graph=True)
            norms: torch.Tensor = gradients.flatten(1).norm(dim=1)
            return self.weight * (norms - 1).square().mean()
