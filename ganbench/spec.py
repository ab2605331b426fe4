"""One trial, fully resolved: what an engine is given, what a hash is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field

import ganbench
from ganbench.data.base import DATASETS, Dataset, TranslationData
from ganbench.errors import InputError
from ganbench.hardware import Precision, gpus_needed
from ganbench.methods.base import METHODS, Method, Task
from ganbench.numerics import MemoryFormat, Numerics
from ganbench.options import read_options
from ganbench.provenance import git_state
from ganbench.results.store import SEARCH_FOLDER, profile_directory, trial_directory
from ganbench.seeding import torch_generator
from ganbench.suite import ImageSize, LoadedSuite, OnOutOfMemory
from ganbench.variants import Variant, expand


class SearchPart(BaseModel):
    """What makes a trial one of a search of options: validation images stand in for the test images.

    Attributes:
        folder: of all trials of the same search, beneath the profile's ``search``.
        number: of the trial, from 0 on.
        metric: the value that decides.
        rungs: steps after which the trial goes on only if it is among the best; none: it is never stopped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str
    number: int
    metric: str
    higher_is_better: bool
    rungs: tuple[int, ...] = ()


class TrialSpec(BaseModel):
    """A variant with a seed, on one dataset, in one profile. Plain data: it travels to workers as JSON.

    Attributes:
        label: the row of the leaderboard.
        options: the method's resolved options.
        dataset: name and resolved options of the dataset.
        data_fingerprint: sha256 of the images it must give.
        n_train: training images of each domain that the method sees, the first ones; None: all. The evaluation
            always refers to all.
        threads: of torch, in training and evaluation.
        gpus: that it asks for; where the suite says auto, one until a share is measured (see `ganbench.gpu_sharing`).
        profile_dir: absolute path of ``results/<suite>/<profile>``.
        code: commit and dirtiness of ganbench when the run was planned.
        tensorboard: whether the training is logged for TensorBoard, too.
        checkpoint_seconds: training that a crash may cost.
        time_limit: seconds that one attempt may take; None: any.
        on_out_of_memory: what follows where the memory doesn't suffice; see `Profile`.
        search: of the trials of a search alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    suite: str
    profile: str
    method: str
    label: str
    options: dict[str, Any]
    seed: int
    dataset: dict[str, Any]
    data_fingerprint: str
    image_size: ImageSize
    steps: int
    batch_size: int
    n_train: int | None = None
    flip: bool
    precision: Precision = "float32"
    memory_format: MemoryFormat = "channels_last"
    compiled: bool = False
    threads: int
    gpus: float
    metrics: tuple[str, ...]
    extractor: str
    baseline: bool
    reference: bool
    stochastic: bool
    profile_dir: str
    code: dict[str, Any] = Field(default_factory=dict)
    tensorboard: bool = False
    checkpoint_seconds: float = 60.0
    time_limit: float | None = None
    on_out_of_memory: OnOutOfMemory = "fail"
    search: SearchPart | None = None

    @property
    def training_hash(self) -> str:
        """Content hash of everything that changes the trained weights: no metric, no label, no path."""
        return self.training_hash_under(ganbench.__version__)

    def training_hash_under(self, version: str) -> str:
        """Return the `training_hash` that another version of ganbench gives the same training."""
        keys = {"method", "options", "seed", "data_fingerprint", "image_size", "steps", "batch_size", "flip",
                "precision", "threads"}  # fmt: skip
        if self.n_train is not None:  # where nobody limits the images, the hash is that of versions without the limit
            keys.add("n_train")
        if self.memory_format != "channels_last":  # likewise: versions that knew no other didn't name it
            keys.add("memory_format")
        if self.compiled:
            keys.add("compiled")
        content = {**self.model_dump(include=keys), "gpu": self.gpus > 0, "ganbench": version}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def numerics(self) -> Numerics:
        """How the trial computes."""
        return Numerics(precision=self.precision, memory_format=self.memory_format, compiled=self.compiled)

    @property
    def seconds_allowed(self) -> float | None:
        """How long one attempt may take; the built-in baselines, which are known to end, may take any time."""
        return None if self.baseline or self.reference else self.time_limit

    @property
    def directory(self) -> Path:
        """Where the trial's record and files lie."""
        place = Path(self.profile_dir)
        if self.search:
            place = place / SEARCH_FOLDER / self.search.folder
        return trial_directory(place, self.label, self.seed, self.training_hash)

    @property
    def title(self) -> str:
        """Label and seed, for progress lines and messages."""
        if self.search:
            return f"{self.label} · search {self.search.number}"
        return f"{self.label} · seed {self.seed}"


