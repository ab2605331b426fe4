"""The long fuzzer: mutated suites, records, plans, baselines and answers through the command line.

    python -m proofs.fuzz --cases 100000

A case passes where the command ends within its seconds of processor time, with an exit code and a message of its own
(no traceback), writes nothing outside the one folder it is given, starts no process and opens no connection. Every
case follows from ``--seed`` and its number alone; ``--first N --cases 1`` repeats it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ganbench.seeding import numpy_generator
from proofs.corpus import Seedling, gather
from proofs.guard import ForbiddenError, Guard, HangError
from proofs.in_process import call
from proofs.mutate import mutate

SECONDS = 1.0  # of processor time, one case: wall time would tell of other programs on the machine
FORMS = ("", "--markdown", "--csv", "--latex", "--json")
SHARES = {"suite": 0.45, "record": 0.45, "plan": 0.04, "baseline": 0.03, "answers": 0.03}
ACCEPTED = {"suite": {0}, "record": {0, 4}, "plan": {0}, "baseline": {0, 4}, "answers": {2}}  # 4: nothing to compare


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
        self.seedlings = gather(folder, records)
        self.findings = Findings()

    def case(self, number: int) -> None:
        """Run one case and note what it did; a failing file is kept in ``folder/failures``."""
        rng = numpy_generator(self.seed, "fuzz", number)
        kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        every = self.seedlings[kind]
        chosen, other = (every[rng.integers(len(every))] for _ in range(2))
        content = mutate(chosen.sound, other.sound, rng)
        before = chosen.place.read_bytes() if chosen.place.exists() else b""
        chosen.place.write_bytes(content)
        commands = self._commands(kind, chosen, int(rng.integers(1000)))
        problem, code, seconds = self._guarded(commands, chosen.place if kind == "suite" else None)
        self._note(number, kind, content, problem, code, seconds)
        chosen.place.write_bytes(before)  # so that a case follows from its number alone

    def warm_up(self) -> None:
        """Run every command on sound files: all must be accepted, and all modules are imported before the watch."""
        for kind, every in self.seedlings.items():
            every[0].place.write_bytes(every[0].sound.content)
            for draw in range(len(FORMS) * 4):
                for command in self._commands(kind, every[0], draw):
                    if call(command) not in ACCEPTED[kind]:
                        raise AssertionError(f"ganbench refuses the sound {kind} {every[0].place}: {command}")

    def _guarded(self, commands: Sequence[Sequence[str]], suite: Path | None) -> tuple[str, str, float]:
        """Return what is wrong, the exit code, and the seconds of processor time that the commands took."""
        code, started = "", time.process_time()
        try:
            with self.guard.watching(SECONDS):
                for command in commands:
                    code = str(call(command))
            seconds = time.process_time() - started
            if suite and code == "0":
                check_folders(suite, self.folder)
        except (Exception, ForbiddenError, HangError):
            return traceback.format_exc(), "traceback", time.process_time() - started
        return "; ".join(self.guard.seen), code, seconds

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
