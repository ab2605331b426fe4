"""Which values a suite's metrics give: what a headline, or a search of options, may name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ganbench.errors import InputError
from ganbench.metrics.base import METRICS, Quantity
from ganbench.nets.extractors import EXTRACTORS
from ganbench.registry import did_you_mean
from ganbench.suite import LoadedSuite


@dataclass(frozen=True)
class Wanted:
    """A value that a suite names: what it is called in records, and the metric family that gives it."""

    name: str
    family: str
    quantity: Quantity


def find_value(loaded: LoadedSuite, profile: str, wanted: str) -> Wanted:
    """Return the value ``wanted`` of a profile's metrics.

    A value that bears the extractor's name may be called without it: ``kid`` for ``kid_efficientnet-lite0``.

    Raises:
        InputError: the profile's metrics don't give it, or neither high nor low values of it are better.
    """
    attribute, given = _attributes(loaded, profile), _given(loaded, profile)
    for name in (wanted, f"{wanted}_{loaded.suite.extractor}"):
        for family, quantity in given:
            if re.fullmatch(re.sub("<[a-z]+>", attribute, re.escape(quantity.name)), name):
                if quantity.higher_is_better is None:
                    raise InputError(f"neither high nor low values of {wanted!r} are better. Choose one that ranks.")
                return Wanted(name, family, quantity)
    names = [quantity.name for _, quantity in given]
    raise InputError(
        f"the metrics of profile {profile} give no value {wanted!r}. {did_you_mean(wanted, names)}"
        f"They give: {', '.join(names)}."
    )


def headline_problems(loaded: LoadedSuite) -> Iterator[str]:
    """Yield a problem where a profile's metrics don't give the declared headline, or give it without a direction."""
    wanted, suite = loaded.suite.headline, loaded.suite
    if wanted is None or suite.extractor not in EXTRACTORS.names():
        return
    for profile in suite.profiles:
        try:
            find_value(loaded, profile, wanted)
        except InputError as error:
            yield f"{loaded.where(('headline',))}: headline: {error}"


def _given(loaded: LoadedSuite, profile: str) -> list[tuple[str, Quantity]]:
    families = [name for name in loaded.metrics(profile) if name in METRICS.names()]
    return [(name, each) for name in families for each in METRICS.get(name)().quantities(loaded.suite.extractor)]


def _attributes(loaded: LoadedSuite, profile: str) -> str:
    """Return a pattern of what "judge_<attribute>" may stand for: any word, where only the data itself can tell."""
    try:
        known = type(loaded.dataset(profile)).card().classes
    except InputError:  # reported by itself
        known = {}
    return f"({'|'.join(map(re.escape, known))})" if known else "[a-zA-Z0-9_-]+"
