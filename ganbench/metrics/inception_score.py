"""Inception Score: are single pictures of a clear class, and all together of many?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
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

    Salimans 2016; in float64, shuffled from ``seed`` alone, with the splits that torch-fidelity makes of that seed.
    """
    order = np.random.RandomState(derive_seed(seed, "is") % 2**32).permutation(len(logits))
    shuffled = logits.double()[torch.from_numpy(order)]
    bounds = [split * len(logits) // splits for split in range(splits + 1)]
    scores = [_score(shuffled[first:end]) for first, end in pairwise(bounds)]
    return float(np.mean(scores)), float(np.std(scores))


def _score(logits: torch.Tensor) -> float:
    p = logits.softmax(dim=1)
    divergences = (p * (logits.log_softmax(dim=1) - p.mean(dim=0).log())).sum(dim=1)
    return divergences.mean().exp().item()


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
