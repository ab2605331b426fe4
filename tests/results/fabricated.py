"""Made-up records: as they would stand after a run of a suite, without running anything."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ganbench.results.plan import Plan, PlannedTrial
from ganbench.results.record import Budget, Measured, Record, Timings
from ganbench.results.store import trial_directory, write_record

FD = "fd_efficientnet-lite0"
SUCCESS = "judge_success"
PROTOCOLS: dict[str, dict[str, Any]] = {
    FD: {"extractor": "efficientnet-lite0", "resize": "bilinear", "version": 1},
    SUCCESS: {"judge": "small-cnn", "version": 1},
    "collapse_pixel": {"version": 1},
    "lpips_diversity": {"net": "squeeze", "version": 1},
}
ABOUT: dict[str, dict[str, Any]] = {
    FD: {"title": "FD (EfficientNet-Lite0)", "group": "quality", "higher_is_better": False, "digits": 1},
    SUCCESS: {"title": "success", "group": "faithfulness", "higher_is_better": True, "digits": 3},
    "collapse_pixel": {
        "title": "collapse (pixels)",
        "group": "diversity",
        "higher_is_better": None,
        "digits": 2,
        "note": "0: one picture for all inputs, 1: as varied as real images",
    },
    "lpips_diversity": {"title": "LPIPS diversity", "group": "diversity", "higher_is_better": True},
}


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def measured(name: str, value: float, n: int = 250, **protocol: Any) -> Measured:
    return Measured(value=value, n=n, protocol={**PROTOCOLS[name], **protocol}, **ABOUT[name])


def record(label: str = "cyclegan", seed: int = 0, metrics: dict[str, float] | None = None, **changes: Any) -> Record:
    values = {FD: 180.0 + seed, SUCCESS: 0.6, "collapse_pixel": 0.7} if metrics is None else metrics
    return Record(
        **{
            "suite": "unpaired_faces",
            "profile": "cpu",
            "method": label,
            "label": label,
            "options": {"lr": 2e-4},
            "seed": seed,
            "status": "ok",
            "training_hash": digest(label, seed),
            "dataset": {"name": "avatars", "source": "avataaars", "target": "adventurer"},
            "data_fingerprint": "f" * 64,
            "budget": Budget(
                image_size=32, steps=800, batch_size=8, precision="float32", threads=1, updates=800, images_seen=6400
            ),
            "metrics": {name: measured(name, value) for name, value in values.items()},
            "timings": Timings(
                training_seconds=91.4, images_per_second=70.0, peak_memory_mib=812.0, finished="2026-03-01T10:00:00Z"
            ),
            "provenance": {
                "ganbench": "0.1.0",
                "git_commit": "a" * 40,
                "git_dirty": False,
                "hardware": {"cpu": "Xeon", "gpu": None},
            },
            **changes,
        }
    )


def untrained(label: str, values: dict[str, float], reference: bool = False) -> Record:
    budget = Budget(image_size=32, steps=0, batch_size=8, precision="float32", threads=1)
    return record(label, 0, values, baseline=not reference, reference=reference, budget=budget)


def typical() -> list[Record]:
    """Return a whole suite: real images, baselines, two methods of two seeds, one of which half failed, one skipped."""
    return [
        untrained("real", {FD: 31.2, SUCCESS: 0.94, "collapse_pixel": 1.0}, reference=True),
        untrained("identity", {FD: 158.0, SUCCESS: 0.0, "collapse_pixel": 1.1}),
        untrained("random_target", {FD: 12.0, SUCCESS: 0.2, "collapse_pixel": 1.0}),
        record("half_cycle", 0, {FD: 260.0, SUCCESS: 0.21, "collapse_pixel": 0.1}),
        record("half_cycle", 1, {FD: 270.0, SUCCESS: 0.23, "collapse_pixel": 0.2}),
        record("cyclegan", 0, {FD: 190.0, SUCCESS: 0.58, "collapse_pixel": 0.7}),
        record("cyclegan", 1, {FD: 200.0, SUCCESS: 0.62, "collapse_pixel": 0.8}),
        record("cyclegan-l2", 0, {FD: 100.0, SUCCESS: 0.61, "collapse_pixel": 0.7}),
        record("cyclegan-l2", 1, {}, status="diverged", error="loss became NaN at step 312"),
        record("dtn", 0, {}, status="skipped", error="needs labels of the source images, and the dataset has none"),
        record("dtn", 1, {}, status="skipped", error="needs labels of the source images, and the dataset has none"),
    ]


def save(root: Path, *records: Record) -> Path:
    """Write records where a run would; return the directory of the last one's profile."""
    for one in records:
        directory = root / one.suite / one.profile
        write_record(trial_directory(directory, one.label, one.seed, one.training_hash), one)
    return directory


def plan_of(*records: Record, **changes: Any) -> Plan:
    names = ("label", "method", "seed", "training_hash", "baseline", "reference")
    trials = [PlannedTrial(**{name: getattr(one, name) for name in names}) for one in records]
    fields = {
        "suite": "unpaired_faces",
        "profile": "cpu",
        "suite_path": "/suites/unpaired_faces.yaml",
        "suite_sha256": "1" * 64,
        "ganbench": "0.1.0",
        "trials": trials,
    }
    return Plan(**{**fields, **changes})
