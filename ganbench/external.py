"""Methods that live elsewhere: a suite's images as folders for any program, and its translations as a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ganbench.data.base import SPLITS, Split, TranslationData
from ganbench.data.pictures import RESIZE, Pictures, read_pictures, write_pictures
from ganbench.errors import InputError
from ganbench.evaluate_input import in_order, unmatched
from ganbench.metrics.cache import digest
from ganbench.progress import Notify
from ganbench.results.plan import EXTERNAL, PlannedTrial, read_plan, write_plan
from ganbench.results.store import ResultSet, read_results
from ganbench.run import RunOptions, RunPlan, plan_run, publish
from ganbench.spec import TrialSpec
from ganbench.trial import record_outputs
from ganbench.variants import load_suite

CREDITS_FILE = "CREDITS.txt"
SIDES = ("A", "B")  # source and target, as in the folders of CycleGAN's and pix2pix's code: trainA, trainB, testA, …


@dataclass(frozen=True)
class Row:
    """What is to become a row.

    Attributes:
        results: a results directory that holds one suite and profile.
        label: how the row is called.
        generated: folder of the translations, named as `export_suite` names the test images.
        source: folder of the pictures they were made from, to be checked against the suite's; None trusts the names.
        image_size: brings the pictures to this size, which must be the profile's; None takes them as they are.
    """

    results: Path
    label: str
    generated: Path
    source: Path | None = None
    image_size: int | None = None


def export_suite(suite: Path, profile: str, folder: Path, report: Callable[[int, int], None]) -> Mapping[str, int]:
    """Write the images of a suite's source and target as PNG folders; return folder → number of pictures.

    Folders are ``trainA``, ``trainB``, ``valA`` … with A the source and B the target; files ``00000.png`` and on.
    Where the suite is paired, pictures of one name belong together.

    Raises:
        InputError: an invalid suite or profile, or ``folder`` is there already and not empty.
    """
    loaded = load_suite(suite)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is there already, and not empty. Choose a new folder.")
    data = loaded.dataset(profile).load(loaded.profile(profile).image_size, report)
    sets = {f"{split}{side}": _side(data, split, side) for split in SPLITS for side in SIDES}
    for name, images in sets.items():
        write_pictures(folder / name, _stems(len(images)), images)
    credits = (f"{credit.title} by {credit.artist}, {credit.licence}, {credit.url}\n" for credit in data.credits)
    (folder / CREDITS_FILE).write_text("".join(credits), "utf-8")
    return {name: len(images) for name, images in sets.items()}


def append_row(row: Row, notify: Notify) -> tuple[RunPlan, list[str], list[Path]]:
    """Judge translations of a suite's test images exactly as a trial's, write the record and renew the tables.

    Returns the plan of the suite, notes on the pictures, and the files written.

    Raises:
        InputError: not one suite in ``results``, a suite that changed since, a label that is taken, or pictures
            that aren't translations of its test images.
    """
    found = _one(row.results)
    plan = _plan(found, notify)
    if row.label in {spec.label for spec in plan.specs}:
        raise InputError(f"--name: the suite has a row {row.label!r} of its own. Choose another name.")
    pictures = read_pictures(row.generated, row.image_size)
    outputs = _outputs(row, pictures, plan.data)
    spec = _spec(plan.specs, row, outputs, pictures.resized)
    record_outputs(spec, outputs, notify)
    _add_to_plan(found, spec)
    return plan, list(pictures.notes), publish(plan)


def _side(data: TranslationData, split: Split, side: str) -> torch.Tensor:
    if side == "A":
        return data.images(data.source, split)
    return data.counterparts[split] if data.paired else data.images(data.target, split)


def _stems(count: int) -> list[str]:
    return [f"{index:05d}" for index in range(count)]


def _one(results: Path) -> ResultSet:
    """Return the one suite and profile beneath ``results`` that was planned."""
    found = [each for each in read_results(results) if each.plan is not None]
    if len(found) != 1:
        places = ", ".join(str(each.directory) for each in found) or "none"
        raise InputError(f"--append must name one suite's profile, RESULTS/<suite>/<profile>. Found {places}.")
    return found[0]


def _plan(found: ResultSet, notify: Notify) -> RunPlan:
    """Plan the suite as `run` did; the images must be those that the other rows were judged on."""
    assert found.plan is not None  # _one  # noqa: S101
    suite = Path(found.plan.suite_path)
    options = RunOptions(profile=found.profile, results=found.directory.absolute().parent.parent)
    plan = plan_run(suite, options, notify)
    if plan.loaded.sha256 != found.plan.suite_sha256:
        raise InputError(f"{suite}: was edited since {found.directory} was made. Run the suite again first.")
    return plan


def _outputs(row: Row, pictures: Pictures, data: TranslationData) -> torch.Tensor:
    """Return the pictures in the order of the suite's test images; raise unless there is one of each, of their size."""
    inputs = data.images(data.source, "test")
    names = tuple(f"{stem}.png" for stem in _stems(len(inputs)))
    expected = Pictures(Path("the suite's test images (ganbench export)"), inputs, names)
    problems = unmatched(pictures, expected)
    if pictures.images.shape[-2:] != inputs.shape[-2:]:
        height, width = pictures.images.shape[-2:]
        problems.append(
            f"{row.generated}: the pictures of this profile have {data.image_size} × {data.image_size} pixels. "
            f"Got {width} × {height}. Give --image-size {data.image_size}."
        )
    problems += _other_inputs(row.source, expected) if row.source else []
    if problems:
        raise InputError(problems)
    return in_order(pictures, expected)


def _other_inputs(source: Path, expected: Pictures) -> list[str]:
    """Say which source pictures aren't the suite's test images, to the pixel."""
    given = read_pictures(source)
    if problems := unmatched(given, expected):
        return problems
    if given.images.shape != expected.images.shape:
        return [f"{source}: the pictures are not of the suite's size. Export them again (ganbench export)."]
    differ = (in_order(given, expected) != expected.images).flatten(1).any(1)
    names = [name for name, other in zip(expected.names, differ.tolist(), strict=True) if other]
    return [f"{source}: not the suite's test images: {', '.join(names)}. Export them again."] if names else []


def _spec(specs: list[TrialSpec], row: Row, outputs: torch.Tensor, resized: bool) -> TrialSpec:
    """Return the spec of a trial that trains nothing, on the data and by the metrics of the others."""
    template = next(spec for spec in specs if spec.baseline and not spec.reference)
    options = {"pictures": digest(outputs), "resized": RESIZE if resized else "no"}
    changes = {"method": EXTERNAL, "label": row.label, "options": options, "seed": 0, "steps": 0, "stochastic": False}
    return template.model_copy(update=changes)


def _add_to_plan(found: ResultSet, spec: TrialSpec) -> None:
    plan = read_plan(found.directory)
    assert plan is not None  # _one  # noqa: S101
    trial = PlannedTrial(
        label=spec.label, method=EXTERNAL, seed=spec.seed, training_hash=spec.training_hash, baseline=True
    )
    write_plan(found.directory, plan.model_copy(update={"trials": [trial]}))
