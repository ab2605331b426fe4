import pytest
import torch

from ganbench.metrics import memorization
from ganbench.metrics.copies import nearest_copies
from ganbench.metrics.memorization import (
    Memorization,
    authentic_percent,
    copies_p_value,
    copy_threshold,
    data_copying,
    make_cells,
    mann_whitney_z,
)
from ganbench.metrics.workbench import Workbench


def normal(count, seed, scale=1.0):
    return torch.randn(count, 8, generator=torch.Generator().manual_seed(seed)) * scale


@pytest.fixture(scope="module")
def gaussians():
    """Return cells, training and held-out points of one Gaussian."""
    train = normal(900, 1)
    return make_cells(train, 0), train, normal(900, 2)


def test_c_t_of_copies_fresh_and_distant_points(gaussians):
    cells, train, held_out = gaussians
    copies = train + normal(900, 3, 1e-3)
    assert data_copying(cells, train, held_out, copies) < -20
    assert abs(data_copying(cells, train, held_out, normal(900, 4))) < 3
    assert data_copying(cells, train, held_out, normal(900, 5, 3)) > 10


def test_c_t_says_why_it_is_undefined(gaussians):
    cells, train, held_out = gaussians
    assert "more than 20" in data_copying(cells, train, held_out, normal(30, 3))
    assert "held-out" in data_copying(cells, train, held_out[:1], normal(900, 3))


def test_cells_below_twenty_do_not_count(gaussians):
    cells, train, held_out = gaussians
    points = normal(900, 3)
    inside = cells.of(cells.project(points)) == 0
    few = torch.cat([points[inside], points[~inside][:15]])
    assert data_copying(cells, train, held_out, few) == data_copying(cells, train, held_out, points[inside])


def test_z_formula_by_hand():
    generated, held_out = torch.tensor([1.0, 4.0]), torch.tensor([2.0, 3.0, 4.0])
    u = 0 + 2.5  # pairs in which the generated one is farther, a tie half
    assert mann_whitney_z(generated, held_out) == pytest.approx((u - (3 - 0.5)) / (6 * 6 / 12) ** 0.5)


def test_authentic_percent():
    train = torch.tensor([[0.0], [1.0], [10.0]])
    generated = torch.tensor([[0.2], [3.0], [10.5], [25.0]])  # farther than the neighbour's own neighbour?
    assert authentic_percent(train, generated) == 50  # no, yes, no (9 away from its own), yes
    assert authentic_percent(train, train) == 0


def test_threshold_leaves_one_percent_of_the_held_out_below():
    threshold, rank = copy_threshold(torch.arange(200).double())
    assert (threshold, rank) == (1, 2)
    assert copy_threshold(torch.tensor([0.4, 0.2]).double()) == (pytest.approx(0.2), 1)


def test_p_value_is_that_of_exchangeable_scores():
    assert copies_p_value(0, 250, 250, 2) == 1
    assert copies_p_value(1, 1, 1, 1) == pytest.approx(0.5)
    generator, hits = torch.Generator().manual_seed(0), 0
    for _ in range(2000):
        scores = torch.rand(300, generator=generator)
        threshold, rank = copy_threshold(scores[:200].double())
        hits += int((scores[200:] < threshold).sum()) >= 5
    assert copies_p_value(5, 100, 200, rank) == pytest.approx(hits / 2000, abs=0.015)


def test_random_target_is_flagged_and_real_images_are_not(judge_outputs, toy_data, by_name):
    metric = Memorization()
    copied = by_name(metric.compute(judge_outputs(toy_data.images("square", "train")[:60])))
    real = by_name(metric.compute(judge_outputs()))
    assert copied["copies_pixel"].value == 1
    assert copied["copies_pixel"].details["p_value"] < 1e-6
    assert copied["copies_pixel"].alarm
    assert copied["authpct_toy"].value == 0
    assert real["copies_pixel"].value < 0.1
    assert real["copies_pixel"].details["p_value"] > 0.05
    assert not any(value.alarm for value in (*real.values(), copied["authpct_toy"]))
    assert real["authpct_toy"].value > 20
    if "c_t_toy" in copied:
        assert copied["c_t_toy"].value < -3


def test_closest_pairs_name_the_copied_image(judge_outputs, toy_data, by_name):
    outputs = toy_data.images("square", "test").clone()
    outputs[7] = toy_data.images("square", "train")[33].flip(2)
    closest = by_name(Memorization().compute(judge_outputs(outputs)))["copies_pixel"].details["closest"][0]
    assert closest["output"] == 7
    assert closest["train"] == 33
    assert closest["seen"] == "mirrored"
    assert closest["score"] < 0.05


def test_undefined_c_t_is_missing_with_the_reason(judge_outputs, toy_data, by_name):
    evidence = judge_outputs(toy_data.images("disc", "test")[:15])
    assert "c_t_toy" in Memorization().missing(evidence)
    assert set(by_name(Memorization().compute(evidence))) == {"authpct_toy", "copies_pixel"}


def test_no_picture_is_searched_for_twice(monkeypatch, judge_outputs, toy_data, tmp_path):
    searched = []

    def search(images, train):
        searched.append(len(images))
        return nearest_copies(images, train)

    monkeypatch.setattr(memorization, "nearest_copies", search)
    workbench = Workbench(toy_data, "toy", tmp_path)
    held_out = toy_data.images("square", "val")
    gauge = Memorization().compute(judge_outputs(held_out, workbench=workbench))
    assert searched == [len(held_out)]  # the row of real pictures is also what copies are gauged by
    later = Memorization().compute(judge_outputs(held_out, workbench=Workbench(toy_data, "toy", tmp_path)))
    assert [value.value for value in later] == [value.value for value in gauge]
    Memorization().compute(judge_outputs(toy_data.images("square", "train")[:30], workbench=workbench))
    assert searched == [len(held_out), 30]
