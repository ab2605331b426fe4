"""The long fuzzer: mutated suites, records, plans, baselines and answers through the command line.

    python -m proofs.fuzz --cases 100000

A case passes where the command ends within its seconds of processor time, with an exit code and a message of its own
(no traceback), writes nothing outside the one folder it is given, starts no process and opens no connection. Every
case follows from ``--seed`` and its number alone; ``--first N --cases 1`` repeats it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import typer
import yaml

from ganbench.seeding import numpy_generator
from proofs.guard import ForbiddenError, Guard, HangError
from proofs.mutate import Sound, mutate, to_json, to_yaml

SECONDS = 1.0  # of processor time, one case: wall time would tell of other programs on the machine
ROOT = Path(__file__).parent.parent
FORMS = ("", "--markdown", "--csv", "--latex", "--json")
SHARES = {"suite": 0.45, "record": 0.45, "plan": 0.04, "baseline": 0.03, "answers": 0.03}
TINY = """name: tiny
dataset: {name: avatars, source: avataaars, target: adventurer, n_train: 24, n_val: 8, n_test: 8}
methods: [half_cycle]
seeds: [0]
metrics: [sharpness, frechet]
profiles:
  cpu: {image_size: 16, steps: 4, batch_size: 2, options: {ngf: 4, n_blocks: 1, ndf: 4}}
