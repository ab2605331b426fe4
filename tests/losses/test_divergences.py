import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import lambertw

from ganbench.losses.adversarial import ADVERSARIAL
from ganbench.losses.divergences import DIVERGENCES, jensen_shannon_weighted, log_lambert_w

P = torch.tensor([0.5, 0.25, 0.2, 0.05], dtype=torch.float64)
Q = torch.tensor([0.1, 0.3, 0.2, 0.4], dtype=torch.float64)
ALL = {**DIVERGENCES, "weighted 0.2": jensen_shannon_weighted(0.2), "weighted 0.9": jensen_shannon_weighted(0.9)}


def kl(p, q):
    return float((p * (p / q).log()).sum())


def mixed(pi, p=P, q=Q):
    middle = pi * p + (1 - pi) * q
    return pi * kl(p, middle) + (1 - pi) * kl(q, middle)


EXPECTED = {
    "total_variation": 0.5 * float((P - Q).abs().sum()),
    "kl": kl(P, Q),
    "reverse_kl": kl(Q, P),
    "pearson": float(((P - Q).square() / Q).sum()),
    "neyman": float(((P - Q).square() / P).sum()),
    "squared_hellinger": float((P.sqrt() - Q.sqrt()).square().sum()),
    "jeffrey": kl(P, Q) + kl(Q, P),
    "jensen_shannon": 2 * mixed(0.5),
    "jensen_shannon_weighted": mixed(0.5),
    "gan": 2 * mixed(0.5) - np.log(4),
    "weighted 0.2": mixed(0.2),
    "weighted 0.9": mixed(0.9),
}


def highest_bound(bound, symbols):
    """Maximise a bound over free scores, one for each symbol."""

    def falling(values):
        scores = torch.tensor(values, requires_grad=True)
        loss = -bound(scores)
        loss.backward()
        return loss.item(), scores.grad.numpy()

    return -minimize(
        falling, np.zeros(symbols), jac=True, method="L-BFGS-B", options={"ftol": 1e-16, "gtol": 1e-10}
    ).fun


@pytest.mark.parametrize("name", ALL)
def test_the_supremum_of_the_bound_is_the_divergence(name):
    d = ALL[name]
    found = highest_bound(lambda v: (P * d.activation(v) - Q * d.conjugate(v)).sum(), len(P))
    assert float((Q * d.f(P / Q)).sum()) == pytest.approx(EXPECTED[name], abs=1e-12)
    assert found == pytest.approx(EXPECTED[name], abs=1e-5)


def test_all_ten_are_losses():
    assert len(DIVERGENCES) == 10
    assert {name for name in ADVERSARIAL.names() if name.startswith("fgan:")} == {
        f"fgan:{name}" for name in DIVERGENCES
    }


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_discriminators_loss_is_the_negative_bound(name):
    """Samples that hold each symbol as often as P and Q say, and the scores at which the bound is highest."""
    loss = ADVERSARIAL.get(f"fgan:{name}")()
    real, fake = (torch.arange(4).repeat_interleave((weights * 20).round().int()) for weights in (P, Q))
    found = highest_bound(lambda v: -loss.discriminator_loss(v[real], v[fake], {}).double(), 4)
    assert found == pytest.approx(EXPECTED[name], abs=1e-3)  # losses are computed in float32


@pytest.mark.parametrize("name", ALL)
def test_the_conjugate_is_the_supremum_of_its_definition(name):
    """f*(t) = sup over u of ut − f(u)."""
    d = ALL[name]
    u = torch.logspace(-6, 6, 400_001, dtype=torch.float64)
    for v in torch.tensor([-1.5, -0.3, 0.4, 1.2], dtype=torch.float64):
        assert float((u * d.activation(v) - d.f(u)).max()) == pytest.approx(float(d.conjugate(v)), abs=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_every_f_is_convex(name):
    u = torch.linspace(0.1, 5, 200, dtype=torch.float64)
    values = ALL[name].f(u)
    assert bool((values[2:] + values[:-2] - 2 * values[1:-1] > -1e-12).all())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("v", [-60.0, -20.0, 20.0, 60.0])
def test_finite_with_finite_gradient_in_float32(name, v):
    for function in (ALL[name].activation, ALL[name].conjugate):
        score = torch.tensor(v, requires_grad=True)
        value = function(score)
        (gradient,) = torch.autograd.grad(value, score)
        assert value.dtype == torch.float32
        assert bool(value.isfinite() and gradient.isfinite())
        exact = function(torch.tensor(v, dtype=torch.float64))
        assert value.item() == pytest.approx(float(exact), rel=1e-4, abs=1e-6)


def test_lambert_w_solves_its_equation_to_the_last_digits():
    a = torch.linspace(-30, 600, 10_001, dtype=torch.float64)
    z = log_lambert_w(a)
    torch.testing.assert_close(z + z.exp(), a, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(z[a < 100].exp(), torch.from_numpy(lambertw(a[a < 100].exp().numpy()).real))


def test_lambert_w_does_not_overflow_in_float32():
    w = log_lambert_w(1 - torch.linspace(-500.0, 80.0, 1000)).exp()
    assert bool(w.isfinite().all() and (w > 0).all())


def test_the_gradients_of_lambert_w_by_finite_differences():
    a = torch.tensor([-5.0, -0.5, 0.9, 1.1, 3.0, 90.0, 501.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: log_lambert_w(a).exp(), a)
    assert torch.autograd.gradgradcheck(log_lambert_w, a)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_both_forms_of_the_generators_loss_push_scores_up(name):
    scores = torch.tensor([-0.5, 0.3], requires_grad=True)
    cls = ADVERSARIAL.get(f"fgan:{name}")
    losses = [cls(generator_form=form).generator_loss(scores) for form in ("heuristic", "true")]
    for loss in losses:
        (gradient,) = torch.autograd.grad(loss, scores)
        assert bool((gradient < 0).all())
    torch.testing.assert_close(losses[1], -DIVERGENCES[name].conjugate(scores).mean())


def test_the_weight_is_an_option():
    scores = torch.tensor([0.2, 0.5])
    values = [float(ADVERSARIAL.get("fgan:jensen_shannon_weighted")(pi=pi).generator_loss(scores)) for pi in (0.2, 0.5)]
    assert values[0] != values[1]
