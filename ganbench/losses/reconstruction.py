"""Reconstruction losses: how far an image lies from the one it should be."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import l1_loss, mse_loss

from ganbench.registry import Registry

ReconstructionLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(output, target), both (N, 3, H, W) in [−1, 1] → float32 scalar, a mean over all pixels and channels."""

RECONSTRUCTION: Registry[ReconstructionLoss] = Registry("reconstruction loss", "ganbench.losses", "ganbench.losses")


@RECONSTRUCTION.register("l1")
def l1(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute error; its optimum is a median, so edges stay sharp."""
    return l1_loss(output.float(), target.float())


@RECONSTRUCTION.register("l2")
def l2(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean squared error; its optimum is a mean, so uncertain edges are blurred."""
    return mse_loss(output.float(), target.float())
