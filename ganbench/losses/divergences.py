"""f-divergences and the variational bound that a discriminator maximises (Nowozin 2016, "f-GAN", tables 1 and 2).

D_f(P‖Q) = Σ q·f(p/q) is the supremum over scores v of E_P g(v) − E_Q f*(g(v)), with f* the conjugate of f and g an
output activation whose range is the domain of f*.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import softplus

Function = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Divergence:
    """A divergence by its generator function; all three functions work on tensors, element by element.

    Attributes:
        formula: the divergence of P from Q, in words or symbols.
        f: u > 0 → f(u), convex; f(1) is 0 except for ``gan``.
        activation: raw score v → t = g(v) in the domain of f*.
        conjugate: raw score v → f*(g(v)), simplified so that neither sum nor gradient overflows before f* does.
    """

    formula: str
    f: Function
    activation: Function
    conjugate: Function


class _LogLambertW(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: torch.Tensor) -> torch.Tensor:
        # start to the right of the root of z + eᶻ = a, which is convex, so that Newton can't overshoot
        z = torch.where(a > 1, a.clamp(min=1).log(), a)
        for _ in range(8):
            z = z - (z + z.exp() - a) / (1 + z.exp())
        ctx.save_for_backward(z)
        return z

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        (z,) = ctx.saved_tensors
        result: torch.Tensor = grad / (1 + z.exp())
        return result


def log_lambert_w(a: torch.Tensor) -> torch.Tensor:
    """Return z = ln W(eᵃ), W being Lambert's function: the solution of z + eᶻ = a, for any float ``a``.

    eᵃ itself, which overflows float32 above 88.7, is never computed. Newton's method is quadratic here: 8 steps reach
    the last digits of float64. The derivative is 1 / (1 + eᶻ).
    """
    result: torch.Tensor = _LogLambertW.apply(a)
    return result


def _jeffrey_conjugate(v: torch.Tensor) -> torch.Tensor:
    """f*(t) = W + 1/W + t − 2 with W = W(e^{1−t}), where W + t = 1 − ln W."""
    z = log_lambert_w(1 - v)
    return (-z).exp() - 1 - z


def jensen_shannon_weighted(pi: float) -> Divergence:
    """Return π KL(P‖M) + (1 − π) KL(Q‖M) with M = πP + (1 − π)Q, for a weight 0 < ``pi`` < 1.

    e^{t/π} = σ(v)^{1/π}/π in the conjugate (1 − π) ln((1 − π) / (1 − π e^{t/π})).
    """
    rest = 1 - pi
    return Divergence(
        "π KL(P‖M) + (1 − π) KL(Q‖M), M = πP + (1 − π)Q",
        f=lambda u: pi * u * u.log() - (rest + pi * u) * (rest + pi * u).log(),
        activation=lambda v: -pi * math.log(pi) - softplus(-v),
        conjugate=lambda v: rest * (math.log(rest) - _log_one_minus_power(v, pi)),
    )


def _log_one_minus_power(v: torch.Tensor, pi: float) -> torch.Tensor:
    """Return ln(1 − σ(v)^{1/π}); for large v it is −v − ln π, where the difference itself would round to 0."""
    small = v.clamp(max=30)
    return torch.where(v > 30, -v - math.log(pi), (-torch.expm1(-softplus(-small) / pi)).log())


DIVERGENCES: dict[str, Divergence] = {
    "total_variation": Divergence(
        "½ Σ|p − q|",
        f=lambda u: 0.5 * (u - 1).abs(),
        activation=lambda v: 0.5 * v.tanh(),
        conjugate=lambda v: 0.5 * v.tanh(),
    ),
    "kl": Divergence(
        "KL(P‖Q)",
        f=lambda u: u * u.log(),
        activation=lambda v: v,
        conjugate=lambda v: (v - 1).exp(),
    ),
    "reverse_kl": Divergence(
        "KL(Q‖P)",
        f=lambda u: -u.log(),
        activation=lambda v: -(-v).exp(),
        conjugate=lambda v: v - 1,
    ),
    "pearson": Divergence(
        "Pearson χ², Σ(p − q)²/q",
        f=lambda u: (u - 1).square(),
        activation=lambda v: v,
        conjugate=lambda v: 0.25 * v.square() + v,
    ),
    "neyman": Divergence(
        "Neyman χ², Σ(p − q)²/p",
        f=lambda u: (1 - u).square() / u,
        activation=lambda v: -torch.expm1(-v),
        conjugate=lambda v: -2 * torch.expm1(-v / 2),
    ),
    "squared_hellinger": Divergence(
        "Σ(√p − √q)²",
        f=lambda u: (u.sqrt() - 1).square(),
        activation=lambda v: -torch.expm1(-v),
        conjugate=torch.expm1,
    ),
    "jeffrey": Divergence(
        "KL(P‖Q) + KL(Q‖P)",
        f=lambda u: (u - 1) * u.log(),
        activation=lambda v: v,
        conjugate=_jeffrey_conjugate,
    ),
    "jensen_shannon": Divergence(
        "KL(P‖M) + KL(Q‖M), M = (P + Q)/2",
        f=lambda u: -(u + 1) * ((1 + u) / 2).log() + u * u.log(),
        activation=lambda v: math.log(2) - softplus(-v),
        conjugate=lambda v: softplus(v) - math.log(2),
    ),
    "jensen_shannon_weighted": jensen_shannon_weighted(0.5),
    "gan": Divergence(
        "KL(P‖M) + KL(Q‖M) − ln 4, M = (P + Q)/2",
        f=lambda u: u * u.log() - (u + 1) * (u + 1).log(),
        activation=lambda v: -softplus(-v),
        conjugate=softplus,
    ),
}
"""The ten divergences of the f-GAN paper by name; the weighted one with its weight at ½."""
