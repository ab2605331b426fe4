"""Diversity per input: how different are several outputs for one and the same input?"""

from __future__ import annotations

from ganbench.metrics.base import METRICS, Evidence, Protocol, Quantity, Value
from ganbench.metrics.perceptual import KINDS, PerceptualMetric, distance_protocol


@METRICS.register("lpips_diversity")
class LpipsDiversity(PerceptualMetric):
    """Mean perceptual distance between the outputs for one input, over all pairs, averaged over inputs.

    With 10 outputs per input these are the 45 pairs of StarGAN v2 (Choi 2020), every pair weighted the same.
    A deterministic method scores 0, and its protocol says so.
    """

    summary = "perceptual distance between several outputs for one input; 0 for deterministic methods"
    template = Quantity(
        "{}_diversity",
        "{} diversity",
        "diversity",
        None,
        note="Between outputs for one input; deterministic methods score 0. Noise is diverse too: read with quality.",
    )

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return one diversity for each perceptual distance."""
        return tuple(self.named(kind) for kind in KINDS)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Real images have no input, and one output per input has no diversity."""
        if not evidence.is_translation:
            return "real images are not outputs for an input"
        if evidence.samples is not None and evidence.samples.shape[1] < 2:
            return "needs at least 2 outputs per input"
        return None

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the diversity for every distance there is."""
        samples = evidence.samples
        inputs, outputs = (0, 1) if samples is None else samples.shape[:2]
        protocol: Protocol = {
            "deterministic": samples is None,
            "inputs": inputs,
            "outputs_per_input": outputs,
            "pairs_per_input": outputs * (outputs - 1) // 2,
            "version": self.version,
        }
        values = []
        for distance in evidence.workbench.distances():
            spreads = [] if samples is None else [distance.spread(images) for images in samples]
            mean = sum(spreads) / len(spreads) if spreads else 0.0
            pairs = inputs * outputs * (outputs - 1) // 2
            values.append(Value(self.named(distance), mean, pairs, {**distance_protocol(distance), **protocol}))
        return values
