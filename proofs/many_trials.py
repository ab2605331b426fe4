"""Proof: a thousand tiny trials through Ray cost little beside their own work, and the driver doesn't grow.

    python -m proofs.many_trials --trials 1000

A suite whose trials take moments (four steps at 16 pixels, one cheap metric) is run through Ray on all CPU cores. What
a trial costs beyond its own training and evaluation is the time of all cores, less what the records say was spent in
these, over the number of trials. On a machine that does other things too, the clock says more than the trials took:
processor time is told beside it. The driver's memory is looked at while the trials run: it is flat where the
last tenth of them adds no more than --growth MiB to what the driver held after the first tenth.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from proofs.telling import say, verdict

SUITE = """
name: many
dataset: {{name: avatars, source: avataaars, target: adventurer, n_train: 24, n_val: 8, n_test: 8}}
methods: [half_cycle]
seeds: {seeds}
metrics: [sharpness]
profiles:
  cpu: {{image_size: 16, steps: 4, batch_size: 2, options: {{ngf: 4, n_blocks: 1, ndf: 4}}}}
"""
MOST_SECONDS = 0.5  # beside its own work, per trial
EVERY = 10  # trials between two looks at processor times
FINAL = ("ok", "failed", "diverged", "skipped")


@dataclass
class Watch:
    """Looks at the driver as trials end.

    Attributes:
        memory: resident MiB of the driver after each trial.
        seconds: when each ended, since the first began.
        processor: seconds of processor time, of driver, Ray and workers, after each tenth trial.
    """

    memory: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    began: float = 0.0

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to be closed."""

    def __call__(self, progress: Any) -> None:
        """Take note where a trial ended."""
        self.began = self.began or time.monotonic()
        if progress.stage in FINAL and progress.trial != "preparation":
            self.memory.append(psutil.Process().memory_info().rss / 2**20)
            self.seconds.append(time.monotonic() - self.began)
            if len(self.seconds) % EVERY == 0:
                self.processor.append(processor_seconds())

    @property
    def growth(self) -> float:
        """MiB that the driver grew by from the end of the first tenth of the trials to the last."""
        return max(self.memory[-max(1, len(self.memory) // 10) :]) - self.memory[len(self.memory) // 10]


def processor_seconds() -> float:
    """Return the processor time so far of this process and its children, which Ray's processes are."""
    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def work(directory: Path) -> tuple[int, float]:
    """Return how many records are ok, and the seconds that all trials trained and evaluated."""
    from ganbench.results.store import read_profile

    timings = [r.timings for r in read_profile(directory).records.values() if r.status == "ok"]
    return len(timings), sum(each.training_seconds + each.evaluation_seconds for each in timings)


def prove(folder: Path, trials: int, growth: float) -> list[str]:
    """Run the proof in ``folder``; print what happens, return what is wrong."""
    from ganbench.run import RunOptions, execute, plan_run

    cores, suite, watch = os.cpu_count() or 1, folder / "many.yaml", Watch()
    suite.write_text(SUITE.format(seeds=list(range(trials))))
    plan = plan_run(suite, RunOptions(only=("half_cycle",), results=folder), lambda _: None)
    plan.specs = [spec for spec in plan.specs if not spec.baseline]
    execute(plan, lambda _: watch)
    done, own = work(plan.directory)
    overhead = (cores * watch.seconds[-1] - own) / trials
    say(f"{done} of {trials} trials in {watch.seconds[-1]:.0f} s by the clock, on {cores} cores")
    say(f"beside its own work a trial took {overhead:.2f} s of one core ({own / trials:.2f} s were its own)")
    if len(watch.processor) > 1:  # the median: a process that ends takes its time with it
        each = median(after - before for before, after in pairwise(watch.processor)) / EVERY
        say(f"a trial took {each:.2f} s of processor time, its own work and all of Ray's processes together")
    first, last = watch.memory[0], watch.memory[-1]
    say(f"the driver held {first:.0f} MiB at first, {last:.0f} at last; it grew by {watch.growth:.1f} MiB")
    problems = [] if done == trials else [f"{trials - done} trials are not finished"]
    problems += [f"more than {MOST_SECONDS} s per trial"] if overhead > MOST_SECONDS else []
    return problems + ([f"the driver grew by more than {growth:g} MiB"] if watch.growth > growth else [])


def main() -> int:
    """Parse the command line and run the proof."""
    parser = argparse.ArgumentParser(prog="python -m proofs.many_trials", description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--growth", type=float, default=32.0, help="MiB that the driver may grow by")
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory(prefix="ganbench-many-") as folder:
        problems = prove(Path(folder), chosen.trials, chosen.growth)
    return verdict(problems, "all trials finished, cheaply, and the driver stayed as it was")


if __name__ == "__main__":
    sys.exit(main())
