"""The ``degraded`` dataset: a paired task from the images of any other dataset, which are made worse and given back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import torch
from pydantic import Field, ValidationError, field_validator

from ganbench.data.base import (
    DATASETS,
    SPLITS,
    Dataset,
    DatasetCard,
    Domain,
    Progress,
    TranslationData,
)
from ganbench.data.degradations.base import DEGRADATIONS, Degradation
from ganbench.errors import InputError
from ganbench.options import OptionsT, explain
from ganbench.registry import Registry, did_you_mean

T = TypeVar("T")
DEFAULT_ORIGIN = {"name": "avatars"}


@DATASETS.register("degraded")
class Degraded(Dataset):
    """Images of one domain of another dataset as targets, the same images degraded as sources: true pairs.

    Splits and labels are those of the origin, so what it keeps out of the training images stays out of the training
    pairs. The credits are those of that domain.
    """

    summary: ClassVar[str] = "Pairs from any other dataset: its images made worse, and the originals to be restored."

    of: dict[str, Any] = Field(
        default_factory=lambda: dict(DEFAULT_ORIGIN), validate_default=True,
        description="the dataset whose images are degraded: its name and keys, as in a suite's dataset block",
    )  # fmt: skip
    domain: str | None = Field(None, description="whose images are degraded; none given: the target of that dataset")
    degradation: str | dict[str, Any] = Field(
        "edges",
        description="what is done to the images: its name, which also names the source domain, or a mapping of its "
        "name and options",
    )

    @field_validator("of")
    @classmethod
    def _resolved(cls, block: dict[str, Any]) -> dict[str, Any]:
        """Check the block as the suite's own is checked; return it with all defaults."""
        return {"name": block.get("name"), **_open(block).model_dump()}

    @field_validator("degradation")
    @classmethod
    def _known_degradation(cls, given: str | dict[str, Any]) -> str | dict[str, Any]:
        """Check name and options; a mapping is returned with all defaults."""
        degradation = _degradation(given)
        return given if isinstance(given, str) else {"name": given["name"], **degradation.model_dump()}

    @property
    def source_name(self) -> str:
        """The name of the source domain: that of the degradation."""
        return self.degradation if isinstance(self.degradation, str) else str(self.degradation["name"])

    def missing(self) -> str | None:
        """Say what the dataset whose images are degraded lacks."""
        return _open(self.of).missing()

    def load(self, image_size: int, report: Progress | None = None) -> TranslationData:
        """Return the pairs at ``image_size`` pixels; images are degraded at this size.

        Raises:
            InputError: the origin can't be had, or has no domain of this name, or one of the degradation's name.
        """
        origin = _open(self.of).load(image_size, report)
        name, degradation = self._domain_of(origin), _degradation(self.degradation)
        images = origin.domains[name].images
        labels = {split: origin.labels(name, split) for split in SPLITS}
        maps = origin.label_maps.get(name)
        return TranslationData(
            domains={
                self.source_name: Domain(
                    {split: degradation.source_images(origin, name, split) for split in SPLITS}, labels
                ),
                name: Domain(images, labels),
            },
            source=self.source_name,
            target=name,
            classes=_carried(origin.classes, labels["train"]),
            counterparts=images,
            paired=True,
            credits=tuple(credit for credit in origin.credits if not credit.domains or name in credit.domains),
            label_maps={self.source_name: maps, name: maps} if maps else {},
            map_classes=origin.map_classes if maps else (),
        )

    def _domain_of(self, origin: TranslationData) -> str:
        name = self.domain or origin.target
        if name not in origin.domains:
            known = sorted(origin.domains)
            raise InputError(
                f"dataset degraded: domain must be one of the dataset {self.of['name']!r}. Got {name!r}. "
                f"{did_you_mean(name, known)}Known: {', '.join(known)}."
            )
        if name == self.source_name:
            raise InputError(
                f"dataset degraded: domain {name!r} bears the name of the degradation, which names the source. "
                "Take another domain or degradation."
            )
        return name

    @classmethod
    def card(cls) -> DatasetCard:
        """Describe the dataset: one source domain for each degradation; all else is the origin's."""
        return DatasetCard(
            summary=cls.summary,
            domains=tuple(DEGRADATIONS.names()),
            counts="as many pairs as the dataset given as 'of' has images",
            classes={},
            credits=(),
        )


def _open(block: Mapping[str, Any]) -> Dataset:
    """Return the dataset that a block describes; ``ValueError`` with every problem where it is none."""
    cls, values = _named(DATASETS, block, "{name: avatars}")
    return _validated(cls, values, f"dataset {block['name']}")


def _degradation(given: str | Mapping[str, Any]) -> Degradation:
    """Return the degradation that a name or block describes; ``ValueError`` with every problem where it is none."""
    block = {"name": given} if isinstance(given, str) else given
    cls, values = _named(DEGRADATIONS, block, "{name: low_resolution, factor: 4}")
    return _validated(cls, values, f"degradation {block['name']}")


def _named(registry: Registry[type[T]], block: Mapping[str, Any], example: str) -> tuple[type[T], dict[str, Any]]:
    """Return what the block's name stands for, and its other keys."""
    values = dict(block)
    name = values.pop("name", None)
    if not isinstance(name, str):
        raise ValueError(f"the key 'name' is missing: give the name of a {registry.kind}, as in {example}")
    if name not in registry.names():
        raise ValueError(registry.unknown(name))
    return registry.get(name), values


def _validated(cls: type[OptionsT], values: Mapping[str, Any], where: str) -> OptionsT:
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        raise ValueError("; ".join(explain(error, cls, where))) from None


def _carried(classes: Mapping[str, tuple[str, ...]], labels: Mapping[str, torch.Tensor]) -> dict[str, tuple[str, ...]]:
    return {attribute: names for attribute, names in classes.items() if attribute in labels}
