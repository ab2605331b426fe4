"""Reconstruction losses: how far an image lies from the one it should be.

A loss is one decorated function; `compares` says on what: the images themselves, feature maps of a frozen network,
feature maps of the domain's discriminator, or the opinion of a discriminator of its own. `ganbench.methods`'s
`Reconstruction` brings these together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.nn.functional import l1_loss, mse_loss

from ganbench.registry import Registry

Compared = Literal["images", "frozen features", "discriminator features", "own discriminator"]
Maps = Sequence[torch.Tensor]


@dataclass(frozen=True)
class ReconstructionLoss:
    """A reconstruction loss.

    Attributes:
        function: (output, target) → float32 scalar, a mean. Both are images (N, 3, H, W) in [−1, 1] where the loss
            compares images, else lists of feature maps (N, C_l, H_l, W_l), one of each layer. With a discriminator
            of its own: scores of the output alone → scalar.
        compares: what the function is given.
        summary: the first line of its docstring.
    """

    function: Callable[..., torch.Tensor]
    compares: Compared
    summary: str


RECONSTRUCTION: Registry[ReconstructionLoss] = Registry("reconstruction loss", "ganbench.losses", "ganbench.losses")


def reconstruction_loss(name: str, compares: Compared = "images") -> Callable[[Any], Any]:
    """Register the decorated function as the reconstruction loss ``name``; the function itself is returned."""

    def decorate(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        summary = (function.__doc__ or "").splitlines()[0]
        RECONSTRUCTION.register(name)(ReconstructionLoss(function, compares, summary))
        return function

    return decorate


@reconstruction_loss("none")
def none(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
    """Zero: nothing is asked of the output."""
    return output.new_zeros((), dtype=torch.float32)


@reconstruction_loss("l1")
def l1(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute error; its optimum is a median, so edges stay sharp."""
    return l1_loss(output.float(), target.float())


@reconstruction_loss("l2")
def l2(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean squared error; its optimum is a mean, so uncertain edges are blurred."""
    return mse_loss(output.float(), target.float())
