"""What a run would do: its trials, what each still needs, and what they cost. Touches no results.

Everything that can be wrong is looked for here, before the first trial.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch

import ganbench
from ganbench.data.base import TranslationData
from ganbench.engines.connection import check_address
from ganbench.engines.nodes import FOLDER_VARIABLES
from ganbench.errors import InputError
from ganbench.faults import stands_in
from ganbench.gpu_sharing import share_gpus
from ganbench.hardware import available_cpus, check_resources
from ganbench.numerics_choice import NumericsChoice, choose_numerics, store_numerics
from ganbench.progress import PREPARATION, Notify, Progress
from ganbench.registry import did_you_mean
from ganbench.results.files import check_writable
from ganbench.results.plan import Plan, PlannedTrial, check_same_suite, write_plan
from ganbench.results.ranks import undecidable
from ganbench.results.store import check_links, find_record, profile_directory
from ganbench.spec import TrialSpec, make_specs
from ganbench.suite import LoadedSuite
from ganbench.trial import build_method, what_is_needed
from ganbench.tuning.check import describe_tuning
from ganbench.tuning.search import Search, plan_searches, resolve, search_report
from ganbench.variants import load_suite

EngineName = Literal["ray", "serial"]
BASELINE_COST = 0.02  # of the dearest trial's: baselines are only evaluated
AFTER_SEARCH = "search"  # first: what to train is found by it


@dataclass(frozen=True)
class RunOptions:
    """What the command line says beside the suite.

    Attributes:
        only: labels (or method names) to run; empty means all. Baselines always run.
        seeds: overrides the suite's seeds.
        force: train again what is finished already.
        wait: for another run in the same results directory to end, where there is one.
        tensorboard: log what is trained for TensorBoard, in each trial's directory.
    """

    profile: str = "cpu"
    only: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    engine: EngineName = "ray"
    ray_address: str | None = None
    results: Path = Path("results")
    force: bool = False
    tensorboard: bool = False
    wait: bool = False


@dataclass
class RunPlan:
    """A validated run: all its trials, and what each still needs."""

    loaded: LoadedSuite
    options: RunOptions
    data: TranslationData
    specs: list[TrialSpec]
    numerics: NumericsChoice
    needs: dict[str, str] = field(default_factory=dict)
    searches: list[Search] = field(default_factory=list)
    held_out: TranslationData | None = None  # what search trials see and are judged by: no test images
    as_given: list[TrialSpec] = field(default_factory=list)  # with the suite's own options, before any search

    @property
    def directory(self) -> Path:
        """``results/<suite>/<profile>``."""
        return Path(self.specs[0].profile_dir)

    @property
    def advice(self) -> list[str]:
        """What the user might want to know before the run starts."""
        if torch.cuda.is_available() and self.specs[0].gpus == 0 and "gpu" in self.loaded.suite.profiles:
            lines = ["This machine has a GPU: --profile gpu would use it."]
        else:
            lines = []
        lines.append(f"Computes in {self.numerics}.")
        lines += [f"{self.numerics.gpu}."] if self.numerics.gpu else []
        seeds = {spec.seed for spec in self.specs if not spec.baseline and not spec.reference}
        warning = undecidable(len(seeds)) if seeds else ""
        return [*lines, *([warning] if warning else [])]

    @property
    def open_specs(self) -> list[TrialSpec]:
        """The trials that still need something."""
        return [spec for spec in self.specs if self.needs[spec.title] != "nothing"]

    @property
    def open_searches(self) -> list[TrialSpec]:
        """The search trials that can be run now; others may follow from what comes of them."""
        return [spec for search in self.searches for spec in search.open_trials()]

    @property
    def search_lines(self) -> list[str]:
        """Say how many search trials there are, and what they cost beside the rows; nothing where there are none."""
        if not self.searches:
            return []
        given = {search.base.label: search.variant for search in self.searches}
        seeds = len({spec.seed for spec in self.specs if spec.label in given})
        lines = [describe_tuning(self.searches[0].tuning, list(given.values()), seeds)]
        lines += [
            f"search of {s.base.label}: has no {', '.join(s.lacking)} to be searched"
            for s in self.searches
            if s.lacking
        ]
        known = [spec for search in self.searches for spec in search.trials()]
        todo = known if self.options.force else self.open_searches
        return [*lines, f"search: {len(todo)} trial(s) to do now"]

    def look_again(self) -> None:
        """Find out what each trial needs; ones with smaller batches join in for those too large for the memory."""
        self.as_given = self.as_given or self.specs
        self.specs = resolve(self.as_given, self.searches)
        self.needs = {spec.title: "train" if self.options.force else what_is_needed(spec) for spec in self.specs}
        waiting = {search.base.label for search in self.searches if not search.is_over}
        self.needs |= {spec.title: AFTER_SEARCH for spec in self.specs if spec.label in waiting}
        if not self.options.force:
            self.add_smaller_batches()

    def add_smaller_batches(self) -> list[TrialSpec]:
        """Plan what stands in for trials that were too large; return those of them that are to be done still."""
        before = len(self.specs)
        for spec in self.specs:  # grows meanwhile: half a batch may still be too large
            smaller = stands_in(spec, find_record(spec.directory))
            if smaller and smaller.title not in self.needs:
                self.specs.append(smaller)
                self.needs[smaller.title] = what_is_needed(smaller)
        return [spec for spec in self.specs[before:] if self.needs[spec.title] != "nothing"]


def plan_run(suite_path: Path, options: RunOptions, notify: Notify) -> RunPlan:
    """Validate everything, load the images and list the trials. Touches nothing in the results directory.

    Raises:
        InputError: whatever is wrong with suite, options, results directory or machine.
    """
    _pin_folders()
    loaded = load_suite(suite_path)
    profile = loaded.profile(options.profile)
    check_writable(options.results)
    directory = profile_directory(options.results, loaded.suite.name, options.profile)
    check_links(options.results, directory)
    check_same_suite(options.results, loaded.suite.name, suite_path, loaded.sha256)
    if options.engine == "ray" and options.ray_address is not None:
        check_address(options.ray_address)
    else:
        check_resources(
            profile.cpus_per_trial, profile.gpus_per_trial, available_cpus(), torch.cuda.device_count(),
            f"{loaded.where(('profiles', options.profile))}: profile {options.profile}",
        )  # fmt: skip

    def drawing(done: int, total: int) -> None:
        notify(Progress(PREPARATION, "preparing images", done, total))

    data = loaded.dataset(options.profile).load(profile.image_size, drawing)
    specs = make_specs(loaded, options.profile, data, options.results, list(options.seeds) or None)
    numerics = choose_numerics(
        profile, specs, data, directory, lambda: notify(Progress(PREPARATION, "measuring training steps"))
    )
    common = {"tensorboard": options.tensorboard, **numerics.numerics.model_dump()}
    specs = [spec.model_copy(update=common) for spec in specs]
    numerics = _with_gpu_share(loaded, options, numerics, specs, data, notify)
    if numerics.gpu:
        specs = [spec.model_copy(update={"gpus": numerics.gpu.share}) for spec in specs]
    specs = _longest_first(_chosen(specs, options.only), data)
    searches, held_out = plan_searches(loaded, options.profile, specs, data)
    plan = RunPlan(loaded, options, data, specs, numerics, searches=searches, held_out=held_out)
    plan.look_again()
    return plan


def _with_gpu_share(
    loaded: LoadedSuite,
    options: RunOptions,
    numerics: NumericsChoice,
    specs: list[TrialSpec],
    data: TranslationData,
    notify: Notify,
) -> NumericsChoice:
    """Return the choice with the share of a GPU that a trial asks for, where the suite leaves it to the machine.

    The serial engine shares nothing: it runs one trial at a time.
    """
    if loaded.profile(options.profile).gpus_per_trial != "auto" or options.engine == "serial":
        return numerics.model_copy(update={"gpu": None})
    tuning = loaded.tuning(options.profile)
    trained = sum(spec.steps > 0 for spec in _chosen(specs, options.only))
    trials = max(1, trained) * (tuning.trials if tuning else 1)

    def measuring(number: int, rows: int) -> None:
        notify(Progress(PREPARATION, "measuring GPU memory", number, rows))

    return numerics.model_copy(update={"gpu": share_gpus(specs, data, numerics.gpu, trials, measuring)})


def parse_seeds(text: str | None) -> tuple[int, ...]:
    """Read ``"0,1,2"``; raise `InputError` for anything but distinct whole numbers from 0 on."""
    try:
        seeds = tuple(int(part) for part in text.split(",")) if text is not None else ()
    except ValueError:
        seeds = (-1,)
    if any(seed < 0 for seed in seeds) or len(set(seeds)) < len(seeds):
        raise InputError(f"--seeds must be distinct whole numbers from 0 on, such as 0,1,2. Got {text!r} instead.")
    return seeds


def store_plan(plan: RunPlan) -> None:
    """Write the plan of the suite to the results, so that tables show what is pending, and how it computes."""
    store_numerics(plan.numerics, plan.directory)
    trials = [
        PlannedTrial(
            label=spec.label,
            method=spec.method,
            seed=spec.seed,
            training_hash=spec.training_hash,
            baseline=spec.baseline,
            reference=spec.reference,
        )
        for spec in plan.specs
    ]
    suite = plan.loaded.suite.name
    write_plan(
        plan.directory,
        Plan(
            suite=suite,
            profile=plan.options.profile,
            suite_path=str(plan.loaded.path.absolute()),
            suite_sha256=plan.loaded.sha256,
            ganbench=ganbench.__version__,
            headline=plan.loaded.suite.headline,
            trials=trials,
            search=search_report(plan.searches),
        ),
    )


def _pin_folders() -> None:
    """Make folders that the environment names absolute: workers run in other directories, and must find the same."""
    for name in FOLDER_VARIABLES:
        if os.environ.get(name):
            os.environ[name] = str(Path(os.environ[name]).expanduser().absolute())


def _chosen(specs: list[TrialSpec], only: Sequence[str]) -> list[TrialSpec]:
    names = {spec.label for spec in specs} | {spec.method for spec in specs}
    problems = [
        f"--only: the suite has no method {name!r}. {did_you_mean(name, names)}Its methods: {', '.join(sorted(names))}."
        for name in only
        if name not in names
    ]
    if problems:
        raise InputError(problems)
    return [spec for spec in specs if not only or spec.baseline or {spec.label, spec.method} & set(only)]


def _longest_first(specs: list[TrialSpec], data: TranslationData) -> list[TrialSpec]:
    """Order the trials so that no long one is left alone at the end, all other cores idle."""
    costs = trial_costs(specs, data)
    return sorted(specs, key=lambda spec: (-costs[spec.title], spec.seed))


def trial_costs(specs: Sequence[TrialSpec], data: TranslationData) -> dict[str, float]:
    """Estimate what each trial costs: images seen times convolution weights, which is roughly the arithmetic."""
    per_label: dict[str, float] = {}
    for spec in specs:
        if spec.label not in per_label:
            per_label[spec.label] = spec.steps * spec.batch_size * _convolution_weights(spec, data)
    floor = BASELINE_COST * max([*per_label.values(), 1.0])
    return {spec.title: max(per_label[spec.label], floor) for spec in specs}


def _convolution_weights(spec: TrialSpec, data: TranslationData) -> int:
    def count(state: object) -> int:
        if isinstance(state, torch.Tensor):
            return state.numel() if state.ndim == 4 else 0
        return sum(map(count, state.values())) if isinstance(state, dict) else 0

    return count(build_method(spec, data).state_dict()) if spec.steps else 0
