"""Names that become folders: those of suites, profiles and rows."""

from __future__ import annotations

import re

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


def check_name(name: str) -> str:
    """Return ``name`` if it may become a folder's name; raise ``ValueError`` with the rule where it may not."""
    if not NAME.fullmatch(name) or ".." in name:
        raise ValueError(
            f"a name must be 1 to 64 letters, digits, '.', '_', '+' or '-' and begin with a letter or digit, "
            f"because it becomes a folder. Got {name[:80]!r}"
        )
    return name
