"""Class coverage: are all kinds of real images among the outputs, as often, or have modes been dropped?

The attribute judge of `ganbench.metrics.judge` names the class of every output and of every real target test image;
the two histograms are compared. Both are the judge's answers, so that its mistakes stand on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value
from ganbench.metrics.judge import ATTRIBUTES, about, answers, ceilings, judge_of
from ganbench.metrics.judge import VERSION as JUDGE_VERSION
from ganbench.metrics.workbench import Workbench

SMOOTHING = 0.5  # counts added to every class on both sides: a class that one side lacks leaves KL finite
HIT_SHARE = 0.25  # of its real frequency makes a class hit; above what a judge's mistakes alone would give

KL = Quantity(
    "class_kl_<attribute>",
    "<attribute> KL",
    "diversity",
    False,
    note="KL divergence (nats) of a judge's histogram over outputs from that over real test images; few images alone "
    "give about (classes − 1)/n.",
)
HIT = Quantity(
    "classes_hit_<attribute>",
    "<attribute> classes hit",
    "diversity",
    True,
    note="Share of the classes in real test images that outputs show at least a quarter as often, by a judge.",
)
MEAN_KL = Quantity("class_kl", "Class KL", "diversity", False, note="Mean over the attributes of their KL divergences.")
MEAN_HIT = Quantity(
    "classes_hit", "Classes hit", "diversity", True, note="Mean over the attributes of their shares of classes hit."
)
Histograms = Mapping[str, torch.Tensor]
"""Attribute → how many images of each class, int64 (C,)."""


def divergence(outputs: torch.Tensor, real: torch.Tensor, smoothing: float = SMOOTHING) -> float:
    """Return KL(outputs ‖ real) in nats of two histograms (C,), ``smoothing`` > 0 added to every count first."""
    p, q = ((counts + smoothing) / (counts + smoothing).sum() for counts in (outputs.double(), real.double()))
    return float((p * (p / q).log()).sum().clamp_min(0))


def share_hit(outputs: torch.Tensor, real: torch.Tensor, least: float = HIT_SHARE) -> float:
    """Return the share of the classes in ``real`` whose frequency in ``outputs`` is at least ``least`` of the real one.

    Both are histograms (C,) with at least one image; classes that no real image shows do not count.
    """
    shares, wanted = (counts.double() / counts.sum() for counts in (outputs, real))
    return float((shares >= least * wanted)[real > 0].double().mean())


def histograms(workbench: Workbench, images: torch.Tensor) -> Histograms:
    """Return what the attribute judge sees in uint8 images (N, 3, H, W)."""
    judge = workbench.held(f"judge of {ATTRIBUTES}", lambda: judge_of(workbench, ATTRIBUTES))
    classes = workbench.data.classes
    found = answers(judge, images, workbench.device)
    return {name: answer.bincount(minlength=len(classes[name])) for name, answer in found.items()}


def real_histograms(workbench: Workbench) -> Histograms:
    """Return what the attribute judge sees in the real target test images, computed once."""
    images = workbench.data.images(workbench.data.target, "test")
    return workbench.held("classes of real test images", lambda: histograms(workbench, images))


@METRICS.register("class_coverage")
class ClassCoverage(Metric):
    """Histogram of a judge's classes over outputs against real target test images, by attribute and over all."""

    summary = "mode dropping: classes that a judge sees in outputs against those in real images (KL, share hit)"

    def prepare(self, workbench: Workbench) -> None:
        """Train the attribute judge, and ask it about the real images."""
        if workbench.data.common_attributes:
            real_histograms(workbench)

    def dependencies(self) -> tuple[str, ...]:
        """Name the judge, which decides what is counted."""
        return (f"judge {JUDGE_VERSION}",)

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return the quantities; ``<attribute>`` stands for each attribute that source and target share."""
        return (KL, HIT, MEAN_KL, MEAN_HIT)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Refuse data without classes: there is no judge to ask."""
        return None if evidence.data.common_attributes else "source and target have no labelled attribute in common"

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return both quantities of every common attribute, and their means; histograms are in the details."""
        made, real = histograms(evidence.workbench, evidence.outputs), real_histograms(evidence.workbench)
        apart = {name: divergence(made[name], real[name]) for name in real}
        shares = {name: share_hit(made[name], real[name]) for name in real}
        values = []
        for each, mean, found in ((KL, MEAN_KL, apart), (HIT, MEAN_HIT, shares)):
            protocol = {**self._protocol(evidence), **_rule(each)}
            for name, number in found.items():
                details = self._details(evidence, name, made, real)
                values.append(Value(about(each, name), number, len(evidence.outputs), protocol, details=details))
            over_all = {**protocol, "attributes": ", ".join(found)}
            values.append(Value(mean, sum(found.values()) / len(found), len(evidence.outputs), over_all))
        return values

    def _protocol(self, evidence: Evidence) -> Protocol:
        target = evidence.data.target
        return {
            "n": len(evidence.outputs),
            "n_real": len(evidence.data.images(target, "test")),
            "n_train": len(evidence.data.images(target, "train")),
            "split": "test",
            "judge_seed": evidence.workbench.seed,
            "judge_version": JUDGE_VERSION,
            "version": self.version,
        }

    def _details(self, evidence: Evidence, name: str, made: Histograms, real: Histograms) -> dict[str, object]:
        return {
            "classes": list(evidence.data.classes[name]),
            "outputs": made[name].tolist(),
            "real": real[name].tolist(),
            "ceiling": ceilings(evidence.workbench, ATTRIBUTES)[name],
        }


def _rule(quantity: Quantity) -> Protocol:
    return {"smoothing": SMOOTHING} if quantity is KL else {"hit_share": HIT_SHARE}
