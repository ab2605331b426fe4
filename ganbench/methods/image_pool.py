"""The pool of past translations that a discriminator is shown (Shrivastava 2017, section 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


class ImagePool:
    """Keeps up to ``size`` past fakes; once full, each new one is swapped for an old one with probability ½.

    Args:
        size: images that are kept; 0 shows every fake as it comes.
        device: where they are kept.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self.size = size
        self.device = device
        self.images: list[torch.Tensor] = []

    def exchange(self, fakes: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return images (N, 3, H, W) to show in place of ``fakes``; ``generator`` (CPU) draws the swaps."""
        if self.size == 0:
            return fakes.detach()
        swaps = torch.rand(len(fakes), generator=generator) < 0.5
        places = torch.randint(self.size, (len(fakes),), generator=generator)
        shown = [self._exchange_one(*each) for each in zip(fakes.detach().float(), swaps, places, strict=True)]
        return torch.stack(shown)

    def _exchange_one(self, fake: torch.Tensor, swap: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        if len(self.images) < self.size:
            self.images.append(fake.clone())
            return fake
        if not swap:
            return fake
        old, self.images[int(place)] = self.images[int(place)], fake.clone()
        return old

    def state_dict(self) -> dict[str, Any]:
        """Return the kept images."""
        return {"images": torch.stack(self.images) if self.images else torch.empty(0)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore the kept images."""
        self.images = list(state_dict["images"].to(self.device))
