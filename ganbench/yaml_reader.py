"""Reads suite files: safe YAML of bounded size, with the line of every key, and duplicate keys refused."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from ganbench.errors import InputError

MAX_BYTES = 1 << 16  # a suite is a page of text; anything larger is a mistake or an attack
MAX_VALUES = 10_000  # keys, entries of lists and texts together: what a reader in pure Python parses in a second
MAX_DEPTH = 20
MAX_NUMBER = 40  # characters; base 60 or hexadecimal digits without end would take hours, and no number needs them
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # all but tab and newline


class _SuiteLoader(yaml.SafeLoader):
    """A safe loader of bounded work: no tags, no aliases (which can blow up a small file), no duplicate keys."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._check_event(self.peek_event())  # type: ignore[no-untyped-call]
        self.depth += 1
        self.values += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(node, yaml.ScalarNode):
            _check_scalar(node)
        return node

    def _check_event(self, event: Any) -> None:
        problem = ""
        if isinstance(event, yaml.AliasEvent):
            problem = "aliases (*name) are not allowed in a suite"
        elif getattr(event, "tag", None) is not None:
            problem = "tags (!name) are not allowed in a suite"
        elif self.depth >= MAX_DEPTH:
            problem = f"a suite must be nested at most {MAX_DEPTH} deep"
        elif self.values >= MAX_VALUES:
            problem = f"a suite must hold at most {MAX_VALUES:,} values"
        if problem:
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is not text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _check_scalar(node: yaml.ScalarNode) -> None:
    """Refuse numbers without end, and characters that no terminal or file should be sent (escapes can make them)."""
    if node.tag.endswith((":int", ":float")) and len(node.value) > MAX_NUMBER:
        problem = f"a number must have at most {MAX_NUMBER} characters. Got {len(node.value)}"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    found = CONTROL.search(node.value)
    if found:
        problem = f"the control character {found.group()!r} is not allowed in a suite"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def read_text(path: Path) -> str:
    """Return the text of a suite file; raise `InputError` where it is absent, too large or not UTF-8."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise InputError(
                f"{path}: is not a file. Give the path of a suite, for example suites/unpaired_faces.yaml."
            )
        if size > MAX_BYTES:
            raise InputError(f"{path}: a suite must be at most {MAX_BYTES} bytes. Got {size}.")
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. `ganbench list suites` shows the suites that are here.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text ({error.reason} at byte {error.start}).") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None


def parse(text: str, path: Path) -> tuple[dict[str, Any], dict[tuple[str | int, ...], int]]:
    """Parse a suite's text.

    Returns:
        The mapping, and a map from the place of each value, such as ``("profiles", "cpu", "steps")``, to its line.

    Raises:
        InputError: broken YAML, duplicate keys, aliases, or something other than a mapping at the top.
    """
    try:
        loader = _SuiteLoader(text)
        node = loader.get_single_node()
        value = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{path}:{line}: broken YAML: {error.problem}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: broken YAML: {error}.") from None
    if node is None or not isinstance(value, dict):
        raise InputError(f"{path}: a suite must be a mapping of keys to values (name, dataset, methods, …).")
    lines: dict[tuple[str | int, ...], int] = {}
    _collect_lines(node, (), lines)
    return value, lines


def _collect_lines(node: yaml.Node, place: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            lines[(*place, key.value)] = key.start_mark.line + 1
            _collect_lines(child, (*place, key.value), lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _collect_lines(child, (*place, index), lines)
