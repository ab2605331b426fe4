"""Inception Score: are single pictures of a clear class, and all together of many?"""

from __future__ import annotations

import torch

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value
from ganbench.metrics.workbench import of_extractor
from ganbench.seeding import derive_seed

SPLITS = 10
IS = Quantity(
    "is",
    "IS",
    "quality",
    higher_is_better=True,
    digits=2,
    note="Says little for single-class data such as faces: its classes are ImageNet's.",
)


def inception_score(logits: torch.Tensor, seed: int, splits: int = SPLITS) -> tuple[float, float]:
    """Return mean and standard deviation over splits of exp(E KL(p(y|x) ‖ p(y))) for class logits (N, C), N ≥ splits.

    Salimans 2016; in float64 by torch-fidelity's function, shuffled from ``seed`` alone.
    """
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric

    found = isc_features_to_metric(logits, splits=splits, shuffle=True, rng_seed=derive_seed(seed, "is") % 2**32)
    return found[KEY_METRIC_ISC_MEAN], found[KEY_METRIC_ISC_STD]


@METRICS.register("inception_score")
class InceptionScore(Metric):
    """Inception Score of the outputs, on the extractor's own classes."""

    summary = "Inception Score on the extractor's classes; says little for faces"

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return is_<extractor>, or is."""
        return (of_extractor(IS, extractor, "is"),)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Refuse extractors without classes."""
        kind = evidence.workbench.extractor_type
        logits = evidence.workbench.features(evidence.outputs).logits
        return f"the extractor {kind.name} has no classes" if logits is None else None

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the score; with fewer than 10 images there are as many splits as images (protocol: ``splits``)."""
        workbench = evidence.workbench
        logits = workbench.features(evidence.outputs).logits
        assert logits is not None  # skip_reason  # noqa: S101
        splits = min(SPLITS, len(logits))
        mean, std = inception_score(logits, evidence.seed, splits)
        protocol: Protocol = {
            **workbench.protocol(),
            "n": len(logits),
            "splits": splits,
            "images_per_split": len(logits) // splits,
            "seed": evidence.seed,
            "version": self.version,
        }
        return [Value(self.quantities(workbench.extractor_type.name)[0], mean, len(logits), protocol, std=std)]
