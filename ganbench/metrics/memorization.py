"""Memorization: are outputs new pictures, or training images told apart only by who asks?

Three detectors, all against target training images and gauged on real held-out (validation) images: C_T and AuthPct on
features, and nearest copies in pixels. Only the last names the copies; C_T has little power for a few of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value
from ganbench.metrics.cache import Arrays
from ganbench.metrics.copies import GRID, NEIGHBOURS, Nearest, nearest_copies
from ganbench.metrics.frechet import CHUNK, moments
from ganbench.metrics.neighbours import nearest, nearest_others
from ganbench.metrics.workbench import Workbench, of_extractor
from ganbench.seeding import derive_seed

CELLS = 3
COMPONENTS = 64
FEWEST_IN_CELL = 20  # generated images that make a cell count
COPY_PERCENTILE = 1  # of held-out scores: an output below it is called a copy
ALARM = 0.02  # p below which the copy detector raises the alarm; its steps are coarse, so false alarms are fewer still
PAIRS_SHOWN = 8

C_T = Quantity(
    "c_t",
    "C_T",
    "memorization",
    None,
    digits=1,
    note="0 is the aim; far below: outputs lie nearer to training images than real ones do; far above: off the data.",
)
AUTHPCT = Quantity(
    "authpct",
    "AuthPct",
    "memorization",
    None,
    digits=1,
    note="Percent of outputs that are no nearer to a training image than its own neighbour; compare with real images.",
)
COPIES = Quantity(
    "copies_pixel",
    "Copies",
    "memorization",
    False,
    note="Share of outputs that are training images up to mirroring, cropping, zoom and noise; about 0.01 is chance. "
    f"Alarm where so many have a chance below {ALARM:g}.",
)


@dataclass(frozen=True)
class Cells:
    """A partition of feature space: a projection to principal components and the centres of k-means cells there.

    Attributes:
        mean: float64 (D,).
        components: float64 (K, D).
        centres: float64 (C, K).
    """

    mean: torch.Tensor
    components: torch.Tensor
    centres: torch.Tensor

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Return features (N, D) in principal components (N, K), float64."""
        return torch.cat([(chunk.double() - self.mean) @ self.components.T for chunk in features.split(CHUNK)])

    def of(self, projected: torch.Tensor) -> torch.Tensor:
        """Return the cell (N,) of each projected point."""
        return torch.cdist(projected, self.centres).argmin(1)


def make_cells(train: torch.Tensor, seed: int) -> Cells:
    """Partition the space of training features (N, D): principal components (at most 64), then k-means (3 cells)."""
    from sklearn.cluster import KMeans

    found = moments(train)
    most = min(COMPONENTS, len(found.factor))
    components = torch.linalg.eigh(found.factor.T @ found.factor).eigenvectors.T.flip(0)[:most]
    space = Cells(found.mean, components, centres=components[:0])
    kmeans = KMeans(min(CELLS, len(train)), n_init=10, random_state=derive_seed(seed, "cells") % 2**32)
    kmeans.fit(space.project(train).numpy())
    return replace(space, centres=torch.from_numpy(kmeans.cluster_centers_).double())


def mann_whitney_z(generated: torch.Tensor, held_out: torch.Tensor) -> float:
    """Return Z of the Mann–Whitney U of generated (n,) against held-out (m,) distances; below 0: generated is nearer.

    U counts the pairs in which the generated distance is the larger (ties half);
    Z = (U − (nm/2 − ½)) / √(nm(n+m+1)/12).
    """
    n, m = len(generated), len(held_out)
    ordered = held_out.sort().values
    below, upto = (torch.searchsorted(ordered, generated, right=right).double() for right in (False, True))
    u = float((below + upto).sum() / 2)
    return float((u - (n * m / 2 - 0.5)) / (n * m * (n + m + 1) / 12) ** 0.5)


@dataclass(frozen=True)
class Placed:
    """Points placed in cells: the cell (N,) of each, and its distance (N,) to the nearest training point in there."""

    cell: torch.Tensor
    distance: torch.Tensor

    def __getitem__(self, chosen: torch.Tensor) -> Placed:
        return Placed(self.cell[chosen], self.distance[chosen])


