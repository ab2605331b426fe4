"""Toy pictures whose metrics are known, and an extractor that sees them in no time."""

import torch

from ganbench.data.base import SPLITS, Domain, TranslationData
from ganbench.nets.extractors import EXTRACTORS, Extractor, Features

COLOURS = torch.tensor([[220, 40, 40], [40, 200, 60], [50, 60, 220]])
COUNTS = {"train": 90, "val": 60, "test": 60}
SIZE = 24


@EXTRACTORS.register("toy")
class ToyExtractor(Extractor):
    """Sees the mean colour of each of 4 × 4 cells; its classes are the first five of these numbers."""

    name = "toy"
    title = "Toy"
    digest = "0" * 64
    resize = "none"
    dimensions = 48
    calls = 0

    def extract(self, images):
        type(self).calls += len(images)
        pooled = torch.nn.functional.adaptive_avg_pool2d(images.float() / 255, 4).flatten(1)
        return Features(pooled, pooled[:, :5] * 10)


def draw(shape, count, generator):
    """Draw a disc or a square of a colour (label), somewhere on grained grey; return pictures, labels, label maps."""
    labels = torch.randint(0, 3, (count,), generator=generator)
    pictures = torch.randint(100, 140, (count, 3, SIZE, SIZE), generator=generator)
    maps = torch.zeros(count, SIZE, SIZE, dtype=torch.uint8)
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    for picture, classes, label in zip(pictures, maps, labels, strict=True):
        cy, cx = torch.randint(8, 16, (2,), generator=generator)
        reach = torch.randint(5, 8, (1,), generator=generator)
        gap = (
            ((y - cy) ** 2 + (x - cx) ** 2) ** 0.5 if shape == "disc" else torch.maximum((y - cy).abs(), (x - cx).abs())
        )
        picture[:, gap <= reach] = COLOURS[label][:, None]
        classes[gap <= reach] = label.to(torch.uint8) + 1
    return pictures.to(torch.uint8), labels, maps


def make_data(seed=0):
    generator = torch.Generator().manual_seed(seed)
    domains, label_maps = {}, {}
    for name in ("disc", "square"):
        drawn = {split: draw(name, COUNTS[split], generator) for split in SPLITS}
        images = {split: pictures for split, (pictures, _, _) in drawn.items()}
        domains[name] = Domain(images, {split: {"colour": labels} for split, (_, labels, _) in drawn.items()})
        label_maps[name] = {split: maps for split, (_, _, maps) in drawn.items()}
    names = ("red", "green", "blue")
    return TranslationData(
        domains, "disc", "square", {"colour": names}, label_maps=label_maps, map_classes=("ground", *names)
    )
