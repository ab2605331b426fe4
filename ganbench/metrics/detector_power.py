"""Detector power: how often do the memorization detectors find planted copies among real held-out images?

A detector is trusted only on evidence from the very data. Training images in disguise are planted among real held-out
ones, many times over; every image is compared with the training images once, a draw only chooses among the results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from ganbench.metrics.copies import Nearest, nearest_copies
from ganbench.metrics.memorization import (
    ALARM,
    PAIRS_SHOWN,
    Cells,
    Placed,
    authentic,
    c_t_of,
    copies_p_value,
    copy_threshold,
    place_in_cells,
)
from ganbench.seeding import torch_generator

ALPHA = 0.05  # false alarms that C_T and AuthPct are allowed
DRAWS = 100
PLANTED = 12  # copies in a draw
OUTPUTS = 250  # most images in a draw
POOL = 100  # most training images that are disguised; a draw chooses among them
NOISE = 8.0  # of 255, standard deviation
MOST_CROPPED = 0.1  # share of each side
CLEAN = "clean"

Disguise = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
Extract = Callable[[torch.Tensor], torch.Tensor]
"""From uint8 images (N, 3, H, W) to features (N, D)."""


def exact(images: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    """Return the images as they are."""
    return images


def flipped(images: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    """Return the images mirrored."""
    return images.flip(3)


def noisy(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return the images with Gaussian noise, σ = 8/255 (a pixel's channels apart)."""
    noise = NOISE * torch.randn(images.shape, generator=generator)
    return (images + noise).round().clamp(0, 255).to(torch.uint8)


