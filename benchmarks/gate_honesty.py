"""How often is the gate wrong? Trains twelve seeds of a small suite, as it is and damaged, and counts verdicts.

python -m benchmarks.gate_honesty WORK

Damage is half the training steps, or the cycle weight ÷ 10. Seeds are drawn many times for both sides of the gate:
equal runs must not alarm, damaged ones must. Training takes some 30 minutes of one core; interrupted, it goes on.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import yaml

from ganbench.gate.compare import GateReport, compare
from ganbench.gate.snapshot import Snapshot
from ganbench.gate.take import choose, take
from ganbench.gate.tolerance import Tolerance
from ganbench.gate.verdict import Verdict
from ganbench.seeding import numpy_generator

SUITE = Path(__file__).with_suffix(".yaml")
CONDITIONS = {"full": "equal runs", "half_steps": "half the steps", "weak_cycle": "cycle weight ÷ 10"}
CACHE = "gate_honesty/cpu/evaluation-cache"
COMPARISONS = 200
SEEDS = (3, 4, 5, 6)  # a side
HEADLINE = "judge_success"
DECLARED: dict[str, dict[str, Tolerance]] = {
    "default": {},
    "cycle_l1=5%": {"cycle_l1": Tolerance(0.05)},
    "judge_success=15%, cycle_l1=5%": {HEADLINE: Tolerance(0.15), "cycle_l1": Tolerance(0.05)},
}
OUTCOMES = {0: "passed", 1: "alarm", 4: "undecided"}


def main(
    work: Annotated[Path, typer.Argument(help="Where suites and records go.")],
    training: Annotated[bool, typer.Option(help="Train what is missing before.")] = True,
) -> None:
    """Train what is missing, then print values and verdicts as Markdown."""
    if training:
        train_all(work)
    snapshots = {condition: take(choose(work / condition)) for condition in CONDITIONS}
    typer.echo("\n".join(values_table(snapshots)))
    for name in DECLARED:
        typer.echo("\n".join(["", *verdicts_table(snapshots, name)]))


def damaged(suite: dict[str, Any], condition: str) -> dict[str, Any]:
    """Return the suite as it is trained under ``condition``."""
    changed: dict[str, Any] = yaml.safe_load(yaml.safe_dump(suite))
    if condition == "half_steps":
        changed["profiles"]["cpu"]["steps"] //= 2
        changed["methods"] = suite["methods"][:2]
    if condition == "weak_cycle":
        changed["methods"] = [{**entry, "lambda_cycle": 1.0} for entry in ({"name": "cyclegan"}, suite["methods"][2])]
    return changed


def train_all(work: Path) -> None:
    """Train seed after seed under all conditions, so that any moment leaves equally many of each."""
    from ganbench.run import RunOptions, execute, plan_run

    suite = yaml.safe_load(SUITE.read_text())
    paths = {condition: work / f"{condition}.yaml" for condition in CONDITIONS}
    work.mkdir(parents=True, exist_ok=True)
    for condition, path in paths.items():
        path.write_text(yaml.safe_dump(damaged(suite, condition)))
    for count in range(1, len(suite["seeds"]) + 1):
        for condition, path in paths.items():
            _share_cache(work, condition)
            options = RunOptions(
                seeds=tuple(suite["seeds"][:count]), engine="serial", results=(work / condition).absolute()
            )
            plan = plan_run(path, options, lambda _: None)
            if plan.open_specs:
                execute(plan)


def _share_cache(work: Path, condition: str) -> None:
    """Features and judges of the real images are the same under all conditions."""
    made, wanted = work / "full" / CACHE, work / condition / CACHE
    if made.exists() and not wanted.exists():
        shutil.copytree(made, wanted)


def values_table(snapshots: dict[str, Snapshot]) -> list[str]:
    """Return what the damage did: mean ± standard deviation of all seeds, and the effect in standard deviations."""
    lines = ["| method | metric | full | half the steps | cycle weight ÷ 10 |", "| --- | --- | ---: | ---: | ---: |"]
    for label, row in snapshots["full"].rows.items():
        for name, quantity in row.metrics.items():
            cells = [f"{quantity.mean:.3f} ± {quantity.std or 0:.3f} ({len(quantity.seeds)})"]
            for condition in list(CONDITIONS)[1:]:
                other = snapshots[condition].rows.get(label)
                found = other.metrics.get(name) if other else None
                effect = (found.mean - quantity.mean) / quantity.std if found and quantity.std else 0.0
                cells.append(f"{found.mean:.3f} ± {found.std or 0:.3f} [{effect:+.1f} σ]" if found else "–")
            if not row.reference:
                lines.append(f"| {label} | {name} | {' | '.join(cells)} |")
    return lines


def verdicts_table(snapshots: dict[str, Snapshot], name: str) -> list[str]:
    """Return how checks end, in percent, and how often a declared metric regressed, under the tolerances ``name``."""
    lines = [
        f"| tolerances: {name} | seeds a side | passed (0) | alarm (1) | undecided (4) | a declared one alarms |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for condition in CONDITIONS:
        for size in SEEDS:
            reports = drawn(snapshots["full"], snapshots[condition], size, DECLARED[name])
            ends = Counter(OUTCOMES[report.exit_code] for report in reports)
            declared = sum(map(_declared_regressed, reports))
            counts = [*(ends[outcome] for outcome in OUTCOMES.values()), declared]
            shares = " | ".join(f"{100 * count / len(reports):.1f} %" for count in counts)
            lines.append(f"| {CONDITIONS[condition]} | {size} | {shares} |")
    return lines


def drawn(full: Snapshot, other: Snapshot, size: int, tolerances: dict[str, Tolerance]) -> list[GateReport]:
    """Return `COMPARISONS` checks of ``size`` seeds a side; no seed is ever on both sides."""
    generator = numpy_generator(0, "gate honesty", size)
    shared = [label for label in full.rows if label in other.rows]
    seeds = _common_seeds(full, other, shared)
    reports = []
    for _ in range(COMPARISONS):
        picked = generator.permutation(np.array(seeds))[: 2 * size].tolist()
        before, after = _only(full, shared, picked[:size]), _only(other, shared, picked[size:])
        reports.append(compare(before, _as_if_unchanged(after, before), tolerances))
    return reports


def _common_seeds(full: Snapshot, other: Snapshot, labels: list[str]) -> list[str]:
    """Return the seeds that every method has on both sides; not those of the row of real images, which has one."""
    rows = [side.rows[label] for side in (full, other) for label in labels]
    sets = [set(quantity.seeds) for row in rows if not row.reference for quantity in row.metrics.values()]
    return sorted(set.intersection(*sets), key=int)


def _only(snapshot: Snapshot, labels: list[str], seeds: list[str]) -> Snapshot:
    rows = {}
    for label in labels:
        row = snapshot.rows[label]
        metrics = {
            name: q if row.reference else q.model_copy(update={"seeds": {seed: q.seeds[seed] for seed in seeds}})
            for name, q in row.metrics.items()
        }
        rows[label] = row.model_copy(update={"metrics": metrics, "unfinished": {}})
    return snapshot.model_copy(update={"rows": rows})


def _as_if_unchanged(snapshot: Snapshot, original: Snapshot) -> Snapshot:
    """Half the steps as a bug would bring them about: the budget, by which the gate would see them, says nothing."""
    rows = {
        label: row.model_copy(update={"budget": original.rows[label].budget}) for label, row in snapshot.rows.items()
    }
    return snapshot.model_copy(update={"rows": rows})


def _declared_regressed(report: GateReport) -> bool:
    return any(finding.verdict is Verdict.REGRESSED for finding in report.findings if finding.declared)


if __name__ == "__main__":
    typer.run(main)