def open_dataset(block: Mapping[str, Any]) -> Dataset:
    """Return the dataset that a resolved ``dataset`` block (its name and options) describes."""
    values = dict(block)
    name = values.pop("name", None)
    if not isinstance(name, str):  # of a record that was changed by hand
        raise InputError("dataset: the key 'name' is missing.")
    return read_options(DATASETS.get(name), values, f"dataset {name}")


def make_method(spec: TrialSpec, task: Task, device: torch.device) -> Method:
    """Return the trial's method, its weights drawn from the trial's seed."""
    cls = METHODS.get(spec.method)
    options = read_options(cls.Options, spec.options, f"method {spec.label}")
    return spec.numerics.prepare(cls(options, task, torch_generator(spec.seed, "weights"), device))


def make_specs(
    loaded: LoadedSuite, profile_name: str, data: TranslationData, results: Path, seeds: list[int] | None = None
) -> list[TrialSpec]:
    """Expand a suite into its trials. Deterministic baselines get one seed: more would repeat the same pictures.

    Args:
        loaded: a validated suite.
        profile_name: which of its profiles.
        data: the images, already loaded at the profile's size.
        results: the results directory.
        seeds: overrides the suite's seeds.
    """
    variants = expand(loaded, profile_name)
    seeds = seeds or loaded.seeds(profile_name)
    code = git_state()
    _check_two_domains(loaded, profile_name, data)
    _check_n_train(loaded, variants, data)
    return [
        _spec(loaded, profile_name, variant, seed, data, results).model_copy(update={"code": code})
        for variant in variants
        for seed in (seeds if variant.cls.trained or variant.stochastic else seeds[:1])
    ]


def _check_two_domains(loaded: LoadedSuite, profile_name: str, data: TranslationData) -> None:
    if data.source == data.target:
        name = {**loaded.suite.dataset, **loaded.profile(profile_name).dataset}["name"]
        raise InputError(
            f"{loaded.where(('dataset',))}: dataset {name}: has one domain alone, {data.source!r}, and nothing to "
            f"translate it to. Make pairs of it: {{name: degraded, of: {{name: {name}, …}}}}."
        )


def _check_n_train(loaded: LoadedSuite, variants: list[Variant], data: TranslationData) -> None:
    available = min(len(data.images(name, "train")) for name in data.domains)
    problems = [
        f"{loaded.path}: method {variant.label}: n_train must be at most the {available} training images of the "
        f"dataset. Got {variant.n_train}: lower it, or give the dataset more."
        for variant in variants
        if (variant.n_train or 0) > available
    ]
    if problems:
        raise InputError(problems)


def _spec(
    loaded: LoadedSuite, profile_name: str, variant: Variant, seed: int, data: TranslationData, results: Path
) -> TrialSpec:
    profile, dataset = loaded.profile(profile_name), loaded.dataset(profile_name)
    return TrialSpec(
        suite=loaded.suite.name,
        profile=profile_name,
        method=variant.method,
        label=variant.label,
        options=dict(variant.options),
        seed=seed,
        dataset={**loaded.suite.dataset, **profile.dataset, **dataset.model_dump()},
        data_fingerprint=data.fingerprint,
        image_size=profile.image_size,
        steps=variant.steps,
        batch_size=variant.batch_size,
        n_train=variant.n_train,
        flip=profile.flip,
        threads=profile.cpus_per_trial,
        gpus=gpus_needed(profile.gpus_per_trial),
        metrics=tuple(loaded.metrics(profile_name)),
        extractor=loaded.suite.extractor,
        baseline=variant.cls.baseline,
        reference=variant.cls.reference,
        stochastic=variant.stochastic,
        profile_dir=str(profile_directory(results, loaded.suite.name, profile_name).absolute()),
        checkpoint_seconds=profile.checkpoint_seconds,
        time_limit=profile.time_limit,
        on_out_of_memory=profile.on_out_of_memory,
    )
