"""Seconds of `ganbench evaluate` beside torch-fidelity's and clean-fid's, on the same pictures and networks.

python -m benchmarks.evaluation  # 2,000 made and 2,000 real pictures; some 20 minutes of two cores
python -m benchmarks.evaluation --pictures 250 --repeats 1  # a first look
python -m benchmarks.evaluation --only "pixel copies"  # those rows whose name holds these words

Each run is a process of its own with an empty cache, as a user's command is. Runs take turns. FID, KID, IS, precision
and recall are computed by all that can; ganbench adds density and coverage. clean-fid takes part where it is installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer

from benchmarks.evaluation_peers import Extractor, Peer
from benchmarks.rows import Row, machine, table
from ganbench.data.pictures import write_pictures
from ganbench.errors import InputError
from ganbench.hardware import describe
from ganbench.nets.extractors_inception import INCEPTION_LAYERS, load_inception
from ganbench.seeding import torch_generator

SUBSET = 1000  # of KID
QUALITY = "frechet,kernel,inception_score,prdc"
ALL = f"{QUALITY},memorization"
LITE0 = "efficientnet-lite0"
INCEPTION = "inception-v3-64"


class Spent(NamedTuple):
    """What one process cost, its helpers included, and the Fréchet distance that it found."""

    seconds: float
    cpu: float
    distance: float


@dataclass(frozen=True)
class Comparison:
    """Two commands that answer the same question."""

    what: str
    ours: Sequence[str]
    theirs: Sequence[str]
    note: str = ""
    asked: str = "≥ 1.5 ×"


@dataclass(frozen=True)
class Place:
    """Folders of pictures: ``made``, ``real``, and ``held-out`` for what the detectors are gauged by."""

    root: Path
    subset: int

    def ours(self, extractor: str, metrics: str, held_out: bool = False) -> list[str]:
        """Return the command that evaluates with ganbench."""
        command = ["-m", "ganbench", "evaluate", "--json", "--generated", str(self.root / "made"), "--train"]
        gauge = ["--target", str(self.root / "held-out")] if held_out else []
        return [*command, str(self.root / "real"), "--metrics", metrics, "--extractor", extractor, *gauge]

    def theirs(self, peer: Peer, extractor: Extractor, weights: Path | None = None) -> list[str]:
        """Return the command that evaluates with another program."""
        command = ["-m", "benchmarks.evaluation_peers", peer.value, extractor.value, "--subset", str(self.subset)]
        given = ["--weights", str(weights)] if weights else []
        return [*command, str(self.root / "made"), str(self.root / "real"), *given]


def main(
    pictures: Annotated[int, typer.Option(min=20, help="In each folder.")] = 2000,
    image_size: Annotated[int, typer.Option(min=8, help="Pixels.")] = 64,
    repeats: Annotated[int, typer.Option(min=1, help="Turns.")] = 3,
    threads: Annotated[int, typer.Option(min=1, help="Of torch and of matrix products; decoding has its own.")] = 2,
    only: Annotated[str, typer.Option(help="Rows whose name holds this.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Print how many times as fast ganbench is, as Markdown."""
    rows = measure(pictures, image_size, repeats, threads, only)
    if as_json:
        hardware = describe(torch.device("cpu"))
        typer.echo(json.dumps({"machine": hardware, "threads": threads, "rows": list(map(asdict, rows))}, indent=1))
        return
    typer.echo(f"{machine(threads, torch.device('cpu'))}\n\n{table(rows)}")


