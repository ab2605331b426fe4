"""Where a number came from: versions, code, hardware, determinism."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import ganbench
from ganbench.hardware import describe

PACKAGES = ("torch", "torchvision", "torch-fidelity", "lpips", "ray", "numpy", "scipy", "scikit-learn",
            "dicebear-core", "dicebear-styles", "resvg-py")  # fmt: skip


def provenance(device: torch.device, threads: int, code: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything about code and machine that may change a number, as plain data for a record.

    ``code`` is the `git_state` when the run was planned: a commit made while it goes on changes no trial of it.
    """
    return {
        "ganbench": ganbench.__version__,
        **code,
        "python": platform.python_version(),
        "packages": _versions(),
        "hardware": describe(device),
        "threads": threads,
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": bool(torch.backends.cudnn.deterministic),
        "cudnn_benchmark": bool(torch.backends.cudnn.benchmark),
    }


def git_state() -> dict[str, Any]:
    """Return commit and dirtiness of ganbench's own checkout; commit None where it is installed from a wheel."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return {"git_commit": None, "git_dirty": False}
    commit = _git(root, "rev-parse", "HEAD")
    dirty = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "ganbench")
    return {"git_commit": commit or None, "git_dirty": bool(dirty)}


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    return versions
