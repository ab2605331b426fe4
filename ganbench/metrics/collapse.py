"""Collapse over inputs: do different inputs give different outputs, and as different as real pictures are?"""

from __future__ import annotations

import torch

from ganbench.metrics.base import METRICS, Evidence, Protocol, Quantity, Value
from ganbench.metrics.perceptual import KINDS, PerceptualMetric, distance_protocol
from ganbench.metrics.workbench import Workbench
from ganbench.nets.perceptual import PerceptualDistance

NOTE = "0: one picture for all inputs; 1: as varied as real pictures. Above 1 is no merit: noise varies most."
PIXEL = Quantity("collapse_pixel", "Variety (pixels)", "diversity", None, note=NOTE)


def pixel_spread(images: torch.Tensor) -> float:
    """Return the standard deviation over N ≥ 2 images per pixel and channel, averaged, for uint8 (N, 3, H, W).

    In units of the full range, divisor N, float64.
    """
    return float((images.double() / 255).std(0, correction=0).mean())


@METRICS.register("collapse")
class Collapse(PerceptualMetric):
    """Spread of outputs over inputs, relative to that of real target test images."""

    summary = "spread of outputs over inputs, relative to real images: 0 where one picture answers every input"
    template = Quantity("collapse_{}", "Variety, {}", "diversity", None, note=NOTE)

    def prepare(self, workbench: Workbench) -> None:
        """Measure the real pictures."""
        for distance in workbench.distances():
            real_spread(workbench, distance)

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return one ratio in pixels and one for each perceptual distance."""
        return (PIXEL, *(self.named(kind) for kind in KINDS))

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Refuse fewer than two images, and real ones that do not vary."""
        real = evidence.data.images(evidence.data.target, "test")
        if min(len(evidence.outputs), len(real)) < 2:
            return "needs at least 2 outputs and 2 real target test images"
        return "the real target test images are all the same" if pixel_spread(real) == 0 else None

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the ratios; in perceptual distance the mean over all pairs of images, every pair the same weight."""
        real = evidence.data.images(evidence.data.target, "test")
        count = len(evidence.outputs)
        protocol: Protocol = {"n": count, "n_reference": len(real), "split": "test", "version": self.version}
        ratio = pixel_spread(evidence.outputs) / pixel_spread(real)
        values = [Value(PIXEL, ratio, count, {**protocol, "spread": "standard deviation per pixel and channel"})]
        for distance in evidence.workbench.distances():
            ratio = distance.spread(evidence.outputs) / real_spread(evidence.workbench, distance)
            extra = {**distance_protocol(distance), "spread": "mean over all pairs"}
            values.append(Value(self.named(distance), ratio, count, {**protocol, **extra}))
        return values


def real_spread(workbench: Workbench, distance: PerceptualDistance) -> float:
    """Return the mean distance over all pairs of real target test images, computed once."""
    real = workbench.data.images(workbench.data.target, "test")
    parts = (distance.name, distance.digest, distance.resize, real)
    stored = workbench.stored("spread", parts, lambda: {"spread": torch.tensor(distance.spread(real)).double()})
    return float(stored["spread"])
