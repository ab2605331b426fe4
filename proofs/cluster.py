"""Proof: a run on two nodes, one of which is lost in mid-run, ends as one that was left alone.

    python -m proofs.cluster

Two Ray nodes of one CPU each run on this machine, as processes of their own. A suite of trainings is run on them once
undisturbed. Then it is run anew, and when --moment of that time is over, all processes of the second node are killed
with SIGKILL. Then: every trial is finished, those of the lost node went on from their checkpoints on the other, all
records equal those of the undisturbed run (times left out), and it took at most 1.6 times as long. With --quick the
undisturbed run is a serial one, the node is lost as soon as it trains, and nothing is said of the time.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import psutil

from ganbench.checkpoint import PREVIOUS_FILE
from ganbench.results.store import RECORD_FILE
from ganbench.trial import LOCK_FILE
from proofs.kills import content
from proofs.telling import say, verdict

SUITE = """
name: cluster
dataset: {{name: avatars, source: avataaars, target: adventurer, n_train: 24, n_val: 8, n_test: 8}}
methods: [half_cycle]
seeds: {seeds}
metrics: [sharpness]
profiles:
  cpu:
    image_size: 16
    steps: {steps}
    batch_size: 2
    checkpoint_seconds: 0.5
    options: {{ngf: 4, n_blocks: 1, ndf: 4}}
"""
MOST = 1.6  # times the undisturbed run's time
WAIT_SECONDS = 240.0  # for a node to start, or to train
HOST = "127.0.0.1"
RESUMED = "goes on from step"


def environment() -> dict[str, str]:
    """Return what nodes and runs get: a token of their own, one thread, and a lost node noticed within seconds."""
    return {
        **os.environ,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
        "RAY_worker_register_timeout_seconds": "600",
        "OMP_NUM_THREADS": "1",
    }


@contextmanager
def node(arguments: Sequence[str], folder: Path, given: dict[str, str]) -> Iterator[psutil.Process]:
    """Start a Ray node of one CPU; end it, with all that it started, when the block ends."""
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus", "1"]
    command = [*ray, "--object-store-memory", str(80 * 2**20), *arguments]
    with (folder / "nodes.log").open("ab") as log:
        process = psutil.Popen(command, env=given, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        kill_all(process)


def kill_all(process: psutil.Process) -> None:
    """Kill a node as a power cut would: all its processes, none of which can say goodbye."""
    if process.is_running():
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()


@contextmanager
def two_nodes(folder: Path, given: dict[str, str]) -> Iterator[tuple[str, psutil.Process]]:
    """Start a cluster of two nodes; give its address and the second node."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    address = f"{HOST}:{port}"
    head = ["--head", "--port", str(port), "--include-dashboard", "false"]
    with node(head, folder, given), node_of(address, folder, given) as second:
        yield address, second


@contextmanager
def node_of(address: str, folder: Path, given: dict[str, str]) -> Iterator[psutil.Process]:
    """Let a second node join once the head answers."""
    wait_for(lambda: answers(address), "the head to answer")
    with node(["--address", address], folder, given) as second:
        joined = len((folder / "nodes.log").read_text("utf-8", "replace"))
        wait_for(lambda: "runtime started" in log_after(folder, joined), "the second node to join")
        yield second


def log_after(folder: Path, start: int) -> str:
    """Return what the nodes said from character ``start`` on."""
    return (folder / "nodes.log").read_text("utf-8", "replace")[start:]


def answers(address: str) -> bool:
    """Say whether somebody listens."""
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), 1.0).close()
    except OSError:
        return False
    return True


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until ``condition()``; end the proof where it takes too long."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {WAIT_SECONDS:g} s in vain for {what}")
        time.sleep(0.1)


