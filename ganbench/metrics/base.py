"""The contract of a metric family: declared quantities, pure computation, a protocol with every value.

A metric never imports a method, and knows nothing of files or engines: it is given an `Evidence`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from ganbench.data.base import TranslationData
from ganbench.registry import Registry

if TYPE_CHECKING:
    from ganbench.metrics.workbench import Workbench

Group = Literal["quality", "faithfulness", "diversity", "memorization"]
Protocol = Mapping[str, str | int | float | bool]
"""Everything that changes a number, flat: two values may stand in one column only if their protocols are equal."""
NO_WAY_BACK = "nothing translates these outputs back to the source"


@dataclass(frozen=True)
class Quantity:
    """One number that a metric gives; declared once, here, for every table and gate.

    Attributes:
        name: key in a record ("fd_efficientnet-lite0"); carries extractor or network where there is one.
        title: column header without arrow ("FD (EfficientNet-Lite0)").
        group: where a leaderboard shows it.
        higher_is_better: None where neither direction is better (0 or 1 is the aim, or it is only descriptive).
        digits: decimals shown in tables.
        note: what a reader must know to read it, one sentence.
    """

    name: str
    title: str
    group: Group
    higher_is_better: bool | None
    digits: int = 3
    note: str = ""


@dataclass(frozen=True)
class Value:
    """A measured value with its protocol.

    Attributes:
        quantity: what was measured.
        value: finite float.
        std: spread that the protocol itself defines (over KID subsets, IS splits), or None.
        n: number of generated images (or pairs) behind it.
        protocol: everything that changes the number: extractor digest, resize, subset sizes, split, library version.
        per_image: values per output image (N,), where the metric has them.
        details: small plain data for reports (closest pairs and the like), JSON-serialisable.
        alarm: the metric itself says that training images are copied here; tables mark it ⚠.
    """

    quantity: Quantity
    value: float
    n: int
    protocol: Protocol
    std: float | None = None
    per_image: torch.Tensor | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    alarm: bool = False


@dataclass(frozen=True)
class Evidence:
    """The outputs of one trial and what they are judged against.

    Attributes:
        data: the task; reference is ``data.images(data.target, "train")`` unless a metric says otherwise.
        outputs: translations of the source test images in their order, uint8 (N, 3, H, W).
        samples: K outputs for each of the first M source test images, uint8 (M, K, 3, H, W); None for
            deterministic methods.
        labels: attribute → int64 (N,), what the content of each output should be (labels of its source image).
        counterparts: the true target of each output, uint8 (N, 3, H, W), or None.
        reconstructions: σ, of 255, of the Gaussian noise that was added to the outputs → what then came back of them,
            uint8 (N, 3, H, W); or why there is nothing. See `ganbench.metrics.cycle.NOISE_LEVELS`.
        is_translation: False for the row of real images, whose outputs have no source image.
        workbench: features, judges and reference statistics, computed once and shared by all metrics and trials.
        seed: of the evaluation's own random streams (subsets, splits); the same for all trials.
    """

    data: TranslationData
    outputs: torch.Tensor
    workbench: Workbench
    labels: Mapping[str, torch.Tensor] = field(default_factory=dict)
    counterparts: torch.Tensor | None = None
    samples: torch.Tensor | None = None
    reconstructions: Mapping[int, torch.Tensor] | str = NO_WAY_BACK
    is_translation: bool = True
    seed: int = 0


class Metric(ABC):
    """A metric family. One subclass, one file, one registration.

    Attributes:
        version: raised whenever the numbers change; part of every protocol and of the evaluation's hash.
        summary: one line for `ganbench list metrics`.
    """

    version: ClassVar[int] = 1
    summary: ClassVar[str] = ""

    def prepare(self, workbench: Workbench) -> None:  # noqa: B027 - most families share nothing but features
        """Make and cache what all trials share (reference features, judges). Default: nothing."""

    def dependencies(self) -> tuple[str, ...]:
        """Name what, beside version and extractor, decides which values come out (an optional weights file)."""
        return ()

    @abstractmethod
    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return every quantity this family can give with the named extractor."""

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Say why this family has nothing to say about ``evidence``, or None."""
        return None

    def missing(self, evidence: Evidence) -> Mapping[str, str]:
        """Name quantities that cannot be computed here (a weights file is absent) → reason with the remedy."""
        return {}

    @abstractmethod
    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the values. Pure: the same evidence gives the same values, bit for bit on a CPU."""


def too_few(evidence: Evidence, needed: int) -> str | None:
    """Say so where there are fewer than ``needed`` outputs or target training images."""
    fewest = min(len(evidence.outputs), len(evidence.data.images(evidence.data.target, "train")))
    return f"needs at least {needed} outputs and reference images, got {fewest}" if fewest < needed else None


METRICS: Registry[type[Metric]] = Registry("metric", "ganbench.metrics", "ganbench.metrics")
