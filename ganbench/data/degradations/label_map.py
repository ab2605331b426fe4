"""Label maps in place of a picture: of each pixel only what it shows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch.nn.functional import interpolate

from ganbench.data.base import Split, TranslationData
from ganbench.data.degradations.base import DEGRADATIONS, Degradation
from ganbench.data.label_maps import default_colour, draw, rgb
from ganbench.errors import InputError


@DEGRADATIONS.register("label_map")
class LabelMap(Degradation):
    """The label map of each image in plain colours, one for each class, black where the class is unknown."""

    summary: ClassVar[str] = "What each pixel shows, in one colour per class, where the dataset has label maps."
    uses_label_maps: ClassVar[bool] = True

    def degrade(self, images: torch.Tensor) -> torch.Tensor:
        """Raise `TypeError`: pixels alone don't say what they show."""
        raise TypeError("label_map needs label maps; call source_images.")

    def source_images(self, data: TranslationData, domain: str, split: Split) -> torch.Tensor:
        """Return the painted maps of one domain and split; `InputError` where there are none."""
        maps = data.label_maps.get(domain, {}).get(split)
        if maps is None:
            having = ", ".join(sorted(data.label_maps)) or "none"
            raise InputError(
                f"degradation label_map: {domain}/{split} has no label maps. Domains that have: {having}. "
                "Take one of these, or a dataset with label maps (avatars has, with label_maps: true)."
            )
        height, width = data.images(domain, split).shape[-2:]
        return paint(_resized(maps, height, width), len(data.map_classes))


def paint(maps: torch.Tensor, classes: int) -> torch.Tensor:
    """Return label maps (N, H, W) with one colour per class, black for void: uint8 (N, 3, H, W)."""
    palette = np.zeros((256, 3), np.uint8)
    for index in range(classes):
        palette[index] = rgb(default_colour(index))
    return torch.from_numpy(draw(maps.numpy().astype(np.uint8), palette))


def _resized(maps: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return maps at the size of the images, by the nearest pixel (centres): classes are never mixed."""
    if maps.shape[-2:] == (height, width):
        return maps
    return interpolate(maps[:, None].float(), (height, width), mode="nearest-exact")[:, 0]
