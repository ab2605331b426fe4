"""Detail taken away: what super-resolution must invent."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import torch
from PIL import Image
from pydantic import Field

from ganbench.data.degradations.base import DEGRADATIONS, Degradation
from ganbench.data.prepared import FILTERS, Filter
from ganbench.errors import InputError


@DEGRADATIONS.register("low_resolution")
class LowResolution(Degradation):
    """Shrunk and enlarged to the same size again, by Pillow's filters (antialiased when they shrink), in 8 bits."""

    summary: ClassVar[str] = "Shrunk to a half, a quarter or an eighth and enlarged again: super-resolution's input."

    factor: Literal[2, 4, 8] = Field(4, description="how many times fewer pixels per side are left")
    shrink: Filter = Field("bicubic", description="filter that shrinks; the field's benchmarks take bicubic")
    enlarge: Filter = Field("bicubic", description="filter that enlarges; nearest shows the pixels that are left")

    def degrade(self, images: torch.Tensor) -> torch.Tensor:
        """Return the images with the detail of the small ones; `InputError` where the factor doesn't divide them."""
        height, width = images.shape[-2:]
        if height % self.factor or width % self.factor:
            raise InputError(
                f"degradation low_resolution: image_size must be a multiple of factor, {self.factor}. "
                f"Got {width} × {height}: take another image_size or factor."
            )
        return torch.stack([self._reduced(image) for image in images])

    def _reduced(self, image: torch.Tensor) -> torch.Tensor:
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())
        small = (picture.width // self.factor, picture.height // self.factor)
        result = picture.resize(small, FILTERS[self.shrink]).resize(picture.size, FILTERS[self.enlarge])
        return torch.from_numpy(np.array(result)).permute(2, 0, 1).contiguous()
