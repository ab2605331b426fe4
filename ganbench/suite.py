"""Suites: what is compared on what. The schema of a suite file, and its reading.

`ganbench.variants.load_suite` also checks every name and option in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from ganbench.data.base import DATASETS, Dataset
from ganbench.errors import InputError
from ganbench.hardware import Gpus
from ganbench.names import check_name
from ganbench.options import Options, Place, read_options
from ganbench.seeding import SEED_LIMIT
from ganbench.yaml_reader import parse, read_text

MethodEntry = str | dict[str, Any]
Seed = Annotated[int, Field(ge=0, lt=SEED_LIMIT)]
ImageSize = Annotated[int, Field(ge=8, le=1024)]
OnOutOfMemory = Literal["fail", "halve_batch"]
MOST_GPUS = 64  # of one trial


class Profile(Options):
    """A hardware budget: the same work for every method. A leaderboard never mixes two profiles."""

    image_size: ImageSize = Field(description="height and width of all images, pixels")
    steps: int = Field(ge=1, le=100_000_000, description="training steps; a step is one batch")
    batch_size: int = Field(ge=1, le=4096, description="images of each domain in a batch")
    cpus_per_trial: int = Field(1, ge=1, le=1024, description="CPU cores, and threads, of one trial")
    gpus_per_trial: Gpus = Field(
        0.0, description="GPUs of one trial; a fraction shares one; auto: as many trials on each as its memory holds"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 autocast where that is measured to be faster, else float32"
    )
    memory_format: Literal["auto", "channels_last", "contiguous"] = Field(
        "auto", description="of images and weights; auto: contiguous where that is measured to be faster"
    )
    compile: Literal["auto"] | bool = Field(
        "auto", description="torch.compile; auto: only in long trainings, where it saves more than its warm-up takes"
    )
    flip: bool = Field(False, description="mirror training images with probability one half")
    seeds: list[Seed] | None = Field(None, min_length=1, max_length=1000, description="overrides the suite's seeds")
    methods: list[MethodEntry] | None = Field(None, min_length=1, description="overrides the suite's methods")
    metrics: list[str] | None = Field(None, description="overrides the suite's metrics")
    options: dict[str, Any] = Field(default_factory=dict, description="defaults for the methods' options")
    dataset: dict[str, Any] = Field(default_factory=dict, description="overrides keys of the dataset")
    checkpoint_seconds: float = Field(
        60.0, ge=0, le=86_400, description="seconds between checkpoints: the training that a crash may cost"
    )
    tuning: dict[str, Any] = Field(default_factory=dict, description="overrides keys of the suite's tuning")
    time_limit: float | None = Field(
        None, gt=0, le=31_536_000, description="seconds that a trial may take at a stretch; none given: any"
    )
    on_out_of_memory: OnOutOfMemory = Field(
        "fail", description="halve_batch: a method too large for the memory gets a row with half the batch_size"
    )

    @field_validator("gpus_per_trial", mode="before")
    @classmethod
    def _number_or_auto(cls, value: Any) -> Any:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value == "auto" or (is_number and 0 <= float(value) <= MOST_GPUS):
            return value
        raise ValueError(f"must be a number from 0 to {MOST_GPUS}, or auto. Got {value!r}")


class Tuning(Options):
    """A search of options before the comparison: as many trials for each method, judged on validation images alone."""

    trials: int = Field(le=1000, description="search trials of each method, at least 1")
    space: dict[str, list[Any]] = Field(
        min_length=1, max_length=50, description="option → [low, high, log], [low, high, linear] or its choices"
    )
    metric: str = Field(description="the value that decides, such as kid or judge_success")
    sampler: Literal["random", "tpe"] = Field(
        "random", description="tpe: Optuna's tree-structured Parzen estimator, which learns from earlier trials"
    )
    scheduler: Literal["none", "asha"] = Field(
        "none", description="asha: a trial that is worse than two thirds of the others is given up early"
    )
    share: float = Field(1.0, gt=0, le=1, description="of a row's steps that a search trial trains")


class Suite(Options):
    """A suite file, validated for structure."""

    name: str
    description: str = ""
    dataset: dict[str, Any]
    methods: list[MethodEntry] = Field(min_length=1, max_length=1000)
    grid: dict[str, list[Any]] = Field(default_factory=dict)
    seeds: list[Seed] = Field(min_length=1, max_length=1000)
    metrics: list[str] = Field(min_length=1, max_length=1000)
    headline: str | None = Field(None, description="the one value that methods are ranked by, such as judge_success")
    extractor: str = "efficientnet-lite0"
    tuning: Tuning | None = None
    profiles: dict[str, Profile] = Field(min_length=1, max_length=16)

    _safe_name = field_validator("name")(check_name)

    @field_validator("profiles")
    @classmethod
    def _safe_profiles(cls, profiles: dict[str, Profile]) -> dict[str, Profile]:
        for name in profiles:
            check_name(name)
        return profiles

    @field_validator("seeds", "metrics")
    @classmethod
    def _no_duplicates(cls, values: list[Any], info: ValidationInfo) -> list[Any]:
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ValueError(f"{info.field_name} must be distinct. Got {', '.join(map(repr, twice))} more than once")
        return values


@dataclass(frozen=True)
class LoadedSuite:
    """A validated suite and where it came from."""

    suite: Suite
    path: Path
    sha256: str
    lines: Mapping[Place, int]

    def where(self, place: Place) -> str:
        """Return ``file:line`` of the nearest thing in the file that encloses ``place``."""
        return f"{self.path}:{nearest_line(self.lines, place)}"

    def profile(self, name: str) -> Profile:
        """Return the profile ``name``; an unknown one raises `InputError` with those the suite has."""
        if name not in self.suite.profiles:
            raise InputError(
                f"{self.path}: the suite has no profile {name!r}. Its profiles: {', '.join(self.suite.profiles)}."
            )
        return self.suite.profiles[name]

    def dataset(self, profile: str) -> Dataset:
        """Return the dataset's options, with the profile's overrides."""
        values = {**self.suite.dataset, **self.profile(profile).dataset}
        name = values.pop("name", None)
        if not isinstance(name, str):
            raise InputError(f"{self.where(('dataset',))}: dataset: the key 'name' is missing.")
        try:
            cls = DATASETS.get(name)
        except InputError as error:
            raise InputError(f"{self.where(('dataset', 'name'))}: {error}") from None
        return read_options(cls, values, lambda place: f"{self.where(('dataset', *place))}: dataset {name}")

    def tuning(self, profile: str) -> Tuning | None:
        """Return what is searched before one profile's comparison, or None."""
        own, general = self.profile(profile).tuning, self.suite.tuning
        if not own:
            return general
        values = {**(general.model_dump() if general else {}), **own}
        place: Place = ("profiles", profile, "tuning")
        return read_options(Tuning, values, lambda at: f"{self.where((*place, *at))}: profile {profile}: tuning")

    def seeds(self, profile: str) -> list[int]:
        """Return the training seeds of one profile."""
        return self.profile(profile).seeds or self.suite.seeds

    def metrics(self, profile: str) -> list[str]:
        """Return the metric families of one profile."""
        return self.profile(profile).metrics or self.suite.metrics


def read_suite(path: Path) -> LoadedSuite:
    """Read and parse a suite file and check its structure; raise `InputError` with every problem found."""
    text = read_text(path)
    values, lines = parse(text, path)
    suite = read_options(Suite, values, lambda place: f"{path}:{nearest_line(lines, place)}")
    return LoadedSuite(suite, path, hashlib.sha256(text.encode()).hexdigest(), lines)


def nearest_line(lines: Mapping[Place, int], place: Place) -> int:
    """Return the line of the innermost thing in the file that encloses ``place``."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)
