"""What a method is fed and a metric compares with: images of named domains, in splits, with labels.

A dataset is one class: its fields are the keys that a suite's ``dataset`` block takes, `load` makes the images.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, TypeVar, get_args

import torch

from ganbench.errors import InputError
from ganbench.options import Options
from ganbench.registry import Registry

T = TypeVar("T")
Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Progress = Callable[[int, int], None]
"""Called with (done, total) while images are made or read."""
VOID = 255  # in a label map: pixels whose class nobody knows or asks for


@dataclass(frozen=True)
class Credit:
    """Who made the images and what may be done with them.

    Attributes:
        publish: whether pictures may be published: sheets of others keep to a file that git ignores.
        domains: whose images they are; empty: all.
    """

    title: str
    artist: str
    licence: str
    url: str
    publish: bool = True
    domains: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """What stands under pictures."""
        return f"{self.title} by {self.artist}, {self.licence}{'' if self.publish else ' (not to be published)'}"


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
        label_maps: domain → split → the class of every pixel, uint8 or int64 (N, H, W), an index into
            ``map_classes`` or 255 (void), in the order of that domain's images; it may be larger than these. Empty
            where nobody knows them. Only metrics look at them.
        map_classes: names of the classes of all label maps.
        fingerprint: sha256 (hex) of all images, labels, label maps and names.

    Raises:
        InputError: label maps that don't fit the images or their classes.
    """

    domains: Mapping[str, Domain]
    source: str
    target: str
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    counterparts: Mapping[Split, torch.Tensor] = field(default_factory=dict)
    paired: bool = False
    credits: tuple[Credit, ...] = ()
    label_maps: Mapping[str, Mapping[Split, torch.Tensor]] = field(default_factory=dict)
    map_classes: tuple[str, ...] = ()
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        if problems := _label_map_problems(self):
            raise InputError(problems)
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
        maps = {name: _first_maps(splits, n_train) for name, splits in self.label_maps.items()}
        return replace(self, domains=domains, counterparts=pairs, label_maps=maps)

    def with_validation_as_test(self) -> TranslationData:
        """Return the same task without its test images: in their place stand those of the validation split."""
        domains = {name: Domain(_moved(domain.images), _moved(domain.labels)) for name, domain in self.domains.items()}
        maps = {name: _moved(splits) for name, splits in self.label_maps.items()}
        return replace(self, domains=domains, counterparts=_moved(self.counterparts), label_maps=maps)

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


def _moved(values: Mapping[Split, T]) -> dict[Split, T]:
    kept = {split: value for split, value in values.items() if split != "test"}
    return kept | ({"test": kept["val"]} if "val" in kept else {})


def _first(domain: Domain, n_train: int) -> Domain:
    labels = {name: values[:n_train] for name, values in domain.labels.get("train", {}).items()}
    return Domain(
        images={**domain.images, "train": domain.images["train"][:n_train]},
        labels={**domain.labels, "train": labels},
    )


def _first_maps(maps: Mapping[Split, torch.Tensor], n_train: int) -> Mapping[Split, torch.Tensor]:
    return {split: each[:n_train] if split == "train" else each for split, each in maps.items()}


def _label_map_problems(data: TranslationData) -> list[str]:
    """Say what is wrong with the label maps: their domain, split, kind, number or values."""
    problems = []
    for name, splits in data.label_maps.items():
        known = data.domains[name].images if name in data.domains else {}
        for split, maps in splits.items():
            if split not in known:
                problems.append(f"label_maps: there are no images {name}/{split}. Leave its maps out.")
            elif why := _misfit(maps, len(known[split]), len(data.map_classes)):
                problems.append(f"label_maps of {name}/{split} must be {why}")
    return problems


def _misfit(maps: torch.Tensor, count: int, classes: int) -> str | None:
    """Return what maps must be and are not, with the value that came, or None."""
    if maps.dtype not in (torch.uint8, torch.int64) or maps.dim() != 3 or len(maps) != count:
        return f"uint8 or int64 of shape ({count}, H, W), one for each image. Got {maps.dtype} {tuple(maps.shape)}."
    wrong = maps[(maps != VOID) & ((maps < 0) | (maps >= min(classes, VOID)))]
    if len(wrong):
        return f"an index into the {classes} map_classes (at most 255), or {VOID} for void. Got {int(wrong[0])}."
    return None


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
    for name, splits in sorted(data.label_maps.items()):
        digest.update(repr(data.map_classes).encode())
        for split, maps in sorted(splits.items()):
            add(f"label_maps/{name}/{split}", maps)
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
