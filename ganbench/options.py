"""Options: frozen, validated settings of a method, dataset or metric, as a suite gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ganbench.errors import InputError
from ganbench.registry import did_you_mean

OptionsT = TypeVar("OptionsT", bound="Options")
Place = tuple[str | int, ...]
MOST_SHOWN = 200  # characters of a wrong value in a message


class Options(BaseModel):
    """Base of all option models. Unknown keys and values of a wrong type are refused; instances are immutable.

    A subclass declares typed fields, each with the paper's default and ``Field(description=...)`` that gives
    meaning, unit and source; constraints (``gt=0``, ``Literal``) belong to the field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def read_options(model: type[OptionsT], values: Mapping[str, Any], where: str | Callable[[Place], str]) -> OptionsT:
    """Make ``model`` from ``values``; raise `InputError` with one line per problem.

    Args:
        model: the option model.
        values: key → value, as they stand in a suite.
        where: what each line begins with (file and line), or a function that gives it from the place of the value.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise InputError(explain(error, model, where)) from None


def explain(error: ValidationError, model: type[BaseModel], where: str | Callable[[Place], str]) -> list[str]:
    """Turn pydantic's errors into one line each: place, key, constraint, the value that came, and the remedy."""
    return [f"{where(item['loc']) if callable(where) else where}: {_sentence(item, model)}" for item in error.errors()]


def _sentence(item: ErrorDetails, model: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        known = _known_keys(model, item["loc"])
        return f"unknown key {key!r}. {did_you_mean(str(item['loc'][-1]), known)}Known keys: {', '.join(known)}."
    if item["type"] == "missing":
        return f"the key {key!r} is missing."
    message = item["msg"].removeprefix("Value error, ").rstrip(".")
    subject = f"{key}: " if key else ""
    if item["type"] == "value_error":
        return f"{subject}{message}."
    return f"{subject}{message[0].lower()}{message[1:]}. Got {_short(item['input'])}{_yaml_hint(item['input'])}."


def _known_keys(model: type[BaseModel], place: Place) -> list[str]:
    """Return the keys that are allowed beside the last part of ``place``, following nested models."""
    for part in place[:-1]:
        field = model.model_fields.get(str(part))
        if field is None:
            continue
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        nested = [kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)]
        model = nested[0] if nested else model
    return list(model.model_fields)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _yaml_hint(value: object) -> str:
    """Explain YAML's commonest surprise: 1e-5 without a point is text."""
    if not isinstance(value, str):
        return ""
    try:
        float(value)
    except ValueError:
        return ""
    return " (YAML reads this as text: write numbers without quotes, and 1e-5 as 1.0e-5)"
