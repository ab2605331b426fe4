import pytest
import torch

from ganbench.errors import InputError
from ganbench.losses.adversarial import ADVERSARIAL
from ganbench.losses.reconstruction import RECONSTRUCTION
from ganbench.methods import cycle, image_networks
from ganbench.methods.base import METHODS
from ganbench.methods.image_networks import run_all
from ganbench.nets.normalization import make_norm
from ganbench.options import read_options
from ganbench.seeding import torch_generator


def one_by_one(net, inputs, norm):
    return [net(images) for images in inputs]


def weights_of(net):
    return torch.cat([p.detach().flatten().clone() for p in net.parameters()])


@pytest.mark.parametrize("name", ["cyclegan", "half_cycle"])
@pytest.mark.parametrize("norm", ["instance", "none"])
def test_batched_passes_change_no_loss(name, norm, data, make_method, train, monkeypatch):
    batched = train(make_method(name, norm=norm), data, range(2))
    monkeypatch.setattr(cycle, "run_all", one_by_one)
    plain = train(make_method(name, norm=norm), data, range(2))
    for fast, slow in zip(batched, plain, strict=True):
        assert fast.keys() == slow.keys()
        for term in fast:
            torch.testing.assert_close(fast[term], slow[term], atol=1e-5, rtol=1e-5)


