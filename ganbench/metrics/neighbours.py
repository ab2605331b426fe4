"""Nearest neighbours among features: one search for every metric, in chunks, at the speed of a float32 product.

Products of float32 matrices decide what they can; what lies within their rounding error is computed anew, from the
differences of the rows, squared and added in float64. So the answers are exact to the rounding of the features and the
same to the bit in any chunk, equal rows are 0 apart, and memory grows with the number of rows and not with its square.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

CHUNK = 512  # rows that are compared with all points at once
SPARE = 2  # candidates beyond those asked for
PAIRS = 128  # pairs of rows that are subtracted at once: they stay in the processor's cache
ROWS = 16  # rows that are subtracted from their candidates at once
SLACK = {torch.float32: 1e-5, torch.float64: 1e-13}  # of |x|² + |y|²: no product errs by more, to some thousand columns


@dataclass(frozen=True)
class Neighbours:
    """The K nearest points of each of N rows, nearest first.

    Attributes:
        distance: Euclidean, float64 (N, K).
        index: which points they are, int64 (N, K).
    """

    distance: torch.Tensor
    index: torch.Tensor


def nearest(queries: torch.Tensor, points: torch.Tensor, k: int = 1) -> Neighbours:
    """Return the ``k`` ≤ M nearest of ``points`` (M, D) to each of ``queries`` (N, D), both of any floating type."""
    return _search(queries, points, k, itself=None)


def nearest_others(points: torch.Tensor, k: int = 1) -> Neighbours:
    """Return the ``k`` ≤ N − 1 nearest to each of ``points`` (N, D) among the others."""
    return _search(points, points, k, itself=torch.arange(len(points)))


def count_inside(
    centres: torch.Tensor, radii: torch.Tensor, points: torch.Tensor, closed: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how many points each ball holds, int64 (N,), and how many balls hold each point, int64 (M,).

    Args:
        centres: of the balls, (N, D).
        radii: of the balls, float64 (N,).
        points: (M, D).
        closed: whether a point on the edge is inside.
    """
    held, holding = [], torch.zeros(len(points), dtype=torch.int64)
    for rows, products, lengths in _products(centres, points, torch.float32):
        squares = radii[rows].square()
        margin = SLACK[torch.float32] * (3 * lengths + 3 * squares)  # |y| ≤ |x| + d, and d is near the radius
        ball, point = (products < (squares - lengths + margin)[:, None]).nonzero(as_tuple=True)
        inside = products[ball, point] < (squares - lengths - margin)[ball]
        edge = (~inside).nonzero()[:, 0]
        distance = _distances(centres[rows], points, ball[edge], point[edge])
        radius = radii[rows][ball[edge]]
        inside[edge] = distance <= radius if closed else distance < radius
        held.append(ball[inside].bincount(minlength=len(lengths)))
        holding += point[inside].bincount(minlength=len(points))
    return torch.cat(held), holding


def _search(queries: torch.Tensor, points: torch.Tensor, k: int, itself: torch.Tensor | None) -> Neighbours:
    """Search by float32 products, and again by float64 ones for those rows that float32 leaves open."""
    found, sure = _candidates(queries, points, k, itself, torch.float32)
    unsure = (~sure).nonzero()[:, 0]
    if len(unsure):
        left_out = None if itself is None else itself[unsure]
        again, _ = _candidates(queries[unsure], points, k, left_out, torch.float64)
        found.distance[unsure], found.index[unsure] = again.distance, again.index
    return found


def _candidates(
    queries: torch.Tensor, points: torch.Tensor, k: int, itself: torch.Tensor | None, dtype: torch.dtype
) -> tuple[Neighbours, torch.Tensor]:
    """Return the nearest among a few candidates, and for which rows no other point can be nearer, bool (N,)."""
    distance, index, sure = [], [], []
    count = min(k + SPARE, len(points) - (itself is not None))
    for rows, products, lengths in _products(queries, points, dtype):
        if itself is not None:
            products.scatter_(1, itself[rows, None], torch.inf)
        squares, candidates = products.topk(count, 1, largest=False)
        exact = _to_candidates(queries[rows], points, candidates)
        values, order = exact.sort(dim=1, stable=True)
        distance.append(values[:, :k])
        index.append(candidates.gather(1, order[:, :k]))
        least = squares[:, -1] + lengths - SLACK[dtype] * 3 * lengths  # |y| ≤ |x| + d
        sure.append((1 + 2 * SLACK[dtype]) * values[:, k - 1].square() <= least)
    certain = torch.cat(sure) if count < len(points) - (itself is not None) else torch.ones(len(queries)).bool()
    return Neighbours(torch.cat(distance), torch.cat(index)), certain


def _products(
    queries: torch.Tensor, points: torch.Tensor, dtype: torch.dtype
) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
    """Yield chunks: which rows x, their |y|² − 2 x·y for all points (n, M), and their |x|² (n,), both of ``dtype``.

    Origin is the mean of the points: the shorter the vectors, the smaller the rounding error.
    """
    middle = points.mean(0)
    centred = (points - middle).to(dtype)
    lengths = _squared_lengths(centred)
    for start in range(0, max(len(queries), 1), CHUNK):  # no queries are one empty chunk
        rows = slice(start, min(start + CHUNK, len(queries)))
        chunk = (queries[rows] - middle).to(dtype)
        yield rows, torch.addmm(lengths, chunk, centred.T, alpha=-2), _squared_lengths(chunk)


def _squared_lengths(rows: torch.Tensor) -> torch.Tensor:
    lengths: torch.Tensor = torch.linalg.vector_norm(rows, dim=1)
    return lengths.square()


def _to_candidates(rows: torch.Tensor, points: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    """Return the distances (N, K), float64, of ``rows`` (N, D) to the ``points`` that ``candidates`` (N, K) names."""
    blocks = zip(rows.split(ROWS), candidates.split(ROWS), strict=True)
    gaps = (points[chosen] - block[:, None] for block, chosen in blocks)
    return torch.cat([torch.linalg.vector_norm(gap, dim=2, dtype=torch.float64) for gap in gaps])


def _distances(first: torch.Tensor, second: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
    """Return the distances (P,) between rows ``i`` (P,) of ``first`` and rows ``j`` (P,) of ``second``, float64."""
    pairs = zip(i.split(PAIRS), j.split(PAIRS), strict=True)
    return torch.cat([torch.linalg.vector_norm(first[a] - second[b], dim=1, dtype=torch.float64) for a, b in pairs])
