"""Kernel distance (KID): squared maximum mean discrepancy under a cubic kernel, unbiased also for few images."""

from __future__ import annotations

import numpy as np
import torch

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value, too_few
from ganbench.metrics.workbench import Workbench, of_extractor
from ganbench.seeding import derive_seed

SUBSETS = 100
LARGEST_SUBSET = 1000
CHUNK = 500  # rows whose kernels with all others are held at once
KID = Quantity(
    "kid",
    "KID",
    "quality",
    higher_is_better=False,
    digits=4,
    note="Unbiased; slightly below 0 is no error. ± is the spread over subsets of images, not over training seeds.",
)


def subset_size(*counts: int) -> int:
    """Return the subset size for sets of these sizes: 1000, or the smallest set where that is smaller."""
    return min(LARGEST_SUBSET, *counts)


def kernel_distance(
    first: torch.Tensor, second: torch.Tensor, seed: int, size: int, subsets: int = SUBSETS
) -> tuple[float, float]:
    """Return mean and standard deviation of KID over subsets of features (N, D) and (M, D).

    MMD² with k(x, y) = (xᵀy/D + 1)³, unbiased (no diagonal in XX and YY; Bińkowski 2018, eq. 4), in float64. Subsets of
    ``size`` ≤ min(N, M) are drawn without replacement, from ``seed`` alone, as torch-fidelity draws them.
    """
    generator = np.random.RandomState(derive_seed(seed, "kid") % 2**32)  # draws i and j by turns
    drawn = [[generator.choice(len(part), size, replace=False) for part in (first, second)] for _ in range(subsets)]
    i, j = torch.from_numpy(np.array(drawn)).unbind(1)
    # where all pairs are fewer than those inside the subsets, every kernel is computed once for all subsets
    together = subsets if len(first) * len(second) <= subsets * size**2 else 1
    groups = zip(i.split(together), j.split(together), strict=True)
    values = torch.cat([_unbiased(first, second, *group) for group in groups])
    return float(values.mean()), float(values.std(correction=0))


def _unbiased(first: torch.Tensor, second: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
    """Return MMD² (S,) between the subsets of features that ``i`` and ``j`` (S, size) name."""
    size, (x, in_x), (y, in_y) = i.shape[1], _chosen(first, i), _chosen(second, j)
    inner = sum(_sums(each, each, inside, inside) - _diagonal(each, inside) for each, inside in ((x, in_x), (y, in_y)))
    return inner / (size * (size - 1)) - 2 * _sums(x, y, in_x, in_y) / size**2


def _chosen(features: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rows (K, D) that any subset holds, float64, and which of them each holds, 0 or 1 (S, K)."""
    rows, place = index.unique(return_inverse=True)
    inside = torch.zeros(len(index), len(rows), dtype=torch.float64)
    return features[rows].double(), inside.scatter_(1, place, 1.0)


def _sums(x: torch.Tensor, y: torch.Tensor, in_x: torch.Tensor, in_y: torch.Tensor) -> torch.Tensor:
    """Return the sums (S,) of the kernel over the pairs of rows of ``x`` and ``y`` that each subset holds."""
    sums = torch.zeros(len(in_x), dtype=torch.float64)
    for rows, inside in zip(x.split(CHUNK), in_x.split(CHUNK, 1), strict=True):
        kernel = torch.mm(rows, y.T).div_(x.shape[1]).add_(1).pow_(3)
        sums += ((inside @ kernel) * in_y).sum(1)
    return sums


def _diagonal(x: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    return inside @ (x.square().sum(1) / x.shape[1] + 1).pow(3)


@METRICS.register("kernel")
class Kernel(Metric):
    """Kernel distance of features."""

    summary = "kernel distance (KID) of features to real target training images, unbiased"

    def prepare(self, workbench: Workbench) -> None:
        """Extract the reference features, and those of the row of real images."""
        workbench.target_features("train")
        workbench.target_features("test")

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return kid_<extractor>, or kid."""
        return (of_extractor(KID, extractor, "kid"),)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Refuse a single image: an unbiased estimate needs two."""
        return too_few(evidence, 2)

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the distance between outputs and target training images."""
        workbench = evidence.workbench
        outputs = workbench.features(evidence.outputs).pooled
        reference = workbench.target_features("train").pooled
        size = subset_size(len(outputs), len(reference))
        mean, std = kernel_distance(outputs, reference, evidence.seed, size)
        protocol: Protocol = {
            **workbench.protocol(),
            "n": len(outputs),
            "n_reference": len(reference),
            "split": "train",
            "subset_size": size,
            "subsets": SUBSETS,
            "seed": evidence.seed,
            "version": self.version,
        }
        return [Value(self.quantities(workbench.extractor_type.name)[0], mean, len(outputs), protocol, std=std)]
