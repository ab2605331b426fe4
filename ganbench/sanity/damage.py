"""Damage: what is done to real held-out images, in known and growing strength, so that metrics show what they see.

One kind is a decorated function. Every draw hands it the same stream for all strengths, so that a stronger damage
holds the weaker one: more noise of the same pattern, more of the same images replaced.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch.nn import functional

PATCHES = 8  # of a side, that `patches` swaps
FINE = 10  # classes that nine tenths can be dropped of
Labels = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Sample:
    """One draw of real held-out images, and what damage may use.

    Attributes:
        outputs: real held-out target images in place of outputs, uint8 (N, 3, H, W).
        labels: attribute → what the content of each output should be, int64 (N,).
        inputs: the source image at each place, uint8 (N, 3, H, W), whose translation the output is to be.
        input_labels: attribute → labels of the inputs.
        spare: further real held-out target images, and ``spare_labels`` theirs.
        train: target training images.
        foreign: source training images.
        classes: attribute → number of classes.
        right: the undamaged outputs, which a right answer would be.
    """

    outputs: torch.Tensor
    labels: Labels
    inputs: torch.Tensor
    input_labels: Labels
    spare: torch.Tensor
    spare_labels: Labels
    train: torch.Tensor
    foreign: torch.Tensor
    classes: Mapping[str, int]
    right: torch.Tensor

    def with_outputs(self, where: torch.Tensor, images: torch.Tensor) -> Sample:
        """Return the sample with ``images`` at the places ``where``."""
        outputs = self.outputs.clone()
        outputs[where] = images
        return replace(self, outputs=outputs)


Apply = Callable[[Sample, float, torch.Generator], Sample]


@dataclass(frozen=True)
class Damage:
    """One kind of damage.

    Attributes:
        title: as tables and pictures call it.
        unit: what a level counts, in full; one that begins with "share" is shown in per cent.
        short: the same in few letters.
        levels: strengths, rising; without 0, which is no damage.
        apply: from an undamaged sample, level and stream to the damaged sample.
        needs_labels: whether the target images must have labels.
    """

    title: str
    unit: str
    short: str
    levels: tuple[float, ...]
    apply: Apply
    needs_labels: bool = False

    def label(self, level: float) -> str:
        """Return a level as text: 5 %, 16."""
        return f"{100 * level:g}%" if self.unit.startswith("share") else f"{level:g}"


DAMAGES: dict[str, Damage] = {}  # in the order in which they are shown
OUTPUTS = ("share of outputs", "of outputs")
DROPPED = (0.3, 0.5, 0.7, 0.9)
SHARES = (0.1, 0.25, 0.5, 1.0)


def damage(
    name: str, title: str, unit: tuple[str, str], levels: tuple[float, ...], needs_labels: bool = False
) -> Callable[[Apply], Apply]:
    """Register the decorated function as a kind of damage."""

    def register(apply: Apply) -> Apply:
        DAMAGES[name] = Damage(title, *unit, levels, apply, needs_labels)
        return apply

    return register


@damage("noise", "Gaussian noise", ("standard deviation, of 255", "of 255"), (4, 8, 16, 32, 64))
def noise(sample: Sample, level: float, generator: torch.Generator) -> Sample:
    """Add Gaussian noise to every channel of every pixel."""
    grain = level * torch.randn(sample.outputs.shape, generator=generator)
    return replace(sample, outputs=_to_uint8(sample.outputs + grain))


@damage(
    "blur",
    "Gaussian blur",
    ("share of the side in a standard deviation", "of the side"),
    (0.02, 0.04, 0.08, 0.16),
)
def blur(sample: Sample, level: float, generator: torch.Generator) -> Sample:
    """Blur with a Gaussian, mirrored at the border."""
    del generator
    side = sample.outputs.shape[-1]
    sigma = level * side
    reach = min(int(3 * sigma) + 1, side - 1)
    offsets = torch.arange(-reach, reach + 1).float()
    window = torch.exp(-offsets.square() / (2 * sigma**2))
    window = (window / window.sum()).expand(3, 1, 1, -1)
    padded = functional.pad(sample.outputs.float(), (reach,) * 4, mode="reflect")
    rows = functional.conv2d(padded, window, groups=3)
    return replace(sample, outputs=_to_uint8(functional.conv2d(rows, window.transpose(2, 3), groups=3)))


@damage("patches", "Swapped patches", ("share of 8 × 8 patches", "of patches"), SHARES)
def patches(sample: Sample, level: float, generator: torch.Generator) -> Sample:
    """Pass some of the 8 × 8 patches of each image on in a ring, other ones in every image."""
    cell = max(1, sample.outputs.shape[-1] // PATCHES)
    side = PATCHES * cell
    grid = sample.outputs[..., :side, :side].unfold(2, cell, cell).unfold(3, cell, cell)
    tiles = grid.flatten(2, 3).transpose(1, 2).clone()  # (N, 64, 3, cell, cell)
    order = torch.rand(tiles.shape[:2], generator=generator).argsort(1)[:, : round(level * tiles.shape[1])]
    rows = torch.arange(len(tiles))[:, None]
    tiles[rows, order] = tiles[rows, order.roll(1, 1)]
    whole = tiles.transpose(1, 2).unflatten(2, (PATCHES, PATCHES)).permute(0, 1, 2, 4, 3, 5)
    outputs = sample.outputs.clone()
    outputs[..., :side, :side] = whole.reshape(len(tiles), 3, side, side)
    return replace(sample, outputs=outputs)


@damage("foreign", "Pictures of the source domain", OUTPUTS, SHARES)
def foreign(sample: Sample, level: float, generator: torch.Generator) -> Sample:
    """Replace some outputs by source training images that have nothing to do with their inputs."""
    where = _some(sample, level, generator)
    others = torch.randperm(len(sample.foreign), generator=generator)
    return sample.with_outputs(where, sample.foreign[_first(others, len(where))])


@damage("copied_inputs", "Copied inputs", OUTPUTS, SHARES)
def copied_inputs(sample: Sample, level: float, generator: torch.Generator) -> Sample:
    """Replace some outputs by their own inputs; the content that is asked for is then the input's."""
    where = _some(sample, level, generator)
    labels = {name: values.clone() for name, values in sample.labels.items()}
    for name in labels.keys() & sample.input_labels.keys():
        labels[name][where] = sample.input_labels[name][where]
    return replace(sample.with_outputs(where, sample.inputs[where]), labels=labels)


