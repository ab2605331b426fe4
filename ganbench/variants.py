"""Expansion: every method × every combination of the grid becomes a variant, one row of the leaderboard.

All problems of a suite are reported together, each with file, line, key, value and remedy, before anything runs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from ganbench.errors import InputError
from ganbench.methods.base import METHODS, Method
from ganbench.metrics.base import METRICS
from ganbench.names import check_name
from ganbench.nets.extractors import EXTRACTORS
from ganbench.options import Options, Place, read_options
from ganbench.registry import did_you_mean
from ganbench.results.ranks import undecidable
from ganbench.suite import LoadedSuite, MethodEntry, Profile, read_suite
from ganbench.suite_values import headline_problems
from ganbench.tuning.check import describe_tuning, tuning_problems

MOST_ROWS = 500  # of one profile; a grid multiplies, so that a few lines can ask for millions
BUDGET_KEYS = ("steps", "batch_size", "n_train")  # budget keys that a method or the grid may give


@dataclass(frozen=True)
class Variant:
    """One row of the leaderboard: a method with resolved options and budget."""

    method: str
    label: str
    options: Mapping[str, Any]
    steps: int
    batch_size: int
    cls: type[Method]
    n_train: int | None = None  # training images of each domain that the method sees; None: all
    own: frozenset[str] = frozenset()  # options that its entry or the grid gives: a search leaves them alone

    @property
    def stochastic(self) -> bool:
        """Whether several translations of one image differ."""
        return self.cls.is_stochastic(self.cls.Options.model_validate(self.options))

    @property
    def identity(self) -> str:
        """Equal for two variants that would do the same work, whatever their labels."""
        return repr((self.method, sorted(self.options.items()), self.steps, self.batch_size, self.n_train))


def load_suite(path: Path) -> LoadedSuite:
    """Read, parse and validate a suite, all profiles of it; raise `InputError` with every problem found."""
    loaded = read_suite(path)
    problems = list(dict.fromkeys(_problems(loaded)))
    if problems:
        raise InputError(problems)
    return loaded


def describe(loaded: LoadedSuite) -> str:
    """Return a few lines that say what a valid suite would run."""
    lines = [f"{loaded.path}: valid suite {loaded.suite.name!r}"]
    for name in loaded.suite.profiles:
        variants, tuning = expand(loaded, name), loaded.tuning(name)
        labels = [variant.label for variant in variants]
        seeds = len(loaded.seeds(name))
        lines.append(f"  profile {name}: {seeds} seed(s), rows {', '.join(labels)}")
        lines += [f"    {describe_tuning(tuning, variants, seeds)}"] if tuning else []
        lines += [f"    {warning}" for warning in [undecidable(seeds)] if warning]
    return "\n".join(lines)


def _problems(loaded: LoadedSuite) -> Iterator[str]:
    suite = loaded.suite
    for index, name in enumerate(suite.metrics):
        if name not in METRICS.names():
            yield f"{loaded.where(('metrics', index))}: {METRICS.unknown(name)}"
    if suite.extractor not in EXTRACTORS.names():
        yield f"{loaded.where(('extractor',))}: {EXTRACTORS.unknown(suite.extractor)}"
    yield from headline_problems(loaded)
    for name, profile in suite.profiles.items():
        for index, metric in enumerate(profile.metrics or ()):
            if metric not in METRICS.names():
                yield f"{loaded.where(('profiles', name, 'metrics', index))}: {METRICS.unknown(metric)}"
        variants = None
        try:
            loaded.dataset(name)
        except InputError as error:
            yield from error.problems
        try:
            variants = expand(loaded, name)
        except InputError as error:
            yield from error.problems
        yield from tuning_problems(loaded, name, variants)


def expand(loaded: LoadedSuite, profile_name: str) -> list[Variant]:
    """Expand methods × grid for one profile, with the baselines; raise `InputError` with all problems."""
    profile = loaded.profile(profile_name)
    own_methods = profile.methods is not None
    place: Place = ("profiles", profile_name, "methods") if own_methods else ("methods",)
    entries = list(enumerate(profile.methods or loaded.suite.methods))
    problems: list[str] = []
    variants: dict[str, Variant] = {}
    used_keys: set[str] = set(BUDGET_KEYS)
    asked = 0
    for index, entry in entries:
        try:
            item = _read_entry(loaded, profile_name, entry, (*place, index))
            used_keys |= item.allowed
            asked += item.count
            _check_count(asked, item)
            for variant in item.variants():
                variants.setdefault(variant.identity, variant)
        except InputError as error:
            problems += error.problems
    problems += _unused_keys(loaded, profile_name, used_keys)
    problems += _same_labels(loaded, place, list(variants.values()))
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    listed = {variant.method for variant in variants.values()}
    return [*variants.values(), *(_baseline(name, profile) for name in _baseline_names() if name not in listed)]


@dataclass(frozen=True)
class _Entry:
    """One entry of ``methods`` in one profile. An option comes from the entry itself, the grid, or the profile."""

    loaded: LoadedSuite
    profile_name: str
    place: Place
    name: str
    label: str
    own: Mapping[str, Any]

    @property
    def cls(self) -> type[Method]:
        return METHODS.get(self.name)

    @property
    def allowed(self) -> set[str]:
        return {*self.cls.Options.model_fields, *(BUDGET_KEYS if self.cls.trained else ())}

    @property
    def axes(self) -> dict[str, list[Any]]:
        """The axes of the grid that the method has and the entry leaves open."""
        grid = self.loaded.suite.grid
        return {key: values for key, values in grid.items() if key in self.allowed and key not in self.own}

    @property
    def count(self) -> int:
        """How many combinations the axes have."""
        return math.prod(map(len, self.axes.values()))

    def variants(self) -> Iterator[Variant]:
        """Yield one variant for each combination of the grid; options that the method lacks or ignores are dropped."""
        axes = self.axes
        for combination in itertools.product(*axes.values()):
            yield self.variant(dict(zip(axes, combination, strict=True)))

    def variant(self, chosen: Mapping[str, Any]) -> Variant:
        """Resolve one combination of the grid; raise `InputError` with its problems."""
        profile = self.loaded.profile(self.profile_name)
        defaults = {key: value for key, value in profile.options.items() if key in self.allowed}
        merged = {**defaults, **chosen, **self.own}

        def locate(place: Place) -> str:
            return self.locate(place, chosen, defaults)

        given = {key: merged.pop(key) for key in BUDGET_KEYS if key in merged and self.cls.trained}
        budget = read_options(_Budget, {"steps": profile.steps, "batch_size": profile.batch_size} | given, locate)
        steps = budget.steps if self.cls.trained else 0
        options = read_options(self.cls.Options, merged, locate)
        ignored = dict(options.ignored())
        if ignored.keys() & chosen.keys():
            return self.variant({key: value for key, value in chosen.items() if key not in ignored})
        refusals = [*self._without_effect(ignored), *self.cls.refusals(options, profile.image_size, budget.batch_size)]
        if refusals:
            raise InputError([f"{locate((reason.partition(':')[0],))}: {reason}." for reason in refusals])
        return Variant(
            self.name, self._label(chosen), options.model_dump(), steps, budget.batch_size, self.cls, budget.n_train,
            frozenset({*self.own, *chosen}),
        )  # fmt: skip

    def _without_effect(self, ignored: Mapping[str, str]) -> Iterator[str]:
        """Yield a sentence for each option that the entry itself sets and that has no effect; defaults may stand."""
        for key, why in ignored.items():
            value = self.own.get(key)
            if key in self.own and value != self.cls.Options.model_fields[key].default:
                yield f"{key}: has no effect here, for {why}. Got {value!r}: leave it out"

    def _label(self, chosen: Mapping[str, Any]) -> str:
        """Return the entry's label, with the values of those axes of the grid that vary."""
        varied = [str(value) for key, value in chosen.items() if len(self.loaded.suite.grid[key]) > 1]
        return "-".join([self.label, *varied]).replace(":", "-")  # "fgan:kl" in a folder's name

    def locate(self, place: Place, chosen: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
        """Say where the option at ``place`` came from: file, line, and which part of the suite."""
        key = place[0] if place else ""
        if key in _OF_PROFILE and key not in {*self.own, *chosen}:
            where = self.loaded.where(("profiles", self.profile_name, key))
            return f"{where}: profile {self.profile_name}, for method {self.label}"
        if key in self.own or key not in {*chosen, *defaults}:
            return f"{self.loaded.where((*self.place, *place))}: method {self.label}"
        if key in chosen:
            return f"{self.loaded.where(('grid', key))}: grid, for method {self.name}"
        where = self.loaded.where(("profiles", self.profile_name, "options", key))
        return f"{where}: profile {self.profile_name}, for method {self.name}"


_OF_PROFILE = ("image_size", "steps", "batch_size")  # keys of a profile that a method may be at odds with


class _Budget(Options):
    steps: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    n_train: int | None = Field(None, ge=1)


def _read_entry(loaded: LoadedSuite, profile_name: str, entry: MethodEntry, place: Place) -> _Entry:
    own = {"name": entry} if isinstance(entry, str) else dict(entry)
    name, label = own.pop("name", None), own.pop("label", None)
    if not isinstance(name, str):
        raise InputError(
            f"{loaded.where(place)}: a method must be a name or a mapping with the key 'name'. Got {entry!r}."
        )
    if name not in METHODS.names():
        raise InputError(f"{loaded.where(place)}: {METHODS.unknown(name)}")
    try:
        label = check_name(name if label is None else str(label))
    except ValueError as error:
        raise InputError(f"{loaded.where((*place, 'label'))}: label: {error}.") from None
    return _Entry(loaded, profile_name, place, name, label, own)


def _check_count(asked: int, item: _Entry) -> None:
    if asked > MOST_ROWS:
        raise InputError(
            f"{item.loaded.where(item.place)}: profile {item.profile_name}: methods × grid must give at most "
            f"{MOST_ROWS:,} rows. Got {asked:,} up to method {item.label}: shorten the grid, or split the suite."
        )


def _unused_keys(loaded: LoadedSuite, profile_name: str, used_keys: set[str]) -> Iterator[str]:
    """Yield a problem for every axis of the grid that no method of the suite has, and every unknown profile option."""
    for key in loaded.suite.grid:
        if key not in used_keys:
            where = loaded.where(("grid", key))
            hint = did_you_mean(key, used_keys)
            yield f"{where}: grid: no method of this suite has the option {key!r}. {hint}"
    known = {field for name in METHODS.names() for field in METHODS.get(name).Options.model_fields} | used_keys
    for key in loaded.profile(profile_name).options:
        if key not in known:  # an option of a method that this suite leaves out is no mistake
            where = loaded.where(("profiles", profile_name, "options", key))
            yield f"{where}: profile {profile_name}: no method has the option {key!r}. {did_you_mean(key, known)}"


def _same_labels(loaded: LoadedSuite, place: Place, variants: list[Variant]) -> Iterator[str]:
    labels = [variant.label for variant in variants]
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        yield (
            f"{loaded.where(place)}: two methods bear the label {label!r} with different options. "
            "Give one of them a label of its own, as in {name: cyclegan, label: cyclegan-l2, reconstruction: l2}."
        )


def _baseline_names() -> list[str]:
    return [name for name in METHODS.names() if METHODS.get(name).baseline or METHODS.get(name).reference]


def _baseline(name: str, profile: Profile) -> Variant:
    cls = METHODS.get(name)
    return Variant(name, name, cls.Options().model_dump(), steps=0, batch_size=profile.batch_size, cls=cls)
