"""The verb `list`: what a suite can name, with its options, papers, artists and licences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ganbench.errors import InputError


@dataclass(frozen=True)
class Entry:
    """One listed thing: a headline, and details as (key, text)."""

    name: str
    summary: str
    details: tuple[tuple[str, str], ...] = field(default=())

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"name": self.name, "summary": self.summary, **dict(self.details)}


def entries(kind: str, suites: Path) -> list[Entry]:
    """Return everything of one kind: methods, losses, datasets, metrics, extractors or suites."""
    makers = {
        "methods": lambda: _methods(),
        "losses": lambda: _losses(),
        "datasets": lambda: _datasets(),
        "metrics": lambda: _metrics(),
        "extractors": lambda: _extractors(),
        "suites": lambda: _suites(suites),
    }
    return list(makers[kind]())


def print_entries(found: list[Entry]) -> None:
    """Print entries to standard output."""
    console = Console()
    for entry in found:
        console.print(Text.assemble((entry.name, "bold cyan"), "  ", entry.summary))
        for key, text in entry.details:
            console.print(Padding(Text.assemble((f"{key}: ", "dim"), text), (0, 0, 0, 4)))


def _methods() -> Iterator[Entry]:
    from ganbench.methods.base import METHODS

    for name in METHODS.names():
        cls = METHODS.get(name)
        needs = [
            word for word, needed in (("labels", cls.needs_labels), ("pairs", cls.needs_pairs)) if needed
        ]  # fmt: skip
        details = [("paper", cls.paper)] if cls.paper else []
        details += [("needs", ", ".join(needs))] if needs else []
        yield Entry(name, cls.summary, (*details, *_options(cls.Options)))


def _options(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    text = ", ".join(f"{name}={field.default}" for name, field in model.model_fields.items())
    if text:
        yield "options", text


def _losses() -> Iterator[Entry]:
    from ganbench.losses.adversarial import ADVERSARIAL
    from ganbench.losses.reconstruction import RECONSTRUCTION
    from ganbench.losses.regularizers import REGULARIZERS

    for name in ADVERSARIAL.names():
        loss = ADVERSARIAL.get(name)
        yield Entry(name, _first_line(loss), (("kind", "adversarial"), ("source", loss.source), *_options(loss)))
    for name in REGULARIZERS.names():
        kind = REGULARIZERS.get(name)
        yield Entry(name, _first_line(kind), (("kind", "regulariser"), ("source", kind.source), *_options(kind)))
    for name in RECONSTRUCTION.names():
        yield Entry(name, RECONSTRUCTION.get(name).summary, (("kind", "reconstruction"),))


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").splitlines()[0]


def _datasets() -> Iterator[Entry]:
    from ganbench.data.base import DATASETS

    for name in DATASETS.names():
        card = DATASETS.get(name).card()
        details = [("domains", ", ".join(card.domains)), ("images", card.counts)]
        details += [(f"attribute {key}", ", ".join(values)) for key, values in card.classes.items()]
        details += [("credit", f"{c.title} by {c.artist}, {c.licence}, {c.url}") for c in card.credits]
        yield Entry(name, card.summary, tuple(details))


def _metrics() -> Iterator[Entry]:
    from ganbench.metrics.base import METRICS

    for name in METRICS.names():
        family = METRICS.get(name)()
        quantities = family.quantities("efficientnet-lite0")
        yield Entry(name, family.summary, tuple((quantity.name, _meaning(quantity)) for quantity in quantities))


def _meaning(quantity: Any) -> str:
    directions = {True: "higher is better", False: "lower is better", None: "no better direction"}
    note = f". {quantity.note}" if quantity.note else ""
    return f"{quantity.title}, {directions[quantity.higher_is_better]}{note}"


def _extractors() -> Iterator[Entry]:
    from ganbench.nets.extractors import EXTRACTORS

    for name in EXTRACTORS.names():
        yield Entry(name, (EXTRACTORS.get(name).__doc__ or "").splitlines()[0])


def _suites(folder: Path) -> Iterator[Entry]:
    from ganbench.suite import read_suite

    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise InputError(f"{folder}: no suites (*.yaml) here. Name their folder with --suites DIR.")
    for path in paths:
        try:
            suite = read_suite(path).suite
        except InputError as error:
            yield Entry(str(path), f"not a valid suite: {error.problems[0]}")
            continue
        yield Entry(str(path), suite.description, (("profiles", ", ".join(suite.profiles)),))
