import dataclasses
import math

import pytest
import torch

from ganbench.metrics import class_coverage
from ganbench.metrics.class_coverage import ClassCoverage, divergence, share_hit
from ganbench.metrics.judge import Judge
from ganbench.metrics.workbench import Workbench


def counts(*numbers):
    return torch.tensor(numbers)


def test_divergence_is_that_of_the_smoothed_shares():
    assert divergence(counts(30, 70), counts(30, 70)) == 0
    assert divergence(counts(9, 1), counts(5, 5), smoothing=1) == pytest.approx(
        10 / 12 * math.log(10 / 6) + 2 / 12 * math.log(2 / 6)
    )
    assert divergence(counts(600, 0, 600), counts(400, 400, 400)) == pytest.approx(math.log(1.5), abs=0.01)


def test_divergence_is_finite_where_a_side_lacks_a_class():
    assert divergence(counts(0, 10), counts(10, 0)) == pytest.approx(10 / 11 * math.log(21), rel=1e-6)


@pytest.mark.parametrize(
    ("outputs", "real", "share"),
    [
        (counts(25, 25, 25, 25), counts(25, 25, 25, 25), 1),
        (counts(100, 0, 0, 0), counts(25, 25, 25, 25), 1 / 4),
        (counts(10, 190, 200, 0), counts(40, 40, 20, 100), 2 / 4),  # 2.5 % of outputs are less than a quarter of 20 %
        (counts(20, 180, 200, 0), counts(40, 40, 20, 100), 3 / 4),  # and 5 % are just that
        (counts(0, 10, 0), counts(5, 5, 0), 1 / 2),  # what no real image shows is neither hit nor missed
    ],
)
def test_class_is_hit_from_a_quarter_of_its_real_share(outputs, real, share):
    assert share_hit(outputs, real) == pytest.approx(share)


def test_real_images_cover_themselves(judge_outputs, by_name):
    values = by_name(ClassCoverage().compute(judge_outputs()))
    assert {name: value.value for name, value in values.items()} == {
        "class_kl_colour": 0, "class_kl": 0, "classes_hit_colour": 1, "classes_hit": 1
    }  # fmt: skip
    details = values["class_kl_colour"].details
    assert details["classes"] == ["red", "green", "blue"]
    assert details["outputs"] == details["real"]
    assert details["ceiling"] >= 0.95
    assert values["class_kl_colour"].protocol["smoothing"] == 0.5
    assert values["classes_hit"].protocol["hit_share"] == 0.25
    assert values["classes_hit_colour"].quantity.title == "Colour classes hit"


def test_the_more_classes_are_dropped_the_worse(judge_outputs, toy_data, by_name):
    labels, images = toy_data.labels("square", "val")["colour"], toy_data.images("square", "val")
    found = [by_name(ClassCoverage().compute(judge_outputs(images[labels < kept]))) for kept in (3, 2, 1)]
    assert [values["classes_hit"].value for values in found] == pytest.approx([1, 2 / 3, 1 / 3])
    kl = [values["class_kl"].value for values in found]
    assert kl[0] < 0.1 < 0.2 < kl[1] < kl[2]


def test_values_are_means_over_attributes(judge_outputs, monkeypatch):
    halves = {"shape": counts(10, 0), "colour": counts(5, 5, 0)}
    real = {"shape": counts(5, 5), "colour": counts(5, 5, 10)}
    monkeypatch.setattr(class_coverage, "histograms", lambda *_: halves)
    monkeypatch.setattr(class_coverage, "real_histograms", lambda *_: real)
    monkeypatch.setattr(class_coverage, "ceilings", lambda *_: dict.fromkeys(real, 1.0))
    evidence = judge_outputs()
    data = dataclasses.replace(evidence.data, classes={"shape": ("a", "b"), "colour": ("r", "g", "b")})
    found = {v.quantity.name: v for v in ClassCoverage().compute(dataclasses.replace(evidence, data=data))}
    assert found["classes_hit"].value == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found["class_kl"].value == pytest.approx(
        (found["class_kl_shape"].value + found["class_kl_colour"].value) / 2
    )
    assert found["class_kl"].protocol["attributes"] == "shape, colour"


def test_the_judge_of_the_judge_family_is_asked_and_none_trained(toy_data, tmp_path, monkeypatch):
    monkeypatch.setattr("ganbench.metrics.judge.LEAST_STEPS", 1)
    Judge().prepare(Workbench(toy_data, "toy", tmp_path))
    monkeypatch.setattr("ganbench.metrics.judge.train_judge", None)  # would fail if it trained again
    ClassCoverage().prepare(Workbench(toy_data, "toy", tmp_path))


def test_another_judge_makes_values_stale(monkeypatch):
    before = ClassCoverage().dependencies()
    monkeypatch.setattr(class_coverage, "JUDGE_VERSION", 99)
    assert ClassCoverage().dependencies() != before


def test_data_without_classes_gives_a_reason_and_trains_nothing(judge_outputs, toy_data, tmp_path, monkeypatch):
    monkeypatch.setattr("ganbench.metrics.judge.train_judge", None)
    data = dataclasses.replace(toy_data, classes={})
    ClassCoverage().prepare(Workbench(data, "toy", tmp_path))
    assert "no labelled attribute" in str(ClassCoverage().skip_reason(judge_outputs(data=data)))
