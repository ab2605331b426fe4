"""Holes: what inpainting must fill. Methods see no mask, so the colour of a hole should be one that images lack."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw
from pydantic import Field, ValidationInfo, field_validator

from ganbench.data.degradations.base import DEGRADATIONS, Degradation, own_generator

GREY = 128  # the nearest to the 0 of images in [−1, 1], with which the field's networks see a hole
MOST_STROKES = 100  # per image, before the largest share reached is taken; even narrow ones rarely need ten


class Holes(Degradation):
    """What all degradations with holes have in common."""

    fill: int = Field(GREY, ge=0, le=255, description="grey of the holes, 0 to 255")


@DEGRADATIONS.register("centre_hole")
class CentreHole(Holes):
    """Pathak 2016, "Context encoders": a square of half the width, a quarter of the image."""

    summary: ClassVar[str] = "A square hole in the middle."

    width: float = Field(0.5, gt=0, lt=1, description="width of the hole, share of the image's")

    def degrade(self, images: torch.Tensor) -> torch.Tensor:
        """Return the images with the hole; it has at least one pixel."""
        height, width = images.shape[-2:]
        tall, wide = (max(1, round(self.width * side)) for side in (height, width))
        top, left = (height - tall) // 2, (width - wide) // 2
        holed = images.clone()
        holed[:, :, top : top + tall, left : left + wide] = self.fill
        return holed


@DEGRADATIONS.register("free_form_holes")
class FreeFormHoles(Holes):
    """Brush strokes of Yu 2019, "Free-form image inpainting with gated convolution", as many as a share takes.

    A stroke is a zigzag of 4 to 12 corners: it goes about 2π/5 to the left and to the right of its direction in turn,
    in steps whose mean is an eighth of the diagonal, and is 12 to 40 pixels of 256 wide (the authors' code,
    github.com/JiahuiYu/generative_inpainting; any direction here, mirror images there). How much of an image is
    missing is what Liu 2018, "Image inpainting for irregular holes", groups its results by; here each image draws
    its share.
    """

    summary: ClassVar[str] = "Holes like brush strokes, of each image its own, which cover a given share."

    least: float = Field(0.15, gt=0, le=0.8, description="smallest share of the image that is missing")
    most: float = Field(0.35, gt=0, le=0.8, description="largest share aimed at; the last stroke may go beyond it")

    @field_validator("most")
    @classmethod
    def _above_least(cls, most: float, info: ValidationInfo) -> float:
        if most < info.data.get("least", 0):
            raise ValueError(f"must be at least 'least', {info.data['least']}. Got {most!r}")
        return most

    def degrade(self, images: torch.Tensor) -> torch.Tensor:
        """Return the images with their holes."""
        masks = torch.from_numpy(np.stack([self._mask(image) for image in images]))
        return torch.where(masks[:, None], self.fill, images).to(torch.uint8)

    def _mask(self, image: torch.Tensor) -> npt.NDArray[np.bool_]:
        """Return where one image (3, H, W) is missing: bool (H, W)."""
        generator = own_generator(image, "free_form_holes")
        wanted = generator.uniform(self.least, self.most)
        height, width = image.shape[-2:]
        canvas = Image.new("1", (width, height))
        for _ in range(MOST_STROKES):
            _draw_stroke(canvas, generator)
            if (mask := np.asarray(canvas)).mean() >= wanted:
                break
        return mask.astype(bool)


def _draw_stroke(canvas: Image.Image, generator: np.random.Generator) -> None:
    """Draw one zigzag with round joints and ends."""
    width, height = canvas.size
    breadth = max(1, round(width * generator.uniform(12, 40) / 256))
    corners = _zigzag(width, height, generator)
    pen = ImageDraw.Draw(canvas)
    pen.line(corners, fill=1, width=breadth)
    for x, y in corners:
        pen.ellipse((x - breadth / 2, y - breadth / 2, x + breadth / 2, y + breadth / 2), fill=1)


def _zigzag(width: int, height: int, generator: np.random.Generator) -> list[tuple[float, float]]:
    mean_step = math.hypot(width, height) / 8
    x, y = generator.uniform(0, width), generator.uniform(0, height)
    corners, sign = [(x, y)], 1
    direction = generator.uniform(0, 2 * math.pi)
    for _ in range(generator.integers(4, 12)):
        angle = direction + sign * (2 * math.pi / 5 + generator.uniform(-1, 1) * 2 * math.pi / 15)
        step = np.clip(generator.normal(mean_step, mean_step / 2), 0, 2 * mean_step)
        x = float(np.clip(x + step * math.cos(angle), 0, width))
        y = float(np.clip(y + step * math.sin(angle), 0, height))
        corners.append((x, y))
        sign = -sign
    return corners
