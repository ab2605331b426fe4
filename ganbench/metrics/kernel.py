"""Kernel distance (KID): squared maximum mean discrepancy under a cubic kernel, unbiased also for few images."""

from __future__ import annotations

import torch

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value, too_few
from ganbench.metrics.workbench import Workbench, of_extractor
from ganbench.seeding import derive_seed

SUBSETS = 100
LARGEST_SUBSET = 1000
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

    MMD² with k(x, y) = (xᵀy/D + 1)³, unbiased (no diagonal in XX and YY; Bińkowski 2018, eq. 4), in float64, by
    torch-fidelity's function. Subsets of ``size`` ≤ min(N, M) are drawn without replacement, from ``seed`` alone.
    """
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

    found = kid_features_to_metric(
        first.double(),
        second.double(),
        kid_subsets=subsets,
        kid_subset_size=size,
        rng_seed=derive_seed(seed, "kid") % 2**32,
        verbose=False,
    )
    return found[KEY_METRIC_KID_MEAN], found[KEY_METRIC_KID_STD]


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
