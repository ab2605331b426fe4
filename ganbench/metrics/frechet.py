"""Fréchet distance between features of outputs and of real target training images."""

from __future__ import annotations

import torch

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value
from ganbench.metrics.workbench import Workbench, of_extractor

FD = Quantity(
    "fd",
    "FD",
    "quality",
    higher_is_better=False,
    digits=1,
    note="Biased by n: compare only equal n. Below the row of real images it is a memorization alarm, not a triumph.",
)


def frechet_distance(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return the Fréchet distance of Gaussians fitted to features (N, D) and (M, D); N, M ≥ 2, any dtype.

    ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁Σ₂)^½ (Heusel 2017, eq. 6) with float64 moments and divisor N − 1.
    With Σ_i = F_iᵀF_i the trace of the root is the sum of the singular values of F₁F₂ᵀ: no root of a matrix is
    taken, so N < D, where torch-fidelity's eigenvalues of Σ₁Σ₂ are mostly rounding noise, is exact as well.
    """
    a, b = first.double(), second.double()
    shift = (a.mean(0) - b.mean(0)).square().sum()
    factor_a, factor_b = covariance_factor(a), covariance_factor(b)
    root_trace = torch.linalg.svdvals(factor_a @ factor_b.T).sum()
    return float(shift + factor_a.square().sum() + factor_b.square().sum() - 2 * root_trace)


def covariance_factor(features: torch.Tensor) -> torch.Tensor:
    """Return F (min(N, D), D) with FᵀF the covariance of float64 features (N, D), divisor N − 1."""
    count, width = features.shape
    centred: torch.Tensor = (features - features.mean(0)) / (count - 1) ** 0.5
    if count <= width:
        return centred
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    factor: torch.Tensor = vectors.T * values.clamp_min(0).sqrt()[:, None]
    return factor


@METRICS.register("frechet")
class Frechet(Metric):
    """Fréchet distance: means and covariances of features; FID where the extractor is the canonical Inception."""

    summary = "Fréchet distance of features to real target training images (FID on Inception)"

    def prepare(self, workbench: Workbench) -> None:
        """Extract the reference features, and those of the row of real images."""
        workbench.target_features("train")
        workbench.target_features("test")

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return fd_<extractor>, or fid."""
        return (of_extractor(FD, extractor, "fid"),)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Refuse a single image, which has no covariance."""
        reference = evidence.data.images(evidence.data.target, "train")
        fewest = min(len(evidence.outputs), len(reference))
        return f"needs at least 2 outputs and reference images, got {fewest}" if fewest < 2 else None

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the distance between outputs and target training images."""
        workbench = evidence.workbench
        outputs = workbench.features(evidence.outputs).pooled
        reference = workbench.target_features("train").pooled
        protocol: Protocol = {
            **workbench.protocol(),
            "n": len(outputs),
            "n_reference": len(reference),
            "split": "train",
            "moments": "float64, divisor n-1",
            "version": self.version,
        }
        quantity = self.quantities(workbench.extractor_type.name)[0]
        return [Value(quantity, frechet_distance(outputs, reference), len(outputs), protocol)]
