"""Nearest copies in pixels: which output is a training image, mirrored, cropped or zoomed, with a little noise?

Pixel neighbours alone are fooled by a shift of one pixel (Theis 2016), so every training image is looked at through
many windows, and through windows fitted to the output for the nearest few. A short distance alone says little where
all images are alike, so it is divided by the mean distance to the 50 nearest training images.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

WORK = 32  # pixels that images are brought to before anything is compared
GRID = 16  # cells of a window, each way
NEIGHBOURS = 50
QUERIES = 2000  # images that are looked at at once
CHUNK = 100  # training images that are compared at once
AT_ONCE = 1000  # images that are compared with them at once
PAIRS = 120  # images and training images whose windows are fitted at once
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
    """Search shrunk training images (M, 32, 3, 32) for the nearest to each uint8 image."""
    whole = _cells(torch.ones(1), torch.zeros(1))
    looked_at = _grids(_shrink(images), whole, whole)
    squares, index, window = _coarse(looked_at, train)
    scale = squares.double().sqrt().mean(1).clamp_min(1e-12)
    squares, window = _fit(looked_at, train, index[:, :CANDIDATES], window[:, :CANDIDATES])
    best = squares.argmin(1, keepdim=True)
    score = squares.gather(1, best)[:, 0].double().sqrt() / scale
    rows = torch.arange(len(images))
    return Nearest(score, index[rows, best[:, 0]], window[rows, best[:, 0]])


def _shrink(images: torch.Tensor) -> torch.Tensor:
    """Return uint8 images as float32 in [0, 1], smoothed so that half a cell more or less is little.

    They are (N, 32, 3, 32), a pixel row of all channels after the other: one product works on all channels then.
    """
    kernel = torch.tensor([0.25, 0.5, 0.25]).expand(3, 1, 1, 3)
    parts = []
    for chunk in images.split(CHUNK):
        pixels = functional.interpolate(chunk.float() / 255, (WORK, WORK), mode="bilinear", antialias=True)
        rows = functional.conv2d(functional.pad(pixels, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
        parts.append(functional.conv2d(rows, kernel.transpose(2, 3), groups=3))
    return torch.cat(parts).transpose(1, 2).contiguous()


def _cells(side: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
    """Return what each of 32 pixels in a line counts in each of 16 cells of windows, as matrices (..., 16, 32).

    ``side`` (negative: mirrored) and ``centre`` are those of `Windows`, (...,), inside the image. Between pixels it is
    linear; a window takes one such matrix down and one across, which is bilinear sampling.
    """
    steps = (2 * torch.arange(GRID) + 1) / GRID - 1
    pixel = (side[..., None] * steps + centre[..., None] + 1) * WORK / 2 - 0.5
    return (1 - (pixel[..., None] - torch.arange(WORK)).abs()).clamp_min(0)


def _grids(images: torch.Tensor, down: torch.Tensor, across: torch.Tensor) -> torch.Tensor:
    """Return images (N, 32, 3, 32) through every pair of Y `_cells` down and X across, as (N, Y, 16, 3, X, 16).

    These are (Y, 16, 32) and (X, 16, 32) for all images, or (N, Y, 16, 32) and (N, X, 16, 32) with each its own.
    """
    rows, columns = down.flatten(-3, -2), across.flatten(-3, -2)
    narrow = (images.flatten(1, 2) @ columns.mT).view(len(images), WORK, -1)  # (N, 32, 3 · X · 16)
    return (rows @ narrow).view(len(images), -1, GRID, 3, columns.shape[-2] // GRID, GRID)


def _fixed_windows() -> Windows:
    """Return the windows that every training image is seen through, mirrored ones after upright ones."""
    found = []
    for side, centres in _fixed_places():
        found += [(side, x, y) for y in centres.tolist() for x in centres.tolist()]
    return torch.tensor([(*window, mirror) for mirror in (1.0, -1.0) for window in found])


def _fixed_places() -> list[tuple[float, torch.Tensor]]:
    """Return sides and centres along a line: the whole, 95 % (3 × 3 places) and 90 % (4 × 4)."""
    return [(side, torch.linspace(side - 1, 1 - side, places)) for side, places in ((1.0, 1), (0.95, 3), (0.9, 4))]


def _even_and_odd(grids: torch.Tensor) -> torch.Tensor:
    """Return the parts (2, ..., 8) of grids (..., 16) that mirroring keeps and turns to their negative.

    Where a · b = e + o is the product of two grids' parts, that with b mirrored is e − o: both for the price of one.
    """
    left, right = grids[..., : GRID // 2], grids.flip(-1)[..., : GRID // 2]
    return torch.stack([left + right, left - right]) / 2**0.5


def _upright(train: torch.Tensor) -> torch.Tensor:
    """Return training images (M, 32, 3, 32) through the upright fixed windows, as vectors (2, M, W, 16 · 3 · 8)."""
    seen = []
    for side, centres in _fixed_places():
        cells = _cells(torch.full_like(centres, side), centres)
        parts = _even_and_odd(_grids(train, cells, cells).permute(0, 1, 4, 2, 3, 5))
        seen.append(parts.flatten(4).flatten(2, 3))
    return torch.cat(seen, 2)


def _coarse(looked_at: torch.Tensor, train: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, Windows]:
    """Return squared distances, indices and windows (N, K), (N, K), (N, K, 4) of the 50 nearest, nearest first.

    ``looked_at`` are whole images as `_grids` gives them.
    """
    windows, start = _fixed_windows(), 0
    vectors = _even_and_odd(looked_at).flatten(2)
    squares = torch.empty(len(looked_at), 0)
    index = seen = torch.empty(len(looked_at), 0, dtype=torch.int64)
    for chunk in train.split(CHUNK):
        best, through = _through_best_window(vectors, _upright(chunk))
        squares, order = torch.cat([squares, best], 1).topk(min(NEIGHBOURS, squares.shape[1] + len(chunk)), 1, False)
        here = torch.arange(start, start + len(chunk)).expand(len(looked_at), -1)
        index, seen = (torch.cat(pair, 1).gather(1, order) for pair in ((index, here), (seen, through)))
        start += len(chunk)
    return squares, index, windows[seen]


def _through_best_window(vectors: torch.Tensor, upright: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the squared distance (N, M) to each training image through its best window, and which window that is.

    Images are (2, N, D), training images (2, M, W, D), `_even_and_odd` parts; window W + w is w mirrored.
    """
    even, odd = upright.flatten(1, 2)
    lengths, count = even.square().sum(1) + odd.square().sum(1), upright.shape[2]
    best, through = [], []
    for same, turned in zip(*(part.split(AT_ONCE) for part in vectors), strict=True):
        changing = turned @ odd.T
        squares = torch.addmm(lengths, same, even.T, alpha=-2).sub_(changing.abs(), alpha=2)
        found, window = squares.view(len(same), -1, count).min(2)
        mirrored = changing.view(len(same), -1, count).gather(2, window[..., None])[..., 0] < 0
        own = same.square().sum(1, keepdim=True) + turned.square().sum(1, keepdim=True)
        best.append((found + own).clamp_min(0))
        through.append(window + mirrored * count)
    return torch.cat(best), torch.cat(through)


