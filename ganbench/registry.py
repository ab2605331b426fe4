"""Names for pluggable things: methods, losses, datasets, metrics, extractors.

A thing is registered by a decorator in its own file. Built-in files are found by looking into their package,
third-party ones through entry points; nothing central is edited for a new one.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from ganbench.errors import InputError

T = TypeVar("T")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"Did you mean 'x'? "`` for the nearest known name, or an empty string."""
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"Did you mean {nearest[0]!r}? " if nearest else ""


class Registry(Generic[T]):
    """A mapping from name to thing that fills itself on first use.

    Args:
        kind: what is registered, in the singular, for messages ("method").
        package: dotted name of the package whose modules hold the built-in things, or of one module.
        group: entry-point group of third-party packages ("ganbench.methods"); each entry point names a module
            (or an object in one) that registers itself when imported.
    """

    def __init__(self, kind: str, package: str, group: str | None = None) -> None:
        self.kind = kind
        self.package = package
        self.group = group
        self.broken: dict[str, str] = {}  # entry point -> why it could not be loaded
        self._things: dict[str, T] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """Register the decorated thing under ``name``. A name that is taken already raises ``ValueError``."""

        def decorate(thing: T) -> T:
            if name in self._things and self._things[name] is not thing:
                raise ValueError(f"A {self.kind} named {name!r} is registered already: {self._things[name]!r}.")
            self._things[name] = thing
            return thing

        return decorate

    def get(self, name: str) -> T:
        """Return the thing named ``name``; an unknown name raises `InputError` with the known ones."""
        self._load()
        if name not in self._things:
            raise InputError(self.unknown(name))
        return self._things[name]

    def names(self) -> list[str]:
        """Return all registered names, sorted."""
        self._load()
        return sorted(self._things)

    def unknown(self, name: str) -> str:
        """Say that ``name`` is unknown, which name was probably meant, and which there are."""
        hint = did_you_mean(name, self.names())
        broken = "".join(f" The plugin {plugin} could not be loaded: {why}." for plugin, why in self.broken.items())
        return f"Unknown {self.kind} {name!r}. {hint}Known: {', '.join(self.names())}.{broken}"

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(getattr(package, "__path__", [])):
            importlib.import_module(f"{self.package}.{module.name}")
        for point in entry_points(group=self.group) if self.group else ():
            try:
                point.load()
            except Exception as error:  # a broken plugin must not take the others with it
                self.broken[point.name] = f"{type(error).__name__}: {error}"
