"""What stands below a leaderboard of searched options: how they were searched, what that cost, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from ganbench.results.plan import RowSearch, SearchReport

WORDS = {"ok": "finished", "stopped": "given up early"}
SAMPLERS = {"random": "drawn at random", "tpe": "Optuna's TPE"}
SCHEDULERS = {"none": "", "asha": ", given up early by ASHA"}


def search_notes(report: SearchReport | None) -> Iterator[str]:
    """Yield one footnote on all searches, then one for each row."""
    if report is None:
        return
    share = "all" if report.share == 1 else f"{report.share:.0%}"
    arrow = "↑" if report.higher_is_better else "↓"
    yield (
        f"Options were searched before: {report.trials} trials for each row below, {SAMPLERS[report.sampler]}"
        f"{SCHEDULERS[report.scheduler]}, with {share} of a row's steps, judged by {report.metric} {arrow} on "
        "validation images alone. The rows are new trainings with what each search found, on seeds that it did not use."
    )
    for label, row in report.rows.items():
        yield f"Search of {label}: {_found(row, report)}; {_cost(row)}.{_lacking(row)}"


def _found(row: RowSearch, report: SearchReport) -> str:
    done = sum(row.statuses.values()) - row.statuses.get("interrupted", 0)
    if done < report.trials:
        return f"{done} of {report.trials} trials done, so the row waits"
    if row.winner is None:
        return "no trial was finished, so the row has the suite's own options"
    chosen = ", ".join(f"{key} {_short(value)}" for key, value in row.options.items())
    score = "" if row.score is None else f" with {row.score:z.{report.digits}f}"
    return f"{chosen} (trial {row.winner}{score})"


def _cost(row: RowSearch) -> str:
    statuses = ", ".join(f"{count} {WORDS.get(status, status)}" for status, count in sorted(row.statuses.items()))
    return f"{statuses or 'none begun'}, {row.steps:,} steps, {row.seconds:,.0f} s"


def _lacking(row: RowSearch) -> str:
    return f" It has no {', '.join(row.lacking)} to be searched." if row.lacking else ""


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
