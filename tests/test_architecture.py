"""The imports run one way, as docs/architecture.md draws them; a test reads them and fails on a wrong arrow."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ganbench"
# room → rooms it must never reach into
FORBIDDEN = {
    "methods": ("metrics", "training", "evaluation", "trial", "engines", "results", "report", "suite", "spec"),
    "metrics": ("methods", "training", "evaluation", "trial", "engines", "results", "report", "suite", "spec"),
    "nets": ("methods", "metrics", "results", "report", "data", "engines"),
    "losses": ("methods", "metrics", "results", "report", "data", "engines"),
    "data": ("methods", "metrics", "nets", "losses", "results", "report", "engines"),
    "results": ("report", "human_test", "engines", "methods", "metrics", "data", "trial", "training"),
    "human_test": ("engines", "methods", "training", "trial", "metrics", "data", "run"),
    "report": ("engines", "methods", "training", "trial", "metrics", "data"),
    "training": ("metrics", "report", "engines", "evaluation"),
    "evaluation": ("methods", "report", "engines", "training"),
    "trial": ("report", "engines", "run", "cli"),
    "engines": ("report", "run", "cli"),
    "errors": ("registry", "data", "methods"),
}
PANDAS_ROOMS = ("results", "report", "gate")


def rooms():
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        yield path, (inside.parts[0] if len(inside.parts) > 1 else inside.stem)


def imports(path):
    """Yield dotted names of run-time imports, those inside functions included, those for types alone left out."""
    tree = ast.parse(path.read_text("utf-8"))
    only_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in only_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(("path", "room"), rooms(), ids=lambda value: getattr(value, "stem", value))
def test_no_import_runs_the_wrong_way(path, room):
    for name in imports(path):
        top, *rest = name.split(".")
        assert top != "ray" or path == PACKAGE / "engines" / "ray_tune.py", f"{path} imports ray"
        assert top != "pandas" or room in PANDAS_ROOMS, f"{path} imports pandas"
        if top == "ganbench" and rest:
            assert rest[0] not in FORBIDDEN.get(room, ()), f"{path} imports {name}"


def test_help_needs_neither_torch_nor_ray_nor_pandas():
    code = (
        "import sys; from typer.testing import CliRunner; from ganbench.cli import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        "print([name for name in ('torch', 'ray', 'pandas', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
