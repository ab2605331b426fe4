"""Input copying: how far did the translator move its input? What copies scores best wherever only the input is kept."""

from __future__ import annotations

import torch

from ganbench.metrics.base import METRICS, Evidence, Protocol, Quantity, Value
from ganbench.metrics.perceptual import KINDS, PerceptualMetric, distance_protocol
from ganbench.metrics.workbench import Workbench
from ganbench.nets.perceptual import PerceptualDistance

INPUTS = 100  # most inputs looked at: two networks see each of them again for every trial


@METRICS.register("input_copying")
class InputCopying(PerceptualMetric):
    """Perceptual distance of the first 100 outputs to their inputs, over that of the mean target image to them."""

    version = 2
    summary = "perceptual distance of outputs to their inputs: 0 where the input is copied, which is no translation"
    template = Quantity(
        "input_copying_{}",
        "Moved, {}",
        "faithfulness",
        None,
        digits=2,
        note="Distance of G(x) to x over that of the mean target picture to x. Near 0: the input is copied, not "
        "translated; 1: as far away as one picture for all inputs. Which is right between them, the task decides.",
    )

    def prepare(self, workbench: Workbench) -> None:
        """Measure the mean target picture."""
        for distance in workbench.distances():
            distance_of_mean(workbench, distance)

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return one ratio for each perceptual distance."""
        return tuple(self.named(kind) for kind in KINDS)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Refuse real images, which have no input, and outputs without one input each."""
        if not evidence.is_translation:
            return "real images are not outputs for an input"
        sources = evidence.data.images(evidence.data.source, "test")
        if len(sources) != len(evidence.outputs):
            return f"needs one output per source test image, got {len(evidence.outputs)} for {len(sources)}"
        same = (sources[:INPUTS] == mean_target(evidence.workbench)).all()
        return "the source test images are all the mean target picture" if same else None

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the ratios, with those of every image looked at over the same mean."""
        sources = evidence.data.images(evidence.data.source, "test")[:INPUTS]
        count, training = len(sources), len(evidence.data.images(evidence.data.target, "train"))
        protocol: Protocol = {"n": count, "n_reference": training, "split": "train", "version": self.version}
        values = []
        for distance in evidence.workbench.distances():
            moved = distance.between(sources, evidence.outputs[:INPUTS]) / distance_of_mean(
                evidence.workbench, distance
            )
            named = {**distance_protocol(distance), **protocol, "reference": "mean target image"}
            values.append(Value(self.named(distance), float(moved.mean()), count, named, per_image=moved))
        return values


def mean_target(workbench: Workbench) -> torch.Tensor:
    """Return the mean target training image, rounded, uint8 (1, 3, H, W)."""
    images = workbench.data.images(workbench.data.target, "train")
    return images.double().mean(0, keepdim=True).round().to(torch.uint8)


def distance_of_mean(workbench: Workbench, distance: PerceptualDistance) -> float:
    """Return the mean distance of the mean target picture to the inputs looked at, computed once."""
    sources, mean = workbench.data.images(workbench.data.source, "test")[:INPUTS], mean_target(workbench)
    parts = (distance.name, distance.digest, distance.resize, sources, mean)

    def measure() -> dict[str, torch.Tensor]:
        (centre,) = distance.embed(mean).double()
        squares = [(batch.double() - centre).square().sum(1) for batch in distance.embeddings(sources)]
        return {"distance": torch.cat(squares).mean()}

    return float(workbench.stored("distance-of-mean", parts, measure)["distance"])
