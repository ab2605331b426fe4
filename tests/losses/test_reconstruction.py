import pytest
import torch

from ganbench.losses.reconstruction import RECONSTRUCTION
from ganbench.losses.smoothness import total_variation


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_zero_on_equal_images_and_symmetric(name):
    loss = RECONSTRUCTION.get(name)
    a, b = torch.rand(2, 2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert float(loss(a, a)) == 0.0
    torch.testing.assert_close(loss(a, b), loss(b, a))


@pytest.mark.parametrize(("name", "expected"), [("l1", 0.5), ("l2", 0.25)])
def test_known_values(name, expected):
    assert float(RECONSTRUCTION.get(name)(torch.full((2, 3, 4, 4), 0.5), torch.zeros(2, 3, 4, 4))) == expected


@pytest.mark.parametrize(("name", "statistic"), [("l1", 0.0), ("l2", 0.25)])
def test_l1_is_answered_best_by_the_median_and_l2_by_the_mean(name, statistic):
    values = torch.tensor([0.0, 0.0, 0.0, 1.0])
    candidates = torch.linspace(0, 1, 101)
    losses = torch.stack([RECONSTRUCTION.get(name)(candidate.expand(4), values) for candidate in candidates])
    assert float(candidates[losses.argmin()]) == pytest.approx(statistic)


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_half_precision_is_compared_in_float32(name):
    assert RECONSTRUCTION.get(name)(torch.ones(4).bfloat16(), torch.zeros(4)).dtype == torch.float32


def test_total_variation_of_a_ramp_and_of_a_flat_image():
    ramp = torch.arange(8.0).expand(1, 3, 8, 8)
    assert float(total_variation(ramp)) == pytest.approx(1.0)
    flat = torch.zeros(1, 3, 8, 8, requires_grad=True)
    total_variation(flat).backward()
    assert float(total_variation(flat.detach())) == pytest.approx(0.0, abs=1e-3)
    assert bool(flat.grad.isfinite().all())