def cropped(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return a window of each image, 90 to 100 % of its side and anywhere, enlarged to the old size (bilinear)."""
    side = 1 - MOST_CROPPED * torch.rand(len(images), 1, generator=generator)
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = side[:, 0]
    theta[:, :, 2] = (1 - side) * (2 * torch.rand(len(images), 2, generator=generator) - 1)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    seen = functional.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    return seen.round().to(torch.uint8)


DISGUISES: Mapping[str, Disguise] = {"exact": exact, "flipped": flipped, "cropped": cropped, "noisy": noisy}


@dataclass(frozen=True)
class Power:
    """What the detectors did over many draws of one kind.

    Attributes:
        disguise: how the planted copies were disguised; ``clean`` where none were planted.
        draws: number of draws.
        outputs: images in each.
        planted: how many of these are copies.
        detected: share of draws in which the copy detector raised the alarm (p below .02); false alarms if clean.
        named: share of the pairs listed as closest that are planted copies with their true training images; NaN if
            clean.
        found: share of planted copies below the detector's threshold; NaN if clean.
        c_t: share of draws in which C_T is below all but 5 % of its values on clean draws; NaN where undefined.
        authpct: the same of AuthPct.
    """

    disguise: str
    draws: int
    outputs: int
    planted: int
    detected: float
    named: float
    found: float
    c_t: float
    authpct: float


@dataclass(frozen=True)
class Compared:
    """Images once they are compared with the training images: copies in pixels, cell, authenticity.

    Attributes:
        right: which is paired with the training image that it is a copy of, bool (N,); all False for real ones.
    """

    nearest: Nearest
    placed: Placed
    authentic: torch.Tensor
    right: torch.Tensor


@dataclass(frozen=True)
class Draw:
    """What the detectors said of one draw."""

    alarm: bool
    named: float
    found: float
    c_t: float
    authpct: float


@dataclass(frozen=True)
class Bench:
    """What all draws share.

    Attributes:
        held_out: real images; each draw splits them into those that gauge the detectors and those that are judged.
        gauge: how many gauge the detectors.
        outputs: how many are judged, planted copies included.
        planted: how many of these are copies.
    """

    held_out: Compared
    gauge: int
    outputs: int
    planted: int


class DetectorPower:
    """Measures the detectors on one target domain.

    Args:
        train: training images, uint8 (M, 3, H, W).
        held_out: real images that no training saw, uint8 (N, 3, H, W).
        gauge: how many of them gauge the detectors, as many as the task has validation images; of the others at
            most 250 are judged.
        cells: the partition of C_T.
        extract: features of images.
        seed: of disguises and draws.
        planted: copies in a draw.
    """

    def __init__(
        self,
        train: torch.Tensor,
        held_out: torch.Tensor,
        gauge: int,
        cells: Cells,
        extract: Extract,
        seed: int,
        planted: int = PLANTED,
    ) -> None:
        self.train, self.cells, self.extract, self.seed = train, cells, extract, seed
        self.features = extract(train)
        compared = self._compare(held_out, torch.full((len(held_out),), -1))
        outputs = min(OUTPUTS, len(held_out) - gauge)
        self.bench = Bench(compared, gauge, outputs, min(planted, outputs))

    def measure(self, draws: int = DRAWS) -> list[Power]:
        """Return what the detectors do on clean draws and on each disguise."""
        clean = self._draws(None, CLEAN, draws)
        floors = [_quantile([getattr(draw, name) for draw in clean]) for name in ("c_t", "authpct")]
        found = [self._summary(CLEAN, clean, floors)]
        for name in DISGUISES:
            found.append(self._summary(name, self._draws(self.plant(name), name, draws), floors))
        return found

    def plant(self, disguise: str) -> Compared:
        """Return up to 100 training images in disguise, compared with the training images."""
        generator = torch_generator(self.seed, "planted copies", disguise)
        chosen = torch.randperm(len(self.train), generator=generator)[:POOL]
        return self._compare(DISGUISES[disguise](self.train[chosen], generator), chosen)

    def _compare(self, images: torch.Tensor, origin: torch.Tensor) -> Compared:
        nearest, features = nearest_copies(images, self.train), self.extract(images)
        placed = place_in_cells(self.cells, self.features, features)
        return Compared(nearest, placed, authentic(self.features, features), nearest.index == origin)

    def _draws(self, copies: Compared | None, name: str, draws: int) -> list[Draw]:
        streams = (torch_generator(self.seed, "draw of detector power", name, k) for k in range(draws))
        return [draw(self.bench, copies, stream) for stream in streams]

    def _summary(self, name: str, draws: list[Draw], floors: list[float]) -> Power:
        def share(values: list[bool]) -> float:
            return sum(values) / len(values)

        below = [
            share([getattr(draw, key) < floor for draw in draws]) if math.isfinite(floor) else math.nan
            for key, floor in zip(("c_t", "authpct"), floors, strict=True)
        ]
        clean = name == CLEAN
        return Power(
            disguise=name,
            draws=len(draws),
            outputs=self.bench.outputs,
            planted=0 if clean else self.bench.planted,
            detected=share([draw.alarm for draw in draws]),
            named=math.nan if clean else sum(draw.named for draw in draws) / len(draws),
            found=math.nan if clean else sum(draw.found for draw in draws) / len(draws),
            c_t=below[0],
            authpct=below[1],
        )


def draw(bench: Bench, copies: Compared | None, generator: torch.Generator) -> Draw:
    """Split the held-out images, plant copies where there are any, and ask the detectors."""
    order = torch.randperm(len(bench.held_out.authentic), generator=generator)
    gauge, real = order[: bench.gauge], order[bench.gauge : bench.gauge + bench.outputs]
    planted = torch.zeros(0, dtype=torch.int64)
    if copies is not None:
        planted = torch.randperm(len(copies.authentic), generator=generator)[: bench.planted]
        real = real[len(planted) :]
    source = copies or bench.held_out
    score = torch.cat([source.nearest.score[planted], bench.held_out.nearest.score[real]])
    threshold, rank = copy_threshold(bench.held_out.nearest.score[gauge])
    flagged = score < threshold
    listed = score.argsort(stable=True)[: min(PAIRS_SHOWN, max(1, len(planted)))]
    right = torch.cat([source.right[planted], bench.held_out.right[real]])
    authentics = torch.cat([source.authentic[planted], bench.held_out.authentic[real]])
    return Draw(
        alarm=copies_p_value(int(flagged.sum()), len(score), bench.gauge, rank) < ALARM,
        named=float(right[listed].double().mean()),
        found=float(flagged[: len(planted)].double().mean()),
        c_t=_c_t(source.placed[planted], bench.held_out.placed[real], bench.held_out.placed[gauge]),
        authpct=float(authentics.double().mean()) * 100,
    )


def _c_t(planted: Placed, real: Placed, gauge: Placed) -> float:
    outputs = Placed(torch.cat([planted.cell, real.cell]), torch.cat([planted.distance, real.distance]))
    found = c_t_of(outputs, gauge)
    return found if isinstance(found, float) else math.nan


def _quantile(values: list[float]) -> float:
    """Return the value below which 5 % of the defined ones lie, or NaN where none is defined."""
    return float(torch.tensor(values, dtype=torch.float64).nanquantile(ALPHA))
