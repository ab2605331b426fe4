"""Regularisers of the discriminator, to be combined with any loss: penalties, clipping, spectral normalisation.

One is a registered subclass of `Regularizer`; its fields are the keys of a suite's ``regularizer_options``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from pydantic import Field
from torch import nn

from ganbench.nets.spectral_norm import normalize_spectrum
from ganbench.options import Options
from ganbench.registry import Registry

Critic = Callable[[torch.Tensor], torch.Tensor]
"""Images (N, C, H, W) → scores of any shape that begins with N."""


class Regularizer(Options):
    """What keeps a discriminator smooth. The base class does nothing.

    Attributes:
        per_image: True for penalties: a term on the slope of the score at one image at a time, which batch
            normalisation in the discriminator would break.
        clips: True where weights are clipped.
        bounds_slope: True where it keeps a critic's slope bounded, which a Wasserstein loss needs.
        source: paper and equation.
    """

    per_image: ClassVar[bool] = False
    clips: ClassVar[bool] = False
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


def input_gradients(critic: Critic, points: torch.Tensor) -> torch.Tensor:
    """Return ∇s at each of ``points`` (N, C, H, W), as (N, C·H·W) float32, differentiable.

    s is the mean over an image's patches, the critic whose expectation the losses take. Everything is computed in
    float32, also under autocast: half-precision penalties end in NaN.
    """
    with torch.autocast(points.device.type, enabled=False):
        points = points.detach().float().requires_grad_(True)
        scores = critic(points).reshape(len(points), -1).mean(1)  # (N,)
        (gradients,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
        flat: torch.Tensor = gradients.flatten(1)
        return flat


def deviation_from_one(critic: Critic, points: torch.Tensor) -> torch.Tensor:
    """Return E(‖∇s‖₂ − 1)² over ``points`` (N, C, H, W), the norm over all pixels of an image; a float32 scalar."""
    norms: torch.Tensor = input_gradients(critic, points).norm(dim=1)  # (N,)
    return (norms - 1).square().mean()


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
        return self.weight * deviation_from_one(critic, line)


@REGULARIZERS.register("r1")
class RealGradientPenalty(Regularizer):
    """``weight``/2·E‖∇s(y)‖₂², at real images alone."""

    per_image = True
    source = "Mescheder 2018, equation 9"

    weight: float = Field(10.0, gt=0, description="the paper's γ; half of it weighs the penalty")

    def penalty(
        self, critic: Critic, real: torch.Tensor, fake: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the penalty at the real images."""
        return 0.5 * self.weight * input_gradients(critic, real).square().sum(1).mean()


@REGULARIZERS.register("dragan")
class NoisyGradientPenalty(Regularizer):
    """``weight``·E(‖∇s(y + δ)‖₂ − 1)² with δ ~ N(0, (``spread``·std(y))²) for each pixel.

    δ is Gaussian as in the paper; its spread is that of the authors' code (github.com/kodalinaveen3/DRAGAN), which
    draws uniform noise instead.
    """

    per_image = True
    source = "Kodali 2017, section 2.3"

    weight: float = Field(10.0, gt=0, description="weight of the penalty")
    spread: float = Field(0.5, gt=0, description="deviation of the noise, in standard deviations of the real pixels")

    def penalty(
        self, critic: Critic, real: torch.Tensor, fake: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the penalty at random points around the real images."""
        real = real.detach().float()
        noise = torch.randn(real.shape, generator=generator).to(real.device)
        return self.weight * deviation_from_one(critic, real + self.spread * real.std() * noise)


@REGULARIZERS.register("clipping")
class Clipping(Regularizer):
    """Every parameter of the discriminator is kept within ±``bound``."""

    clips = True
    bounds_slope = True
    source = "Arjovsky 2017, algorithm 1"

    bound: float = Field(0.01, gt=0, description="largest absolute value of a parameter")

    def prepare(self, network: nn.Module, generator: torch.Generator) -> None:
        """Clip the initial parameters."""
        self.after_update(network)

    @torch.no_grad()
    def after_update(self, network: nn.Module) -> None:
        """Clip all parameters."""
        for parameter in network.parameters():
            parameter.clamp_(-self.bound, self.bound)


@REGULARIZERS.register("spectral_norm")
class SpectralNorm(Regularizer):
    """Every convolution's and linear layer's weight is divided by its largest singular value."""

    bounds_slope = True
    source = "Miyato 2018, algorithm 1"

    def prepare(self, network: nn.Module, generator: torch.Generator) -> None:
        """Normalise all layers; the first singular vectors are drawn from ``generator``."""
        normalize_spectrum(network, generator)
