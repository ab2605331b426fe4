"""The ``avatars`` dataset: cartoon faces of one hand to be translated into another's, drawn here, attributes known.

Source and target are styles of DiceBear (https://www.dicebear.com) whose faces share a vocabulary: tone of the skin,
colour of the hair, the mouth. A name with ``+glasses`` gives every face of that style glasses; where the two domains
differ in nothing else, the true counterpart of every source image is known.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, ValidationInfo, field_validator

from ganbench.data import avatar_maps
from ganbench.data.avatar_faces import BACKGROUND, Face, Pixels, draw_all, style_definition, useful_workers
from ganbench.data.avatar_styles import CLASSES, GLASSES, POSE, STYLES, common_vocabulary, split_name
from ganbench.data.base import (
    DATASETS,
    SPLITS,
    Credit,
    Dataset,
    DatasetCard,
    Domain,
    Progress,
    Split,
    TranslationData,
)
from ganbench.data.cache import Arrays, cache_file, read_arrays, write_arrays
from ganbench.data.near_duplicates import near_duplicates
from ganbench.errors import InputError
from ganbench.registry import did_you_mean
from ganbench.seeding import numpy_generator

FORMAT = 2  # raised whenever the code draws other faces from the same options and styles
NEAR = 4.0  # of 255, mean absolute difference: no held-out face is as near as this to a training face
ATTEMPTS = 100  # per face, before the styles are said to hold too few distinct ones
SMALLEST = 8  # pixels


@DATASETS.register("avatars")
class Avatars(Dataset):
    """Faces of two or more styles, other people in each domain and split, made without a download.

    Classes of all attributes that both styles express are drawn uniformly and independently. A validation or test
    face that is nearly a training face of its domain at the image size asked for is drawn anew.
    """

    summary: ClassVar[str] = "Cartoon faces of one style into another, unpaired, with known attributes; drawn here."

    source: str = Field("avataaars", validate_default=True, description="style, or style+glasses, that is translated")
    target: str = Field("adventurer", validate_default=True, description="style, or style+glasses, to translate to")
    others: list[str] = Field(
        default_factory=list, description="further styles, for methods that learn several domains at once"
    )
    n_train: int = Field(1000, ge=1, description="training images per domain")
    n_val: int = Field(250, ge=1, description="validation images per domain")
    n_test: int = Field(250, ge=1, description="test images per domain")
    seed: int = Field(0, ge=0, description="decides which faces there are")
    label_maps: bool = Field(False, description="whether to know of every pixel what it shows: skin, hair, eyes, …")

    @field_validator("source", "target")
    @classmethod
    def _known_style(cls, name: str) -> str:
        return _check_domain(name)

    @field_validator("target")
    @classmethod
    def _other_than_source(cls, target: str, info: ValidationInfo) -> str:
        if target == info.data.get("source"):
            raise ValueError("must not be the source. Name another style, or the same one with '+glasses'")
        return target

    @field_validator("others")
    @classmethod
    def _further_styles(cls, others: list[str], info: ValidationInfo) -> list[str]:
        names = [info.data.get("source"), info.data.get("target"), *map(_check_domain, others)]
        twice = sorted({name for name in others if names.count(name) > 1})
        if twice:
            raise ValueError(f"must be other styles than source, target and each other. Leave out {', '.join(twice)}")
        return others

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all domains: source, target, others."""
        return (self.source, self.target, *self.others)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that source and target express; all others are at their first class."""
        return common_vocabulary(split_name(self.source)[0], split_name(self.target)[0])

    def attributes_of(self, domain: str) -> tuple[str, ...]:
        """Return the attributes that vary in ``domain``: of those that source and target share, what it expresses."""
        return tuple(name for name in self.attributes if name in STYLES[split_name(domain)[0]].attributes)

    @property
    def has_counterparts(self) -> bool:
        """Whether the domains differ in glasses alone."""
        return split_name(self.source)[0] == split_name(self.target)[0]

    def count(self, split: Split) -> int:
        """Return the number of images of each domain in ``split``."""
        return {"train": self.n_train, "val": self.n_val, "test": self.n_test}[split]

    def load(self, image_size: int, report: Progress | None = None) -> TranslationData:
        """Return the faces at ``image_size`` pixels, from the cache where they were made before.

        Raises:
            InputError: ``image_size`` is below 8, or the styles hold too few distinct faces for the counts.
        """
        if image_size < SMALLEST:
            raise InputError(f"The image_size of avatars must be at least {SMALLEST}. Got {image_size}.")
        file = self._cache_file(image_size)
        arrays: Arrays | None = read_arrays(file)
        if arrays is None:
            arrays = _Studio(self, image_size, report).make()
            write_arrays(file, arrays)
        return self._assemble(arrays)

    def _cache_file(self, image_size: int) -> Path:
        versions = [f"{name} {version(name)}" for name in ("dicebear-core", "dicebear-styles", "resvg-py")]
        styles = [repr(STYLES[split_name(name)[0]]) for name in self.names]
        look = repr((BACKGROUND, POSE, CLASSES))
        # what is not used is left out, so that files of versions without it stay valid
        unused = {name for name in ("others", "label_maps") if not getattr(self, name)}
        maps = [f"maps {avatar_maps.FORMAT}"] if self.label_maps else []
        options = self.model_dump_json(exclude=unused)
        parts = [f"format {FORMAT}", f"{image_size} px", look, options, *versions, *styles, *maps]
        return cache_file("avatars", *parts)

    def _assemble(self, arrays: Arrays) -> TranslationData:
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        counterparts: dict[Split, torch.Tensor] = {}
        if self.has_counterparts:
            counterparts = {split: tensors[f"counterparts/{split}"] for split in SPLITS}
        maps: dict[str, dict[Split, torch.Tensor]] = {}
        if self.label_maps:
            maps = {name: {split: tensors[f"{name}/{split}/map"] for split in SPLITS} for name in self.names}
        return TranslationData(
            domains={name: self._domain(name, tensors) for name in self.names},
            source=self.source,
            target=self.target,
            classes={name: CLASSES[name] for name in self.attributes},
            counterparts=counterparts,
            credits=_credits({split_name(name)[0] for name in self.names}, self.names),
            label_maps=maps,
            map_classes=avatar_maps.MAP_CLASSES if self.label_maps else (),
        )

    def _domain(self, name: str, tensors: Mapping[str, torch.Tensor]) -> Domain:
        return Domain(
            images={split: tensors[f"{name}/{split}/images"] for split in SPLITS},
            labels={split: {a: tensors[f"{name}/{split}/{a}"] for a in self.attributes_of(name)} for split in SPLITS},
        )

    @classmethod
    def card(cls) -> DatasetCard:
        """Describe the dataset: all domains, attributes with their classes, artists and licences of the styles."""
        defaults = {name: field.default for name, field in cls.model_fields.items()}
        return DatasetCard(
            summary=cls.summary,
            domains=(*STYLES, *(f"{style}{GLASSES}" for style in _wearers())),
            counts="{n_train} train + {n_val} val + {n_test} test per domain".format(**defaults),
            classes=CLASSES,
            credits=_credits(STYLES),
        )


def _check_domain(name: str) -> str:
    style, glasses = split_name(name)
    if style not in STYLES:
        raise ValueError(
            f"must be a style, with or without {GLASSES!r}. {did_you_mean(style, STYLES)}Known: {', '.join(STYLES)}"
        )
    if glasses and STYLES[style].glasses is None:
        raise ValueError(f"{style} has no glasses. Leave {GLASSES!r} out, or take one of: {', '.join(_wearers())}")
    return name


def _wearers() -> list[str]:
    return [name for name, style in STYLES.items() if style.glasses is not None]


def _credits(styles: Iterable[str], names: Iterable[str] = ()) -> tuple[Credit, ...]:
    """Return one credit per style, for those of the domains ``names`` that are of it."""
    domains = {style: tuple(name for name in names if split_name(name)[0] == style) for style in styles}
    metas = {style: style_definition(style)["meta"] for style in sorted(domains)}
    return tuple(
        Credit(meta["source"]["name"], meta["creator"]["name"], meta["license"]["name"], meta["source"]["url"],
               domains=domains[style])
        for style, meta in metas.items()
    )  # fmt: skip


class _Studio:
    """Draws all images of one dataset, and held-out faces anew that come too near to training faces."""

    def __init__(self, options: Avatars, image_size: int, report: Progress | None) -> None:
        self.options = options
        self.image_size = image_size
        self.report = report
        self.domains = options.names
        self.done = 0
        self.total = sum(map(options.count, SPLITS)) * sum(len(self._views(name)) for name in self.domains)
        # of the whole, for single faces too: each process takes a second to learn a style
        self.workers = useful_workers(self.total)
        self.train: dict[str, Pixels] = {}  # domain → training images, once they are drawn

    def make(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays that `Avatars._assemble` makes the dataset from."""
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for split, name in itertools.product(SPLITS, self.domains):  # training images of all domains come first
            faces, views = self._faces(name, split)
            own = arrays[f"{name}/{split}/images"] = views.pop(name)
            arrays |= {f"counterparts/{split}": images for images in views.values()}
            arrays |= {
                f"{name}/{split}/{attribute}": _labels(faces, attribute)
                for attribute in self.options.attributes_of(name)
            }
            if self.options.label_maps:
                worn = [replace(face, glasses=split_name(name)[1]) for face in faces]
                arrays[f"{name}/{split}/map"] = avatar_maps.draw_maps(worn, self.image_size, self.workers)
            if split == "train":
                self.train[name] = own
        return arrays

    def _views(self, name: str) -> tuple[str, ...]:
        """Return the domains in which the faces of domain ``name`` are drawn: its own, and that of the counterparts."""
        return self.domains[:2] if name == self.options.source and self.options.has_counterparts else (name,)

    def _faces(self, name: str, split: Split) -> tuple[list[Face], dict[str, Pixels]]:
        """Return the faces of one domain and split, and their images (N, 3, H, W) in each view."""
        faces = [self._person(name, split, index, attempt=0) for index in range(self.options.count(split))]
        views = {view: self._draw(faces, view, self._tell) for view in self._views(name)}
        if split != "train":
            self._redraw_near(faces, views, name, split)
        return faces, views

    def _redraw_near(self, faces: list[Face], views: Mapping[str, Pixels], name: str, split: Split) -> None:
        """Put another face, in place, wherever one comes too near to a training face in any view."""
        doubtful = np.arange(len(faces))
        for attempt in range(1, ATTEMPTS):
            doubtful = doubtful[self._too_near({view: images[doubtful] for view, images in views.items()})]
            if not doubtful.size:
                return
            again = [self._person(name, split, int(index), attempt) for index in doubtful]
            for index, face in zip(doubtful, again, strict=True):
                faces[index] = face
            for view, images in views.items():
                images[doubtful] = self._draw(again, view)
        raise InputError(
            f"{name} has too few distinct faces at {self.image_size} px for n_train {self.options.n_train}: "
            f"after {ATTEMPTS} attempts a {split} face still resembles a training face. Lower n_train."
        )

    def _person(self, name: str, split: Split, index: int, attempt: int) -> Face:
        generator = numpy_generator(self.options.seed, "avatars", name, split, index, attempt)
        classes = {a: CLASSES[a][generator.integers(len(CLASSES[a]))] for a in self.options.attributes_of(name)}
        return Face(
            style=split_name(name)[0],
            seed=f"{self.options.seed}/{name}/{split}/{index}/{attempt}",
            classes=classes,
        )

    def _draw(self, faces: Sequence[Face], view: str, report: Progress | None = None) -> Pixels:
        glasses = split_name(view)[1]
        return draw_all([replace(face, glasses=glasses) for face in faces], self.image_size, self.workers, report)

    def _tell(self, drawn: int, faces: int) -> None:
        """Pass on the progress of one call as progress of the whole."""
        if self.report:
            self.report(self.done + drawn, self.total)
        self.done += drawn if drawn == faces else 0

    def _too_near(self, views: Mapping[str, Pixels]) -> npt.NDArray[np.bool_]:
        near = [near_duplicates(images, self.train[view], NEAR) for view, images in views.items()]
        return np.logical_or(near[0], near[-1])


def _labels(faces: Sequence[Face], attribute: str) -> npt.NDArray[np.int64]:
    return np.array([CLASSES[attribute].index(face.classes[attribute]) for face in faces], dtype=np.int64)
