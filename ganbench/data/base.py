"""What a method is fed and a metric compares with: images of named domains, in splits, with labels.

A dataset is one class: its fields are the keys that a suite's ``dataset`` block takes, `load` makes the images.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, get_args

import torch

from ganbench.options import Options
from ganbench.registry import Registry

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Progress = Callable[[int, int], None]
"""Called with (done, total) while images are made or read."""


@dataclass(frozen=True)
class Credit:
    """Who made the images and what may be done with them."""

    title: str
    artist: str
    licence: str
    url: str


@dataclass(frozen=True)
class Domain:
    """Images of one domain and what is known about each.

    Attributes:
        images: split → uint8 RGB tensor (N, 3, H, W).
        labels: split → attribute → int64 tensor (N,), an index into `TranslationData.classes` of that attribute.
    """

    images: Mapping[Split, torch.Tensor]
    labels: Mapping[Split, Mapping[str, torch.Tensor]] = field(default_factory=dict)


@dataclass(frozen=True)
class TranslationData:
    """A translation task: from the domain ``source`` to the domain ``target``.

    Attributes:
        domains: name → images; at least ``source`` and ``target``.
        source: name of the domain that is translated.
        target: name of the domain that it is translated to.
        classes: attribute → names of its classes, the same for all domains that carry the attribute.
        counterparts: split → the true target image of each source image, uint8 (N, 3, H, W) in the order of
            ``domains[source]``; empty where nobody knows them. Training may use them only if ``paired``.
        paired: whether a method may see the counterparts of the training images.
        credits: one entry per origin of the images.
        fingerprint: sha256 (hex) of all images, labels and names.
    """

    domains: Mapping[str, Domain]
    source: str
    target: str
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    counterparts: Mapping[Split, torch.Tensor] = field(default_factory=dict)
    paired: bool = False
    credits: tuple[Credit, ...] = ()
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", _fingerprint(self))

    def images(self, domain: str, split: Split) -> torch.Tensor:
        """Return the uint8 images (N, 3, H, W) of one domain and split."""
        return self.domains[domain].images[split]

    def labels(self, domain: str, split: Split) -> Mapping[str, torch.Tensor]:
        """Return attribute → int64 labels (N,) of one domain and split; empty where nothing is known."""
        return self.domains[domain].labels.get(split, {})

    def limited_to(self, n_train: int) -> TranslationData:
        """Return the same task with the first ``n_train`` training images of each domain."""
        pairs = dict(self.counterparts)
        if "train" in pairs:
            pairs["train"] = pairs["train"][:n_train]
        domains = {name: _first(domain, n_train) for name, domain in self.domains.items()}
        return replace(self, domains=domains, counterparts=pairs)

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the domains that are neither source nor target."""
        return tuple(name for name in self.domains if name not in (self.source, self.target))

    @property
    def image_size(self) -> int:
        """Height and width of every image, in pixels."""
        return int(self.images(self.source, "train").shape[-1])

    @property
    def common_attributes(self) -> tuple[str, ...]:
        """Attributes that both source and target images carry: what a translation should keep."""
        source, target = (self.labels(name, "train") for name in (self.source, self.target))
        return tuple(name for name in self.classes if name in source and name in target)


def _first(domain: Domain, n_train: int) -> Domain:
    labels = {name: values[:n_train] for name, values in domain.labels.get("train", {}).items()}
    return Domain(
        images={**domain.images, "train": domain.images["train"][:n_train]},
        labels={**domain.labels, "train": labels},
    )


def _fingerprint(data: TranslationData) -> str:
    digest = hashlib.sha256(repr((data.source, data.target, sorted(data.classes.items()), data.paired)).encode())

    def add(name: str, tensor: torch.Tensor) -> None:
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.contiguous().numpy().data)

    for name, domain in sorted(data.domains.items()):
        for split in SPLITS:
            if split in domain.images:
                add(f"{name}/{split}", domain.images[split])
            for attribute, labels in sorted(domain.labels.get(split, {}).items()):
                add(f"{name}/{split}/{attribute}", labels)
    for split, images in sorted(data.counterparts.items()):
        add(f"counterparts/{split}", images)
    return digest.hexdigest()


@dataclass(frozen=True)
class DatasetCard:
    """What `ganbench list datasets` shows of one dataset: the names a suite may use, and who is to be credited."""

    summary: str
    domains: tuple[str, ...]
    counts: str  # "1000 train + 250 val + 250 test per domain"
    classes: Mapping[str, tuple[str, ...]]
    credits: tuple[Credit, ...]


class Dataset(Options, ABC):
    """A dataset: fields are its suite keys, `load` makes the images. One subclass, one file, one registration."""

    summary: ClassVar[str]

    @abstractmethod
    def load(self, image_size: int, report: Progress | None = None) -> TranslationData:
        """Return the images at ``image_size`` pixels. Raises `InputError` where they cannot be had, with the remedy.

        ``report`` is told how many images are made or read, and of how many; it may never be called.
        """

    def missing(self) -> str | None:
        """Say which files of this dataset are absent here, with the remedy, or None; reads no image."""
        return None

    @classmethod
    @abstractmethod
    def card(cls) -> DatasetCard:
        """Describe the dataset without making or reading its images."""


DATASETS: Registry[type[Dataset]] = Registry("dataset", "ganbench.data", "ganbench.datasets")
