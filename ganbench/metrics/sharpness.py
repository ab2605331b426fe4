"""Sharpness: is there as much fine detail as in real pictures? Blur (an L2 loss) shows here, and speckle too."""

from __future__ import annotations

import torch
from torch.nn import functional

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value

SHARPNESS = Quantity(
    "sharpness",
    "Sharpness",
    "quality",
    None,
    digits=2,
    note="Variance of the Laplacian over that of real pictures. 1: as sharp; below: blurred; above: speckled.",
)
LAPLACIAN = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]], dtype=torch.float64)


def laplacian_variance(images: torch.Tensor) -> torch.Tensor:
    """Return the variance (N,) over positions of the Laplacian of the grey uint8 images (N, 3, H, W), range 1."""
    grey = (images.double() / 255).mean(1, keepdim=True)
    return functional.conv2d(grey, LAPLACIAN[None, None]).var((1, 2, 3), correction=0)


@METRICS.register("sharpness")
class Sharpness(Metric):
    """High-frequency energy of outputs, relative to real target test images."""

    summary = "high-frequency energy of outputs, relative to real images"

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return the one ratio."""
        return (SHARPNESS,)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Refuse real images without any detail."""
        real = laplacian_variance(evidence.data.images(evidence.data.target, "test"))
        return "the real target test images have no detail" if float(real.mean()) == 0 else None

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the mean energy of outputs over the mean energy of real target test images."""
        real = evidence.data.images(evidence.data.target, "test")
        energy, wanted = laplacian_variance(evidence.outputs), laplacian_variance(real).mean()
        protocol: Protocol = {"n": len(energy), "n_reference": len(real), "split": "test", "version": self.version}
        return [Value(SHARPNESS, float(energy.mean() / wanted), len(energy), protocol, per_image=energy / wanted)]
