"""The verb `sanity`: real held-out images, damaged in known and growing strength, and what each metric says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import torch

from ganbench import evaluation
from ganbench.data.base import DATASETS, SPLITS, Dataset, Domain, TranslationData
from ganbench.data.cache import cache_folder
from ganbench.errors import InputError, NothingComparableError
from ganbench.hardware import pick_device
from ganbench.metrics.base import METRICS, Evidence, Group, Quantity, Value
from ganbench.metrics.detector_power import DetectorPower, Power
from ganbench.metrics.memorization import cells_of
from ganbench.metrics.workbench import Workbench
from ganbench.nets.extractors import EXTRACTORS
from ganbench.options import read_options
from ganbench.progress import Notify, Progress
from ganbench.sanity.damage import DAMAGES, Sample
from ganbench.sanity.verdict import Curve
from ganbench.sanity.workbench import RememberingWorkbench
from ganbench.seeding import torch_generator
from ganbench.yaml_reader import parse

DRAWS = 3
MOST = 250  # outputs in a draw: as many as the standard suites have
FEWEST = 8  # outputs in a draw, below which no metric is worth asking
LEFT_OUT = {"usefulness": "trains a classifier for every set of pictures; name it in --metrics"}
MEMORIZATION = "memorization"
GROUPS = get_args(Group)
UNDAMAGED = "undamaged"
POWER = "power of the copy detectors"
Answers = Mapping[str, Value]
"""Quantity → what was measured."""


@dataclass(frozen=True)
class Request:
    """What `ganbench sanity` is asked.

    Attributes:
        name: of the dataset.
        dataset: with its options.
        image_size: pixels.
        families: metric families.
        extractor: a registered extractor.
        seed: of draws and damage.
    """

    name: str
    dataset: Dataset
    image_size: int
    families: tuple[str, ...]
    extractor: str
    seed: int


@dataclass(frozen=True)
class Sanity:
    """What was found.

    Attributes:
        data: the images.
        outputs: how many images a draw has.
        curves: quantity by quantity, in the order of the families, damage by damage.
        power: what the memorization detectors find; empty where they were not asked.
        missing: what could not be measured → why.
    """

    request: Request
    data: TranslationData
    outputs: int
    curves: tuple[Curve, ...]
    power: tuple[Power, ...]
    missing: Mapping[str, str]

    @property
    def quantities(self) -> list[Quantity]:
        """The quantities that have curves, each once, group by group."""
        found = {curve.quantity.name: curve.quantity for curve in self.curves}
        return sorted(found.values(), key=lambda quantity: GROUPS.index(quantity.group))

    @property
    def damages(self) -> list[str]:
        """The damages that have curves, each once."""
        return list(dict.fromkeys(curve.damage for curve in self.curves))


def request_of(dataset: str, image_size: int, metrics: str | None, extractor: str, seed: int) -> Request:
    """Return what the command line asks; `InputError` with every name that is wrong.

    Args:
        dataset: a registered name, or name and options as YAML: ``{name: avatars, target: lorelei}``.
        image_size: pixels.
        metrics: families, with commas between; None for all but those of ``LEFT_OUT``.
        extractor: a registered extractor.
        seed: of draws and damage.
    """
    named = metrics.split(",") if metrics is not None else [name for name in METRICS.names() if name not in LEFT_OUT]
    families = tuple(name.strip() for name in named)
    problems = [f"--metrics: {METRICS.unknown(family)}" for family in families if family not in METRICS.names()]
    if extractor not in EXTRACTORS.names():
        problems.append(f"--extractor: {EXTRACTORS.unknown(extractor)}")
    found = None
    try:
        found = _dataset(dataset)
    except InputError as error:
        problems += error.problems
    if problems or found is None:
        raise InputError(problems)
    return Request(found[0], found[1], image_size, families, extractor, seed)


def _dataset(text: str) -> tuple[str, Dataset]:
    values: dict[str, Any] = {"name": text}
    if text.lstrip().startswith("{"):
        values, _ = parse(text, Path("DATASET"))
    name = values.pop("name", None)
    if not isinstance(name, str):
        raise InputError("DATASET: the key 'name' is missing. Write, for example, '{name: avatars, n_test: 750}'.")
    dataset = read_options(DATASETS.get(name), values, f"DATASET {name}")
    if reason := dataset.missing():
        raise InputError(f"DATASET {name}: {reason}")
    return name, dataset


def costs(request: Request) -> dict[str, float]:
    """Return what there is to do → how long it takes, roughly, in evaluations of one set of images."""
    power = {POWER: 10.0} if MEMORIZATION in request.families else {}
    return {UNDAMAGED: DRAWS, **{name: DRAWS * len(DAMAGES[name].levels) for name in DAMAGES}, **power}


def measure(request: Request, notify: Notify) -> Sanity:
    """Damage held-out images of the target domain, and ask every metric.

    Raises:
        InputError: too few held-out images.
        NothingComparableError: no metric has anything to say.
    """
    data = request.dataset.load(
        request.image_size, lambda done, total: notify(Progress("preparation", "preparing images", done, total))
    )
    count = outputs_of_a_draw(data)
    device = pick_device(1 if torch.cuda.is_available() else 0)
    workbench = RememberingWorkbench(data, request.extractor, cache_folder() / "evaluation", device)

    def report(stage: str, step: int, steps: int) -> None:
        notify(Progress("preparation", stage, step, steps))

    evaluation.prepare(workbench, request.families, report)
    bench = _Bench(request, workbench, [draw_of(data, k, count, request.seed) for k in range(DRAWS)], notify)
    curves = tuple(bench.curves())
    if not curves:
        reasons = (f"{what}: {why}." for what, why in bench.missing.items())
        raise NothingComparableError("\n".join(["No metric has anything to say here.", *reasons]))
    missing = bench.missing | {name: why for name, why in LEFT_OUT.items() if name not in request.families}
    power: tuple[Power, ...] = ()
    if MEMORIZATION in request.families:
        notify(Progress(POWER, "planting copies", 0, 1))
        power = power_of(data, workbench, request.seed)
        notify(Progress(POWER, "ok"))
    return Sanity(request, data, count, curves, power, missing)


def outputs_of_a_draw(data: TranslationData) -> int:
    """Return how many images a draw has: a third of the target test images, so that draws are independent."""
    held_out = len(data.images(data.target, "test"))
    count = min(MOST, held_out // DRAWS, len(data.images(data.source, "test")))
    if count < FEWEST:
        raise InputError(
            f"DATASET: the test images of source and target must suffice for {DRAWS} draws of at least {FEWEST}. "
            f"Got {held_out} of the target. Give the dataset more."
        )
    return count


def draw_of(data: TranslationData, number: int, count: int, seed: int) -> Sample:
    """Return one draw: no two draws share a target image."""
    held_out, labels = data.images(data.target, "test"), data.labels(data.target, "test")
    order = torch.randperm(len(held_out), generator=torch_generator(seed, "draws of sanity"))
    own = order[number * count : (number + 1) * count]
    spare = order[~torch.isin(order, own)]
    inputs = torch.randperm(
        len(data.images(data.source, "test")), generator=torch_generator(seed, "inputs of sanity", number)
    )[:count]
    return Sample(
        outputs=held_out[own],
        labels={name: values[own] for name, values in labels.items()},
        inputs=data.images(data.source, "test")[inputs],
        input_labels={name: values[inputs] for name, values in data.labels(data.source, "test").items()},
        spare=held_out[spare],
        spare_labels={name: values[spare] for name, values in labels.items()},
        train=data.images(data.target, "train"),
        foreign=data.images(data.source, "train"),
        classes={name: len(classes) for name, classes in data.classes.items()},
        right=held_out[own],
    )


@dataclass
class _Bench:
    """Asks the metrics about every draw, damage and level."""

    request: Request
    workbench: Workbench
    draws: Sequence[Sample]
    notify: Notify
    missing: dict[str, str] = field(default_factory=dict)

    def curves(self) -> list[Curve]:
        """Return the curves of all quantities, quantity by quantity; those that never change are missing."""
        undamaged = [self._answers(draw, UNDAMAGED, k, DRAWS) for k, draw in enumerate(self.draws)]
        self.notify(Progress(UNDAMAGED, "ok"))
        quantities = [value.quantity for name, value in undamaged[0].items() if all(name in each for each in undamaged)]
        measured = {name: self._damage(name, undamaged) for name in self._damages()}
        found = [_curve(quantity, damage, rows) for quantity in quantities for damage, rows in measured.items()]
        return self._without_constants(found)

    def _damages(self) -> list[str]:
        unlabelled = [name for name in DAMAGES if DAMAGES[name].needs_labels and not self.draws[0].labels]
        self.missing |= dict.fromkeys(unlabelled, "the target images have no labels")
        return [name for name in DAMAGES if name not in unlabelled]

    def _damage(self, name: str, undamaged: list[Answers]) -> list[list[Answers]]:
        """Return the answers of every level, beginning with no damage, and draw."""
        damage, rows = DAMAGES[name], [undamaged]
        for number, level in enumerate(damage.levels):
            row = []
            for k, draw in enumerate(self.draws):
                stream = torch_generator(self.request.seed, "damage", name, k)  # the same for all levels
                steps = len(damage.levels) * len(self.draws)
                row.append(self._answers(damage.apply(draw, level, stream), name, number * len(self.draws) + k, steps))
            rows.append(row)
        self.notify(Progress(name, "ok"))
        return rows

    def _answers(self, sample: Sample, trial: str, step: int, steps: int) -> Answers:
        self.notify(Progress(trial, "asking the metrics", step, steps))
        evidence = self._evidence(sample)
        result = evaluation.evaluate(evidence, self.request.families, self.request.extractor)
        if trial == UNDAMAGED:
            self.missing |= result.missing
        return {value.quantity.name: value for value in result.values}

    def _evidence(self, sample: Sample) -> Evidence:
        data = self.workbench.data
        source = data.domains[data.source]
        inputs = Domain({**source.images, "test": sample.inputs}, {**source.labels, "test": sample.input_labels})
        return Evidence(
            data=replace(data, domains={**data.domains, data.source: inputs}, counterparts={}),
            outputs=sample.outputs,
            workbench=self.workbench,
            labels=sample.labels,
            counterparts=sample.right,
            seed=self.request.seed,
        )

    def _without_constants(self, curves: list[Curve]) -> list[Curve]:
        names = dict.fromkeys(curve.quantity.name for curve in curves)
        moving = {curve.quantity.name for curve in curves if float(curve.worse.nan_to_num().abs().max()) > 0}
        self.missing |= {name: "the same whatever was done to the pictures" for name in names if name not in moving}
        return [curve for curve in curves if curve.quantity.name in moving]


def _curve(quantity: Quantity, damage: str, levels: list[list[Answers]]) -> Curve:
    name, absent = quantity.name, math.nan
    numbers = [[draw[name].value if name in draw else absent for draw in level] for level in levels]
    return Curve(quantity, damage, (0.0, *DAMAGES[damage].levels), torch.tensor(numbers, dtype=torch.float64))


def power_of(data: TranslationData, workbench: Workbench, seed: int) -> tuple[Power, ...]:
    """Measure what the memorization detectors find on the target domain; nothing without validation images."""
    if not len(data.domains[data.target].images.get("val", ())):
        return ()
    train, gauge, test = (data.images(data.target, split) for split in SPLITS)
    held_out, cells = torch.cat([gauge, test]), cells_of(workbench)
    detectors = DetectorPower(
        train, held_out, len(gauge), cells, lambda images: workbench.features(images).pooled, seed
    )
    return tuple(detectors.measure())
