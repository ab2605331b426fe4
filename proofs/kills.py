"""Proof: a run that is killed again and again ends as one that is left alone.

    python -m proofs.kills --kills 50

A suite of six tiny trainings is run once undisturbed. Then it is started, its whole process group is killed with
SIGKILL at a random moment, and the same command is given again, until all kills are done and the run has ended. Where
a run ends before that, the next begins in another directory. Then: every trial has one record, all records equal those
of the undisturbed run (times left out), and no kill made more than one checkpoint interval be trained again.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from proofs.telling import say, verdict

SUITE = """
name: kills
dataset: {{name: avatars, source: avataaars, target: adventurer, n_train: 24, n_val: 8, n_test: 8}}
methods:
  - cyclegan
  - {{name: half_cycle, label: half_cycle-began, adversarial: began}}
  - {{name: half_cycle, label: half_cycle-wgan, adversarial: wgan, regularizer: spectral_norm}}
seeds: [0, 1]
metrics: [sharpness]
profiles:
  cpu:
    image_size: 16
    steps: {steps}
    batch_size: 2
    checkpoint_seconds: {interval}
    options: {{ngf: 4, n_blocks: 1, ndf: 4}}
"""
PROFILE = "kills/cpu"
TRAINED = 6  # trials of the suite that are trained
EARLY = 0.2  # share of the kills that may come before training begins
SPAN_SECONDS = 2.0  # from the first step on, in which the other kills come
CLOCK_SECONDS = 0.5  # between the clock readings that decide on a checkpoint and the lines in the log
RESUMED, TRAINING = "resumed", "training"
STEPPING = (RESUMED, TRAINING)


class Line(NamedTuple):
    """One message of a trial, as the child logs it."""

    when: float
    trial: str
    stage: str
    step: int


@dataclass
class Findings:
    """What the kills did."""

    kills: int = 0
    runs: int = 0
    in_training: int = 0
    again_steps: list[int] = field(default_factory=list)
    again_seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Log:
    """A display that writes each message to a file at once, so that a kill loses none."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def __call__(self, progress: Any) -> None:
        """Write one line: when, which trial, doing what, at which step."""
        stage = RESUMED if "goes on from" in progress.note else progress.stage
        fields = (f"{time.time():.3f}", progress.trial, stage, str(progress.step))
        os.write(self._file, ("\t".join(fields) + "\n").encode())


def child(suite: Path, results: Path, log: Path) -> int:
    """Do what ``ganbench run`` does, and log every step."""
    from ganbench.run import RunOptions, execute, plan_run, publish

    plan = plan_run(suite, RunOptions(engine="serial", results=results), lambda _: None)
    if not plan.open_specs:
        return 0
    summary = execute(plan, lambda _: Log(log))
    publish(plan)
    return summary.exit_code