def _fit(
    looked_at: torch.Tensor, train: torch.Tensor, candidates: torch.Tensor, windows: Windows
) -> tuple[torch.Tensor, Windows]:
    """Move and zoom each candidate's window in ever smaller steps; return squared distances (N, K) and windows."""
    wanted = looked_at.repeat_interleave(candidates.shape[1], 0)
    asked = (each.split(PAIRS) for each in (candidates.flatten(), windows.flatten(0, 1), wanted))
    parts = [_fitted(train[which], *rest) for which, *rest in zip(*asked, strict=True)]
    squares, fitted = (torch.cat(part) for part in zip(*parts, strict=True))
    return squares.view(candidates.shape), fitted.view(*candidates.shape, 4)


def _fitted(pictures: torch.Tensor, windows: Windows, wanted: torch.Tensor) -> tuple[torch.Tensor, Windows]:
    """Return squared distances (N,) and windows of ``pictures`` (N, 32, 3, 32) fitted to ``wanted``, one to one."""
    squares = torch.full((len(pictures),), torch.inf)
    for step in STEPS:
        around = windows
        for zoom in (-step, 0.0, step):
            found, moved = _best_move(pictures, wanted, around, zoom, step)
            windows = torch.where((found < squares)[:, None], moved, windows)
            squares = torch.minimum(squares, found)
    return squares, windows


def _best_move(
    pictures: torch.Tensor, wanted: torch.Tensor, windows: Windows, zoom: float, step: float
) -> tuple[torch.Tensor, Windows]:
    """Zoom windows and move them one step left, right, up, down or nowhere, kept inside the image; return the best."""
    side = (windows[:, :1] + zoom).clamp(SMALLEST, 1)
    room, offsets = 1 - side, torch.tensor([-step, 0.0, step])
    x, y = (torch.clamp(windows[:, axis, None] + offsets, -room, room) for axis in (1, 2))
    mirror = windows[:, 3:]
    grids = _grids(pictures, _cells(side, y), _cells(side * mirror, x))
    squares, best = grids.sub_(wanted).square_().sum((2, 3, 5)).flatten(1).min(1, keepdim=True)
    across, down = best % len(offsets), best // len(offsets)
    return squares[:, 0], torch.cat([side, x.gather(1, across), y.gather(1, down), mirror], 1)
