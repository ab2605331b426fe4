import pytest
import torch

from ganbench.metrics import neighbours
from ganbench.metrics.neighbours import count_inside, nearest, nearest_others


def points(count, width=12, seed=0, dtype=torch.float32):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def by_definition(first, second):
    return torch.cdist(first.double(), second.double(), compute_mode="donot_use_mm_for_euclid_dist")


@pytest.mark.parametrize("shift", [0, 1000])
def test_the_nearest_are_those_of_the_definition(shift):
    queries, others = points(40, seed=1) + shift, points(90, seed=2) + shift
    found, expected = nearest(queries, others, 5), by_definition(queries, others).sort(1)
    assert torch.allclose(found.distance, expected.values[:, :5], rtol=1e-7)
    assert torch.equal(found.index, expected.indices[:, :5])


def test_no_point_is_a_neighbour_of_itself():
    same = points(60)
    same[7] = same[3]
    found = nearest_others(same, 3)
    expected = by_definition(same, same).fill_diagonal_(torch.inf).sort(1)
    assert torch.allclose(found.distance, expected.values[:, :3], rtol=1e-7)
    assert (found.index[3, 0], found.index[7, 0], found.distance[3, 0]) == (7, 3, 0)
    assert nearest_others(same[:4], 3).index.sort(1).values.tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


def test_what_float32_cannot_tell_apart_is_searched_again():
    clusters = 1000 * points(20, seed=1, dtype=torch.float64).repeat_interleave(10, 0)
    tight = clusters + 1e-2 * points(200, seed=2, dtype=torch.float64)
    expected = by_definition(tight, tight).fill_diagonal_(torch.inf).sort(1)
    found = nearest_others(tight, 2)
    assert torch.equal(found.index, expected.indices[:, :2])
    assert torch.allclose(found.distance, expected.values[:, :2], rtol=1e-9)


@pytest.mark.parametrize("chunk", [1, 7])
def test_the_chunk_does_not_change_a_bit(chunk, monkeypatch):
    queries, others = points(30, seed=1), points(50, seed=2)
    before = nearest(queries, others, 4)
    inside = count_inside(others, before.distance[:, 3].repeat(2)[:50], queries, closed=True)
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    after = nearest(queries, others, 4)
    assert torch.equal(before.distance, after.distance)
    assert torch.equal(before.index, after.index)
    again = count_inside(others, before.distance[:, 3].repeat(2)[:50], queries, closed=True)
    assert all(map(torch.equal, inside, again))


@pytest.mark.parametrize(("closed", "held"), [(True, 6), (False, 5)])
def test_the_edge_of_a_ball_is_exact(closed, held):
    same = points(300, 64)
    per_ball, per_point = count_inside(same, nearest_others(same, 5).distance[:, 4], same, closed)
    assert per_ball.unique().tolist() == [held]  # itself, four others, and the fifth on the edge
    assert per_point.sum() == per_ball.sum()


def test_balls_hold_what_lies_within_their_radius():
    centres, others = points(30, 3, 1), points(70, 3, 2)
    radii = torch.linspace(0, 2, 30, dtype=torch.float64)
    inside = by_definition(centres, others) <= radii[:, None]
    per_ball, per_point = count_inside(centres, radii, others, closed=True)
    assert torch.equal(per_ball, inside.sum(1))
    assert torch.equal(per_point, inside.sum(0))


def test_no_queries_have_no_neighbours():
    assert nearest(points(0), points(5), 2).distance.shape == (0, 2)
