import io
import itertools
import math

import pytest
import torch
from torch import nn

from ganbench.errors import InputError
from ganbench.losses.adversarial import ADVERSARIAL
from ganbench.losses.energy import pulling_away
from ganbench.losses.regularizers import REGULARIZERS
from ganbench.losses.rules import refused
from ganbench.methods.adversary import AdversarialOptions, Adversary
from ganbench.methods.base import Task
from ganbench.methods.optimization import frozen
from ganbench.options import read_options
from ganbench.seeding import torch_generator

SIZE, CPU = 16, torch.device("cpu")


def images(seed, count=4):
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def make(adversarial="lsgan", seed=0, batch_size=4, weight=1.0, **options):
    small = {"adversarial": adversarial, "ndf": 4, "pool_size": 0, "lr": 1e-3}
    read = read_options(AdversarialOptions, small | options, "suite.yaml")
    task = Task(SIZE, "plain", "dark", 8, batch_size)
    return Adversary(read, task, torch_generator(seed, "weights"), CPU, weight=weight)


def accepted(adversarial, regularizer, norm):
    values = {"adversarial": adversarial, "regularizer": regularizer, "discriminator_norm": norm}
    choice = AdversarialOptions.model_construct(**values).choice
    return not list(refused(choice))


PAIRS = list(itertools.product(ADVERSARIAL.names(), REGULARIZERS.names(), ("instance", "batch", "none")))


@pytest.mark.parametrize("adversarial", ADVERSARIAL.names())
def test_every_combination_is_refused_with_a_reason_or_trains(adversarial):
    for name, regularizer, norm in PAIRS:
        if name != adversarial:
            continue
        options = {"regularizer": regularizer, "discriminator_norm": norm}
        if accepted(name, regularizer, norm):
            smoke(make(name, **options))
        else:
            with pytest.raises(InputError, match=r"makes no sense: .*\. [A-Z]"):
                make(name, **options)


def smoke(adversary):
    fake = images(1).requires_grad_()
    with frozen(adversary.network):
        loss = adversary.generator_loss(fake, images(0))
    (gradient,) = torch.autograd.grad(loss, fake)
    assert loss.ndim == 0
    assert loss.isfinite()
    assert bool(gradient.isfinite().all())
    assert float(gradient.abs().max()) > 0
    before = [parameter.detach().clone() for parameter in adversary.network.parameters()]
    told = adversary.update(images(0), fake, torch_generator(0, "step"), 1e-3)
    assert all(math.isfinite(each) and not each.requires_grad for each in told.values())
    after = list(adversary.network.parameters())
    assert not after or any(not torch.equal(*each) for each in zip(before, after, strict=True))


