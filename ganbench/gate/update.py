"""The verb `baseline`: make a baseline file, or show what a new one would change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from ganbench.errors import InputError
from ganbench.gate.compare import compare
from ganbench.gate.snapshot import Quantity, Snapshot, read_baseline, seeds_text, write_baseline
from ganbench.gate.take import choose, take, unstarted
from ganbench.gate.terminal import print_report
from ganbench.results.files import check_writable
from ganbench.results.statistics import MIN_SEEDS, welch_interval
from ganbench.results.store import ResultSet

Say = Callable[[str], None]


def make_baseline(root: Path, path: Path, update: bool, console: Console, say: Say) -> None:
    """Write the baseline of the results beneath ``root`` to ``path``.

    Where ``path`` holds one already, what would change is printed; without ``update`` nothing is then written.

    Raises:
        InputError: results that can't be read, are unfinished, or hold no method; or an existing file without
            ``update``.
    """
    check_writable(path.parent)
    results = choose(root)
    new = _for_keeping(take(results))
    _check_finished(results, new)
    if path.exists() and not _confirm(path, new, update, console, say):
        return
    write_baseline(path, new)
    for line in advice(new):
        say(line)
    say(f"  {path}")


def _for_keeping(snapshot: Snapshot) -> Snapshot:
    """Leave out methods that can't run on this data, and why this machine couldn't measure what nobody compares."""
    kept = {
        label: row.model_copy(update={"missing": {}})
        for label, row in snapshot.rows.items()
        if set(row.unfinished.values()) != {"skipped"}
    }
    return snapshot.model_copy(update={"rows": kept})


def _check_finished(results: ResultSet, new: Snapshot) -> None:
    """A baseline of survivors would hold later results to the luck of those that did not fail."""
    problems = [
        f"{label}: seed {seed} is {status}. A baseline needs every seed: run the suite to its end, or take the method "
        "out of it."
        for label, row in new.rows.items()
        for seed, status in row.unfinished.items()
    ]
    problems += [f"{label}: not begun. Run the suite to its end before." for label in unstarted(results)]
    if not any(row.metrics and not row.reference for row in new.rows.values()):
        problems.append(f"{results.directory} holds no measured method, so there is nothing to hold later results to.")
    if problems:
        raise InputError(problems)


def _confirm(path: Path, new: Snapshot, update: bool, console: Console, say: Say) -> bool:
    """Show what ``new`` changes in the baseline that stands; return whether to write it."""
    try:
        old = read_baseline(path)
    except InputError as error:
        if not update:
            raise
        say(f"{error}")
        return True
    if old == new:
        say(f"{path} holds these results already; nothing to do.")
        return False
    print_report(compare(old, new, {}), console)
    for line in _differences(old, new):
        say(line)
    if not update:
        raise InputError(f"{path} is a baseline already, and was left as it is. Replace it: --update.")
    return True


def _differences(old: Snapshot, new: Snapshot) -> Iterator[str]:
    gone = [label for label in old.rows if label not in new.rows]
    if gone:
        yield f"No longer in the baseline: {', '.join(gone)}."
    before, after = ({name for row in side.rows.values() for name in row.metrics} for side in (old, new))
    if before - after:
        yield f"Metrics no longer in the baseline: {', '.join(sorted(before - after))}."
    if after - before:
        yield f"New metrics: {', '.join(sorted(after - before))}."
    if old.headline != new.headline:
        yield f"The headline was {old.headline}, now it is {new.headline}."


def advice(snapshot: Snapshot) -> Iterator[str]:
    """Say what a gate on this baseline can see: how far equal runs differ, and whether there are seeds enough."""
    if snapshot.headline is None:
        yield "No headline was measured: name what decides, check --tolerance METRIC=…."
        return
    for label, row in snapshot.rows.items():
        quantity = row.metrics.get(snapshot.headline)
        if quantity and not row.reference:
            yield f"{label}: {quantity.title} {seeds_text(quantity)}{_noise(quantity)}"


def _noise(quantity: Quantity) -> str:
    interval = welch_interval(quantity.values, quantity.values)
    if interval is None:
        return "; one seed says nothing of chance: give the suite 5"
    reach = f"{interval.high:.{quantity.digits}f}"
    few = "" if len(quantity.seeds) >= MIN_SEEDS else ", and so few can't establish any difference: give the suite 5"
    return f"; 95 % of equal runs differ by less than {reach}{few}"
