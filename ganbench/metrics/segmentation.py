"""Segmentation: does a segmenter of real images find in the outputs what the label maps of their sources say?

The FCN score of pix2pix and CycleGAN (Isola 2016, section 4.1; the measures are those of Long 2015, section 5), by a
small U-Net that is trained here, once per dataset, on real target training images. Theirs is FCN-8s trained on
Cityscapes, so the numbers of papers are not comparable with these: what is, is the ceiling beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from ganbench.data.base import VOID, Split, TranslationData
from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value
from ganbench.metrics.cache import Arrays
from ganbench.metrics.workbench import Workbench
from ganbench.nets.init import CLASSIFIER_INIT, build
from ganbench.nets.judge_net import draw_change
from ganbench.nets.segmenter import Segmenter, segmenter_input, segmenter_size, shrink_maps
from ganbench.optimizers import Adam
from ganbench.seeding import torch_generator

VERSION = 1  # raised whenever a segmenter would come out differently
STEPS = 600
BATCH = 8
LEARNING_RATE = 4e-3  # at the top of the cycle
REPORT_EVERY = 20  # steps

NOTE = "A segmenter of real images on the outputs, against the label maps of their sources. Compare with real images."
PIXEL = Quantity("segmentation_pixel_accuracy", "Pixel accuracy", "faithfulness", True, note=NOTE)
CLASS = Quantity("segmentation_class_accuracy", "Class accuracy", "faithfulness", True, note=NOTE)
IOU = Quantity("segmentation_iou", "Class IoU", "faithfulness", True, note=NOTE)
QUANTITIES = (PIXEL, CLASS, IOU)


def confusion_matrix(predicted: torch.Tensor, truth: torch.Tensor, classes: int) -> torch.Tensor:
    """Return how often class i (row) was taken for j (column), int64 (C, C), void left out.

    Args:
        predicted: classes, any integer type, of the shape of ``truth``.
        truth: classes or 255 (void).
        classes: C, their number.
    """
    known = truth != VOID
    pairs = truth[known].long() * classes + predicted[known].long()
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


@dataclass(frozen=True)
class Scores:
    """What one confusion matrix (C, C) says, float64 in [0, 1].

    Attributes:
        pixel_accuracy: share of pixels that are right.
        class_accuracy: per class (C,), the share of its pixels that are right; NaN where the truth has none.
        iou: per class (C,), intersection over union; NaN where neither truth nor prediction has the class.
    """

    pixel_accuracy: float
    class_accuracy: torch.Tensor
    iou: torch.Tensor

    @property
    def summary(self) -> tuple[float, float, float]:
        """Pixel accuracy, mean class accuracy, mean class IoU: classes without a value don't count."""
        return self.pixel_accuracy, float(self.class_accuracy.nanmean()), float(self.iou.nanmean())


def scores(confusion: torch.Tensor) -> Scores:
    """Return the scores of a confusion matrix (rows: truth) that counts at least one pixel (Long 2015, section 5)."""
    counts = confusion.double()
    right, truth, predicted = counts.diag(), counts.sum(1), counts.sum(0)
    return Scores(float(right.sum() / counts.sum()), right / truth, right / (truth + predicted - right))


def train_segmenter(workbench: Workbench) -> Segmenter:
    """Train a segmenter on the real target training images, brought to at most 128 px.

    Adam with a one-cycle learning rate, cross-entropy over the pixels that aren't void. Weights, order and
    augmentation follow from the workbench's seed alone.
    """
    network = new_segmenter(workbench)
    optimiser = Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, STEPS)
    network.train()
    for step, (images, maps) in zip(range(STEPS), _batches(workbench), strict=False):
        known = (maps != VOID).sum().clamp_min(1)
        loss = functional.cross_entropy(network(images), maps, ignore_index=VOID, reduction="sum") / known
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if (step + 1) % REPORT_EVERY == 0:
            workbench.report("segmenter", step + 1, STEPS)
    return network


def new_segmenter(workbench: Workbench) -> Segmenter:
    """Return an untrained segmenter for the workbench's data, on its device."""
    generator = torch_generator(workbench.seed, "segmenter", "weights")
    classes = len(workbench.data.map_classes)
    return build(lambda: Segmenter(classes), generator, workbench.device, init=CLASSIFIER_INIT)


def _batches(workbench: Workbench) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield images (B, 3, h, w) and maps (B, h, w), int64, moved alike, for ever."""
    images = workbench.data.images(workbench.data.target, "train")
    maps = _truth(workbench.data, workbench.data.target, "train")
    generator = torch_generator(workbench.seed, "segmenter")
    orders = iter(lambda: torch.randperm(len(images), generator=generator), None)
    for batch in (batch for order in orders for batch in order.split(BATCH)):
        pixels = segmenter_input(images[batch], workbench.device)
        change = draw_change(pixels, generator)
        yield change.of_images(pixels), change.of_maps(maps[batch].to(workbench.device), VOID)


def _truth(data: TranslationData, domain: str, split: Split) -> torch.Tensor:
    """Return the label maps of a domain's images, shrunk (nearest) to the size that the segmenter works at."""
    return shrink_maps(data.label_maps[domain][split], segmenter_size(*data.images(domain, split).shape[-2:]))


