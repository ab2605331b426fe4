import numpy as np
import pytest

from ganbench.results.statistics import distinguishable, t_interval


def test_one_seed_has_no_interval() -> None:
    assert t_interval([1.0]) is None
    assert t_interval([]) is None


def test_the_interval_of_five_seeds_is_students() -> None:
    interval = t_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert interval is not None
    reach = 2.7764451 * np.sqrt(2.5) / np.sqrt(5)  # quantile .975 of t with 4 degrees of freedom, from tables
    assert (interval.low, interval.high) == pytest.approx((3 - reach, 3 + reach), rel=1e-6)


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    intervals = [t_interval(values.tolist()) for values in rng.normal(size=(2000, 3))]
    covered = np.mean([interval is not None and interval.low < 0 < interval.high for interval in intervals])
    assert 0.93 < covered < 0.97


def test_three_seeds_are_inconclusive_whatever_they_say() -> None:
    assert distinguishable([1, 2, 3], [101, 102, 103]) is None
    assert distinguishable([1, 2, 3], [101, 102, 103, 104]) is None


def test_four_seeds_can_tell_methods_apart() -> None:
    assert distinguishable([1, 2, 3, 4], [5, 6, 7, 8]) is True
    assert distinguishable([1, 2, 3, 8], [4, 5, 6, 7]) is False
    assert distinguishable([1, 1, 1, 1], [1, 1, 1, 1]) is False
