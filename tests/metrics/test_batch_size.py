"""How many images an extractor is shown at once changes no value."""

import pytest
import torch

from ganbench.metrics import frechet
from ganbench.metrics.frechet import frechet_distance, moments
from ganbench.metrics.inception_score import inception_score
from ganbench.metrics.kernel import kernel_distance
from ganbench.metrics.memorization import authentic_percent, data_copying, make_cells
from ganbench.metrics.prdc import density_coverage, precision_recall
from ganbench.nets.extractors import Features
from ganbench.nets.extractors_efficientnet import EfficientNetLite0

COUNT = 57  # the last batch is shorter, of 7 as of 50


def pictures(count, seed):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 256, (count, 3, 4, 4), generator=generator).float()
    return torch.nn.functional.interpolate(coarse, (24, 24), mode="bilinear").to(torch.uint8)


@pytest.fixture(scope="module")
def lite0():
    return EfficientNetLite0(torch.device("cpu"))


@pytest.fixture(scope="module")
def real(lite0):
    return lite0(pictures(60, 0)).pooled


@pytest.fixture(scope="module")
def at_once(lite0):
    return lite0(pictures(COUNT, 1))


def measure(made, real):
    """Return every value that is made of features alone."""
    train, held_out = real[:30], real[30:]
    return [
        frechet_distance(made.pooled, real),
        *kernel_distance(made.pooled, real, 0, 40, 5),
        *inception_score(made.logits, 0),
        *precision_recall(made.pooled, real),
        *density_coverage(made.pooled, real),
        authentic_percent(real, made.pooled),
        data_copying(make_cells(train, 0), train, held_out, made.pooled),
    ]


@pytest.mark.parametrize("batch_size", [1, 7, 50])
def test_features_and_every_metric_are_the_same(batch_size, lite0, real, at_once):
    parts = [lite0(part) for part in pictures(COUNT, 1).split(batch_size)]
    made = Features(*(torch.cat([getattr(part, name) for part in parts]) for name in ("pooled", "logits")))
    assert torch.equal(made.pooled, at_once.pooled)
    assert torch.equal(made.logits, at_once.logits)
    found, expected = measure(made, real), measure(at_once, real)
    assert all(isinstance(value, float) for value in expected)
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("chunk", [1, 7, 50])
def test_moments_are_float64_and_the_same_in_any_chunk(chunk, monkeypatch):
    features = torch.randn(90, 12, generator=torch.Generator().manual_seed(0)) + 3000  # float32 would lose its spread
    monkeypatch.setattr(frechet, "CHUNK", chunk)
    found = moments(features)
    assert found.mean.dtype == found.factor.dtype == torch.float64
    assert torch.allclose(found.mean, features.double().mean(0), rtol=1e-14)
    assert torch.allclose(found.factor.T @ found.factor, features.double().T.cov(), rtol=1e-9, atol=1e-12)
