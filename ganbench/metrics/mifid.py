"""MiFID: the Fréchet distance, made worse the nearer outputs lie to training images."""

from __future__ import annotations

from dataclasses import replace

import torch

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value, too_few
from ganbench.metrics.frechet import frechet_protocol, moments, moments_distance, reference_moments
from ganbench.metrics.workbench import Workbench, of_extractor

THRESHOLD = 0.1  # mean cosine distance from which on nothing is held against the outputs (Kaggle's competition)
FLOOR = 1e-6  # no smaller distance is told from 0 in float32 features; Kaggle adds 1e-14, and so divides by rounding
NO_DISTANCE = 1e-8  # a Fréchet distance below this is rounding and counts as 0 (torchmetrics)
CHUNK = 1000
MIFD = Quantity(
    "mifd",
    "MiFD",
    "memorization",
    higher_is_better=False,
    digits=1,
    note="FD divided by the mean cosine distance to the nearest training image where that is below 0.1, a threshold "
    "made for Inception: where the row of real images is divided too, the order of the rows says little.",
)


def nearest_cosine_distance(features: torch.Tensor, reference: torch.Tensor) -> float:
    """Return the mean over features (N, D) of the smallest 1 − |cos| to any of reference (M, D), in [0, 1].

    Features that are all 0 have no direction and are left out; there must be others in both sets.
    """
    directions, others = (torch.nn.functional.normalize(directed(part).double()) for part in (features, reference))
    nearest = [1 - (chunk @ others.T).abs().amax(1) for chunk in directions.split(CHUNK)]
    return float(torch.cat(nearest).mean().clamp_min(0))


def directed(features: torch.Tensor) -> torch.Tensor:
    """Return those of features (N, D) that are not all 0."""
    return features[features.any(1)]


def memorization_informed(frechet: float, distance: float) -> float:
    """Return the Fréchet distance over the mean cosine distance, or itself where that reaches the threshold.

    Bai 2021, "On Training Sample Memorization". The whole training set, copied, has a Fréchet distance of 0 and
    keeps it; AuthPct and the search for nearest copies know it.
    """
    if frechet <= NO_DISTANCE:
        return 0.0
    return frechet / max(distance, FLOOR) if distance < THRESHOLD else frechet


@METRICS.register("mifid")
class Mifid(Metric):
    """Memorization-informed Fréchet distance; MiFID where the extractor is the canonical Inception.

    The mean is over outputs, of the distance to the nearest training image, as in the paper and the competition.
    torchmetrics 1.9 hands its sets over in the other order, and so averages over the real images.
    """

    summary = "Fréchet distance divided by the cosine distance to the nearest training images (MiFID on Inception)"

    def prepare(self, workbench: Workbench) -> None:
        """Extract the reference features, and those of the row of real images."""
        workbench.target_features("train")
        workbench.target_features("test")

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return mifd_<extractor>, in which no direction is better, or mifid."""
        quantity = of_extractor(MIFD, extractor, "mifid", "MiFID")
        return (quantity if quantity.name == "mifid" else replace(quantity, higher_is_better=None),)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Refuse a single image, which has no covariance, and features without any direction."""
        few = too_few(evidence, 2)
        if few:
            return few
        workbench = evidence.workbench
        sets = (workbench.features(evidence.outputs), workbench.target_features("train"))
        blank = any(len(directed(features.pooled)) == 0 for features in sets)
        return "the features of all outputs, or of all reference images, are 0: no cosine is defined" if blank else None

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the value; the Fréchet and the cosine distance it is made of are in its details."""
        workbench = evidence.workbench
        outputs = workbench.features(evidence.outputs).pooled
        frechet = moments_distance(moments(outputs), reference_moments(workbench))
        distance = nearest_cosine_distance(outputs, workbench.target_features("train").pooled)
        protocol: Protocol = {
            **frechet_protocol(evidence),
            "cosine": "mean over outputs of the nearest",
            "threshold": THRESHOLD,
            "version": self.version,
        }
        quantity = self.quantities(workbench.extractor_type.name)[0]
        details = {"frechet_distance": frechet, "cosine_distance": distance}
        return [Value(quantity, memorization_informed(frechet, distance), len(outputs), protocol, details=details)]