def saved_and_loaded(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize(
    "options",
    [
        {"adversarial": "began", "adversarial_options": {"gamma": 1.0, "lambda_k": 0.5}},
        {"adversarial": "hinge", "regularizer": "spectral_norm"},
    ],
)
def test_a_resumed_adversary_goes_on_as_an_uninterrupted_one(options):
    whole, first, second = make(**options), make(**options), make(**options, seed=1)
    for step in range(4):
        told = whole.update(images(step), 0.2 * images(step + 9), torch_generator(step), 1e-3)
    for step in range(2):
        first.update(images(step), 0.2 * images(step + 9), torch_generator(step), 1e-3)
    assert all(float(value) > 0 for value in first.adapted.values())
    second.load_state_dict(saved_and_loaded(first.state_dict()))
    for step in range(2, 4):
        again = second.update(images(step), 0.2 * images(step + 9), torch_generator(step), 1e-3)
    assert told == again
    assert whole.adapted == second.adapted


def test_k_and_convergence_of_began_are_told_and_follow_their_rules_from_update_to_update():
    """Berthelot 2017, section 3.3 and 3.4: k ← k + λ(γL(y) − L(G)), M = L(y) + |γL(y) − L(G)|."""
    adversary = make("began", adversarial_options={"gamma": 1.0, "lambda_k": 0.5})
    k = 0.0
    for step in range(4):
        real, fake = images(step), 0.2 * images(step + 9)
        with torch.no_grad():
            energies = [float(adversary.network(each).mean()) for each in (real, fake)]
        told = adversary.update(real, fake, torch_generator(step), 1e-3, name="d")
        expected = {"d": energies[0] - k * energies[1], "d_convergence": energies[0] + abs(energies[0] - energies[1])}
        k = min(max(k + 0.5 * (energies[0] - energies[1]), 0), 1)
        assert {name: float(value) for name, value in told.items()} == pytest.approx(expected | {"d_k": k}, abs=1e-5)
    assert k > 0


def test_clipped_weights_stay_clipped():
    adversary = make("wgan")
    for step in range(3):
        adversary.update(images(0), images(1), torch_generator(step), 1e-1)
    assert max(float(p.detach().abs().max()) for p in adversary.network.parameters()) <= 0.01 + 1e-9


def test_a_loss_without_discriminator_learns_nothing():
    adversary = make("gmmn")
    assert not adversary.learns
    assert adversary.update(images(0), images(1), torch_generator(0), 1e-3) == {"discriminator": 0}


@pytest.mark.parametrize(
    ("adversarial", "parameters", "least"),
    [("mmd", {}, 2), ("ebgan", {"lambda_pt": 0.1}, 2), ("ebgan", {}, 1), ("gmmn", {}, 1), ("lsgan", {}, 1)],
)
def test_a_batch_too_small_for_the_loss_is_refused(adversarial, parameters, least):
    options = AdversarialOptions(adversarial=adversarial, adversarial_options=parameters)
    assert list(options.refusals(16, least)) == []
    refused = [reason for reason in options.refusals(16, 1) if reason.startswith("batch_size: ")]
    assert len(refused) == least - 1
    assert all(f"adversarial {adversarial!r}" in reason and "Got 1: take 2" in reason for reason in refused)


def test_the_repelling_regulariser_drives_the_codes_of_fakes_apart_and_leaves_the_discriminator_alone():
    plain, repelling = make("ebgan"), make("ebgan", adversarial_options={"lambda_pt": 0.5})
    fake = images(1).requires_grad_()
    with frozen(repelling.network):
        added = repelling.generator_loss(fake) - plain.generator_loss(fake)
    codes = repelling.network.encode(fake)
    torch.testing.assert_close(added, 0.5 * pulling_away(codes))
    (gradient,) = torch.autograd.grad(pulling_away(codes), fake)
    apart = pulling_away(repelling.network.encode(fake - gradient / gradient.norm()))
    assert float(apart) < float(pulling_away(codes))
    told = [each.update(images(0), images(1), torch_generator(0), 1e-3) for each in (plain, repelling)]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"adversarial": "lsgan", "adversarial_options": {"d": 1.0}}, "Known keys: a, b, c"),
        ({"adversarial": "wgan", "regularizer_options": {"bound": -1.0}}, "bound"),
        ({"adversarial": "fgan:kullback"}, "Unknown adversarial loss"),
        ({"adversarial": "fgan:jensen_shannon_weighted", "adversarial_options": {"pi": 3.14}}, "pi"),
    ],
)
def test_wrong_parameters_are_refused(options, answer):
    with pytest.raises(InputError, match=answer):
        make(**options)


def test_half_the_weight_is_half_the_gradient():
    whole, half = make(optimizer="rmsprop"), make(optimizer="rmsprop", weight=0.5)
    for adversary in (whole, half):
        adversary.update(images(0), images(1), torch_generator(0), 0.0)
    for one, other in zip(whole.network.parameters(), half.network.parameters(), strict=True):
        torch.testing.assert_close(one.grad, 2 * other.grad)


def test_a_bounded_critic_rises_to_the_distance_of_two_point_masses():
    """W₁ of two points is their distance; a linear critic under the penalty reaches it."""
    a, b = torch.zeros(4, 3, 1, 1), torch.tensor([0.6, 0.0, 0.8]).reshape(1, 3, 1, 1).expand(4, 3, 1, 1)
    critic = nn.Linear(3, 1)
    nn.init.constant_(critic.weight, 0.1)
    score = lambda x: critic(x.flatten(1))  # noqa: E731
    loss, penalty = ADVERSARIAL.get("wgan-gp")(), REGULARIZERS.get("gradient_penalty")(weight=1000.0)
    optimizer = torch.optim.LBFGS(critic.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def total():
        optimizer.zero_grad()
        result = loss.discriminator_loss(score(a), score(b), {}) + penalty.penalty(score, b, a, torch_generator(0))
        result.backward()
        return result

    optimizer.step(total)
    slope = -loss.discriminator_loss(score(a), score(b), {}).item()
    assert slope == pytest.approx(1 + 1 / 2000, abs=1e-3)  # the penalty of 1000 lets it pass 1 by 1/2000
