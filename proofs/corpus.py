"""The sound files that the fuzzer begins from: the project's suites, and what finished runs left."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from proofs.in_process import call
from proofs.mutate import Sound, to_json, to_yaml

ROOT = Path(__file__).parent.parent
FEW = 5  # records beside a mutated one: all of the short run, whose baseline must be complete
TINY = """name: tiny
dataset: {name: avatars, source: avataaars, target: adventurer, n_train: 24, n_val: 8, n_test: 8}
methods: [half_cycle]
seeds: [0]
metrics: [sharpness, frechet]
profiles:
  cpu: {image_size: 16, steps: 4, batch_size: 2, options: {ngf: 4, n_blocks: 1, ndf: 4}}
"""


@dataclass(frozen=True)
class Seedling:
    """A sound file that is mutated, and where its mutation lies while a command reads it."""

    sound: Sound
    place: Path
    results: Path


def gather(folder: Path, records: Path | None) -> dict[str, list[Seedling]]:
    """Return kind → seedlings made in ``folder``: by a short run, and of ``records``, a results directory."""
    tiny = _run_tiny(folder)
    results = [seedling for source in filter(None, (tiny, records)) for seedling in _results(folder, source)]
    return {
        "suite": [
            Seedling(_sound(path), folder / "suite.yaml", folder) for path in sorted((ROOT / "suites").glob("*.yaml"))
        ],
        "record": [each for each in results if each.place.name == "record.json"],
        "plan": [each for each in results if each.place.name == "plan.json"],
        "baseline": [_baseline(folder, tiny)],
        "answers": [_answers(folder, tiny)],
    }


def _run_tiny(folder: Path) -> Path:
    suite, results = folder / "tiny.yaml", folder / "tiny"
    suite.write_text(TINY)
    command = [sys.executable, "-m", "ganbench", "run", str(suite), "--engine", "serial", "--results", str(results)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    return results


def _results(folder: Path, source: Path) -> Iterator[Seedling]:
    """Copy each profile's plan and a few records beside the slot that the mutations are written to."""
    for number, plan in enumerate(sorted(source.glob("*/*/plan.json"))):
        records = sorted(plan.parent.glob("*/record.json"))
        results = folder / f"results-{source.name}-{number}"
        profile = results / plan.parent.parent.name / plan.parent.name
        for record in records[:FEW]:
            shutil.copytree(record.parent, profile / record.parent.name, ignore=shutil.ignore_patterns("*.pt"))
        for extra in (plan, *plan.parent.glob("*.npz")):
            shutil.copy(extra, profile)
        slot = profile / records[0].parent.name / "record.json"
        yield from (Seedling(_sound(record), slot, results) for record in records)
        yield Seedling(_sound(plan), profile / plan.name, results)


def _baseline(folder: Path, tiny: Path) -> Seedling:
    place = folder / "baseline.json"
    call(["baseline", str(tiny), "-o", str(place)])
    return Seedling(_sound(place), place, tiny)


def _sound(path: Path) -> Sound:
    content = path.read_bytes()
    if path.suffix == ".yaml":
        return Sound(content, yaml.safe_load(content), to_yaml)
    return Sound(content, json.loads(content), to_json)


def _answers(folder: Path, tiny: Path) -> Seedling:
    from ganbench.human_test.read import checksum
    from ganbench.results.people import Answer, Sitting
    from ganbench.results.store import read_record

    known = read_record(next(tiny.glob("*/*/half_cycle-*/record.json")))
    answer = Answer(screen=1, shown=[0, 1], chosen=[0], exposure_ms=[1000, 1000], answer_ms=900)
    sitting = Sitting(
        checksum="", suite=known.suite, profile=known.profile, data_fingerprint=known.data_fingerprint,
        label=known.label, training_hash=known.training_hash, protocol="pix2pix", draw=0, page="0" * 64,
        sitting="1" * 32, answers=[answer],
    )  # fmt: skip
    place = folder / "answers.json"
    place.write_bytes(to_json(sitting.model_copy(update={"checksum": checksum(sitting)}).model_dump()))
    return Seedling(_sound(place), place, tiny)
