"""Made-up results with everything that a page shows: pictures, curves, closest training images, failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from fabricated import FD, SUCCESS, record, save, typical, untrained

from ganbench.report.publish import TRANSLATIONS_FILE
from ganbench.results.pictures import CLOSEST, Images, Pictures, write_neighbours, write_pictures
from ganbench.results.record import Measured, Record
from ganbench.results.store import trial_directory

TRAIN = 20  # training images


def noise(count: int, seed: int, side: int = 16) -> Images:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, side, side), dtype=np.uint8)


def copies(found: int = 1) -> Measured:
    scores = [0.05, *(0.3 + 0.1 * place for place in range(7))]
    pairs = [{"output": n, "train": 2 * n, "score": score, "seen": "upright"} for n, score in enumerate(scores)]
    details = {"threshold": 0.16, "copies": found, "p_value": 0.04, "closest": pairs}
    return Measured(
        value=found / 12, n=12, protocol={"version": 1}, title="Copies", group="memorization", higher_is_better=False,
        details=details, alarm=found > 1,
    )  # fmt: skip


def curve(seed: int = 0, rows: int = 100) -> list[dict[str, float]]:
    drawn = np.random.default_rng(seed).normal(1, 0.1, (rows, 2))
    return [
        {"step": 8.0 * n, "seconds": 0.9 * n, "generator": float(a) + 100 / n, "discriminator": float(b)}
        for n, (a, b) in enumerate(drawn, 1)
    ]


def with_everything(one: Record) -> Record:
    """Give a record that is done a curve, if it was trained, and closest pairs."""
    if one.status != "ok":
        return one
    changes: dict[str, Any] = {"metrics": {**one.metrics, CLOSEST: copies()}}
    if one.budget.updates:
        changes["curve"] = curve(one.seed)
    return one.model_copy(update=changes)


def suite_of(methods: int, seeds: int = 2) -> list[Record]:
    """Return a suite of so many methods, with the real images and a baseline."""
    trained = [
        record(f"method-{n:02d}", seed, {FD: 100.0 + 7 * n + seed, SUCCESS: 0.9 - 0.03 * n + 0.01 * seed})
        for n in range(methods)
        for seed in range(seeds)
    ]
    return [untrained("real", {FD: 31.0, SUCCESS: 0.95}, reference=True), untrained("identity", {FD: 150.0}), *trained]


def fill(root: Path, records: list[Record] | None = None, side: int = 16) -> Path:
    """Write records with all their files, where a run would; return the profile's directory."""
    written = [with_everything(one) for one in (typical() if records is None else records)]
    directory = save(root, *written)
    pictures = Pictures(noise(16, 0, side), noise(16, 1, side), None, ("“Faces” by Ada, CC BY 4.0",))
    write_pictures(directory, pictures)
    for number, one in enumerate(written):
        trial = trial_directory(directory, one.label, one.seed, one.training_hash)
        if one.status == "ok":
            np.savez(trial / TRANSLATIONS_FILE, outputs=noise(12, number, side))
            write_neighbours(trial, one.metrics[CLOSEST].details, noise(TRAIN, 99, side))
    return directory
