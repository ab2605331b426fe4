"""Precision, recall, density and coverage: fidelity and variety as two numbers, by nearest neighbours of features."""

from __future__ import annotations

import torch

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value, too_few
from ganbench.metrics.neighbours import count_inside, nearest_others
from ganbench.metrics.workbench import Workbench, of_extractor

PRECISION_RECALL_K = 3
DENSITY_COVERAGE_K = 5
PRECISION = Quantity(
    "precision", "Precision", "quality", True, note="Share of outputs inside the balls of real images."
)
RECALL = Quantity("recall", "Recall", "diversity", True, note="Share of real images inside the balls of outputs.")
DENSITY = Quantity("density", "Density", "quality", True, note="How many real balls hold an output; may exceed 1.")
COVERAGE = Quantity(
    "coverage", "Coverage", "diversity", True, note="Share of real images with an output in their ball."
)


def precision_recall(
    outputs: torch.Tensor, real: torch.Tensor, k: int = PRECISION_RECALL_K, spacing: torch.Tensor | None = None
) -> tuple[float, float]:
    """Return precision and recall (Kynkäänniemi 2019) of features (N, D) against real (M, D); N, M > k.

    Precision: share of outputs inside any real ball, the edge included; recall the converse. Radius: distance to the
    k-th neighbour, self excluded. ``spacing`` (M, ≥ k): the distances of the real to their neighbours, where known.
    """
    _, balls_around_outputs = count_inside(real, _radii(real, k, spacing), outputs, closed=True)
    _, balls_around_real = count_inside(outputs, _radii(outputs, k), real, closed=True)
    return share(balls_around_outputs > 0), share(balls_around_real > 0)


def density_coverage(
    outputs: torch.Tensor, real: torch.Tensor, k: int = DENSITY_COVERAGE_K, spacing: torch.Tensor | None = None
) -> tuple[float, float]:
    """Return density and coverage (Naeem 2020, eq. 3 and 4) of features (N, D) against real (M, D); M > k.

    Density: (1/kN) Σ over outputs of the number of real balls around them. Coverage: share of real images whose
    nearest output lies inside their ball, the edge excluded as in the authors' code. Radius: distance to the k-th
    neighbour among the real, self excluded. ``spacing`` (M, ≥ k): those distances, where known.
    """
    held, _ = count_inside(real, _radii(real, k, spacing), outputs, closed=False)
    return int(held.sum()) / (k * len(outputs)), share(held > 0)


def share(found: torch.Tensor) -> float:
    """Return the share of True in a bool (N,)."""
    return int(found.sum()) / len(found)


def _radii(features: torch.Tensor, k: int, spacing: torch.Tensor | None = None) -> torch.Tensor:
    return (nearest_others(features, k).distance if spacing is None else spacing)[:, k - 1]


@METRICS.register("prdc")
class Prdc(Metric):
    """Precision, recall (k = 3), density and coverage (k = 5) against real target training images."""

    summary = "precision, recall, density and coverage of features against real target training images"

    def prepare(self, workbench: Workbench) -> None:
        """Extract the reference features and their spacing, and the features of the row of real images."""
        if len(workbench.target_features("train").pooled) > DENSITY_COVERAGE_K:
            workbench.target_spacing()
        workbench.target_features("test")

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return precision, recall, density and coverage, named after the extractor."""
        return tuple(of_extractor(quantity, extractor) for quantity in (PRECISION, RECALL, DENSITY, COVERAGE))

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Refuse sets too small to have a k-th neighbour."""
        return too_few(evidence, DENSITY_COVERAGE_K + 1)

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the four values."""
        workbench = evidence.workbench
        outputs = workbench.features(evidence.outputs).pooled
        real = workbench.target_features("train").pooled
        few, more = PRECISION_RECALL_K, DENSITY_COVERAGE_K
        spacing = workbench.target_spacing()
        numbers = (
            *precision_recall(outputs, real, few, spacing),
            *density_coverage(outputs, real, more, spacing),
        )
        protocol: Protocol = {
            **workbench.protocol(),
            "n": len(outputs),
            "n_reference": len(real),
            "split": "train",
            "version": self.version,
        }
        quantities = self.quantities(workbench.extractor_type.name)
        return [
            Value(quantity, number, len(outputs), {**protocol, "k": k})
            for quantity, number, k in zip(quantities, numbers, (few, few, more, more), strict=True)
        ]
