"""Nearest copies in pixels: which output is a training image, mirrored, cropped or zoomed, with a little noise?

Pixel neighbours alone are fooled by a shift of one pixel (Theis 2016), so every training image is looked at through
many windows, and through windows fitted to the output for the nearest few. A short distance alone says little where
all images are alike, so it is divided by the mean distance to the 50 nearest training images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional

WORK = 32  # pixels that images are brought to before anything is compared
GRID = 16  # cells of a window, each way
NEIGHBOURS = 50
QUERIES = 2000  # images that are looked at at once
CHUNK = 250  # training images that are compared at once
CANDIDATES = 3  # nearest training images whose window is fitted
STEPS = (0.025, 0.0125, 0.006)  # of that fit, as shares of the image
SMALLEST = 0.85  # side of a fitted window, as a share of the image

Windows = torch.Tensor
"""Windows (N, 4), float32: side as a share of the image; centre x, y in [−1, 1]; −1 where mirrored, else 1."""


@dataclass(frozen=True)
class Nearest:
    """The nearest training image of each of N images.

    Attributes:
        score: distance to it over the mean distance to the 50 nearest, float64 (N,); 0 is a copy, near 1 is as far
            as any other.
        index: which training image it is, int64 (N,).
        window: through which window it was seen.
    """

    score: torch.Tensor
    index: torch.Tensor
    window: Windows

    def describe(self, image: int) -> str:
        """Say in words how the training image must be looked at to be the copy: "mirrored, 92 % window"."""
        side, _, _, mirror = self.window[image].tolist()
        flip = "mirrored" if mirror < 0 else "upright"
        return flip if side > 0.995 else f"{flip}, {side:.0%} window"


def nearest_copies(images: torch.Tensor, train: torch.Tensor) -> Nearest:
    """Search ``train`` (M, 3, H, W) for the nearest to each of ``images`` (N, 3, H, W); both uint8.

    Distances are Euclidean, on grids of 16 × 16 cells.
    """
    shrunk = _shrink(train)
    parts = [_nearest(chunk, shrunk) for chunk in images.split(QUERIES)]
    return Nearest(*(torch.cat([getattr(part, name) for part in parts]) for name in ("score", "index", "window")))


def _nearest(images: torch.Tensor, train: torch.Tensor) -> Nearest:
    """Search shrunk training images (M, 3, 32, 32) for the nearest to each uint8 image."""
    looked_at = _view(_shrink(images), _whole(len(images)))
    squares, index, window = _coarse(looked_at, train)
    scale = squares.double().sqrt().mean(1).clamp_min(1e-12)
    squares, window = _fit(looked_at, train, index[:, :CANDIDATES], window[:, :CANDIDATES])
    best = squares.argmin(1, keepdim=True)
    score = squares.gather(1, best)[:, 0].double().sqrt() / scale
    rows = torch.arange(len(images))
    return Nearest(score, index[rows, best[:, 0]], window[rows, best[:, 0]])


def _shrink(images: torch.Tensor) -> torch.Tensor:
    """Return uint8 images as float32 (N, 3, 32, 32) in [0, 1], smoothed so that half a cell more or less is little."""
    kernel = torch.tensor([0.25, 0.5, 0.25]).expand(3, 1, 1, 3)
    parts = []
    for chunk in images.split(CHUNK):
        pixels = functional.interpolate(chunk.float() / 255, (WORK, WORK), mode="bilinear", antialias=True)
        rows = functional.conv2d(functional.pad(pixels, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
        parts.append(functional.conv2d(rows, kernel.transpose(2, 3), groups=3))
    return torch.cat(parts)


def _whole(count: int) -> Windows:
    return torch.tensor([1.0, 0.0, 0.0, 1.0]).repeat(count, 1)


def _view(images: torch.Tensor, windows: Windows) -> torch.Tensor:
    """Return each image through its window, as vectors (N, 3 · 16 · 16)."""
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = windows[:, 0] * windows[:, 3], windows[:, 0]
    theta[:, :, 2] = windows[:, 1:3]
    grid = functional.affine_grid(theta, [len(images), 3, GRID, GRID], align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False).flatten(1)


def _fixed_windows() -> Windows:
    """Return the windows that every training image is seen through: whole, 95 % (9 places), 90 % (16); mirrored too."""
    found = [(1.0, 0.0, 0.0)]
    for side, places in ((0.95, 3), (0.9, 4)):
        centres = torch.linspace(side - 1, 1 - side, places).tolist()
        found += [(side, x, y) for x in centres for y in centres]
    return torch.tensor([(*window, mirror) for mirror in (1.0, -1.0) for window in found])


def _coarse(looked_at: torch.Tensor, train: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, Windows]:
    """Return squared distances, indices and windows (N, K), (N, K), (N, K, 4) of the 50 nearest, nearest first."""
    windows, start = _fixed_windows(), 0
    squares = torch.empty(len(looked_at), 0)
    index = seen = torch.empty(len(looked_at), 0, dtype=torch.int64)
    for chunk in train.split(CHUNK):
        best, through = _through_best_window(looked_at, chunk, windows)
        squares, order = torch.cat([squares, best], 1).topk(min(NEIGHBOURS, squares.shape[1] + len(chunk)), 1, False)
        here = torch.arange(start, start + len(chunk)).expand(len(looked_at), -1)
        index, seen = (torch.cat(pair, 1).gather(1, order) for pair in ((index, here), (seen, through)))
        start += len(chunk)
    return squares, index, windows[seen]


def _through_best_window(
    looked_at: torch.Tensor, train: torch.Tensor, windows: Windows
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the squared distance (N, M) to each training image through its best window, and which window that is."""
    best = torch.full((len(looked_at), len(train)), torch.inf)
    through = torch.zeros(best.shape, dtype=torch.int64)
    for number, window in enumerate(windows):
        squares = squared_distances(looked_at, _view(train, window.expand(len(train), 4)))
        through[squares < best] = number
        best = torch.minimum(best, squares)
    return best, through


def _fit(
    looked_at: torch.Tensor, train: torch.Tensor, candidates: torch.Tensor, windows: Windows
) -> tuple[torch.Tensor, Windows]:
    """Move and zoom each candidate's window in ever smaller steps; return squared distances (N, K) and windows."""
    pictures, wanted = train[candidates.flatten()], looked_at.repeat_interleave(candidates.shape[1], 0)
    best = windows.reshape(-1, 4)
    squares = (_view(pictures, best) - wanted).square().sum(1)
    for step in STEPS:
        for moved in _neighbours(best, step):
            found = (_view(pictures, moved) - wanted).square().sum(1)
            best = torch.where((found < squares)[:, None], moved, best)
            squares = torch.minimum(squares, found)
    return squares.view(candidates.shape), best.view(*candidates.shape, 4)


def _neighbours(windows: Windows, step: float) -> Iterator[Windows]:
    """Yield the windows one step larger or smaller, left or right, up or down, kept inside the image."""
    offsets = torch.tensor([-step, 0.0, step])
    for offset in torch.cartesian_prod(offsets, offsets, offsets):
        moved = windows.clone()
        moved[:, 0] = (windows[:, 0] + offset[0]).clamp(SMALLEST, 1)
        room = (1 - moved[:, :1]).expand(-1, 2)
        moved[:, 1:3] = torch.minimum(torch.maximum(windows[:, 1:3] + offset[1:], -room), room)
        yield moved


def squared_distances(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return squared Euclidean distances (N, M) between rows of (N, D) and (M, D), never below 0."""
    lengths = first.square().sum(1)[:, None] + second.square().sum(1)
    return (lengths - 2 * first @ second.T).clamp_min(0)
