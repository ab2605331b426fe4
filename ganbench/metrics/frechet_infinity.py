"""FD∞: the Fréchet distance that infinitely many outputs would have, extrapolated from subsets of those there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value, too_few
from ganbench.metrics.frechet import Moments, frechet_protocol, moments, moments_distance, reference_moments
from ganbench.metrics.workbench import Workbench, of_extractor
from ganbench.seeding import torch_generator

POINTS = 15
LARGEST_START = 5000  # images in the smallest subset, where there are ten times as many
FEWEST = 20  # outputs: a tenth of them still has a covariance, and all sizes differ
FD_INFINITY = Quantity(
    "fd_infinity",
    "FD∞",
    "quality",
    higher_is_better=False,
    digits=1,
    note="FD extrapolated to infinitely many outputs, against as many training images as there are. With fewer "
    "outputs than features most of the bias stays: compare only equal n.",
)


def subset_sizes(count: int) -> list[int]:
    """Return 15 evenly spaced sizes from min(5000, max(N/10, 2)) to N = ``count``, as dgm-eval takes them."""
    start = min(LARGEST_START, max(count / 10, 2))
    return [int(size) for size in np.linspace(start, count, POINTS)]


def distances_by_size(outputs: torch.Tensor, reference: Moments, sizes: Sequence[int], seed: int) -> list[float]:
    """Return the Fréchet distance to ``reference`` of a subset of features (N, D) for every size.

    Each is drawn without replacement, from ``seed`` and its size alone.
    """
    orders = (torch.randperm(len(outputs), generator=torch_generator(seed, "fd_infinity", size)) for size in sizes)
    subsets = (outputs[order[:size]] for order, size in zip(orders, sizes, strict=True))
    return [moments_distance(moments(subset), reference) for subset in subsets]


def extrapolate(sizes: Sequence[int], distances: Sequence[float]) -> float:
    """Return the intercept at 1/N = 0 of the least-squares line through distances over 1/N (Chong & Forsyth 2020)."""
    return float(np.polyfit(1 / np.array(sizes), np.array(distances), 1)[1])


@METRICS.register("frechet_infinity")
class FrechetInfinity(Metric):
    """Fréchet distance, freed of the bias of few outputs; FID∞ where the extractor is the canonical Inception."""

    summary = "Fréchet distance extrapolated to infinitely many outputs (FID∞ on Inception)"

    def prepare(self, workbench: Workbench) -> None:
        """Extract the reference features, and those of the row of real images."""
        workbench.target_features("train")
        workbench.target_features("test")

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return fd_infinity_<extractor>, or fid_infinity."""
        return (of_extractor(FD_INFINITY, extractor, "fid_infinity", "FID∞"),)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Refuse sets of which no tenth has a covariance."""
        return too_few(evidence, FEWEST)

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the intercept; sizes and distances of the subsets are in its details."""
        workbench = evidence.workbench
        outputs = workbench.features(evidence.outputs).pooled
        sizes = subset_sizes(len(outputs))
        distances = distances_by_size(outputs, reference_moments(workbench), sizes, evidence.seed)
        protocol: Protocol = {
            **frechet_protocol(evidence),
            "sizes": f"{POINTS} from {sizes[0]} to {sizes[-1]}",
            "seed": evidence.seed,
            "version": self.version,
        }
        quantity = self.quantities(workbench.extractor_type.name)[0]
        details = {"sizes": sizes, "values": distances}
        return [Value(quantity, extrapolate(sizes, distances), len(outputs), protocol, details=details)]
