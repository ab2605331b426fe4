"""Over several suites: the mean rank of each method, and from five suites on whether the ranks differ beyond chance.

Here the suite is the unit, as the training seed is within one: a method that wins one suite has won one game.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Final

from ganbench.results.leaderboard import Leaderboard
from ganbench.results.statistics import ALPHA, Interval, t_interval

MIN_SUITES: Final = 5  # for Friedman's test and the critical difference
MIN_METHODS: Final = 3


@dataclass(frozen=True)
class MeanRank:
    """One method over suites.

    Attributes:
        ranks: suite → rank among the compared methods that are complete there, 1 the best; equal values share a rank.
        interval: Student's 95 % interval of the mean over suites, within the ranks that there are.
    """

    label: str
    mean: float
    interval: Interval | None
    ranks: Mapping[str, float]


@dataclass(frozen=True)
class Aggregate:
    """The suites of one profile, together.

    Attributes:
        suites: suite → title of the column that it ranks by.
        rows: methods that at least two suites rank, the best first.
        friedman_p: of Friedman's test (1937) over the methods that every suite ranks; None below five suites.
        critical_difference: of two mean ranks by Nemenyi's test (Demšar 2006, equation 1, α = .05); None as above.
        complete: the methods that every suite ranks, which the last two speak of.
    """

    profile: str
    suites: Mapping[str, str]
    rows: tuple[MeanRank, ...]
    friedman_p: float | None
    critical_difference: float | None
    complete: tuple[MeanRank, ...]


def aggregate(boards: Sequence[Leaderboard]) -> list[Aggregate]:
    """Return one aggregate for each profile in which two suites or more rank two methods or more in common."""
    profiles = dict.fromkeys(board.profile for board in boards)
    found = [_aggregate(profile, [board for board in boards if board.profile == profile]) for profile in profiles]
    return [each for each in found if each is not None]


def _aggregate(profile: str, boards: Sequence[Leaderboard]) -> Aggregate | None:
    # a suite whose images changed has several boards; the first has most records
    first = {board.suite: board for board in reversed(boards) if board.headline}
    scores = {suite: _scores(board) for suite, board in sorted(first.items())}
    counts = Counter(label for values in scores.values() for label in values)
    shared = {label for label, count in counts.items() if count > 1}
    ranks = {suite: _ranks({k: v for k, v in values.items() if k in shared}) for suite, values in scores.items()}
    ranks = {suite: placed for suite, placed in ranks.items() if len(placed) > 1}
    if len(ranks) < 2:
        return None
    most = max(map(len, ranks.values()))
    rows = sorted((_row(label, ranks, most) for label in sorted(shared)), key=lambda row: row.mean)
    complete = tuple(row for row in rows if len(row.ranks) == len(ranks))
    enough = len(ranks) >= MIN_SUITES and len(complete) >= MIN_METHODS
    titles = {suite: first[suite].headline.title for suite in ranks}  # type: ignore[union-attr]
    p = _friedman([_ranks({row.label: row.ranks[suite] for row in complete}) for suite in ranks]) if enough else None
    difference = critical_difference(len(complete), len(ranks)) if enough else None
    return Aggregate(profile, titles, tuple(rows), p, difference, _among_themselves(complete) if enough else ())


def _scores(board: Leaderboard) -> dict[str, float]:
    """Return label → badness on the headline, of the methods that have a rank."""
    column = board.headline
    if column is None:
        return {}
    sign = -1 if column.higher_is_better else 1
    return {row.label: sign * board.cells[row.label, column.key].mean for row in board.rows if row.rank}


def _ranks(values: Mapping[str, float]) -> dict[str, float]:
    numbers = list(values.values())
    return {label: sum(n < value for n in numbers) + (numbers.count(value) + 1) / 2 for label, value in values.items()}


def _row(label: str, ranks: Mapping[str, Mapping[str, float]], most: int) -> MeanRank:
    own = {suite: placed[label] for suite, placed in ranks.items() if label in placed}
    interval = t_interval(list(own.values()))
    if interval:
        interval = Interval(interval.mean, max(1.0, interval.low), min(float(most), interval.high), interval.n)
    return MeanRank(label, sum(own.values()) / len(own), interval, own)


def _among_themselves(rows: Sequence[MeanRank]) -> tuple[MeanRank, ...]:
    """Return ``rows`` ranked anew without the methods that some suites lack, whom they may have stood behind."""
    by_suite = {suite: _ranks({row.label: row.ranks[suite] for row in rows}) for suite in rows[0].ranks}
    found = [_row(row.label, by_suite, len(rows)) for row in rows]
    return tuple(sorted(found, key=lambda row: row.mean))


def _friedman(ranks: Sequence[Mapping[str, float]]) -> float:
    from scipy.stats import friedmanchisquare

    columns = [[placed[label] for placed in ranks] for label in ranks[0]]
    if all(column == columns[0] for column in columns):  # nothing but ties, which the test divides by
        return 1.0
    return float(friedmanchisquare(*columns).pvalue)


def critical_difference(methods: int, suites: int) -> float:
    """Return by how much two mean ranks must differ at least (Nemenyi; Demšar 2006, equation 1, α = .05)."""
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(1 - ALPHA, methods, inf)) / sqrt(2)
    return quantile * sqrt(methods * (methods + 1) / (6 * suites))


def cliques(rows: Sequence[MeanRank], difference: float) -> list[tuple[MeanRank, ...]]:
    """Return the largest runs of methods, sorted by mean rank, whose ends differ by less than ``difference``."""
    runs: list[tuple[MeanRank, ...]] = []
    for start, first in enumerate(rows):
        run = tuple(row for row in rows[start:] if row.mean - first.mean < difference)
        if len(run) > 1 and not (runs and run[-1] in runs[-1]):
            runs.append(run)
    return runs
