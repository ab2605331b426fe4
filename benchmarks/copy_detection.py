"""How often the memorization detectors find planted copies on a dataset; the table of docs/metrics.md.

python -m benchmarks.copy_detection '{name: avatars, n_test: 1000}' --image-size 64
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import torch
import typer

from ganbench.metrics.workbench import Workbench
from ganbench.sanity.measure import MEMORIZATION, power_of, request_of
from ganbench.sanity.report import power_to_markdown


def main(
    dataset: Annotated[str, typer.Argument(help="Name, or name and options as YAML.")],
    image_size: Annotated[int, typer.Option(min=8, help="Pixels.")] = 64,
    extractor: Annotated[str, typer.Option(help="Of the features of C_T and AuthPct.")] = "efficientnet-lite0",
    seed: Annotated[int, typer.Option(min=0, help="Of disguises and draws.")] = 0,
) -> None:
    """Plant disguised training images among held-out ones, 100 times each, and print what is detected."""
    torch.set_num_threads(1)
    request = request_of(dataset, image_size, MEMORIZATION, extractor, seed)
    data = request.dataset.load(image_size)
    with tempfile.TemporaryDirectory() as cache:
        power = power_of(data, Workbench(data, extractor, Path(cache)), seed)
    counts = ", ".join(f"{len(data.images(data.target, split))} {split}" for split in data.domains[data.target].images)
    typer.echo(f"{request.name}, {data.target}, {image_size} px: {counts}\n")
    typer.echo(power_to_markdown(power))


if __name__ == "__main__":
    typer.run(main)