def place_in_cells(cells: Cells, train: torch.Tensor, features: torch.Tensor) -> Placed:
    """Place features (N, D) in cells; the distance is infinite where a cell holds no training point (M, D)."""
    train, points = cells.project(train), cells.project(features)
    of_train, of_points = cells.of(train), cells.of(points)
    distance = torch.full((len(points),), torch.inf, dtype=torch.float64)
    for cell in of_train.unique():
        here = of_points == cell
        distance[here] = nearest(points[here], train[of_train == cell]).distance[:, 0]
    return Placed(of_points, distance)


def data_copying(cells: Cells, train: torch.Tensor, held_out: torch.Tensor, generated: torch.Tensor) -> float | str:
    """Return C_T (Meehan 2020, "A Non-Parametric Test to Detect Data-Copying", eq. 4), or why it is undefined.

    Per cell, Z of nearest-train distances within the cell; only cells with more than 20 generated images count,
    weighted by their share of held-out images, renormalised. Features (N, D), (M, D), (L, D).
    """
    held, made = (place_in_cells(cells, train, features) for features in (held_out, generated))
    return c_t_of(made, held)


def c_t_of(generated: Placed, held_out: Placed) -> float | str:
    """Return C_T of placed points, or why it is undefined; see `data_copying`."""
    total = weight = 0.0
    for cell in range(CELLS):
        held, made = held_out.distance[held_out.cell == cell], generated.distance[generated.cell == cell]
        if len(held) == 0 or held.isinf().any():
            lacking = "training" if len(held) else "held-out"
            return f"a cell of k-means holds no {lacking} image; it takes more images"
        if len(made) > FEWEST_IN_CELL:
            total, weight = total + mann_whitney_z(made, held) * len(held), weight + len(held)
    return total / weight if weight else f"no cell of k-means holds more than {FEWEST_IN_CELL} outputs; it takes more"


def authentic(train: torch.Tensor, generated: torch.Tensor, spacing: torch.Tensor | None = None) -> torch.Tensor:
    """Return which generated features (M, D) are authentic (Alaa 2022), bool (M,), against train (N, D), N ≥ 2.

    Authentic: farther from its nearest training image than that image is from its own nearest other one.
    ``spacing`` (N, ≥ 1): the distances of the training images to their nearest others, where known.
    """
    found = nearest(generated, train)
    own = nearest_others(train).distance if spacing is None else spacing
    return found.distance[:, 0] > own[found.index[:, 0], 0]


def authentic_percent(train: torch.Tensor, generated: torch.Tensor, spacing: torch.Tensor | None = None) -> float:
    """Return the percent of generated (M, D) that are `authentic` against train (N, D), N ≥ 2."""
    return float(authentic(train, generated, spacing).double().mean()) * 100


def copy_threshold(held_out_scores: torch.Tensor) -> tuple[float, int]:
    """Return the score below which an output is called a copy, and how many held-out scores (N,) lie at or below it."""
    rank = max(1, round(len(held_out_scores) * COPY_PERCENTILE / 100))
    return float(held_out_scores.sort().values[rank - 1]), rank


def copies_p_value(copies: int, outputs: int, held_out: int, rank: int) -> float:
    """Return the chance of at least ``copies`` among ``outputs`` below the ``rank``-th of ``held_out`` scores.

    If outputs were drawn as the held-out images were, their scores would be mixed at random: then the lowest
    ``copies + rank − 1`` of both together hold fewer than ``rank`` held-out ones (hypergeometric).
    """
    from scipy.stats import hypergeom

    return float(hypergeom.cdf(rank - 1, outputs + held_out, held_out, copies + rank - 1)) if copies else 1.0


