"""The workbench: what all metrics of all trials share, computed once: features, reference statistics, judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from ganbench.data.base import Split, TranslationData
from ganbench.metrics.base import Protocol, Quantity
from ganbench.metrics.cache import ArrayCache, Arrays, digest
from ganbench.metrics.neighbours import nearest_others
from ganbench.nets.extractors import EXTRACTORS, Extractor, Features, check_images
from ganbench.nets.perceptual import SQUEEZENET, EmbeddedDistance, Lpips, PerceptualDistance

T = TypeVar("T")
Report = Callable[[str, int, int], None]
"""Called with (stage, step, steps)."""
SPACING = 5  # neighbours of each reference image whose distance is kept
BLOCK = 50  # images between two progress reports


def silent(stage: str, step: int, steps: int) -> None:
    """Report nothing."""


class Workbench:
    """Data, extractor and caches that every metric draws on.

    Features are cached in memory and on disk by the *content* of the images, the extractor's digest and its resize:
    other images under an old name are other features. Networks are loaded when they are first needed.

    Args:
        data: the task that outputs are judged against.
        extractor_name: which registered extractor makes the features.
        cache_dir: folder of the disk cache; several processes may share it.
        device: where networks run; statistics are computed on the CPU.
        seed: of everything that is trained or drawn once for all trials (judges, cells).

    Attributes:
        report: called with (stage, step, steps) during long work; silent unless `ganbench.evaluation.prepare` sets it.
    """

    def __init__(
        self,
        data: TranslationData,
        extractor_name: str,
        cache_dir: Path,
        device: torch.device | str = "cpu",
        seed: int = 0,
    ) -> None:
        self.data = data
        self.extractor_type = EXTRACTORS.get(extractor_name)
        self.cache = ArrayCache(Path(cache_dir))
        self.device = torch.device(device)
        self.seed = seed
        self.report: Report = silent
        self._held: dict[str, Any] = {}

    def features(self, images: torch.Tensor, stage: str = "features") -> Features:
        """Return the features of uint8 images (N, 3, H, W), from the cache where their content is known."""
        check_images(images)
        kind = self.extractor_type
        parts = (kind.name, kind.digest, kind.resize, images)  # the name: several layers come from one file
        stored = self.stored("features", parts, lambda: self._extract(images, stage))
        return Features(stored["pooled"], stored.get("logits"))

    def target_features(self, split: Split) -> Features:
        """Return the features of the real target images of a split; ``train`` is the reference of most metrics."""
        return self.features(self.data.images(self.data.target, split), f"features of real {split} images")

    def target_spacing(self) -> torch.Tensor:
        """Return how far each real target training image lies from its nearest 5 others, float64 (N, ≤ 5), ascending.

        Distances of features; they are the radii of precision, density and coverage, and what AuthPct compares with.
        """
        train = self.target_features("train").pooled
        k = min(SPACING, len(train) - 1)
        spacing: torch.Tensor = self.stored(
            "spacing", (train,), lambda: {"distance": nearest_others(train, k).distance}
        )["distance"]
        return spacing

    def stored(self, purpose: str, parts: tuple[object, ...], compute: Callable[[], Arrays]) -> Mapping[str, Any]:
        """Return tensors computed once: from memory, from disk, or from ``compute``.

        Args:
            purpose: what they are ("features", "judge"); part of the key.
            parts: everything that they depend on; tensors count by their content.
            compute: makes them when they are nowhere.
        """
        key = f"{purpose}-{digest(purpose, *parts)[:40]}"
        return self.held(key, lambda: self._read_or_write(key, compute))

    def held(self, key: str, make: Callable[[], T]) -> T:
        """Return what ``make`` made when ``key`` was first asked for; kept in memory alone."""
        if key not in self._held:
            self._held[key] = make()
        found: T = self._held[key]
        return found

    def per_image(
        self, purpose: str, reference: torch.Tensor, images: torch.Tensor, compute: Callable[[torch.Tensor], Arrays]
    ) -> Arrays:
        """Return what ``compute`` makes of each image by itself, row by row; a workbench may remember the rows.

        Args:
            purpose: what they are.
            reference: what else they depend on.
            images: uint8 (N, 3, H, W).
            compute: makes tensors of N rows from N images.
        """
        return compute(images)

    def extractor(self) -> Extractor:
        """Return the loaded extractor; raises `MissingFileError` where its weights are absent."""
        return self.held("extractor", lambda: self.extractor_type(self.device))

    def distances(self) -> list[PerceptualDistance]:
        """Return the perceptual distances that can be computed here: the embedded one, and LPIPS where its file is."""
        found: list[PerceptualDistance] = [self.held("pd", lambda: EmbeddedDistance(self.device))]
        if SQUEEZENET.find():
            found.append(self.held("lpips", lambda: Lpips(self.device)))
        return found

    def protocol(self) -> Protocol:
        """Return what the extractor adds to a value's protocol: name, digest, resize."""
        kind = self.extractor_type
        return {"extractor": kind.name, "extractor_digest": kind.digest[:12], "resize": kind.resize}

    def _read_or_write(self, key: str, compute: Callable[[], Arrays]) -> Arrays:
        found = self.cache.read(key)
        if found is None:
            found = dict(compute())
            self.cache.write(key, found)
        return found

    def _extract(self, images: torch.Tensor, stage: str) -> Arrays:
        extractor, parts = self.extractor(), []
        for start in range(0, len(images), BLOCK):
            parts.append(extractor(images[start : start + BLOCK]))
            self.report(stage, min(start + BLOCK, len(images)), len(images))
        arrays = {"pooled": torch.cat([part.pooled for part in parts])}
        if parts[0].logits is not None:
            arrays["logits"] = torch.cat([part.logits for part in parts if part.logits is not None])
        return arrays


def of_extractor(quantity: Quantity, extractor: str, canonical: str = "", title: str = "") -> Quantity:
    """Name a quantity after its extractor: fd → ``fd_efficientnet-lite0``, FD → "FD (EfficientNet-Lite0)".

    Args:
        quantity: with the short name and title.
        extractor: name of the extractor.
        canonical: the field's plain name ("fid"), which belongs to the canonical network alone.
        title: how tables write that plain name; by default in capitals.
    """
    kind = EXTRACTORS.get(extractor)
    if canonical and kind.canonical:
        return replace(quantity, name=canonical, title=title or canonical.upper())
    return replace(quantity, name=f"{quantity.name}_{kind.name}", title=f"{quantity.title} ({kind.title})")
