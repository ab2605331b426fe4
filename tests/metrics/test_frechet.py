import numpy as np
import pytest
import torch
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from ganbench.metrics.frechet import Frechet, covariance_factor, frechet_distance


def features(count, width, seed, scale=1.0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=torch.Generator().manual_seed(7)) / width**0.5
    return torch.randn(count, width, generator=generator) @ mixing * scale + shift


@pytest.mark.parametrize(("count", "others"), [(300, 500), (100, 60)])
def test_agrees_with_torch_fidelity_where_there_are_more_images_than_features(count, others):
    first, second = features(count, 40, 1, 1.3, 0.2), features(others, 40, 2)
    statistics = [fid_features_to_statistics(part.double()) for part in (first, second)]
    reference = fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID]
    assert frechet_distance(first, second) == pytest.approx(reference, rel=1e-5)


def test_agrees_with_torch_fidelity_where_there_are_fewer_images_than_features():
    first, second = features(40, 120, 1, 1.3, 0.2), features(60, 120, 2)
    statistics = [fid_features_to_statistics(part.double()) for part in (first, second)]
    reference = fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID]
    assert frechet_distance(first, second) == pytest.approx(reference, rel=1e-4)  # its own rounding


def test_closed_form_of_gaussians_along_the_axes():
    signs = torch.tensor(np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T, dtype=torch.float64)
    first = signs * torch.tensor([1.0, 2.0, 3.0]) * (7 / 8) ** 0.5  # standard deviations 1, 2, 3
    second = signs * torch.tensor([2.0, 2.0, 1.0]) * (7 / 8) ** 0.5 + torch.tensor([0.0, 1.0, 2.0])
    assert frechet_distance(first, second) == pytest.approx(1 + 4 + (1 - 2) ** 2 + 0 + (3 - 1) ** 2)


def test_identical_sets_have_distance_zero_and_order_does_not_matter():
    first, second = features(30, 80, 1), features(50, 80, 2)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6)  # of a trace of 80
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first))


def test_features_that_are_always_the_same_add_nothing():
    first, second = features(300, 40, 1, 1.3, 0.2), features(200, 40, 2)
    blank = [torch.cat([part, torch.zeros(len(part), 3)], 1) for part in (first, second)]
    assert frechet_distance(*blank) == pytest.approx(frechet_distance(first, second), rel=1e-9)


@pytest.mark.parametrize("count", [20, 200])
def test_factor_gives_the_covariance(count):
    values = features(count, 50, 3).double()
    factor = covariance_factor(values)
    assert len(factor) == min(count, 50)
    assert torch.allclose(factor.T @ factor, values.T.cov(), atol=1e-12)


def test_plain_name_belongs_to_inception_alone():
    assert [q.name for q in Frechet().quantities("inception-v3")] == ["fid"]
    assert [(q.name, q.title) for q in Frechet().quantities("efficientnet-lite0")] == [
        ("fd_efficientnet-lite0", "FD (EfficientNet-Lite0)")
    ]


def test_real_images_beat_copying_and_the_protocol_is_complete(judge_outputs, toy_data):
    real, copied = (Frechet().compute(judge_outputs(outputs))[0] for outputs in (None, toy_data.images("disc", "test")))
    assert 0 < real.value < copied.value
    assert real.protocol | {"extractor": "toy", "n": 60, "n_reference": 90, "split": "train"} == real.protocol