def segmenter_of(workbench: Workbench) -> Segmenter:
    """Return the segmenter of the workbench's data, trained once and cached."""
    parts = (VERSION, workbench.data.fingerprint, workbench.seed)

    def train() -> Arrays:
        trained: Arrays = train_segmenter(workbench).state_dict()
        return trained

    def load() -> Segmenter:
        network = new_segmenter(workbench)
        network.load_state_dict(dict(workbench.stored("segmenter", parts, train)))
        return network.eval()

    return workbench.held("segmenter", load)


def segmented(workbench: Workbench, images: torch.Tensor, truth: torch.Tensor) -> Scores:
    """Return the scores of uint8 images (N, 3, H, W) against maps (N, h, w), from one confusion matrix over all."""
    network, classes = segmenter_of(workbench), len(workbench.data.map_classes)
    confusion = torch.zeros(classes, classes, dtype=torch.int64)
    with torch.inference_mode():
        for batch, maps in zip(images.split(BATCH), truth.split(BATCH), strict=True):
            predicted = network(segmenter_input(batch, workbench.device)).argmax(1).cpu()
            confusion += confusion_matrix(predicted, maps, classes)
    return scores(confusion)


def ceiling(workbench: Workbench) -> Scores:
    """Return the scores of the real target test images: the most that outputs can be expected to reach."""
    data = workbench.data
    images, truth = data.images(data.target, "test"), _truth(data, data.target, "test")
    return workbench.held("ceiling of the segmenter", lambda: segmented(workbench, images, truth))


def lack(data: TranslationData) -> str | None:
    """Say which label maps a segmenter would need and the data has not, or None."""
    needed: tuple[tuple[str, Split], ...] = ((data.target, "train"), (data.target, "test"), (data.source, "test"))
    absent = [f"{domain}/{split}" for domain, split in needed if split not in data.label_maps.get(domain, {})]
    if absent:
        return f"the dataset has no label maps of {', '.join(absent)}"
    blank = [f"{domain}/{split}" for domain, split in needed if bool((data.label_maps[domain][split] == VOID).all())]
    return f"the label maps of {', '.join(blank)} are void" if blank else None


@METRICS.register("segmentation")
class Segmentation(Metric):
    """Per-pixel accuracy, mean class accuracy and mean class IoU of a segmenter on the outputs (the FCN score)."""

    version = VERSION
    summary = "a segmenter of real images on the outputs, against the label maps of their sources (FCN score)"

    def prepare(self, workbench: Workbench) -> None:
        """Train the segmenter and measure its ceiling."""
        if lack(workbench.data) is None:
            ceiling(workbench)

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return pixel accuracy, class accuracy and class IoU."""
        return QUANTITIES

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Only data with label maps can be asked."""
        reason, data = lack(evidence.data), evidence.data
        if reason is None and (count := len(data.label_maps[_judged(evidence)]["test"])) != len(evidence.outputs):
            return f"needs one output for each of the {count} label maps, got {len(evidence.outputs)}"
        return reason

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the three values; the ceiling and the value of every class are in the details."""
        data, domain = evidence.data, _judged(evidence)
        truth = _truth(data, domain, "test")
        found = segmented(evidence.workbench, evidence.outputs, truth)
        best, count = ceiling(evidence.workbench), len(evidence.outputs)
        protocol: Protocol = {
            "n": count,
            "n_train": len(data.images(data.target, "train")),
            "split": "test",
            "size": "x".join(map(str, truth.shape[:0:-1])),
            "classes": len(data.map_classes),
            "segmenter_seed": evidence.workbench.seed,
            "version": self.version,
        }
        details = ({"chance": _chance(truth)}, _by_class(data, found.class_accuracy), _by_class(data, found.iou))
        rows = zip(QUANTITIES, found.summary, best.summary, details, strict=True)
        return [
            Value(each, value, count, protocol, details={"ceiling": top, **more}) for each, value, top, more in rows
        ]


def _judged(evidence: Evidence) -> str:
    """Return the domain whose test images' maps the outputs are held against: real images have their own."""
    return evidence.data.source if evidence.is_translation else evidence.data.target


def _chance(truth: torch.Tensor) -> float:
    """Return the pixel accuracy of one class for all pixels: the share of the most frequent."""
    counts = truth[truth != VOID].long().bincount()
    return float(counts.max() / counts.sum())


def _by_class(data: TranslationData, values: torch.Tensor) -> dict[str, Any]:
    """Return class → value, of the classes that have one."""
    named = zip(data.map_classes, values.tolist(), strict=True)
    return {"by_class": {name: value for name, value in named if not math.isnan(value)}}
