"""Options: frozen, validated settings of a method, dataset or metric, as a suite gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ganbench.errors import InputError
from ganbench.registry import did_you_mean

OptionsT = TypeVar("OptionsT", bound="Options")


class Options(BaseModel):
    """Base of all option models. Unknown keys and values of a wrong type are refused; instances are immutable.

    A subclass declares typed fields, each with the paper's default and ``Field(description=...)`` that gives
    meaning, unit and source; constraints (``gt=0``, ``Literal``) belong to the field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def read_options(model: type[OptionsT], values: Mapping[str, Any], where: str) -> OptionsT:
    """Make ``model`` from ``values``; raise `InputError` with one line per problem, each beginning with ``where``."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise InputError(explain(error, model, where)) from None


def explain(error: ValidationError, model: type[BaseModel], where: str) -> list[str]:
    """Turn pydantic's errors into sentences: place, constraint, the value that came, and the remedy."""
    problems = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            known = list(model.model_fields)
            hint = did_you_mean(key.rsplit(".", 1)[-1], known)
            problems.append(f"{where}: unknown key {key!r}. {hint}Known keys: {', '.join(known)}.")
        elif item["type"] == "missing":
            problems.append(f"{where}: the key {key!r} is missing.")
        else:
            message = item["msg"][0].lower() + item["msg"][1:]
            problems.append(f"{where}: {key}: {message}. Got {item['input']!r}.")
    return problems
