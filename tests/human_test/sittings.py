"""Made-up pictures, and made-up people: what a page's answers would be, without a browser."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import numpy as np
from fabricated import FD, record, save, untrained

from ganbench.human_test.draw import Page, draw_page
from ganbench.human_test.make import page_data
from ganbench.human_test.read import checksum
from ganbench.results.people import PROTOCOLS, Sitting
from ganbench.results.record import Record
from ganbench.results.store import read_profile, trial_directory

REAL, FAKE = 200, 50  # red of the pictures of each kind


def stored_pictures(directory: Path, red: int, count: int = 120, size: int = 16) -> None:
    """Store ``count`` pictures whose red is ``red``, whose green is their index, and whose blue is noise."""
    noise = np.random.default_rng(red).integers(0, 255, (count, 3, size, size), dtype=np.uint8)
    noise[:, 0] = red
    noise[:, 1] = np.arange(count)[:, None, None]
    np.savez(directory / "translations.npz", outputs=noise)


def add_row(root: Path, one: Record, red: int, count: int = 120) -> Path:
    profile = save(root, one)
    directory = trial_directory(profile, one.label, one.seed, one.training_hash)
    stored_pictures(directory, red, count)
    return directory


def typical_results(root: Path, count: int = 120) -> Path:
    add_row(root, untrained("real", {FD: 31.2}, reference=True), REAL, count)
    add_row(root, untrained("identity", {FD: 158.0}), FAKE + 1, count)
    for seed in (0, 1):
        add_row(root, record("cyclegan", seed), FAKE + 2 + seed, count)
    add_row(root, record("half_cycle", 0), FAKE + 4, count)
    return root


def page_of(root: Path, label: str = "cyclegan", protocol: str = "pix2pix", draw: int = 0) -> Page:
    results = read_profile(root / "unpaired_faces" / "cpu")
    directory = next(path for path, one in results.records.items() if one.label == label and one.seed == 0)
    return draw_page(results, directory, PROTOCOLS[protocol], draw)


def content_of(page: Page, fooled: int = 0, exposure: int = 1000) -> dict[str, Any]:
    """Return what a page would write for a rater who is wrong about ``fooled`` of the pairs and right about others."""
    protocol, answers = page.protocol, []
    for index, screen in enumerate(range(protocol.practice, protocol.screens)):
        wanted = page.real[screen] if index >= fooled else ~page.real[screen]
        shown = list(range(2 * protocol.each))[::-1]
        answers.append(
            {
                "screen": screen,
                "shown": shown,
                "chosen": np.flatnonzero(wanted).tolist(),
                "exposure_ms": [exposure, exposure] if protocol.exposure_ms else [],
                "answer_ms": 700 + screen,
            }
        )
    return {"checksum": "", **page_data(page)["sitting"], "sitting": secrets.token_hex(16), "answers": answers}


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content with the checksum that belongs to it."""
    return content | {"checksum": checksum(Sitting.model_validate(content))}


def write_answers(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def answer_file(path: Path, page: Page, fooled: int = 0, **changes: Any) -> Path:
    return write_answers(path, sealed(content_of(page, fooled) | changes))
