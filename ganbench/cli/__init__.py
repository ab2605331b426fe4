"""The verbs: parse, call, print, exit code. `app` is all of them; the other files hold a few verbs each."""

from ganbench.cli.verbs import app, main

__all__ = ["app", "main"]