def start(suite: Path, results: Path, given: dict[str, str], engine: Sequence[str]) -> subprocess.Popen[str]:
    """Start ``ganbench run``."""
    command = [sys.executable, "-m", "ganbench", "run", str(suite), "--results", str(results), *engine]
    return subprocess.Popen(  # noqa: S603
        command, env=given, cwd=suite.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def trains_on(node: psutil.Process, results: Path) -> bool:
    """Say whether the node holds an unfinished trial that has saved a checkpoint since its training began."""
    for process in node.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            held = [Path(file.path).parent for file in process.open_files() if file.path.endswith(f"/{LOCK_FILE}")]
            begun = [f for f in held if f.is_relative_to(results) and (f / PREVIOUS_FILE).exists()]
            if any(not (folder / RECORD_FILE).exists() for folder in begun):
                return True
    return False


def lose_a_node(suite: Path, results: Path, given: dict[str, str], folder: Path, seconds: float) -> tuple[float, str]:
    """Run on two nodes, kill the second when it trains and ``seconds`` are over; return the time and what was said."""
    with two_nodes(folder, given) as (address, second):
        began = time.monotonic()
        process = start(suite, results, given, ["--ray-address", address])
        time.sleep(seconds)
        wait_for(lambda: process.poll() is not None or trains_on(second, results), "the second node to train")
        kill_all(second)
        say(f"the second node is lost after {time.monotonic() - began:.0f} s")
        _, error = process.communicate()
        if process.returncode:
            raise SystemExit(f"the run ended with exit code {process.returncode}:\n{error}")
        return time.monotonic() - began, error


def undisturbed(suite: Path, results: Path, given: dict[str, str], folder: Path, quick: bool) -> float:
    """Run the suite, on two nodes or (``quick``) serially; return the seconds."""
    with nullcontext() if quick else two_nodes(folder, given) as cluster:
        began = time.monotonic()
        engine = ["--ray-address", cluster[0]] if cluster else ["--engine", "serial"]
        process = start(suite, results, given, engine)
        _, error = process.communicate()
        if process.returncode:
            raise SystemExit(f"the undisturbed run ended with exit code {process.returncode}:\n{error}")
        return time.monotonic() - began


def prove(folder: Path, trials: int, steps: int, moment: float, quick: bool) -> list[str]:
    """Run the proof in ``folder``; print what happens, return what is wrong."""
    given, suite = environment(), folder / "cluster.yaml"
    suite.write_text(SUITE.format(seeds=list(range(trials)), steps=steps))
    whole = undisturbed(suite, folder / "undisturbed", given, folder, quick)
    say(f"undisturbed{' (serial)' if quick else ''}: {whole:.0f} s for {trials} trainings")
    seconds, error = lose_a_node(suite, folder / "disturbed", given, folder, 0.0 if quick else moment * whole)
    again, ratio = error.count(RESUMED), seconds / whole
    say(f"with one node lost: {seconds:.0f} s, {ratio:.2f} × undisturbed; {again} trial(s) went on from a checkpoint")
    expected, got = (content(folder / name / "cluster" / "cpu") for name in ("undisturbed", "disturbed"))
    problems = [] if got == expected else ["the records differ from those of the undisturbed run"]
    problems += [] if again else ["no trial went on from its checkpoint"]
    problems += [f"it took more than {MOST} × as long"] if ratio > MOST and not quick else []
    return problems


def main() -> int:
    """Parse the command line and run the proof."""
    parser = argparse.ArgumentParser(prog="python -m proofs.cluster", description=__doc__)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--steps", type=int, default=1500, help="of each training")
    parser.add_argument("--moment", type=float, default=0.6, help="share of the undisturbed time, when a node is lost")
    parser.add_argument("--quick", action="store_true", help="see above")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ganbench-cluster-") as folder:
        problems = prove(Path(folder), chosen.trials, chosen.steps, chosen.moment, chosen.quick)
    return verdict(problems, "all trials finished, and all records equal those of the undisturbed run")


if __name__ == "__main__":
    sys.exit(main())