def test_batch_normalisation_gets_separate_passes():
    net, images = make_norm("batch", 3), [torch.randn(4, 3, 2, 2), torch.randn(4, 3, 2, 2) * 5 + 3]
    separate = run_all(net, images, "batch")
    for output in separate:
        torch.testing.assert_close(output.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    assert image_networks.run_all(net, images[:1], "instance")[0].shape == images[0].shape


def test_generator_loss_is_the_weighted_sum_of_its_terms(data, make_method, train):
    (losses,) = train(make_method("cyclegan", lambda_cycle=3.0, lambda_identity=0.25), data, range(1))
    expected = (
        losses["adversarial_forward"] + losses["adversarial_backward"]
        + 3.0 * (losses["forward_cycle"] + losses["backward_cycle"]) + 0.25 * losses["identity"]
    )  # fmt: skip
    torch.testing.assert_close(losses["generator"], expected)


def test_least_squares_are_in_the_scale_of_the_paper(make_method):
    adversary = make_method("cyclegan").forth.judge
    images = torch.rand(4, 3, 16, 16) * 2 - 1
    scores = adversary.network(images)
    torch.testing.assert_close(adversary.generator_loss(images), (scores - 1).square().mean())


def test_without_weight_a_term_is_not_computed(data, make_method, train):
    (losses,) = train(make_method("cyclegan", lambda_identity=0.0, lambda_cycle=0.0), data, range(1))
    assert not {"identity", "forward_cycle", "backward_cycle"} & set(losses)


def test_n_critic_updates_the_generator_every_fifth_step_and_the_discriminator_always(data, make_method, train):
    method = make_method("cyclegan", adversarial="wgan-gp")
    networks = (method.forth.generator, method.forth.judge.network)
    generator_changed, discriminator_changed = [], []
    for step in range(6):
        before = [weights_of(net) for net in networks]
        (losses,) = train(method, data, range(step, step + 1))
        after = [weights_of(net) for net in networks]
        generator_changed.append(not torch.equal(before[0], after[0]))
        discriminator_changed.append(not torch.equal(before[1], after[1]))
        assert ("generator" in losses) == generator_changed[-1]
    assert generator_changed == [False, False, False, False, True, False]
    assert all(discriminator_changed)
    assert [method.generator_updates(steps) for steps in (0, 4, 5, 800)] == [0, 0, 1, 160]


def test_n_critic_can_be_given(make_method):
    assert make_method("cyclegan", adversarial="wgan-gp", n_critic=2).n_critic == 2
    assert make_method("cyclegan").n_critic == 1


def test_the_generators_update_leaves_the_discriminators_alone(data, make_method, monkeypatch, train):
    method = make_method("cyclegan")
    network = method.forth.judge.network
    before = weights_of(network)
    monkeypatch.setattr(method, "_update_discriminators", lambda *_: {})
    train(method, data, range(1))
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert torch.equal(before, weights_of(network))


def test_the_learning_rate_falls_to_zero(data, make_method, train):
    method = make_method("half_cycle", steps=4, decay_from=0.5)
    train(method, data, range(3, 4))
    assert method.optimizer.param_groups[0]["lr"] == pytest.approx(1e-4)
    assert method.forth.judge.optimizer.param_groups[0]["lr"] == pytest.approx(1e-4)


@pytest.mark.parametrize("adversarial", ["nonsaturating", "lsgan", "wgan-gp"])
def test_mixed_precision_keeps_losses_and_states_in_float32(adversarial, data, make_method, train):
    method = make_method("cyclegan", adversarial=adversarial, n_critic=1)
    with torch.autocast("cpu", torch.bfloat16):
        for losses in train(method, data, range(2)):
            assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
        output = method.translate(torch.zeros(2, 3, 16, 16), torch.Generator())
    assert output.dtype == torch.float32
    assert method.forth.judge.pool.images[0].dtype == torch.float32


@pytest.mark.parametrize("adversarial", ADVERSARIAL.names())
def test_every_adversarial_loss_moves_both_generators(adversarial, data, make_method, train):
    method = make_method("cyclegan", adversarial=adversarial, lambda_cycle=0.0, lambda_identity=0.0)
    before = [weights_of(way.generator) for way in method.ways]
    losses = train(method, data, range(method.n_critic))
    assert all(loss.isfinite() for each in losses for loss in each.values())
    assert not any(torch.equal(a, weights_of(way.generator)) for a, way in zip(before, method.ways, strict=True))


@pytest.mark.parametrize("reconstruction", [name for name in RECONSTRUCTION.names() if name != "none"])
def test_every_reconstruction_loss_moves_both_generators(reconstruction, data, make_method, train, monkeypatch):
    method = make_method("cyclegan", reconstruction=reconstruction)
    terms = cycle.Terms(forward_cycle=1.0, backward_cycle=1.0, identity=1.0)
    monkeypatch.setattr(method, "terms", terms)
    monkeypatch.setattr(method, "weigh", lambda progress: terms)
    before = [weights_of(way.generator) for way in method.ways]
    (losses,) = train(method, data, range(1))
    assert all(loss.isfinite() for loss in losses.values())
    assert not any(torch.equal(a, weights_of(way.generator)) for a, way in zip(before, method.ways, strict=True))


@pytest.mark.parametrize("generator", ["resnet", "unet", "encoder_decoder"])
def test_every_generator_fits_both_directions(generator, make_method):
    method = make_method("cyclegan", generator=generator)
    assert method.translate(torch.zeros(2, 3, 16, 16), torch_generator(0)).shape == (2, 3, 16, 16)
    kinds = {type(way.generator) for way in method.ways}
    assert len(kinds) == 1
    assert (kinds == {type(make_method("cyclegan").forth.generator)}) == (generator == "resnet")


def test_features_of_a_discriminator_that_has_none_are_refused():
    with pytest.raises(InputError, match="has none"):
        read_options(METHODS.get("cyclegan").Options, {"adversarial": "gmmn", "reconstruction": "feature_matching"}, "")


def test_weights_are_channels_last(make_method):
    weights = [p for p in make_method("cyclegan").forth.generator.parameters() if p.ndim == 4]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)


def test_cyclegan_learns_to_darken(data, make_method, train):
    """After some steps the grey surroundings have become darker: towards the target, whose are black."""
    method = make_method("cyclegan", steps=60, lr=2e-3, ngf=8, ndf=8)
    source = torch.zeros(1, 3, 16, 16)
    before = float(method.translate(source, torch.Generator()).mean())
    losses = train(method, data, range(60))
    assert float(method.translate(source, torch.Generator()).mean()) < before - 0.2
    assert float(losses[-1]["forward_cycle"]) < 0.5 * float(losses[0]["forward_cycle"])
