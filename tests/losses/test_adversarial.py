import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from ganbench.errors import InputError
from ganbench.losses.adversarial import ADVERSARIAL

REAL = torch.randn(4, 1, 3, 3, generator=torch.Generator().manual_seed(0))
FAKE = torch.randn(4, 1, 3, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=["lsgan", "nonsaturating", "wgan-gp"])
def loss(request):
    return ADVERSARIAL.get(request.param)()


def test_built_in_names():
    assert {"lsgan", "nonsaturating", "wgan-gp"} <= set(ADVERSARIAL.names())


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'lsgan'"):
        ADVERSARIAL.get("lsgn")


def test_nonsaturating_is_binary_cross_entropy_on_logits():
    loss = ADVERSARIAL.get("nonsaturating")()
    expected = bce(REAL, torch.ones_like(REAL)) + bce(FAKE, torch.zeros_like(FAKE))
    torch.testing.assert_close(loss.discriminator_loss(REAL, FAKE), expected)
    torch.testing.assert_close(loss.generator_loss(FAKE), bce(FAKE, torch.ones_like(FAKE)))


def test_nonsaturating_does_not_overflow():
    loss = ADVERSARIAL.get("nonsaturating")()
    assert float(loss.generator_loss(torch.tensor([-1e4]))) == pytest.approx(1e4)


def test_lsgan_at_known_scores():
    loss = ADVERSARIAL.get("lsgan")()
    ones, zeros = torch.ones(5), torch.zeros(5)
    assert float(loss.discriminator_loss(ones, zeros)) == 0.0
    assert float(loss.discriminator_loss(zeros, ones)) == 1.0
    assert float(loss.discriminator_loss(ones / 2, ones / 2)) == 0.25  # its optimum where nothing can be told apart
    assert float(loss.generator_loss(ones)) == 0.0
    assert float(loss.generator_loss(-ones)) == 2.0


def test_wgan_is_a_difference_of_means():
    loss = ADVERSARIAL.get("wgan-gp")()
    torch.testing.assert_close(loss.discriminator_loss(REAL, FAKE), FAKE.mean() - REAL.mean())
    torch.testing.assert_close(loss.generator_loss(FAKE), -FAKE.mean())
    assert loss.n_critic == 5


def test_the_discriminator_gains_by_telling_apart_and_the_generator_by_deceiving(loss):
    real, fake = torch.full((8,), 0.4, requires_grad=True), torch.full((8,), 0.6, requires_grad=True)
    to_real, to_fake = torch.autograd.grad(loss.discriminator_loss(real, fake), (real, fake))
    (to_deceive,) = torch.autograd.grad(loss.generator_loss(fake), fake)
    assert bool((to_real < 0).all() and (to_fake > 0).all() and (to_deceive < 0).all())


@pytest.mark.parametrize("autocast", [False, True])
def test_computed_in_float32_whatever_the_autocast(loss, autocast):
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        results = loss.discriminator_loss(REAL.bfloat16(), FAKE.bfloat16()), loss.generator_loss(FAKE.bfloat16())
    for result, exact in zip(
        results, (loss.discriminator_loss(REAL.bfloat16().float(), FAKE.bfloat16().float()),
                  loss.generator_loss(FAKE.bfloat16().float())), strict=True,
    ):  # fmt: skip
        assert result.dtype == torch.float32
        torch.testing.assert_close(result, exact)
