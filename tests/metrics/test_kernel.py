import numpy as np
import pytest
import torch

from ganbench.metrics import kernel
from ganbench.metrics.kernel import Kernel, kernel_distance, subset_size
from ganbench.seeding import derive_seed


def features(count, seed, shift=0.0):
    return torch.randn(count, 20, generator=torch.Generator().manual_seed(seed)) + shift


def test_one_subset_of_everything_is_the_unbiased_estimate():
    x, y = features(30, 1).double(), features(30, 2, 0.3).double()
    kernels = [(a @ b.T / 20 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
    inner = [(each.sum() - each.diagonal().sum()) / (30 * 29) for each in kernels[:2]]
    assert kernel_distance(x, y, 0, 30, subsets=1)[0] == pytest.approx(float(sum(inner) - 2 * kernels[2].mean()))


def test_unbiased_mean_is_zero_over_draws_of_equal_distributions():
    draws = np.array([kernel_distance(features(25, 2 * k), features(25, 2 * k + 1), 0, 25, 1)[0] for k in range(200)])
    assert abs(draws.mean()) < 3 * draws.std() / 200**0.5
    assert draws.min() < 0


@pytest.mark.parametrize(("counts", "size"), [((250, 1000), 250), ((5000, 4000), 1000), ((3, 7), 3)])
def test_subsets_are_never_larger_than_a_set(counts, size):
    assert subset_size(*counts) == size


def test_few_and_many_images_are_computed_alike(monkeypatch):
    first, second = features(60, 1), features(50, 2, 0.2)
    together = kernel_distance(first, second, 3, 20, subsets=9)  # 3,000 pairs, 3,600 in the subsets
    monkeypatch.setattr(kernel, "CHUNK", 7)
    in_chunks = kernel_distance(first, second, 3, 20, subsets=9)
    more = torch.cat([first, features(500, 4)])  # 28,000 pairs: subset by subset
    alone = kernel_distance(more, second, 3, 20, subsets=9)
    drawn = np.random.RandomState(derive_seed(3, "kid") % 2**32)
    subsets = [(drawn.choice(560, 20, replace=False), drawn.choice(50, 20, replace=False)) for _ in range(9)]
    each = [kernel_distance(more[i], second[j], 0, 20, subsets=1)[0] for i, j in subsets]
    assert in_chunks == pytest.approx(together, rel=1e-12)
    assert alone == pytest.approx((np.mean(each), np.std(each)), rel=1e-9)


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
