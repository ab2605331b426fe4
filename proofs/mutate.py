"""Mutations of files: bytes flipped, cut, repeated and spliced; values swapped, grown and nested."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

Rng = np.random.Generator
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the C one is ten times as fast
MAGIC = (
    b"\x00", b"\xff\xfe", b"&a [*a, *a]", b"*a", b"!!python/object/apply:os.system ['touch pwned']", b"!!binary x",
    b"!!timestamp x", b"<<: ", b"{{", b"[" * 2000, b"{a: " * 500, b"- " * 500, b"? ", b"---\n", b"%YAML 9.9\n", b"\t",
    b"1:2:3:" * 400, b"0x" + b"f" * 5000, b"9" * 5000, b"1e999", b".inf", b".nan", b"NaN", b"-Infinity", b"\"\\ud800\"",
    b"\"\\0\\e[31m\"", b"../", b"\\u0000", b"2001-01-01", b"~", b"\r\n", b"# ", b": ", b", ", b"'", b'"',
)  # fmt: skip
VALUES: tuple[Callable[[], Any], ...] = (
    lambda: None, lambda: True, lambda: -1, lambda: 0, lambda: 2**63, lambda: 10**400, lambda: -(10**30),
    lambda: 1e308, lambda: 5e-324, lambda: float("nan"), lambda: float("inf"), lambda: "", lambda: " ",
    lambda: "a" * 30_000, lambda: "../../escaped", lambda: "/escaped", lambda: "..", lambda: "con\x00trol",
    lambda: "\x1b[31mred\x1b[0m", lambda: "<script>alert(1)</script>", lambda: "{{7*7}}", lambda: "$(touch escaped)",
    lambda: "[bold]markup[/nothing]", lambda: "| pipe | `tick` |\n\n# title", lambda: "名前\u202e\u200b", lambda: [],
    lambda: {}, lambda: [[]], lambda: [0] * 2000, lambda: {str(k): k for k in range(2000)}, lambda: nested(15),
    lambda: nested(300), lambda: ["x", 1, None, {"a": []}], lambda: "1.0e-5", lambda: "nan", lambda: 0.1,
)  # fmt: skip


def nested(depth: int) -> Any:
    """Return a list in a list in a list …"""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@dataclass(frozen=True)
class Sound:
    """A sound file: its bytes, the plain data in it, and what writes such data."""

    content: bytes
    data: Any
    dump: Callable[[Any], bytes]


def mutate(sound: Sound, other: Sound, rng: Rng) -> bytes:
    """Return a sound file with a few mutations, of its structure or of its bytes, with parts of the ``other``."""
    content = sound.content
    if rng.random() < 0.6:
        value = copy.deepcopy(sound.data)
        for _ in range(rng.integers(1, 4)):
            value = _change(value, other.data, rng)
        with suppress(RecursionError):  # nested by two changes: too deep for what writes it
            content = sound.dump(value)
        if rng.random() < 0.8:
            return content
    for _ in range(rng.integers(1, 4)):
        content = _BYTES[rng.integers(len(_BYTES))](content, other.content, rng)
    return content


def to_yaml(value: Any) -> bytes:
    """Write plain data as YAML."""
    text = yaml.dump(value, Dumper=DUMPER, sort_keys=False, allow_unicode=True)
    return str(text).encode("utf-8", "surrogatepass")


def to_json(value: Any) -> bytes:
    """Write plain data as JSON, one line per key as records are."""
    if not isinstance(value, dict):
        return json.dumps(value).encode()
    return ("{\n" + ",\n".join(f"{json.dumps(str(k))}: {json.dumps(v)}" for k, v in value.items()) + "\n}\n").encode()


def _change(value: Any, other: Any, rng: Rng) -> Any:
    """Return ``value`` with one part changed; the parts of all depths are equally likely."""
    places = list(_places(value))
    if not places:
        return _hostile(rng)
    holder, key = places[rng.integers(len(places))]
    _STRUCTURE[rng.integers(len(_STRUCTURE))](holder, key, other, rng)
    return value


def _places(value: Any) -> Any:
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from _places(value[key])


def _hostile(rng: Rng) -> Any:
    return VALUES[rng.integers(len(VALUES))]()


def _replace(holder: Any, key: Any, other: Any, rng: Rng) -> None:
    holder[key] = _hostile(rng)


def _delete(holder: Any, key: Any, other: Any, rng: Rng) -> None:
    del holder[key]


def _retype(holder: Any, key: Any, other: Any, rng: Rng) -> None:
    value = holder[key]
    forms = (str(value), [value], {"name": value}, bool(value), repr(value), len(str(value)))
    holder[key] = forms[rng.integers(len(forms))]


def _grow(holder: Any, key: Any, other: Any, rng: Rng) -> None:
    value = holder[key]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        more = value + 0.5 if abs(value) < 10**300 else -value  # no float is so large
        holder[key] = (value * 10**6, -value, more, value * 10**18)[rng.integers(4)]
    elif isinstance(value, (str, list)):
        holder[key] = value * int(rng.integers(2, 200))
    else:
        holder[key] = _hostile(rng)


def _rename(holder: Any, key: Any, other: Any, rng: Rng) -> None:
    if isinstance(holder, dict):
        holder[str(_hostile(rng))[:2000]] = holder.pop(key)
    else:
        holder.insert(key, _hostile(rng))


def _transplant(holder: Any, key: Any, other: Any, rng: Rng) -> None:
    places = list(_places(other))
    donor, its_key = places[rng.integers(len(places))]
    holder[key] = copy.deepcopy(donor[its_key])  # not a reference: a part may be put into itself


def _flip(content: bytes, other: bytes, rng: Rng) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.integers(1, 9)):
        if changed:
            changed[rng.integers(len(changed))] = rng.integers(256)
    return bytes(changed)


def _cut(content: bytes, other: bytes, rng: Rng) -> bytes:
    start, end = sorted(rng.integers(0, len(content) + 1, 2))
    return content[:start] + content[end:]


def _truncate(content: bytes, other: bytes, rng: Rng) -> bytes:
    return content[: rng.integers(0, len(content) + 1)]


def _repeat(content: bytes, other: bytes, rng: Rng) -> bytes:
    start, end = sorted(rng.integers(0, len(content) + 1, 2))
    return content[:end] + content[start:end] * int(rng.integers(1, 8)) + content[end:]


def _insert(content: bytes, other: bytes, rng: Rng) -> bytes:
    at = rng.integers(0, len(content) + 1)
    return content[:at] + MAGIC[rng.integers(len(MAGIC))] + content[at:]


def _splice(content: bytes, other: bytes, rng: Rng) -> bytes:
    return content[: rng.integers(0, len(content) + 1)] + other[rng.integers(0, len(other) + 1) :]


_STRUCTURE = (_replace, _replace, _delete, _retype, _grow, _rename, _transplant)
_BYTES = (_flip, _cut, _truncate, _repeat, _insert, _insert, _splice)
