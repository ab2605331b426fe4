"""Precision, recall, density and coverage: fidelity and variety as two numbers, by nearest neighbours of features."""

from __future__ import annotations

import torch

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value, too_few
from ganbench.metrics.workbench import Workbench, of_extractor

PRECISION_RECALL_K = 3
DENSITY_COVERAGE_K = 5
CHUNK = 1000
PRECISION = Quantity(
    "precision", "Precision", "quality", True, note="Share of outputs inside the balls of real images."
)
RECALL = Quantity("recall", "Recall", "diversity", True, note="Share of real images inside the balls of outputs.")
DENSITY = Quantity("density", "Density", "quality", True, note="How many real balls hold an output; may exceed 1.")
COVERAGE = Quantity(
    "coverage", "Coverage", "diversity", True, note="Share of real images with an output in their ball."
)


def precision_recall(outputs: torch.Tensor, real: torch.Tensor, k: int = PRECISION_RECALL_K) -> tuple[float, float]:
    """Return precision and recall (Kynkäänniemi 2019) of features (N, D) against real (M, D); N, M > k.

    Radius: distance to the k-th neighbour, self excluded. By torch-fidelity's function, in float64, in chunks.
    """
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    found = prc_features_to_metric(
        outputs.double(),
        real.double(),
        prc_neighborhood=k,
        prc_batch_size=CHUNK,
        save_cpu_ram=True,
        verbose=False,
    )
    return found[KEY_METRIC_PRECISION], found[KEY_METRIC_RECALL]


def density_coverage(outputs: torch.Tensor, real: torch.Tensor, k: int = DENSITY_COVERAGE_K) -> tuple[float, float]:
    """Return density and coverage (Naeem 2020, eq. 3 and 4) of features (N, D) against real (M, D); M > k.

    Density: (1/kN) Σ over outputs of the number of real balls around them. Coverage: share of real images whose
    nearest output lies inside their ball. Radius: distance to the k-th neighbour among the real, self excluded.
    """
    outputs, real = outputs.double(), real.double()
    inside, covered = 0, 0
    for chunk in real.split(CHUNK):
        radius = torch.cdist(chunk, real).kthvalue(k + 1).values  # the nearest is the image itself
        distances = torch.cdist(chunk, outputs)
        inside += int((distances < radius[:, None]).sum())
        covered += int((distances.amin(1) < radius).sum())
    return inside / (k * len(outputs)), covered / len(real)


@METRICS.register("prdc")
class Prdc(Metric):
    """Precision, recall (k = 3), density and coverage (k = 5) against real target training images."""

    summary = "precision, recall, density and coverage of features against real target training images"

    def prepare(self, workbench: Workbench) -> None:
        """Extract the reference features, and those of the row of real images."""
        workbench.target_features("train")
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
        numbers = (*precision_recall(outputs, real), *density_coverage(outputs, real))
        ks = (PRECISION_RECALL_K, PRECISION_RECALL_K, DENSITY_COVERAGE_K, DENSITY_COVERAGE_K)
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
            for quantity, number, k in zip(quantities, numbers, ks, strict=True)
        ]
