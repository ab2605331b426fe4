import pytest
import torch

from ganbench.errors import InputError
from ganbench.losses.adversarial import ADVERSARIAL
from ganbench.methods.base import METHODS
from ganbench.nets.dcgan import DcganDiscriminator
from ganbench.nets.patch_discriminator import PatchDiscriminator
from ganbench.options import read_options
from ganbench.seeding import torch_generator


def read(**values):
    return read_options(METHODS.get("vanilla").Options, values, "suite.yaml")


def test_the_source_is_not_looked_at(make_method):
    method = make_method("vanilla")
    first, second = torch.rand(2, 5, 3, 16, 16)
    assert torch.equal(method.translate(first, torch_generator(0)), method.translate(second, torch_generator(0)))


def test_images_differ_within_a_batch(make_method):
    drawn = make_method("vanilla").translate(torch.zeros(3, 3, 16, 16), torch_generator(0))
    assert not torch.equal(drawn[0], drawn[1])


def test_the_defaults_are_the_papers():
    options = read()
    assert (options.noise_dim, options.norm, options.lr, options.beta1) == (100, "batch", 2e-4, 0.5)
    assert (options.adversarial, options.discriminator, options.pool_size) == ("nonsaturating", "dcgan", 0)


@pytest.mark.parametrize(("name", "kind"), [("dcgan", DcganDiscriminator), ("patch", PatchDiscriminator)])
def test_the_discriminator_is_an_option(name, kind, make_method):
    assert isinstance(make_method("vanilla", discriminator=name).adversary.network, kind)


@pytest.mark.parametrize("adversarial", ADVERSARIAL.names())
def test_it_trains_with_every_adversarial_loss(adversarial, data, make_method, train):
    method = make_method("vanilla", adversarial=adversarial, norm="instance", n_critic=1)
    for losses in train(method, data, range(2)):
        adapted = {"discriminator_k", "discriminator_convergence"} if adversarial == "began" else set()
        assert set(losses) == {"generator", "discriminator"} | adapted
        assert all(loss.isfinite() for loss in losses.values())


def test_n_critic_updates_the_generator_every_third_step(data, make_method, train):
    method = make_method("vanilla", n_critic=3)
    assert ["generator" in losses for losses in train(method, data, range(6))] == [False, False, True] * 2
    assert method.generator_updates(7) == 2


def test_the_generators_update_leaves_the_discriminator_alone(data, make_method, train, monkeypatch):
    method = make_method("vanilla")
    monkeypatch.setattr(method.adversary, "update", lambda *_: {})
    before = [p.detach().clone() for p in method.adversary.network.parameters()]
    train(method, data, range(1))
    parameters = list(method.adversary.network.parameters())
    assert all(p.grad is None and p.requires_grad for p in parameters)
    assert all(torch.equal(a, b) for a, b in zip(before, parameters, strict=True))


def test_a_size_without_a_power_of_two_is_refused_with_the_nearest(make_method):
    with pytest.raises(InputError, match="Got 24: take 16"):
        make_method("vanilla", size=24)
    assert list(METHODS.get("vanilla").refusals(read(), 32, 1)) == []


def test_a_gradient_penalty_is_refused_under_the_papers_batch_normalisation():
    with pytest.raises(InputError, match="discriminator_norm"):
        read(adversarial="wgan-gp")


def test_it_learns_the_mean_of_the_target(data, make_method, train):
    """After some steps the surroundings are dark, as the target's are, and the images are still not one."""
    method = make_method("vanilla", steps=120, lr=2e-3, ngf=8, ndf=8, noise_dim=16)
    draw = lambda: method.translate(torch.zeros(16, 3, 16, 16), torch_generator(0))  # noqa: E731
    before = float(draw().mean())
    train(method, data, range(120))
    after = draw()
    expected = float(data.images("dark", "train").float().mean() / 127.5 - 1)
    assert abs(float(after.mean()) - expected) < 0.5 * abs(before - expected)
    assert float(after.std(0).mean()) > 0.05
