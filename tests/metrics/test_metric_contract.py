"""What every metric family must hold to, run over the whole registry."""

import json
import math

import pytest
import torch

from ganbench.metrics.base import METRICS, Quantity
from ganbench.metrics.judge import ATTRIBUTES, DOMAIN

FAMILIES = METRICS.names()


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """Train the segmenter briefly: here nothing depends on what it knows."""
    monkeypatch.setattr("ganbench.metrics.segmentation.STEPS", 10)


@pytest.fixture
def evidence(judge_outputs, toy_data):
    """Return outputs that every family has something to say about."""
    samples = torch.randint(0, 256, (2, 10, 3, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    outputs, right = toy_data.images("disc", "test"), toy_data.images("square", "test")
    return judge_outputs(outputs, samples=samples, counterparts=right, reconstructions={0: outputs, 8: right})


def test_the_families_of_the_standard_suites_are_there():
    expected = "frechet kernel inception_score prdc lpips_diversity collapse judge memorization counterpart sharpness"
    assert set(expected.split()) <= set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_values_are_declared_finite_plain_and_the_same_twice(family, evidence):
    metric = METRICS.get(family)()
    declared = {quantity.name for quantity in metric.quantities("toy")}
    assert metric.skip_reason(evidence) is None
    state = torch.get_rng_state()
    first, second = metric.compute(evidence), metric.compute(evidence)
    assert torch.equal(state, torch.get_rng_state()), "draws from the global generator"
    assert first
    for one, two in zip(first, second, strict=True):
        assert {one.quantity.name, one.quantity.name.replace("colour", "<attribute>")} & declared
        assert math.isfinite(one.value)
        assert (one.value, one.std, dict(one.protocol)) == (two.value, two.std, dict(two.protocol))
        assert one.protocol["version"] == metric.version
        assert all(isinstance(value, str | int | float | bool) for value in one.protocol.values())
        json.dumps([dict(one.protocol), dict(one.details)], allow_nan=False)
        assert one.per_image is None or one.per_image.shape == (60,)


@pytest.mark.parametrize("family", FAMILIES)
def test_quantities_are_made_for_readers(family):
    metric = METRICS.get(family)()
    assert metric.summary
    for quantity in metric.quantities("efficientnet-lite0"):
        assert isinstance(quantity, Quantity)
        assert quantity.title
        assert quantity.group in ("quality", "faithfulness", "diversity", "memorization")
        assert "{" not in quantity.name + quantity.title


@pytest.mark.parametrize("family", FAMILIES)
def test_one_image_gives_a_reason_or_a_value(family, judge_outputs, toy_data):
    metric, evidence = METRICS.get(family)(), judge_outputs(toy_data.images("disc", "test")[:1], labels={})
    if metric.skip_reason(evidence) is None:
        metric.missing(evidence)
        assert all(math.isfinite(value.value) for value in metric.compute(evidence))


def test_quantity_names_are_unique():
    names = [q.name for family in FAMILIES for q in METRICS.get(family)().quantities("efficientnet-lite0")]
    assert len(names) == len(set(names))
    assert DOMAIN != ATTRIBUTES
