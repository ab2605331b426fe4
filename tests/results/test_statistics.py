import itertools

import numpy as np
import pytest
from scipy import stats

from ganbench.results.statistics import (
    ALPHA,
    Interval,
    bootstrap_interval,
    difference,
    distinguishable,
    least_p,
    least_paired_p,
    paired_interval,
    rank_test,
    signed_rank_test,
    t_interval,
    welch_interval,
)


def seeded(values):
    return dict(enumerate(map(float, values)))


def test_one_seed_has_no_interval() -> None:
    assert t_interval([1.0]) is None
    assert t_interval([]) is None
    assert welch_interval([1.0], [1.0, 2.0]) is None
    assert paired_interval({0: 1.0, 1: 2.0}, {1: 1.0, 2: 5.0}) is None
    assert bootstrap_interval([1.0], np.random.default_rng(0)) is None


def test_the_interval_of_five_seeds_is_students() -> None:
    interval = t_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    reach = 2.7764451 * np.sqrt(2.5) / np.sqrt(5)  # quantile .975 of t with 4 degrees of freedom, from tables
    assert interval == Interval(3.0, pytest.approx(3 - reach, rel=1e-6), pytest.approx(3 + reach, rel=1e-6), 5)


def test_the_interval_covers_the_mean_as_often_as_it_says_and_a_bootstrap_would_not() -> None:
    """500 simulations of five seeds; docs/statistics.md quotes both figures."""
    rng = np.random.default_rng(0)
    simulated = rng.normal(size=(500, 5))
    students = [t_interval(values.tolist()) for values in simulated]
    covered = np.mean([interval is not None and not interval.excludes(0) for interval in students])
    assert 0.92 <= covered <= 0.98  # measured: 0.946
    resampled = [bootstrap_interval(values.tolist(), rng) for values in simulated]
    assert np.mean([interval is not None and not interval.excludes(0) for interval in resampled]) < 0.90


def test_differences_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(500):  # unequal spread and size: what Welch is for
        interval = welch_interval(rng.normal(0, 1, 5).tolist(), rng.normal(2, 4, 4).tolist())
        covered.append(interval is not None and not interval.excludes(2))
    assert 0.92 <= np.mean(covered) <= 0.98


def test_welch_agrees_with_scipy() -> None:
    a, b = [1.0, 2.0, 4.0], [7.0, 3.0, 9.0, 8.0]
    expected = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    interval = welch_interval(a, b)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert interval.n == 7


def test_groups_without_spread_differ_exactly() -> None:
    assert welch_interval([1.0, 1.0], [3.0, 3.0]) == Interval(2.0, 2.0, 2.0, 4)


def test_what_seeds_share_falls_out_of_a_paired_interval() -> None:
    a = seeded([10, 50, 30, 90, 70])
    b = {seed: value + 1 + 0.1 * seed for seed, value in a.items()}
    paired, apart = paired_interval(a, b), welch_interval(list(a.values()), list(b.values()))
    assert paired is not None
    assert apart is not None
    assert paired.excludes(0)
    assert not apart.excludes(0)
    assert paired.mean == pytest.approx(apart.mean)
    assert paired_interval(a, {**b, 9: 1e6}) == paired


