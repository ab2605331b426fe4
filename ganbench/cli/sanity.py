"""The verb `sanity`: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def sanity(
    dataset: Annotated[
        str, typer.Argument(help="A dataset's name, or name and options: '{name: avatars, n_test: 750}'.")
    ],
    image_size: Annotated[int, typer.Option(metavar="N", min=8, max=1024, help="Pixels, height and width.")] = 32,
    metrics: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="Metric families; by default all but the slow ones.")
    ] = None,
    extractor: Annotated[str, typer.Option(help="Whose features are compared.")] = "efficientnet-lite0",
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where sanity.csv, .md and .png go.")] = Path("sanity"),
    seed: Annotated[int, typer.Option(min=0, help="Of draws and damage.")] = 0,
) -> None:
    """Show which metrics see which damage on a dataset, and where they mislead.

    Real held-out images are damaged in known and growing strength: noise, blur, swapped patches, pictures of the
    source, dropped classes, planted training copies, copied inputs, one picture for all.
    """
    from rich.console import Console

    from ganbench.display import make_display
    from ganbench.results.files import check_writable
    from ganbench.sanity.measure import costs, measure, request_of
    from ganbench.sanity.report import print_sanity, write_files

    request = request_of(dataset, image_size, metrics, extractor, seed)
    check_writable(out)
    with make_display(costs(request)) as display:
        found = measure(request, display)
    files = write_files(found, out)
    print_sanity(found, Console())
    for file in files:
        typer.echo(f"  {file}", err=True)