@METRICS.register("memorization")
class Memorization(Metric):
    """C_T, AuthPct and the share of nearest copies in pixels."""

    version = 2  # since the copy detector raises an alarm
    summary = "C_T and AuthPct on features; nearest copies in pixels through mirrors, crops and zooms"

    def prepare(self, workbench: Workbench) -> None:
        """Extract features, make the cells, and score the held-out images."""
        workbench.target_features("train")
        workbench.target_features("val")
        cells_of(workbench)
        held_out_scores(workbench)

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return c_t and authpct, named after the extractor, and copies_pixel."""
        return (of_extractor(C_T, extractor), of_extractor(AUTHPCT, extractor), COPIES)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Refuse data without enough training and held-out images."""
        target = evidence.data.domains[evidence.data.target].images
        enough = len(target["train"]) >= CELLS and len(target.get("val", ())) > 0
        return None if enough else "needs at least 3 target training images and validation images"

    def missing(self, evidence: Evidence) -> Mapping[str, str]:
        """Say why C_T is undefined where it is: too few images in its cells."""
        found = _c_t(evidence)
        return (
            {self.quantities(evidence.workbench.extractor_type.name)[0].name: found} if isinstance(found, str) else {}
        )

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the values; the closest pairs are in the details of ``copies_pixel``."""
        workbench, count = evidence.workbench, len(evidence.outputs)
        train, c_t = workbench.target_features("train").pooled, _c_t(evidence)
        percent = authentic_percent(train, workbench.features(evidence.outputs).pooled, workbench.target_spacing())
        protocol: Protocol = {"n": count, "n_reference": len(train), "split": "train", "version": self.version}
        on_features: Protocol = {**workbench.protocol(), **protocol}
        held_out: Protocol = {"n_held_out": len(held_out_scores(workbench)), "held_out": "val"}
        named_c_t, named_percent, _ = self.quantities(workbench.extractor_type.name)
        values = [Value(named_percent, percent, count, on_features), _copies(evidence, {**protocol, **held_out})]
        if isinstance(c_t, float):
            partition: Protocol = {"cells": CELLS, "components": COMPONENTS, "seed": workbench.seed}
            values.insert(0, Value(named_c_t, c_t, count, {**on_features, **held_out, **partition}))
        return values


def cells_of(workbench: Workbench) -> Cells:
    """Return the partition of target training features, made once."""
    train = workbench.target_features("train").pooled
    stored = workbench.stored("cells", (train, workbench.seed), lambda: vars(make_cells(train, workbench.seed)))
    return Cells(**stored)


def held_out_scores(workbench: Workbench) -> torch.Tensor:
    """Return the copy scores (N,) of real validation images, made once: what no copy looks like."""
    return nearest_in_train(workbench, workbench.data.images(workbench.data.target, "val")).score


def nearest_in_train(workbench: Workbench, images: torch.Tensor) -> Nearest:
    """Return the nearest target training image of each of ``images`` (N, 3, H, W), as `nearest_copies` does."""
    train = workbench.data.images(workbench.data.target, "train")

    def search() -> Arrays:
        return workbench.per_image("copies", train, images, lambda new: vars(nearest_copies(new, train)))

    return Nearest(**workbench.stored("nearest copies", (Memorization.version, train, images), search))


def _c_t(evidence: Evidence) -> float | str:
    workbench = evidence.workbench
    generated = workbench.features(evidence.outputs).pooled
    train, held_out = (workbench.target_features(split).pooled for split in ("train", "val"))
    return data_copying(cells_of(workbench), train, held_out, generated)


def _copies(evidence: Evidence, protocol: Protocol) -> Value:
    held_out = held_out_scores(evidence.workbench)
    found = nearest_in_train(evidence.workbench, evidence.outputs)
    threshold, rank = copy_threshold(held_out)
    flagged = found.score < threshold
    count, copies = len(flagged), int(flagged.sum())
    p_value = copies_p_value(copies, count, len(held_out), rank)
    details = {"threshold": threshold, "copies": copies, "p_value": p_value, "closest": closest_pairs(found)}
    extra: Protocol = {"grid": GRID, "neighbours": NEIGHBOURS, "percentile": COPY_PERCENTILE}
    share = copies / count
    alarm = p_value < ALARM
    return Value(COPIES, share, count, {**protocol, **extra}, per_image=found.score, details=details, alarm=alarm)


def closest_pairs(found: Nearest, most: int = PAIRS_SHOWN) -> list[dict[str, Any]]:
    """Return the pairs of lowest score as plain data: output index, train index, score, how the image is looked at."""
    order = found.score.argsort(stable=True)[:most].tolist()
    return [
        {
            "output": output,
            "train": int(found.index[output]),
            "score": float(found.score[output]),
            "seen": found.describe(output),
        }
        for output in order
    ]
