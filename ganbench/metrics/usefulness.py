"""Usefulness: can a classifier learn from the outputs what it could have learned from real target images?

The classification accuracy score (Ravuri & Vinyals 2019, section 3): a classifier trained on generated images alone,
tested on real ones. It falls where outputs don't look like the target, where they lost what their labels say, and
where they lack variety. Beside it stands the same classifier trained on as many real images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from ganbench.data.base import TranslationData
from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value
from ganbench.metrics.cache import Arrays
from ganbench.metrics.judge import VERSION as JUDGE_VERSION
from ganbench.metrics.judge import about, accuracy, answers, attribute_questions, chance, train_judge
from ganbench.metrics.workbench import Workbench
from ganbench.seeding import torch_generator

LEAST = 20  # images; fewer teach nothing
USEFULNESS = Quantity(
    "usefulness",
    "Usefulness",
    "faithfulness",
    True,
    note="Accuracy on real images of a classifier trained on the outputs, over that of one trained on as many real.",
)
ACCURACY = Quantity(
    "cas_<attribute>",
    "CAS, <attribute>",
    "faithfulness",
    True,
    note="Accuracy on real test images of a classifier trained on the outputs with the labels of their sources.",
)


@dataclass(frozen=True)
class Lesson:
    """What a classifier is trained on.

    Attributes:
        images: uint8 (N, 3, H, W).
        labels: attribute → int64 (N,).
    """

    images: torch.Tensor
    labels: Mapping[str, torch.Tensor]

    def first(self, count: int) -> Lesson:
        """Return the first ``count`` images with their labels."""
        return Lesson(self.images[:count], {name: each[:count] for name, each in self.labels.items()})


def learned(workbench: Workbench, lesson: Lesson) -> dict[str, float]:
    """Return attribute → accuracy on the real target test images of a classifier trained on ``lesson``.

    Network and schedule are the attribute judge's, without a choice of the best epoch, since that would look at real
    images. Weights, order and augmentation follow from the workbench's seed, and so are the same for every lesson.
    """
    asked = attribute_questions(workbench.data)
    questions = replace(asked, images={"train": lesson.images}, labels={"train": lesson.labels})
    network = train_judge(questions, workbench, "usefulness")
    return accuracy(answers(network, asked.images["test"], workbench.device), asked.labels["test"])


def real_lesson(data: TranslationData, count: int, seed: int) -> Lesson:
    """Return ``count`` of the real target training images, drawn without replacement."""
    images, labels = data.images(data.target, "train"), data.labels(data.target, "train")
    chosen = torch.randperm(len(images), generator=torch_generator(seed, "usefulness", "real"))[:count]
    return Lesson(images[chosen], {name: labels[name][chosen] for name in data.common_attributes})


def ceiling(workbench: Workbench, count: int) -> Mapping[str, float]:
    """Return what ``count`` real target training images teach; computed once and cached."""

    def compute() -> Arrays:
        found = learned(workbench, real_lesson(workbench.data, count, workbench.seed))
        return {name: torch.tensor(share, dtype=torch.float64) for name, share in found.items()}

    parts = (Usefulness.version, JUDGE_VERSION, workbench.data.fingerprint, workbench.seed, count)
    return {name: float(share) for name, share in workbench.stored("usefulness", parts, compute).items()}


@METRICS.register("usefulness")
class Usefulness(Metric):
    """Accuracy on real images of a classifier trained on the outputs, by itself and relative to real training images.

    The row of real images is trained on real validation images: its outputs are the images that all are tested on.
    The row of copied inputs shows the gap between the domains.
    """

    summary = "a classifier trained on the outputs, tested on real target images (classification accuracy score)"

    def dependencies(self) -> tuple[str, ...]:
        """Name the judge, whose network and schedule the classifier has."""
        return (f"judge:{JUDGE_VERSION}",)

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return the quantities; ``<attribute>`` stands for each attribute that source and target share."""
        return (USEFULNESS, ACCURACY)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Only labelled images of both domains can teach, and not a handful."""
        data = evidence.data
        if not data.common_attributes:
            return "source and target share no labelled attribute"
        lesson = _lesson(evidence)
        if set(data.common_attributes) - set(lesson.labels):
            return "the labels of what the classifier would be trained on are unknown"
        count = _count(evidence, lesson)
        return f"needs at least {LEAST} images to train on, got {count}" if count < LEAST else None

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the usefulness and the accuracy of every common attribute, with what real images reach."""
        lesson = _lesson(evidence)
        count = _count(evidence, lesson)
        found, best = learned(evidence.workbench, lesson.first(count)), ceiling(evidence.workbench, count)
        tested = evidence.data.labels(evidence.data.target, "test")
        protocol: Protocol = {
            "n": count,
            "n_test": len(evidence.data.images(evidence.data.target, "test")),
            "split": "test",
            "attributes": ", ".join(found),
            "classifier_seed": evidence.workbench.seed,
            "judge_version": JUDGE_VERSION,
            "version": self.version,
        }
        mean, most = (sum(each.values()) / len(each) for each in (found, best))
        parts = [(USEFULNESS, mean / most, {"accuracy": mean, "ceiling": most})]
        for name, share in found.items():
            details = {"ceiling": best[name], "chance": chance(tested[name])}
            parts.append((about(ACCURACY, name), share, details))
        return [Value(quantity, number, count, protocol, details=details) for quantity, number, details in parts]


def _lesson(evidence: Evidence) -> Lesson:
    """Return the outputs with the labels of their sources; for the row of real images, the validation images."""
    data = evidence.data
    if evidence.is_translation:
        return Lesson(evidence.outputs, _shared(data, evidence.labels))
    images = data.images(data.target, "val")
    return Lesson(images, _shared(data, data.labels(data.target, "val"))).first(len(evidence.outputs))


def _shared(data: TranslationData, labels: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: labels[name] for name in data.common_attributes if name in labels}


def _count(evidence: Evidence, lesson: Lesson) -> int:
    """Return how many images the classifier is trained on: all, or as many as there are real ones to compare with."""
    return min(len(lesson.images), len(evidence.data.images(evidence.data.target, "train")))