def test_a_bootstrap_of_many_images_covers_their_mean() -> None:
    rng = np.random.default_rng(2)
    intervals = [bootstrap_interval(rng.exponential(size=150).tolist(), rng) for _ in range(100)]
    assert 0.90 <= np.mean([interval is not None and not interval.excludes(1) for interval in intervals]) <= 0.98
    values = rng.normal(size=300).tolist()
    first, again = (bootstrap_interval(values, np.random.default_rng(7)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("n_a", "n_b", "least"), [(3, 3, 0.1), (4, 4, 0.0286), (5, 5, 0.0079), (6, 6, 0.0022), (1, 1, 1)]
)
def test_so_few_seeds_reach_no_smaller_p(n_a: int, n_b: int, least: float) -> None:
    assert least_p(n_a, n_b) == pytest.approx(least, abs=5e-5)
    assert rank_test(range(n_a), range(100, 100 + n_b)) == pytest.approx(least_p(n_a, n_b))


@pytest.mark.parametrize(("n", "least"), [(1, 1), (5, 0.0625), (6, 0.03125)])
def test_so_few_pairs_reach_no_smaller_p(n: int, least: float) -> None:
    assert least_paired_p(n) == least
    assert signed_rank_test(seeded(range(n)), seeded(range(100, 100 + 3 * n, 3))) == least


def test_rank_tests_without_ties_are_scipys() -> None:
    rng = np.random.default_rng(3)
    for n_a, n_b in ((2, 3), (4, 4), (5, 9), (20, 20)):
        a, b = rng.normal(size=n_a).tolist(), rng.normal(0.7, size=n_b).tolist()
        assert rank_test(a, b) == pytest.approx(stats.mannwhitneyu(a, b, method="exact").pvalue)
    for n in (3, 7, 15):
        a, b = seeded(rng.normal(size=n)), seeded(rng.normal(0.7, size=n))
        differences = [b[seed] - a[seed] for seed in a]
        assert signed_rank_test(a, b) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


def test_rank_tests_are_exact_with_ties() -> None:
    """Against all arrangements, one by one."""
    a, b = [1.0, 1.0, 2.0, 2.0], [2.0, 3.0, 3.0, 4.0, 4.0]
    ranks = stats.rankdata([*a, *b])
    sums = np.array([sum(chosen) for chosen in itertools.combinations(ranks, len(a))])
    observed = ranks[: len(a)].sum()
    assert rank_test(a, b) == pytest.approx(2 * np.mean(sums <= observed))
    differences = np.array([1.0, -1.0, 2.0, 2.0, 3.0, 3.0, 0.0])
    signed = stats.rankdata(np.abs(differences[:-1])) * np.sign(differences[:-1])
    flipped = np.array([np.dot(np.abs(signed), signs) for signs in itertools.product((0, 1), repeat=6)])
    expected = 2 * np.mean(flipped >= signed[signed > 0].sum())
    assert signed_rank_test(seeded([0] * 7), seeded(differences)) == pytest.approx(expected)


def test_many_values_are_approximated_and_still_agree() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=40).tolist(), rng.normal(0.5, size=40).tolist()
    assert rank_test(a, b) == pytest.approx(stats.mannwhitneyu(a, b, method="exact").pvalue, rel=0.05)
    a, b = seeded(rng.normal(size=80)), seeded(rng.normal(0.3, size=80))
    differences = [b[seed] - a[seed] for seed in a]
    assert signed_rank_test(a, b) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue, rel=0.05)


def test_equal_groups_are_never_told_apart() -> None:
    same = [1.0] * 6
    assert rank_test(same, same) == signed_rank_test(seeded(same), seeded(same)) == 1
    assert rank_test([], same) == 1
    rng = np.random.default_rng(5)
    alarms = [rank_test(rng.normal(size=5).tolist(), rng.normal(size=5).tolist()) < ALPHA for _ in range(1000)]
    assert np.mean(alarms) <= ALPHA


def test_three_seeds_are_inconclusive_whatever_they_say() -> None:
    assert distinguishable([1, 2, 3], [101, 102, 103]) is None
    assert distinguishable([1, 2, 3], [101, 102, 103, 104]) is None


def test_four_seeds_can_tell_methods_apart() -> None:
    assert distinguishable([1, 2, 3, 4], [5, 6, 7, 8]) is True
    assert distinguishable([1, 2, 3, 8], [4, 5, 6, 7]) is False
    assert distinguishable([1, 1, 1, 1], [1, 1, 1, 1]) is False


def test_seeds_alone_decide_which_test_is_taken() -> None:
    five, six = seeded([1, 2, 3, 4, 5]), seeded([1, 2, 3, 4, 5, 6])
    shift = 10.0
    here = difference(five, {seed: value + shift for seed, value in five.items()}, paired=True)
    assert (here.test, here.interval_of) == ("rank", "pairs")
    assert here.p == here.least_p == pytest.approx(least_p(5, 5))
    there = difference(six, {seed: value + shift for seed, value in six.items()}, paired=True)
    assert (there.test, there.interval_of) == ("signed rank", "pairs")
    assert there.p == there.least_p == least_paired_p(6)
    assert there.interval == Interval(shift, shift, shift, 6)
    assert there.established
    apart = difference(six, {seed + 1: value + shift for seed, value in six.items()}, paired=True)
    assert (apart.test, apart.interval_of) == ("rank", "groups")
    assert difference(six, six).interval_of == "groups"


def test_a_difference_says_when_it_could_not_be_established() -> None:
    few = difference(seeded([1, 2, 3]), seeded([10, 20, 30]))
    assert not few.decidable
    assert not few.established
    assert few.mean == 18
    alone = difference({0: 1.0}, {0: 4.0}, paired=True)
    assert alone.interval is None
    assert alone.mean == 3
