"""Tiny pictures in folders, for the tests of datasets that are made of a user's own files."""

from pathlib import Path

import numpy as np
from PIL import Image

from ganbench.data.base import DATASETS, SPLITS
from ganbench.options import read_options
from ganbench.seeding import numpy_generator

SIZE = 8


def noise(name, width=12, height=12):
    """Return a picture (height, width, 3) that depends on ``name`` alone."""
    return numpy_generator(0, str(name)).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def fill(folder: Path, count, start=0, **size):
    """Write pictures that differ from all in folders of other names."""
    return [save(folder / f"{k:03d}.png", noise(f"{folder.name}/{k}", **size)) for k in range(start, start + count)]


def dataset(name, root, **options):
    return read_options(DATASETS.get(name), {"root": str(root), **options}, f"dataset {name}")


def contents(data, domain):
    """Return split → the set of its images' bytes."""
    return {split: {image.numpy().tobytes() for image in data.images(domain, split)} for split in SPLITS}


def counts(data, domain):
    return {split: len(data.images(domain, split)) for split in SPLITS}
