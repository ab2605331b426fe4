import importlib.metadata

import pytest

from ganbench.errors import InputError
from ganbench.registry import Registry


def test_registers_and_finds():
    registry = Registry("colour", "ganbench.losses")
    registry.register("red")(1)
    assert registry.get("red") == 1
    assert "red" in registry.names()


def test_a_second_thing_of_one_name_is_refused():
    registry = Registry("colour", "ganbench.losses")
    registry.register("red")(1)
    with pytest.raises(ValueError, match="'red' is registered already"):
        registry.register("red")(2)


def test_an_unknown_name_lists_the_known_ones_and_the_nearest():
    registry = Registry("colour", "ganbench.losses")
    registry.register("crimson")(1)
    registry.register("blue")(2)
    with pytest.raises(InputError, match=r"Unknown colour 'crimsom'. Did you mean 'crimson'\? Known: blue, crimson"):
        registry.get("crimsom")


def test_a_broken_plugin_is_named_and_harms_no_other(monkeypatch):
    class Broken:
        name = "their-colour"

        def load(self):
            raise ImportError("no module named paint")

    monkeypatch.setattr("ganbench.registry.entry_points", lambda group: [Broken()])
    registry = Registry("colour", "ganbench.losses", "ganbench.colours")
    registry.register("red")(1)
    assert registry.names() == ["red"]
    with pytest.raises(InputError, match="their-colour could not be loaded: ImportError: no module named paint"):
        registry.get("green")


def test_entry_points_are_looked_up_by_group(monkeypatch):
    groups = []
    monkeypatch.setattr("ganbench.registry.entry_points", lambda group: groups.append(group) or [])
    Registry("colour", "ganbench.losses", "ganbench.colours").names()
    assert groups == ["ganbench.colours"]
    assert importlib.metadata.entry_points is not None
