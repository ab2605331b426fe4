import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ganbench.losses.regularizers import REGULARIZERS, GradientPenalty
from ganbench.nets.init import Init, build

PENALTIES = ["gradient_penalty", "r1", "dragan"]


def images(seed):
    return torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(seed))


def penalty_of(name, critic, seed=3, fake=1, **options):
    regularizer = REGULARIZERS.get(name)(**options)
    return regularizer.penalty(critic, images(0), images(fake), torch.Generator().manual_seed(seed))


def make_net(seed=0):
    layers = lambda: nn.Sequential(  # noqa: E731
        nn.Conv2d(3, 8, 3), nn.LeakyReLU(0.2), nn.ConvTranspose2d(8, 4, 2), nn.Flatten(), nn.Linear(36, 1)
    )
    return build(layers, torch.Generator().manual_seed(seed), torch.device("cpu"), Init("normal", 0.3))


@pytest.mark.parametrize("norm", [0.0, 1.0, 3.5])
@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("gradient_penalty", lambda n: 10 * (n - 1) ** 2),
        ("dragan", lambda n: 10 * (n - 1) ** 2),
        ("r1", lambda n: 5 * n**2),
    ],
)
def test_penalty_of_a_linear_critic_is_exact(name, exact, norm):
    direction = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(2))
    direction = direction * (norm / direction.norm())
    critic = lambda x: (x * direction).sum((1, 2, 3)) + 5.0  # noqa: E731
    assert float(penalty_of(name, critic)) == pytest.approx(exact(norm), rel=1e-4, abs=1e-6)


class Seen:
    """A critic that remembers the points it was asked about."""

    def __call__(self, x):
        self.points = x.detach()
        return x.sum((1, 2, 3))


def test_points_lie_on_the_lines_between_real_and_fake_one_per_image():
    critic = Seen()
    penalty_of("gradient_penalty", critic)
    fraction = ((critic.points - images(1)) / (images(0) - images(1))).flatten(1)
    assert float(fraction.std(1).max()) < 1e-3  # one coefficient per image
    assert 0 <= float(fraction.min()) < float(fraction.max()) <= 1
    assert float(fraction.mean(1).std()) > 0.05  # and another for each


def test_points_of_r1_are_the_real_images_and_those_of_dragan_lie_around_them():
    critic = Seen()
    penalty_of("r1", critic)
    assert torch.equal(critic.points, images(0))
    penalty_of("dragan", critic, spread=0.2)
    noise = critic.points - images(0)
    assert float(noise.std()) == pytest.approx(0.2 * float(images(0).std()), rel=0.15)
    assert abs(float(noise.mean())) < 0.05


@pytest.mark.parametrize("name", ["gradient_penalty", "dragan"])
def test_random_points_come_from_the_passed_generator(name):
    critic = lambda x: x.pow(3).sum((1, 2, 3))  # noqa: E731

    def penalty(seed, global_seed):
        torch.manual_seed(global_seed)
        return float(penalty_of(name, critic, seed).detach())

    assert penalty(1, 0) == penalty(1, 1) != penalty(2, 0)


@pytest.mark.parametrize("name", PENALTIES)
def test_scores_of_patches_are_averaged(name):
    weight = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(0))
    one = lambda x: (x * weight).sum((1, 2, 3))  # noqa: E731
    many = lambda x: one(x).reshape(-1, 1, 1, 1).expand(-1, 1, 5, 5)  # noqa: E731
    torch.testing.assert_close(penalty_of(name, one), penalty_of(name, many))


@pytest.mark.parametrize("name", PENALTIES)
def test_float32_under_autocast_and_differentiable(name):
    critic = make_net()
    exact = penalty_of(name, critic)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = penalty_of(name, critic)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, exact)
    mixed.backward()
    assert all(parameter.grad.isfinite().all() for parameter in critic.parameters() if parameter.grad is not None)
    assert critic[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", PENALTIES)
def test_a_flat_critic_has_a_finite_gradient(name):
    critic = nn.Conv2d(3, 1, 4)
    nn.init.zeros_(critic.weight)
    penalty_of(name, critic).backward()
    assert bool(critic.weight.grad.isfinite().all())


def test_clipping_bounds_all_parameters_at_once_and_after_each_update():
    net, clipping = make_net(), REGULARIZERS.get("clipping")()
    clipping.prepare(net, torch.Generator())
    assert max(float(p.detach().abs().max()) for p in net.parameters()) == pytest.approx(0.01)
    nn.init.constant_(net[0].weight, -3.0)
    clipping.after_update(net)
    assert bool((net[0].weight == -torch.tensor(0.01)).all())


def weights_of(net):
    """Return the weights as matrices with one row for each output channel."""
    return [net[0].weight.flatten(1), net[2].weight.transpose(0, 1).flatten(1), net[4].weight]


def normalized(seed=0):
    net = make_net()
    REGULARIZERS.get("spectral_norm")().prepare(net, torch.Generator().manual_seed(seed))
    return net


def test_spectral_norm_is_1_after_preparation():
    for weight in weights_of(normalized()):
        assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=1e-3)


def test_spectral_norm_follows_the_weights_as_they_change():
    net = normalized()
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    for step in range(30):
        optimizer.zero_grad()
        net(images(step)).square().mean().backward()
        optimizer.step()
    assert all(torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=0.05) for weight in weights_of(net))


def test_spectral_norm_equals_torchs_own():
    ours, theirs = normalized(), make_net()
    for layer in (theirs[0], theirs[2], theirs[4]):
        spectral_norm(layer, n_power_iterations=100)
    results = []
    for net in (ours, theirs):
        net(images(0)).square().sum().backward()
        results.append([net[k].parametrizations.weight.original.grad for k in (0, 2, 4)])
    torch.testing.assert_close(*results, rtol=1e-3, atol=2e-3)


def test_spectral_norm_draws_nothing_from_the_global_generator_and_is_in_the_checkpoint():
    before = torch.get_rng_state()
    net, other = normalized(), normalized(seed=1)
    assert torch.equal(before, torch.get_rng_state())
    net(images(0))
    other.load_state_dict(net.state_dict())
    torch.testing.assert_close(net(images(0)), other(images(0)), rtol=0, atol=0)
    assert any(name.endswith(".u") for name in net.state_dict())


def test_spectral_norm_stays_put_in_evaluation_mode():
    net = normalized().eval()
    nn.init.normal_(net[4].parametrizations.weight.original)
    before = net[4].parametrizations.weight[0].u.clone()
    net(images(0))
    assert torch.equal(before, net[4].parametrizations.weight[0].u)


def test_the_norm_itself_is_float32_under_autocast():
    net = normalized().eval()
    exact = net[0].weight
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(net[0].weight, exact, rtol=0, atol=0)


def test_the_weight_is_an_option():
    critic = lambda x: 2 * x.sum((1, 2, 3))  # noqa: E731
    first, double = (
        GradientPenalty(weight=w).penalty(critic, images(0), images(1), torch.Generator()) for w in (1.0, 2.0)
    )
    torch.testing.assert_close(2 * first, double)
