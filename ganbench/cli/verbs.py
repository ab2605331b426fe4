"""The verbs: parse, call, print, exit code; no logic. Heavy modules are imported by the verb that needs them."""

from __future__ import annotations

import enum
import gc
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import ganbench
from ganbench.cli import setup
from ganbench.cli.evaluate import evaluate, export
from ganbench.cli.gate import baseline, check
from ganbench.cli.human_test import human_test_app
from ganbench.cli.reproduce import Engine, reproduce
from ganbench.cli.results import compare, report
from ganbench.cli.sanity import sanity
from ganbench.errors import GanbenchError

if TYPE_CHECKING:
    from ganbench.progress import Progress
    from ganbench.run import RunPlan, RunSummary

app = typer.Typer(
    name="ganbench",
    help="Train, judge and rank GAN image translation methods.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(setup.weights_app, name="weights")
app.add_typer(human_test_app, name="human-test")
app.command()(setup.doctor)


class Kind(enum.StrEnum):
    """What can be listed."""

    METHODS = "methods"
    LOSSES = "losses"
    DATASETS = "datasets"
    METRICS = "metrics"
    EXTRACTORS = "extractors"
    SUITES = "suites"


def main() -> None:
    """Run the command line; errors made for the user become their text and exit code, never a traceback."""
    try:
        app()
    except GanbenchError as error:
        _say(f"ganbench: {error}")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        _say("ganbench: interrupted; what was finished is kept. The same command goes on.")
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader (head, less) has seen enough
        sys.stderr.close()
        raise SystemExit(0) from None


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        typer.echo(f"ganbench {ganbench.__version__}")
        raise typer.Exit


@app.command()
def run(  # noqa: PLR0913  # one parameter per flag
    suite: Annotated[Path, typer.Argument(help="Suite file, for example suites/unpaired_faces.yaml.")],
    profile: Annotated[str, typer.Option(help="Hardware budget of the suite.")] = "cpu",
    only: Annotated[list[str] | None, typer.Option(metavar="METHOD", help="Run this method or label only.")] = None,
    seeds: Annotated[str | None, typer.Option(metavar="0,1,…", help="Training seeds instead of the suite's.")] = None,
    engine: Annotated[Engine, typer.Option(help="Who schedules the trials.")] = Engine.RAY,
    ray_address: Annotated[str | None, typer.Option(help="Address of a running Ray cluster.")] = None,
    results: Annotated[Path, typer.Option(metavar="DIR", help="Where records and tables go.")] = Path("results"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Train again what is finished already.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Log losses and samples for TensorBoard.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another run in the same directory to end.")] = False,
) -> None:
    """Train and judge every method of a suite; what is finished already is not done again."""
    _say(f"ganbench {ganbench.__version__}: {suite}, profile {profile}")
    from ganbench.run import RunOptions, execute, parse_seeds, plan_run, publish

    options = RunOptions(
        profile,
        tuple(only or ()),
        parse_seeds(seeds),
        engine.value,
        ray_address,
        results.absolute(),
        force,
        tensorboard,
        wait,
    )
    plan = plan_run(suite, options, _show_preparation)
    _show_plan(plan, dry_run)
    if dry_run:
        return
    if not plan.open_specs:
        _say(f"Nothing to do: all {len(plan.specs)} trials are finished in {plan.directory} (--force trains again).")
        publish(plan)
        return
    summary = execute(plan)
    files = publish(plan)
    _show_summary(summary, files)
    raise typer.Exit(summary.exit_code)


@app.command("list")
def list_(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    suites: Annotated[Path, typer.Option(metavar="DIR", help="Where suites lie.")] = Path("suites"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List what a suite can name: methods, losses, datasets, metrics, extractors, suites."""
    from ganbench.listing import entries, print_entries

    found = entries(kind.value, suites)
    if as_json:
        typer.echo(json.dumps([entry.as_data() for entry in found], indent=1))
    else:
        print_entries(found)
    gc.freeze()  # else Python looks for garbage among all that torch consists of, half a second, before it ends


@app.command()
def validate(suite: Annotated[Path, typer.Argument(help="Suite file.")]) -> None:
    """Check a suite file, all profiles of it, and report all problems at once."""
    from ganbench.variants import describe, load_suite

    typer.echo(describe(load_suite(suite)))


@app.command()
def translate(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.pt of a finished trial.")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="A picture, or a folder of pictures.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the translations (PNG).")],
    seed: Annotated[int, typer.Option(help="For methods that draw noise.")] = 0,
) -> None:
    """Translate pictures with a trained checkpoint."""
    from ganbench.translate import translate_pictures

    pictures = translate_pictures(checkpoint, source, output, seed)
    for note in pictures.notes:
        _say(note)
    _say(f"{len(pictures.names)} pictures translated into {output}")


app.command()(report)
app.command()(compare)
app.command()(evaluate)
app.command()(export)
app.command()(sanity)
app.command()(baseline)
app.command()(check)
app.command()(reproduce)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _show_preparation(progress: Progress) -> None:
    if progress.steps == 0:
        _say(progress.stage)
    elif progress.step in (1, progress.steps) or progress.step % 500 == 0:
        _say(f"{progress.stage} {progress.step}/{progress.steps}")


def _show_plan(plan: RunPlan, whole: bool) -> None:
    from rich.console import Console

    from ganbench.report.print import plan_table

    options, open_count = plan.options, len(plan.open_specs)
    _say(f"{len(plan.specs)} trials, {open_count} to do, engine {options.engine}, results in {plan.directory}")
    for line in [*plan.search_lines, *plan.advice]:
        _say(line)
    if whole:
        Console().print(plan_table(plan.specs, plan.needs))


def _show_summary(summary: RunSummary, files: list[Path]) -> None:
    from rich.console import Console

    from ganbench.report.print import print_summary

    print_summary(summary.directory, Console())
    for line in [*summary.lines, *(f"  {file}" for file in files)]:
        _say(line)
