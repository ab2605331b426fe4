import pytest
import torch
from torch import nn

from ganbench.losses.regularizers import GradientPenalty


def images(seed):
    return torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("norm", [0.0, 1.0, 3.5])
def test_penalty_of_a_linear_critic_is_exact(norm):
    direction = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(2))
    direction = direction * (norm / direction.norm())
    critic = lambda x: (x * direction).sum((1, 2, 3)) + 5.0  # noqa: E731
    penalty = GradientPenalty(weight=10.0)(critic, images(0), images(1), torch.Generator().manual_seed(3))
    assert float(penalty) == pytest.approx(10 * (norm - 1) ** 2, rel=1e-4, abs=1e-6)


def test_points_lie_on_the_lines_between_real_and_fake_one_per_image():
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.sum((1, 2, 3))

    real, fake = images(0), images(1)
    GradientPenalty()(critic, real, fake, torch.Generator().manual_seed(3))
    fraction = ((seen[0] - fake) / (real - fake)).flatten(1)
    assert float(fraction.std(1).max()) < 1e-3  # one coefficient per image
    assert 0 <= float(fraction.min()) < float(fraction.max()) <= 1
    assert float(fraction.mean(1).std()) > 0.05  # and another for each


def test_coefficients_come_from_the_passed_generator():
    critic = lambda x: x.pow(3).sum((1, 2, 3))  # noqa: E731

    def penalty(seed, global_seed):
        torch.manual_seed(global_seed)
        return float(GradientPenalty()(critic, images(0), images(1), torch.Generator().manual_seed(seed)).detach())

    assert penalty(1, 0) == penalty(1, 1) != penalty(2, 0)


def test_scores_of_patches_are_averaged():
    weight = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(0))
    one = lambda x: (x * weight).sum((1, 2, 3))  # noqa: E731
    many = lambda x: one(x).reshape(-1, 1, 1, 1).expand(-1, 1, 5, 5)  # noqa: E731
    results = [GradientPenalty()(f, images(0), images(1), torch.Generator().manual_seed(0)) for f in (one, many)]
    torch.testing.assert_close(*results)


def test_float32_under_autocast_and_differentiable():
    critic = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 2))
    exact = GradientPenalty()(critic, images(0), images(1), torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = GradientPenalty()(critic, images(0).bfloat16().float(), images(1), torch.Generator().manual_seed(0))
    assert mixed.dtype == torch.float32
    assert float(mixed.detach()) == pytest.approx(float(exact.detach()), rel=1e-2)
    mixed.backward()
    assert all(parameter.grad.isfinite().all() for parameter in critic.parameters() if parameter.grad is not None)
    assert critic[0].weight.grad.abs().sum() > 0
