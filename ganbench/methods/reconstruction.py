"""The part of a method that compares an output with the image that it should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from pydantic import Field

from ganbench.losses.names import ReconstructionName
from ganbench.losses.reconstruction import RECONSTRUCTION
from ganbench.methods.base import MethodOptions, Task
from ganbench.methods.image_networks import NetworkOptions

Features = Callable[[torch.Tensor], Sequence[torch.Tensor]]
"""Images (N, 3, H, W) → feature maps [(N, C_l, H_l, W_l)] of the discriminator of their domain."""


class ReconstructionOptions(MethodOptions):
    """What every method that reconstructs images can choose."""

    reconstruction: ReconstructionName = Field("l1", description="loss of every term that compares with a known image")


class Reconstruction:
    """A reconstruction loss, by its registered name, with the networks that it needs.

    Call it with output and target, images (N, 3, H, W) in [−1, 1], and the feature maps of the discriminator that
    judges images of this kind (used by ``feature_matching`` alone); it returns a float32 scalar.
    """

    def __init__(
        self, name: str, options: NetworkOptions, task: Task, generator: torch.Generator, device: torch.device
    ) -> None:
        self.loss = RECONSTRUCTION.get(name)

    def __call__(self, output: torch.Tensor, target: torch.Tensor, features: Features) -> torch.Tensor:
        """Return how far ``output`` lies from ``target``."""
        return self.loss.function(output, target)

    def update(self, lr: float) -> dict[str, torch.Tensor]:
        """Update the loss's own discriminator, where it has one, on all pairs compared since the last update.

        Returns its named loss, detached; nothing for losses that learn nothing.
        """
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return the state of what the loss learns."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
