import pytest
import torch

from ganbench.losses.adversarial import ADVERSARIAL
from ganbench.losses.mmd import polynomial_kernel, rbf_kernel, squared_mmd


def rbf(x, y):
    return rbf_kernel(x, y, [0.7, 2.0])


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("kernel", [rbf, polynomial_kernel])
def test_unbiased_mmd_has_mean_0_where_both_samples_are_of_one_distribution(kernel):
    values = torch.stack([squared_mmd(*draws(seed, 2, 16, 3), kernel) for seed in range(2000)])
    error = values.std() / len(values) ** 0.5
    assert abs(float(values.mean())) < 3 * float(error)
    assert float(values.min()) < 0
    biased = torch.stack([squared_mmd(*draws(seed, 2, 16, 3), kernel, unbiased=False) for seed in range(50)])
    assert float(biased.min()) > 0


def expected_rbf(mean, first, second, sigma, dimension):
    """E exp(−‖x − y‖²/2σ²) for x − y ~ N(mean, (first + second)·I), mean given by its squared length."""
    spread = sigma**2 + first + second
    return (sigma**2 / spread) ** (dimension / 2) * torch.exp(torch.tensor(-mean / (2 * spread))).item()


def test_rbf_mmd_between_two_gaussians_has_its_closed_form():
    dimension, shift, variance, sigma = 3, 0.8, 2.25, 1.3
    within = expected_rbf(0.0, 1, 1, sigma, dimension) + expected_rbf(0.0, variance, variance, sigma, dimension)
    exact = within - 2 * expected_rbf(dimension * shift**2, 1, variance, sigma, dimension)
    kernel = lambda x, y: rbf_kernel(x, y, [sigma])  # noqa: E731
    pairs = (draws(seed, 2, 400, dimension) for seed in range(20))
    values = torch.stack([squared_mmd(x, variance**0.5 * y + shift, kernel) for x, y in pairs])
    assert float(values.mean()) == pytest.approx(exact, abs=4 * float(values.std()) / 20**0.5)
    assert float(values.mean()) == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("unbiased", [True, False])
def test_mmd_is_the_double_sum_of_its_definition(unbiased):
    x, y = draws(0, 5, 3), draws(1, 4, 3)
    one = lambda a, b: float(rbf(a[None], b[None]))  # noqa: E731
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    within = [
        mean([one(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j or not unbiased]) for z in (x, y)
    ]
    across = mean([one(a, b) for a in x for b in y])
    assert float(squared_mmd(x, y, rbf, unbiased)) == pytest.approx(sum(within) - 2 * across)


def test_a_kernel_at_known_points():
    x, y = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0], [3.0, 0.0]])
    torch.testing.assert_close(rbf_kernel(x, y, [5.0]), torch.tensor([[-0.5, 0.0]]).exp())
    torch.testing.assert_close(polynomial_kernel(x, y), torch.tensor([[1.0, 5.5**3]]))


def test_one_point_is_not_enough_for_an_unbiased_estimate():
    with pytest.raises(ValueError, match="at least 2 points"):
        squared_mmd(torch.zeros(1, 2), torch.zeros(3, 2), rbf)


@pytest.mark.parametrize("kernel", ["rbf", "polynomial"])
def test_discriminator_and_generator_want_the_opposite_of_the_learned_mmd(kernel):
    loss = ADVERSARIAL.get("mmd")(kernel=kernel)
    real, fake = draws(0, 6, 4).float(), draws(1, 6, 4).float() + 2
    d, g = loss.discriminator_loss(real, fake, {}), loss.generator_loss(fake, real)
    torch.testing.assert_close(d, -g)
    assert float(g) > 0.1


def test_gmmn_is_0_on_equal_images_and_its_gradient_stays_finite():
    images = draws(0, 4, 12).float()
    fake = images.clone().requires_grad_()
    loss = ADVERSARIAL.get("gmmn")().generator_loss(fake, images)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-3)
    assert bool(fake.grad.isfinite().all())


def test_gmmn_means_the_same_at_any_number_of_pixels():
    """Images whose pixels are repeated have the same root mean squared differences."""
    real, fake = draws(0, 4, 12).float() / 4, draws(1, 4, 12).float() / 4
    loss = ADVERSARIAL.get("gmmn")()
    torch.testing.assert_close(
        loss.generator_loss(fake, real), loss.generator_loss(fake.repeat(1, 9), real.repeat(1, 9))
    )
    squared = ADVERSARIAL.get("gmmn")(square_root=False)
    torch.testing.assert_close(squared.generator_loss(fake, real), loss.generator_loss(fake, real).square())