"""
ACCEPTED = {"suite": {0}, "record": {0, 4}, "plan": {0}, "baseline": {0, 4}, "answers": {2}}  # 4: nothing to compare
EXIT_CODES = {0, 1, 2, 3, 4}


@dataclass(frozen=True)
class Seedling:
    """A sound file that is mutated, and where its mutation lies while a command reads it."""

    sound: Sound
    place: Path
    results: Path


@dataclass
class Findings:
    """What the cases did."""

    kinds: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0
    slowest_case: int = 0


class Fuzzer:
    """Makes and runs cases in ``folder``, beginning from the project's suites and from records of finished runs."""

    def __init__(self, folder: Path, records: Path | None, seed: int, guard: Guard) -> None:
        self.folder, self.seed, self.guard = folder, seed, guard
        self.seedlings: dict[str, list[Seedling]] = {kind: [] for kind in SHARES}
        self.findings = Findings()
        self._add_suites()
        tiny = self._run_tiny()
        for source in filter(None, (tiny, records)):
            self._add_results(source)
        self._add_others(tiny)

    def case(self, number: int) -> None:
        """Run one case and note what it did; a failing file is kept in ``folder/failures``."""
        rng = numpy_generator(self.seed, "fuzz", number)
        kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        every = self.seedlings[kind]
        chosen, other = (every[rng.integers(len(every))] for _ in range(2))
        content = mutate(chosen.sound, other.sound, rng)
        chosen.place.write_bytes(content)
        started = time.process_time()
        commands = self._commands(kind, chosen, int(rng.integers(1000)))
        problem, code = self._guarded(commands, chosen.place if kind == "suite" else None)
        self._note(number, kind, content, problem, code, time.process_time() - started)
        chosen.place.write_bytes(chosen.sound.content)

    def warm_up(self) -> None:
        """Run every command on sound files: all must be accepted, and all modules are imported before the watch."""
        for kind, every in self.seedlings.items():
            every[0].place.write_bytes(every[0].sound.content)
            for draw in range(len(FORMS) * 4):
                for command in self._commands(kind, every[0], draw):
                    if call(command) not in ACCEPTED[kind]:
                        raise AssertionError(f"ganbench refuses the sound {kind} {every[0].place}: {command}")

    def _guarded(self, commands: Sequence[Sequence[str]], suite: Path | None) -> tuple[str, str]:
        code = ""
        try:
            with self.guard.watching(SECONDS):
                for command in commands:
                    code = str(call(command))
            if suite and code == "0":
                check_folders(suite, self.folder)
        except (Exception, ForbiddenError, HangError):
            return traceback.format_exc(), "traceback"
        return "; ".join(self.guard.seen), code

    def _commands(self, kind: str, chosen: Seedling, draw: int) -> list[list[str]]:
        place, results = str(chosen.place), str(chosen.results)
        report = ["report", results, *filter(None, [FORMS[draw % len(FORMS)]])]
        if kind == "suite":
            return [["validate", place]]
        if kind == "baseline":
            return [["check", results, "--baseline", place, *(["--json"] if draw % 2 else [])]]
        if kind == "answers":
            return [["human-test", "import", place, "--results", results]]
        if draw % 20 == 0:
            return [["report", results, "--html", str(self.folder / "pages")]]
        if kind == "record" and draw % 10 == 1:
            return [
                ["baseline", results, "-o", str(self.folder / "made.json"), "--update"],
                ["compare", results, results],
            ]
        return [report]

    def _note(self, number: int, kind: str, content: bytes, problem: str, code: str, seconds: float) -> None:
        found = self.findings
        found.kinds[kind] += 1
        found.codes[code] += 1
        if seconds > found.slowest:
            found.slowest, found.slowest_case = seconds, number
        self.guard.seen.clear()
        if problem:
            found.failures.append(f"case {number}, {kind}: {problem}")
            kept = self.folder / "failures" / f"{number}-{kind}"
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(content)

    def _add_suites(self) -> None:
        place = self.folder / "suite.yaml"
        for path in sorted((ROOT / "suites").glob("*.yaml")):
            self.seedlings["suite"].append(Seedling(_sound(path), place, self.folder))

    def _run_tiny(self) -> Path:
        suite, results = self.folder / "tiny.yaml", self.folder / "tiny"
        suite.write_text(TINY)
        command = [sys.executable, "-m", "ganbench", "run", suite, "--engine", "serial", "--results", results]
        subprocess.run(  # noqa: S603
            list(map(str, command)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return results

    def _add_results(self, source: Path) -> None:
        """Copy each profile's plan and a few records beside the slot that the mutations are written to."""
        for number, plan in enumerate(sorted(source.glob("*/*/plan.json"))):
            records = sorted(plan.parent.glob("*/record.json"))
            results = self.folder / f"results-{source.name}-{number}"
            profile = results / plan.parent.parent.name / plan.parent.name
            for record in records[: 5 if source.name == "tiny" else 3]:
                shutil.copytree(record.parent, profile / record.parent.name, ignore=shutil.ignore_patterns("*.pt"))
            for extra in (plan, *plan.parent.glob("*.npz")):
                shutil.copy(extra, profile)
            slot = profile / records[0].parent.name / "record.json"
            self.seedlings["record"] += [Seedling(_sound(record), slot, results) for record in records]
            self.seedlings["plan"].append(Seedling(_sound(plan), profile / plan.name, results))

    def _add_others(self, tiny: Path) -> None:
        baseline = self.folder / "baseline.json"
        call(["baseline", str(tiny), "-o", str(baseline)])
        self.seedlings["baseline"].append(Seedling(_sound(baseline), baseline, tiny))
        answers = self.folder / "answers.json"
        answers.write_bytes(_answers(next(tiny.glob("*/*/half_cycle-*/record.json"))))
        self.seedlings["answers"].append(Seedling(_sound(answers), answers, tiny))


def call(command: Sequence[str]) -> int:
    """Run ganbench in this process as the shell would; anything but an exit code of its own raises.

    What it prints must be text that a terminal takes, so lone surrogates raise too.
    """
    cli = _cli()
    out, error = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    before = sys.argv
    sys.argv = ["ganbench", *command]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            cli.main()
    except SystemExit as ended:
        code = ended.code or 0
    else:
        code = 0
    finally:
        sys.argv = before
    out.flush(), error.flush()
    if code not in EXIT_CODES:
        raise AssertionError(f"exit code {code!r}")
    return int(code)


def check_folders(suite: Path, results: Path) -> None:
    """Raise where a suite that is accepted would write a trial's directory anywhere but two folders below."""
    from ganbench.results.store import profile_directory, trial_directory
    from ganbench.variants import expand, load_suite

    loaded = load_suite(suite)
    for profile in loaded.suite.profiles:
        directory = profile_directory(results, loaded.suite.name, profile)
        for variant in expand(loaded, profile):
            for seed in loaded.seeds(profile):
                trial = trial_directory(directory, variant.label, seed, "0" * 64)
                if trial.resolve().parent.parent.parent != results.resolve() or len(os.fsencode(trial.name)) > 255:
                    raise ForbiddenError(f"a trial would lie in {trial}")


@lru_cache(maxsize=1)
def _cli() -> ModuleType:
    """Return the command line with its parser built once: typer builds it anew for each call, which takes 20 ms."""
    from ganbench import cli

    cli.app = typer.main.get_command(cli.app)  # type: ignore[assignment]
    return cli


def _sound(path: Path) -> Sound:
    content = path.read_bytes()
    if path.suffix == ".yaml":
        return Sound(content, yaml.safe_load(content), to_yaml)
    return Sound(content, json.loads(content), to_json)


def _answers(record: Path) -> bytes:
    from ganbench.human_test.read import checksum
    from ganbench.results.people import Answer, Sitting
    from ganbench.results.store import read_record

    known = read_record(record)
    answer = Answer(screen=1, shown=[0, 1], chosen=[0], exposure_ms=[1000, 1000], answer_ms=900)
    sitting = Sitting(
        checksum="", suite=known.suite, profile=known.profile, data_fingerprint=known.data_fingerprint,
        label=known.label, training_hash=known.training_hash, protocol="pix2pix", draw=0, page="0" * 64,
        sitting="1" * 32, answers=[answer],
    )  # fmt: skip
    return to_json(sitting.model_copy(update={"checksum": checksum(sitting)}).model_dump())


def main() -> int:
    """Parse the command line, fuzz, print the figures; 1 where anything failed."""
    parser = argparse.ArgumentParser(prog="python -m proofs.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--records", type=Path, help="a results directory whose records are mutated too")
    parser.add_argument("--keep", type=Path, help="copy the files of failing cases here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ganbench-fuzz-") as folder:
        sys.dont_write_bytecode = True  # modules that are imported on the way would be written elsewhere
        guard = Guard(Path(folder))
        fuzzer = Fuzzer(Path(folder), options.records, options.seed, guard)
        fuzzer.warm_up()
        guard.install()
        return _fuzz(fuzzer, range(options.first, options.first + options.cases), options.keep)


def _fuzz(fuzzer: Fuzzer, cases: range, keep: Path | None) -> int:
    started = shown = time.monotonic()
    for done, number in enumerate(cases, start=1):
        fuzzer.case(number)
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            sys.stderr.write(f"{done:,}/{len(cases):,} cases, {len(fuzzer.findings.failures)} failures\n")
    found = fuzzer.findings
    if keep and found.failures:
        shutil.copytree(fuzzer.folder / "failures", keep, dirs_exist_ok=True)
    for failure in found.failures[:20]:
        sys.stdout.write(f"{failure}\n")
    sys.stdout.writelines(f"{line}\n" for line in _summary(found, time.monotonic() - started))
    return 1 if found.failures else 0


def _summary(found: Findings, seconds: float) -> Iterator[str]:
    yield f"{sum(found.kinds.values()):,} cases in {seconds:,.0f} s: " + _counts(found.kinds)
    yield f"exit codes: {_counts(found.codes)}"
    yield f"slowest case: {found.slowest:.2f} s of processor time (case {found.slowest_case})"
    yield f"failures: {len(found.failures)}"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count:,} × {name}" for name, count in counter.most_common())


if __name__ == "__main__":
    raise SystemExit(main())
