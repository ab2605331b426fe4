"""A workbench that remembers what it found out about every single image."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ganbench.metrics.cache import Arrays, digest
from ganbench.metrics.workbench import Workbench
from ganbench.nets.extractors import Features


class RememberingWorkbench(Workbench):
    """Remembers features and neighbours of every single image: most damaged sets hold images seen before."""

    def features(self, images: torch.Tensor, stage: str = "features") -> Features:
        """Return the features of uint8 images (N, 3, H, W), extracted for those alone that are new."""

        def extract(new: torch.Tensor) -> Arrays:
            found = super(RememberingWorkbench, self).features(new, stage)
            return {"pooled": found.pooled} if found.logits is None else vars(found)

        rows = self.per_image("features", images[:0], images, extract)
        return Features(rows["pooled"], rows.get("logits"))

    def per_image(
        self, purpose: str, reference: torch.Tensor, images: torch.Tensor, compute: Callable[[torch.Tensor], Arrays]
    ) -> Arrays:
        """Return what ``compute`` makes of each image, computed for those alone that are new."""
        known: dict[str, dict[str, torch.Tensor]] = self.held(f"rows of {purpose} {digest(reference)}", dict)
        keys = [digest(image) for image in images]
        new = {key: place for place, key in enumerate(keys) if key not in known}
        if new:
            found = compute(images[list(new.values())])
            for row, key in enumerate(new):
                known[key] = {name: tensor[row] for name, tensor in found.items()}
        return {name: torch.stack([known[key][name] for key in keys]) for name in known[keys[0]]}
