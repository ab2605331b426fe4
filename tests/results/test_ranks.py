from ganbench.results.ranks import rank_ranges

BEST, SECOND, WORST = [9.0, 9.1, 9.2, 9.3], [5.0, 5.1, 5.2, 5.3], [1.0, 1.1, 1.2, 1.3]


def test_methods_that_seeds_tell_apart_have_a_place_each() -> None:
    values = {"worst": WORST, "best": BEST, "second": SECOND}
    assert rank_ranges(values, True) == {"best": (1, 1), "second": (2, 2), "worst": (3, 3)}
    assert rank_ranges(values, False) == {"worst": (1, 1), "second": (2, 2), "best": (3, 3)}


def test_methods_that_seeds_cannot_tell_apart_share_their_places() -> None:
    values = {"a": BEST, "b": [9.05, 9.15, 9.0, 9.25], "c": WORST}
    assert rank_ranges(values, True) == {"a": (1, 2), "b": (1, 2), "c": (3, 3)}


def test_ties_need_not_be_transitive() -> None:
    values = {"a": [5.0, 6.0, 7.0, 8.0], "b": [3.0, 4.5, 5.5, 7.5], "c": [1.0, 2.0, 3.5, 4.0]}
    assert rank_ranges(values, True) == {"a": (1, 2), "b": (1, 3), "c": (2, 3)}


def test_few_seeds_leave_every_place_open() -> None:
    assert rank_ranges({"a": [9.0, 9.1, 9.2], "b": [1.0, 1.1, 1.2]}, True) == {"a": (1, 2), "b": (1, 2)}
    assert rank_ranges({"a": [1.0]}, True) == {"a": (1, 1)}
    assert rank_ranges({}, True) == {}