def start(suite: Path, results: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the run in a process group of its own."""
    command = [sys.executable, "-m", "proofs.kills", "--child", str(suite), str(results), str(log)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, start_new_session=True, env=environment)  # noqa: S603


def read_log(path: Path) -> list[Line]:
    """Return the whole lines of a log."""
    text = path.read_text() if path.exists() else ""
    rows = (line.split("\t") for line in text.splitlines(keepends=True) if line.endswith("\n"))
    return [Line(float(when), trial, stage, int(step)) for when, trial, stage, step in rows]


def kill_at_random(process: subprocess.Popen[bytes], log: Path, chance: random.Random, startup: float) -> bool:
    """Kill the group at a random moment; return False where it ended before."""
    began, known = time.monotonic(), log.stat().st_size if log.exists() else 0
    early = chance.random() < EARLY
    moment = chance.uniform(0, startup if early else SPAN_SECONDS)

    def is_due() -> bool:
        if early:
            return time.monotonic() - began >= moment
        text = log.read_bytes()[known:] if log.exists() else b""
        return b"\ttraining\t" in text

    while not is_due():
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    if not early:
        time.sleep(moment)
    if process.poll() is not None:
        return False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


def trained_again(attempts: list[list[Line]]) -> list[tuple[int, float, float]]:
    """Return, for each kill amid a training, the steps that were done again, their seconds, and those without the last.

    The last step is no matter of the interval: a checkpoint is due only once a step has ended.
    """
    found = []
    done: dict[str, dict[int, float]] = {}
    for attempt in attempts:
        for trial in dict.fromkeys(line.trial for line in attempt if line.stage in STEPPING):
            lines = [line for line in attempt if line.trial == trial and line.stage in STEPPING]
            before, first = done.get(trial, {}), lines[0].step if lines[0].stage == RESUMED else 0
            last = max(before, default=0)
            if before and first < last:
                begun = before.get(first, before[min(before)])
                found.append((last - first, before[last] - begun, before.get(last - 1, begun) - begun))
            kept = {step: when for step, when in before.items() if step < first}
            done[trial] = kept | {line.step: line.when for line in lines}
    return found


def content(directory: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """Return what must be the same in two runs, of every record: all but times."""
    from ganbench.results.store import read_profile

    found: dict[tuple[str, int], dict[str, Any]] = {}
    for record in read_profile(directory).records.values():
        if (record.label, record.seed) in found:
            raise SystemExit(f"{record.label} · seed {record.seed} has two records")
        fields = record.model_dump(exclude={"timings", "provenance"})
        fields["curve"] = [{key: value for key, value in row.items() if key != "seconds"} for row in record.curve]
        found[record.label, record.seed] = fields
    return found


def disturbed_run(
    folder: Path, suite: Path, kills: int, chance: random.Random, startup: float
) -> tuple[int, list[list[Line]]]:
    """Run the suite to its end with at most ``kills`` kills; return their number, and the log of each attempt."""
    done, attempts, log = 0, list[list[Line]](), folder / "log"
    while True:
        process, known = start(suite, folder, log), len(read_log(log))
        killed = done < kills and kill_at_random(process, log, chance, startup)
        code = process.wait()
        attempts.append(read_log(log)[known:])
        done += killed
        if killed:
            say(f"kill {done} of at most {kills} in {folder.name}: {stood_at(attempts[-1])}")
        elif code:
            raise SystemExit(f"the run ended with exit code {code}")
        else:
            return done, attempts


def stood_at(attempt: list[Line]) -> str:
    """Say what an attempt was doing when it was killed."""
    return f"{attempt[-1].trial}, {attempt[-1].stage} {attempt[-1].step}" if attempt else "before anything began"


def judge(
    found: Findings, attempts: list[list[Line]], results: Path, expected: dict[Any, Any], interval: float
) -> None:
    """Add one disturbed run to the findings, and every problem with it."""
    for steps, seconds, without_last in trained_again(attempts):
        found.again_steps.append(steps)
        found.again_seconds.append(seconds)
        if without_last > interval + CLOCK_SECONDS:
            found.problems.append(f"{steps} steps, {seconds:.2f} s, were trained again")
    ends = [line.trial for attempt in attempts for line in attempt if line.stage in ("ok", "failed", "diverged")]
    found.problems += [f"{trial} ended {ends.count(trial)} times" for trial in set(ends) - {"preparation"}
                       if ends.count(trial) > 1]  # fmt: skip
    got = content(results / PROFILE)
    if got.keys() != expected.keys():
        found.problems.append(f"records of {sorted(got)} instead of {sorted(expected)}")
    for key in sorted(got.keys() & expected.keys()):
        differing = [name for name, value in expected[key].items() if got[key][name] != value]
        found.problems += [f"the record of {key} differs in {', '.join(differing)}"] if differing else []
    found.in_training += sum(bool(attempt) and attempt[-1].stage == "training" for attempt in attempts)
    found.runs += 1


def prove(folder: Path, kills: int, steps: int, interval: float, seed: int) -> Findings:
    """Run the proof in ``folder``; print what happens."""
    suite = folder / "kills.yaml"
    suite.write_text(SUITE.format(steps=steps, interval=interval))
    began = time.time()
    _, (whole,) = disturbed_run(_made(folder / "undisturbed"), suite, 0, random.Random(seed), 0.0)
    startup = next(line.when for line in whole if line.stage == "training") - began
    say(f"undisturbed: {whole[-1].when - began:.0f} s, training began after {startup:.1f} s")
    expected, found, chance = content(folder / "undisturbed" / PROFILE), Findings(), random.Random(seed)
    if sum(bool(record["curve"]) for record in expected.values()) != TRAINED:
        raise SystemExit("the undisturbed run is not complete")
    while found.kills < kills:
        results = _made(folder / f"run{found.runs + 1}")
        done, attempts = disturbed_run(results, suite, kills - found.kills, chance, startup)
        found.kills += done
        judge(found, attempts, results, expected, interval)
    return found


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def report(found: Findings, interval: float) -> int:
    """Print the outcome; return the exit code."""
    seconds, steps = sorted(found.again_seconds) or [0.0], sorted(found.again_steps) or [0]
    say(f"{found.kills} kills, {found.in_training} of them amid a training, over {found.runs} run(s) of the suite")
    middle = len(steps) // 2
    say(f"trained again per kill: median {steps[middle]} steps ({seconds[middle]:.2f} s), at most {steps[-1]} steps")
    say(f"at most {seconds[-1]:.2f} s, with the step at hand; the checkpoint interval is {interval:g} s")
    return verdict(found.problems, "every trial ended once, and all records equal those of the undisturbed run")


def main() -> int:
    """Parse the command line and run the proof, or one run of its suite."""
    parser = argparse.ArgumentParser(prog="python -m proofs.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--steps", type=int, default=150, help="of each training")
    parser.add_argument("--interval", type=float, default=0.5, help="seconds between checkpoints")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--child", nargs=3, type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        return child(*chosen.child)
    with tempfile.TemporaryDirectory(prefix="ganbench-kills-") as folder:
        found = prove(Path(folder), chosen.kills, chosen.steps, chosen.interval, chosen.seed)
    return report(found, chosen.interval)


if __name__ == "__main__":
    sys.exit(main())
