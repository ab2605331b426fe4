import numpy as np
import pytest
import torch

from ganbench.metrics.kernel import Kernel, kernel_distance, subset_size


def features(count, seed, shift=0.0):
    return torch.randn(count, 20, generator=torch.Generator().manual_seed(seed)) + shift


def test_one_subset_of_everything_is_the_unbiased_estimate():
    x, y = features(30, 1).double(), features(30, 2, 0.3).double()
    kernels = [(a @ b.T / 20 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
    inner = [(kernel.sum() - kernel.diagonal().sum()) / (30 * 29) for kernel in kernels[:2]]
    assert kernel_distance(x, y, 0, 30, subsets=1)[0] == pytest.approx(float(sum(inner) - 2 * kernels[2].mean()))


def test_unbiased_mean_is_zero_over_draws_of_equal_distributions():
    draws = np.array([kernel_distance(features(25, 2 * k), features(25, 2 * k + 1), 0, 25, 1)[0] for k in range(200)])
    assert abs(draws.mean()) < 3 * draws.std() / 200**0.5
    assert draws.min() < 0


@pytest.mark.parametrize(("counts", "size"), [((250, 1000), 250), ((5000, 4000), 1000), ((3, 7), 3)])
def test_subsets_are_never_larger_than_a_set(counts, size):
    assert subset_size(*counts) == size


def test_subsets_follow_from_the_seed_alone():
    first, second = features(40, 1), features(50, 2, 0.2)
    torch.manual_seed(0)
    np.random.seed(0)
    before = kernel_distance(first, second, 3, 20)
    torch.randn(5)
    np.random.rand(5)
    assert kernel_distance(first, second, 3, 20) == before
    assert kernel_distance(first, second, 4, 20) != before


def test_value_is_the_mean_and_std_is_over_subsets(judge_outputs, toy_data):
    negatives = 255 - toy_data.images("disc", "test")
    value = Kernel().compute(judge_outputs(negatives))[0]
    assert value.quantity.name == "kid_toy"
    assert value.value > 0
    assert value.std > 0
    assert value.protocol | {"subset_size": 60, "subsets": 100} == value.protocol
    assert Kernel().compute(judge_outputs(negatives))[0] == value


def test_one_image_is_refused(judge_outputs, toy_data):
    assert "at least 2" in Kernel().skip_reason(judge_outputs(toy_data.images("disc", "test")[:1]))
