"""What can be wrong with a suite's ``tuning``, and whose options it searches; all before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ganbench.errors import InputError
from ganbench.nets.extractors import EXTRACTORS
from ganbench.options import Place, read_options
from ganbench.registry import did_you_mean
from ganbench.suite import LoadedSuite, Tuning
from ganbench.suite_values import find_value
from ganbench.tuning.space import Axes, read_axis

if TYPE_CHECKING:
    from ganbench.variants import Variant


def axes_of(tuning: Tuning, variant: Variant) -> Axes:
    """Return what is searched for one row: the options of the space that it has and that its entry leaves open."""
    return {key: read_axis(values) for key, values in tuning.space.items() if _is_open(key, variant)}


def _is_open(key: str, variant: Variant) -> bool:
    contestant = not variant.cls.baseline and not variant.cls.reference
    return contestant and key in variant.cls.Options.model_fields and key not in variant.own


def with_options(variant: Variant, chosen: Mapping[str, Any], image_size: int) -> dict[str, Any]:
    """Return the options of a row with those that a search ``chosen``; what has no effect beside them stays as it was.

    Raises:
        InputError: the method refuses this combination.
    """
    model = variant.cls.Options
    options = read_options(model, {**variant.options, **chosen}, f"method {variant.label}")
    idle = {key for key, _ in options.ignored()} & chosen.keys()
    if idle:
        return with_options(variant, {key: value for key, value in chosen.items() if key not in idle}, image_size)
    if refusals := list(variant.cls.refusals(options, image_size, variant.batch_size)):
        raise InputError([f"method {variant.label}: {reason}." for reason in refusals])
    return options.model_dump()


def describe_tuning(tuning: Tuning, variants: Sequence[Variant], seeds: int) -> str:
    """Return one line: how many trials are searched, and what that costs beside the rows."""
    tuned = [variant for variant in variants if axes_of(tuning, variant)]
    rows = sum(variant.steps * seeds for variant in variants)
    steps = tuning.trials * sum(search_steps(variant.steps, tuning) for variant in tuned)
    most = "at most " if tuning.scheduler == "asha" else ""
    return (
        f"search: {tuning.trials} trial(s) for each of {', '.join(variant.label for variant in tuned)}; "
        f"{most}{steps:,} steps beside the {rows:,} of the rows"
    )


def search_steps(steps: int, tuning: Tuning) -> int:
    """Return the steps of one search trial of a row that trains ``steps``; 0 where it isn't trained by steps."""
    return max(1, round(steps * tuning.share)) if steps else 0


def tuning_problems(loaded: LoadedSuite, profile: str, variants: Sequence[Variant] | None) -> Iterator[str]:
    """Yield what is wrong with the search of one profile, each with file, line, key, value and remedy.

    Where the rows themselves are wrong (None), nothing is said about their options.
    """
    try:
        tuning = loaded.tuning(profile)
    except InputError as error:
        yield from error.problems
        return
    if tuning is None:
        return
    if tuning.trials < 1:
        yield f"{_where(loaded, profile, 'trials')} must be at least 1. Got {tuning.trials}."
    if loaded.suite.extractor in EXTRACTORS.names():
        try:
            find_value(loaded, profile, tuning.metric)
        except InputError as error:
            yield f"{_where(loaded, profile, 'metric')} {error}"
    for key, values in tuning.space.items():
        where = _where(loaded, profile, "space", key)
        try:
            read_axis(values)
        except ValueError as error:
            yield f"{where} {error}."
        else:
            yield from () if variants is None else _key_problems(loaded, tuning, key, variants, where)


def _where(loaded: LoadedSuite, profile: str, *key: str) -> str:
    """Return file, line and name of a key of ``tuning``, in the profile where that overrides it."""
    own = key[0] in loaded.profile(profile).tuning
    place: Place = ("profiles", profile, "tuning", *key) if own else ("tuning", *key)
    return f"{loaded.where(place)}: {f'profile {profile}: ' if own else ''}tuning: {'.'.join(key)}:"


def _key_problems(
    loaded: LoadedSuite, tuning: Tuning, key: str, variants: Sequence[Variant], where: str
) -> Iterator[str]:
    """Yield a problem where no row has the option, or it isn't open, or can't take the ends of its range."""
    if key in loaded.suite.grid:
        yield f"{where} the grid gives this option already. Leave it out of one of the two."
        return
    contestants = [variant for variant in variants if not variant.cls.baseline and not variant.cls.reference]
    known = {field for variant in contestants for field in variant.cls.Options.model_fields}
    if key not in known:
        has = f"no method of this suite has the option {key!r}" if contestants else "the suite has baselines alone"
        yield f"{where} {has}, so there is nothing to search. {did_you_mean(key, known)}".rstrip()
        return
    searched = [variant for variant in contestants if _is_open(key, variant)]
    if not searched:
        yield f"{where} every method that has this option gives it itself. Leave it out there, or here."
    for variant in searched:
        yield from _value_problems(variant, key, read_axis(tuning.space[key]).ends, where)


def _value_problems(variant: Variant, key: str, ends: Sequence[Any], where: str) -> Iterator[str]:
    """Yield why an option itself can't be one of these values; combinations that are refused are drawn again."""
    for value in ends:
        try:
            read_options(variant.cls.Options, {**variant.options, key: value}, f"{where} method {variant.label}")
        except InputError as error:
            yield from (problem for problem in error.problems if f": {key}: " in problem)