def measure(
    pictures: int = 2000, image_size: int = 64, repeats: int = 3, threads: int = 2, only: str = ""
) -> list[Row]:
    """Return the comparisons: with torch-fidelity, with clean-fid where it is, and the cost of the detectors."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), min(SUBSET, pictures))
        make_pictures(place.root, pictures, image_size)
        chosen = [each for each in comparisons(place) if only in each.what]
        if not chosen:
            raise InputError(f"no row's name holds {only!r}")
        return [_row(each, repeats, threads) for each in chosen]


def make_pictures(root: Path, count: int, size: int) -> None:
    """Write smooth random pictures, ``made`` darker than ``real`` and ``held-out``."""
    for name, brightest in (("made", 200), ("real", 256), ("held-out", 256)):
        generator = torch_generator(0, "pictures", name)
        coarse = torch.randint(0, brightest, (count, 3, 6, 6), generator=generator)
        images = torch.nn.functional.interpolate(coarse.float(), (size, size), mode="bicubic").clamp(0, 255)
        write_pictures(root / name, (f"{index:05}" for index in range(count)), images.to(torch.uint8))


def comparisons(place: Place) -> list[Comparison]:
    """Return what can be compared here; the reason is printed for what can't."""
    quality = place.ours(LITE0, QUALITY)
    found = [
        Comparison(
            f"torch-fidelity, {LITE0} as its package makes it",
            quality,
            place.theirs(Peer.TORCH_FIDELITY, Extractor.LITE0),
        ),
        Comparison(
            f"torch-fidelity, {LITE0} as ganbench prepares it",
            quality,
            place.theirs(Peer.TORCH_FIDELITY, Extractor.OURS),
        ),
    ]
    weights = _whole_inception(place.root)
    if weights is None:
        typer.echo("no Inception: put its weights into the folder that GANBENCH_WEIGHTS names", err=True)
    else:
        ours = place.ours(INCEPTION, "frechet,kernel,prdc")
        theirs = place.theirs(Peer.TORCH_FIDELITY, Extractor.INCEPTION, weights)
        found.append(Comparison("torch-fidelity, its own Inception, 64 features", ours, theirs, "no IS"))
    if importlib.util.find_spec("cleanfid") is None:
        typer.echo("no clean-fid: pip install clean-fid", err=True)
    else:
        ours, theirs = place.ours(LITE0, "frechet,kernel"), place.theirs(Peer.CLEAN_FID, Extractor.LITE0)
        found.append(Comparison(f"clean-fid, {LITE0} as its package makes it", ours, theirs, "FID and KID, its resize"))
    with_all, without = place.ours(LITE0, ALL, held_out=True), place.ours(LITE0, QUALITY, held_out=True)
    note = "other: without them; the row of real pictures in both"
    return [*found, Comparison("C_T, AuthPct and pixel copies added", with_all, without, note, "≥ .87 ×")]


def _whole_inception(folder: Path) -> Path | None:
    """Write Inception's weights as torch-fidelity's class reads them, 0 where only layers above 64 need them."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = INCEPTION_LAYERS.find()
    if path is None:
        return None
    part = load_inception(path, ("64",)).state_dict()

    class Empty(FeatureExtractorInceptionV3):  # type: ignore[misc]
        def load_state_dict(self, state_dict: Mapping[str, object], strict: bool = True, assign: bool = False) -> None:
            """Keep the weights as they are."""

    network = Empty("inception", ["64"], str(path))
    blank = {key: torch.zeros_like(value) for key, value in network.state_dict().items()}
    torch.save({**blank, **part}, folder / "inception.pth")
    return folder / "inception.pth"


def _row(comparison: Comparison, repeats: int, threads: int) -> Row:
    turns = [[_run(command, threads) for command in (comparison.ours, comparison.theirs)] for _ in range(repeats)]
    by_clock, by_cpu = (statistics.median(theirs[k] / ours[k] for ours, theirs in turns) for k in range(2))
    seconds = [statistics.median(turn[side].seconds for turn in turns) for side in range(2)]
    distances = " and ".join(f"{spent.distance:.4g}" for spent in turns[0])
    note = "; ".join(filter(None, (f"{by_cpu:.2f} × by CPU time", f"FD {distances}", comparison.note)))
    ours, theirs = seconds
    row = Row(comparison.what, ours, "s", theirs, by_clock, comparison.asked, note)
    typer.echo(f"{row.what}: {row.ratio:.2f} × ({row.note})", err=True)  # an hour's work may be cut short
    return row


def _run(command: Sequence[str], threads: int) -> Spent:
    with tempfile.TemporaryDirectory() as cache:
        limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        environment = {**os.environ, **limits, "GANBENCH_CACHE": cache}
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(seconds, cpu, _distance(json.loads(done.stdout)))


def _distance(answer: dict[str, Any]) -> float:
    """Return the Fréchet distance in any program's answer."""
    if "rows" in answer:
        metrics = answer["rows"][-1]["metrics"]
        return next(float(each["value"]) for name, each in metrics.items() if name.startswith("fd_"))
    return float(answer["frechet_inception_distance"])


if __name__ == "__main__":
    typer.run(main)