@damage("one_picture", "One picture for all", OUTPUTS, SHARES)
def one_picture(sample: Sample, level: float, generator: torch.Generator) -> Sample:
    """Replace some outputs by one and the same held-out image."""
    where = _some(sample, level, generator)
    return sample.with_outputs(where, sample.outputs[where[:1]])


@damage(
    "dropped_classes",
    "Dropped classes",
    ("share of the classes", "of classes"),
    (0.3, 0.5, 0.7, 0.9),
    needs_labels=True,
)
def dropped_classes(sample: Sample, level: float, generator: torch.Generator) -> Sample:
    """Replace outputs of some classes by held-out images of the others.

    The classes of the most varied attribute go one after another; where they are fewer than ten, each goes in as many
    steps as the next attribute has classes. Images that aren't outputs already come first, the others only after them.
    """
    names = combined(sample)
    renamed = {name: torch.randperm(sample.classes[name], generator=generator) for name in names}
    own, spare = (_joint(names, renamed, labels) for labels in (sample.labels, sample.spare_labels))
    gone = round(level * math.prod(sample.classes[name] for name in names))
    where, kept, others = ((own < gone).nonzero()[:, 0], (own >= gone).nonzero()[:, 0], (spare >= gone).nonzero()[:, 0])
    others = others[torch.randperm(len(others), generator=generator)]
    source = torch.cat([sample.spare[others], sample.outputs[kept]])
    return sample.with_outputs(where, source[_first(torch.arange(len(source)), len(where))])


@damage("planted_copies", "Planted training copies", OUTPUTS, (0.025, 0.05, 0.1, 0.2))
def planted_copies(sample: Sample, level: float, generator: torch.Generator) -> Sample:
    """Replace some outputs by target training images."""
    where = _some(sample, level, generator)
    copied = torch.randperm(len(sample.train), generator=generator)
    return sample.with_outputs(where, sample.train[_first(copied, len(where))])


def combined(sample: Sample) -> list[str]:
    """Return the attributes whose classes are dropped together: the most varied, and more up to ten combinations."""
    names = sorted(sample.labels, key=lambda name: -sample.classes[name])
    enough = [k for k in range(1, len(names)) if math.prod(sample.classes[name] for name in names[:k]) >= FINE]
    return names[: enough[0]] if enough else names


def _joint(names: list[str], renamed: Mapping[str, torch.Tensor], labels: Labels) -> torch.Tensor:
    """Return one class (N,) for each combination of classes, the first attribute's changing slowest."""
    joint = torch.zeros_like(labels[names[0]])
    for name in names:
        joint = joint * len(renamed[name]) + renamed[name][labels[name]]
    return joint


def _some(sample: Sample, share: float, generator: torch.Generator) -> torch.Tensor:
    """Return the places of a share of the outputs; a larger share holds the smaller."""
    count = max(1, round(share * len(sample.outputs)))
    return torch.randperm(len(sample.outputs), generator=generator)[:count]


def _first(order: torch.Tensor, count: int) -> torch.Tensor:
    """Return the first ``count`` of ``order``, from the beginning again where there are fewer."""
    return order.repeat(-(-count // max(1, len(order))))[:count]


def _to_uint8(pixels: torch.Tensor) -> torch.Tensor:
    return pixels.round().clamp(0, 255).to(torch.uint8)
