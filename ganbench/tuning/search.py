"""Searches of options before a comparison: as many trials for each row, judged on validation images alone.

A search trial is a trial like any other, run by any engine, whose data has the validation images in place of the test
images. Which trials there are follows from the suite and, with the sampler that learns, from the records of those
before; so the records are all that a search has to remember, and the same command goes on where one stopped.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganbench.data.base import TranslationData
from ganbench.errors import InputError
from ganbench.evaluation import open_workbench
from ganbench.metrics.base import METRICS, Evidence
from ganbench.results.plan import RowSearch, SearchReport
from ganbench.results.record import Record
from ganbench.results.store import find_record
from ganbench.seeding import derive_seed
from ganbench.spec import SearchPart, TrialSpec
from ganbench.suite import LoadedSuite, Tuning
from ganbench.suite_values import Wanted, find_value
from ganbench.tuning.check import axes_of, search_steps, with_options
from ganbench.tuning.rungs import rungs
from ganbench.tuning.space import Axes, draw
from ganbench.tuning.tpe import Tried, check_installed, suggest
from ganbench.variants import Variant, expand

ATTEMPTS = 100  # to draw a combination of options that the method doesn't refuse
FIRST = 4  # trials that chance alone chooses, whatever the sampler
SHORT = 2**31  # search seeds lie below, since they become part of a folder's name


@dataclass(frozen=True)
class Search:
    """The search of one row's options.

    Attributes:
        variant: the row as the suite gives it.
        base: any of the row's trials; those of the search differ in seed, options, steps and data.
        axes: what is searched.
        lacking: options of the space that the method lacks, or that the row gives itself.
        seed: of all that is drawn.
        seeds: of the trials' trainings, none of them the suite's.
        wanted: the value that decides.
    """

    tuning: Tuning
    variant: Variant
    base: TrialSpec
    axes: Axes
    lacking: tuple[str, ...]
    seed: int
    seeds: tuple[int, ...]
    wanted: Wanted

    def trials(self) -> list[TrialSpec]:
        """Return the trials that are known by now, in order: those that wait for others' scores are not."""
        found: list[TrialSpec] = []
        tried: list[Tried] = []
        for number in range(self.tuning.trials):
            if self.tuning.sampler == "tpe" and number >= FIRST:
                if any(each.status is None for each in tried):
                    break
                chosen = self._accepted(number, tried)
            else:
                chosen = self._accepted(number, None)
            found.append(self._spec(number, chosen))
            tried.append(self._tried(found[-1]))
        return found

    def open_trials(self) -> list[TrialSpec]:
        """Return the known trials that are to be run."""
        return [spec for spec in self.trials() if self._tried(spec).status is None]

    @property
    def is_over(self) -> bool:
        """Whether every trial has had its turn."""
        return len(self.trials()) == self.tuning.trials and not self.open_trials()

    def winner(self) -> TrialSpec | None:
        """Return the trial with the best score of those that were finished, the first of equals; None: none was."""
        scored = [(spec, tried.score) for spec in self.trials() if (tried := self._tried(spec)).status == "ok"]
        finished = [(spec, score) for spec, score in scored if score is not None]
        sign = -1 if self.wanted.quantity.higher_is_better else 1
        return min(finished, key=lambda item: sign * item[1])[0] if finished else None

    @property
    def directory(self) -> Path:
        """Where the trials of this search lie."""
        return self._spec(0, self.variant.options).directory.parent

    def report(self) -> RowSearch:
        """Return what the search has cost so far and, once it is over, what came of it."""
        specs = self.trials()
        records = [record for spec in specs if (record := find_record(spec.directory))]
        winner = self.winner() if self.is_over else None
        chosen = {key: winner.options[key] for key in self.axes} if winner else {}
        return RowSearch(
            statuses=dict(Counter(record.status for record in records)),
            steps=sum(record.budget.images_seen // record.budget.batch_size for record in records),
            seconds=sum(r.timings.training_seconds + r.timings.evaluation_seconds for r in records),
            searched=list(self.axes),
            lacking=list(self.lacking),
            winner=winner.search.number if winner and winner.search else None,
            score=self._tried(winner).score if winner else None,
            options=chosen,
        )

    def _accepted(self, number: int, tried: Sequence[Tried] | None) -> dict[str, Any]:
        """Return the row's options with those of one trial; what the method refuses is drawn again."""
        for attempt in range(ATTEMPTS):
            if tried is None:
                chosen = draw(self.axes, self.seed, number, attempt)
            else:
                seed = derive_seed(self.seed, "tpe", self.variant.label, number, attempt)
                chosen = suggest(self.axes, tried, seed, self.wanted.quantity.higher_is_better is True)
            try:
                return with_options(self.variant, chosen, self.base.image_size)
            except InputError as error:
                refusal = error
        raise InputError(
            f"tuning: space: {ATTEMPTS} combinations in a row were refused. Narrow the space. The last one: {refusal}"
        )

    def _spec(self, number: int, options: Mapping[str, Any]) -> TrialSpec:
        steps = search_steps(self.base.steps, self.tuning)
        part = SearchPart(
            folder=f"{self.base.label}-{self._hash()}",
            number=number,
            metric=self.wanted.name,
            higher_is_better=self.wanted.quantity.higher_is_better is True,
            rungs=rungs(steps) if self.tuning.scheduler == "asha" else (),
        )
        changes = {"options": dict(options), "seed": self.seeds[number], "steps": steps, "search": part}
        return self.base.model_copy(update=changes)

    def _hash(self) -> str:
        """Return what two searches share exactly if their trials may be compared; more trials go on with the same."""
        first = self.base.model_copy(update={"seed": self.seed, "options": dict(self.variant.options)})
        rules = self.tuning.model_dump(exclude={"trials"})
        return hashlib.sha256(json.dumps([first.training_hash, rules, self.wanted.name]).encode()).hexdigest()[:8]

    def _tried(self, spec: TrialSpec) -> Tried:
        chosen = {key: spec.options[key] for key in self.axes}
        record = find_record(spec.directory)
        if record is None or record.status == "interrupted":
            return Tried(chosen)
        return Tried(chosen, record.status, _score(record, self.wanted.name))


def _score(record: Record, name: str) -> float | None:
    """Return a finished trial's score, or that of one that was given up where it was."""
    if record.status == "stopped" and record.search:
        return record.search.rungs[-1].score
    return record.metrics[name].value if name in record.metrics else None


def plan_searches(
    loaded: LoadedSuite, profile: str, specs: Sequence[TrialSpec], data: TranslationData
) -> tuple[list[Search], TranslationData | None]:
    """Return the searches that a suite asks for, one per row of ``specs`` with options to search, and their data.

    Raises:
        InputError: there are no validation images, a package is absent, or the methods refuse what would be drawn.
    """
    tuning = loaded.tuning(profile)
    if tuning is None:
        return [], None
    if tuning.sampler == "tpe":
        check_installed()
    held = _held_out(loaded, data)
    wanted = find_value(loaded, profile, tuning.metric)
    seeds = loaded.seeds(profile)
    variants = {variant.label: variant for variant in expand(loaded, profile)}
    shared = {"metrics": (wanted.family,), "data_fingerprint": held.fingerprint, "on_out_of_memory": "fail"}
    firsts = {spec.label: spec.model_copy(update=shared) for spec in reversed(specs)}
    searches = [
        Search(tuning, variants[label], base, axes, _lacking(tuning, axes), seeds[0], _seeds(seeds, tuning), wanted)
        for label, base in firsts.items()
        if (axes := axes_of(tuning, variants[label])) and variants[label].cls.skip_reason(data) is None
    ]
    for search in searches:
        search.trials()  # raises where the method refuses whatever is drawn
    _check_measurable(loaded, wanted, held)
    return searches, held


def resolve(specs: Sequence[TrialSpec], searches: Sequence[Search]) -> list[TrialSpec]:
    """Return the trials of the rows with the options that their searches found; without a winner, with the suite's."""
    found = {search.base.label: search.winner() for search in searches if search.is_over}
    winners = {label: winner.options for label, winner in found.items() if winner}
    return [
        spec.model_copy(update={"options": winners[spec.label]}) if spec.label in winners else spec for spec in specs
    ]


def search_report(searches: Sequence[Search]) -> SearchReport | None:
    """Return what tables say of the searches; None where there are none."""
    if not searches:
        return None
    first = searches[0]
    quantity = first.wanted.quantity
    return SearchReport(
        trials=first.tuning.trials,
        sampler=first.tuning.sampler,
        scheduler=first.tuning.scheduler,
        metric=quantity.title if "<" not in quantity.name else first.wanted.name,
        higher_is_better=quantity.higher_is_better is True,
        digits=quantity.digits,
        share=first.tuning.share,
        rows={search.base.label: search.report() for search in searches},
    )


def _held_out(loaded: LoadedSuite, data: TranslationData) -> TranslationData:
    counts = {name: len(data.domains[name].images.get("val", ())) for name in (data.source, data.target)}
    few = [name for name, count in counts.items() if count < 2]
    if few:
        raise InputError(
            f"{loaded.where(('tuning',))}: tuning needs at least two validation images of each domain. The dataset has "
            f"{', '.join(f'{counts[name]} of {name}' for name in few)}: give it more (n_val)."
        )
    return data.with_validation_as_test()


def _check_measurable(loaded: LoadedSuite, wanted: Wanted, held: TranslationData) -> None:
    """Refuse a value that can't be measured of translations of validation images, before anything is trained for it."""
    metric = METRICS.get(wanted.family)()
    inputs, labels = held.images(held.source, "test"), held.labels(held.source, "test")
    with tempfile.TemporaryDirectory() as folder:  # a plan touches no results
        workbench = open_workbench(held, loaded.suite.extractor, Path(folder))
        evidence = Evidence(held, inputs, workbench, labels, held.counterparts.get("test"), reconstructions={})
        reason = metric.skip_reason(evidence) or metric.missing(evidence).get(wanted.name)
    if reason:
        raise InputError(
            f"{loaded.where(('tuning', 'metric'))}: tuning: metric: {wanted.name} can't be measured of validation "
            f"images: {reason}. Tune by another value."
        )


def _lacking(tuning: Tuning, axes: Axes) -> tuple[str, ...]:
    return tuple(key for key in tuning.space if key not in axes)


def _seeds(taken: Sequence[int], tuning: Tuning) -> tuple[int, ...]:
    """Return a seed for each search trial, none of them one of the suite's; more trials don't change the first ones."""

    def fresh() -> Iterator[int]:
        number = 0
        while True:
            seed = derive_seed(taken[0], "search trial", number) % SHORT
            if seed not in taken:
                yield seed
            number += 1

    source = fresh()
    found: dict[int, None] = {}
    while len(found) < tuning.trials:
        found[next(source)] = None
    return tuple(found)
