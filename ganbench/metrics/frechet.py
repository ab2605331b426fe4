"""Fréchet distance between features of outputs and of real target training images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value, too_few
from ganbench.metrics.workbench import Workbench, of_extractor

CHUNK = 1000  # features that are held as float64 at once
FD = Quantity(
    "fd",
    "FD",
    "quality",
    higher_is_better=False,
    digits=1,
    note="Biased by n: compare only equal n. Below the row of real images it is a memorization alarm, not a triumph.",
)


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of N features of width D, float64.

    Attributes:
        mean: (D,).
        factor: F (min(N, D), D) with FᵀF the covariance, divisor N − 1.
    """

    mean: torch.Tensor
    factor: torch.Tensor


def frechet_distance(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return the Fréchet distance of Gaussians fitted to features (N, D) and (M, D); N, M ≥ 2, any dtype."""
    return moments_distance(moments(first), moments(second))


def moments_distance(first: Moments, second: Moments) -> float:
    """Return ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁Σ₂)^½ (Heusel 2017, eq. 6).

    With Σ_i = F_iᵀF_i the trace of the root is the sum of the singular values of F₁F₂ᵀ, here the roots of the
    eigenvalues of its smaller symmetric product: no root of a matrix is taken, so N < D, where torch-fidelity's
    eigenvalues of Σ₁Σ₂ are mostly rounding noise, is exact as well.
    """
    shift = (first.mean - second.mean).square().sum()
    product = first.factor @ second.factor.T
    gram = product @ product.T if len(product) <= product.shape[1] else product.T @ product
    root_trace = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt().sum()
    return float(shift + first.factor.square().sum() + second.factor.square().sum() - 2 * root_trace)


def moments(features: torch.Tensor) -> Moments:
    """Return the moments of features (N, D), N ≥ 2, any dtype; never more than `CHUNK` of them as float64 if N > D."""
    return Moments(_mean(features), covariance_factor(features))


def covariance_factor(features: torch.Tensor) -> torch.Tensor:
    """Return F (min(N, D), D), float64, with FᵀF the covariance of features (N, D), divisor N − 1."""
    count, width = features.shape
    mean, scale = _mean(features), 1 / math.sqrt(count - 1)
    if count <= width:
        return (features.double() - mean) * scale
    covariance = torch.zeros(width, width, dtype=torch.float64)
    for chunk in features.split(CHUNK):
        centred = (chunk.double() - mean) * scale
        covariance.addmm_(centred.T, centred)
    factor: torch.Tensor
    triangle, singular = torch.linalg.cholesky_ex(covariance)
    factor = triangle.T
    if singular:  # features that are always 0; thirty times as slow
        values, vectors = torch.linalg.eigh(covariance)
        factor = vectors.T * values.clamp_min(0).sqrt()[:, None]
    return factor


def _mean(features: torch.Tensor) -> torch.Tensor:
    sums = torch.stack([chunk.sum(0, dtype=torch.float64) for chunk in features.split(CHUNK)])
    return sums.sum(0) / len(features)


def reference_moments(workbench: Workbench) -> Moments:
    """Return the moments of real target training images, computed once per workbench."""
    return workbench.held("moments of real train images", lambda: moments(workbench.target_features("train").pooled))


def frechet_protocol(evidence: Evidence) -> Protocol:
    """Return what every Fréchet distance of ``evidence`` to real target training images rests on."""
    return {
        **evidence.workbench.protocol(),
        "n": len(evidence.outputs),
        "n_reference": len(evidence.data.images(evidence.data.target, "train")),
        "split": "train",
        "moments": "float64, divisor n-1",
    }


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
        return too_few(evidence, 2)

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the distance between outputs and target training images."""
        workbench = evidence.workbench
        outputs = workbench.features(evidence.outputs).pooled
        distance = moments_distance(moments(outputs), reference_moments(workbench))
        protocol: Protocol = {**frechet_protocol(evidence), "version": self.version}
        return [Value(self.quantities(workbench.extractor_type.name)[0], distance, len(outputs), protocol)]
