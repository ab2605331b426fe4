"""BicycleGAN: its code decides the output, and each of its terms teaches whom it should."""

from types import SimpleNamespace

import pytest
import torch

from ganbench.data.batches import BatchSource, to_float
from ganbench.methods.base import Batch
from ganbench.methods.bicyclegan import kl_from_normal
from ganbench.seeding import torch_generator


def first_batch(data):
    return Batch(BatchSource(data, 4, 0).images(0), data.source, data.target)


def gradients(net):
    return [parameter.grad is not None and bool(parameter.grad.any()) for parameter in net.parameters()]


def test_each_image_has_a_code_of_its_own(paired_data, make_method):
    method = make_method("bicyclegan")
    same = to_float(paired_data.images("plain", "test")[:1]).repeat(4, 1, 1, 1)
    outputs = method.translate(same, torch_generator(0))
    assert len({output.numpy().tobytes() for output in outputs}) == 4


def test_the_code_lies_as_planes_beside_the_image(paired_data, make_method):
    method = make_method("bicyclegan", latent_size=5)
    x, code = first_batch(paired_data).x, torch.randn(4, 5)
    given = method._with_code(x, code)
    assert given.shape == (4, 8, 16, 16)
    assert torch.equal(given[:, :3], x)
    assert torch.equal(given[:, 3:, 7, 2], code)


def test_kl_is_zero_for_a_standard_normal_and_half_the_square_of_its_mean():
    zeros = torch.zeros(2, 8)
    assert kl_from_normal(SimpleNamespace(mean=zeros, log_variance=zeros)) == 0
    assert kl_from_normal(SimpleNamespace(mean=zeros + 3, log_variance=zeros)) == 8 * 4.5


def test_kl_agrees_with_torchs():
    mean, log_variance = torch.randn(2, 5, 8, generator=torch_generator(0))
    mine = kl_from_normal(SimpleNamespace(mean=mean, log_variance=log_variance))
    normal = torch.distributions.Normal
    theirs = torch.distributions.kl_divergence(
        normal(mean, (log_variance / 2).exp()), normal(torch.zeros(8), torch.ones(8))
    )
    torch.testing.assert_close(mine, theirs.sum(1).mean())


def test_the_latent_loss_teaches_the_generator_and_not_the_encoder(paired_data, make_method):
    method = make_method("bicyclegan")
    drawn = method._draw(first_batch(paired_data), torch_generator(0))
    method._latent_loss(drawn).backward()
    assert all(gradients(method.generator)[:4])
    assert not any(gradients(method.encoder))


def test_the_image_loss_teaches_both(paired_data, make_method):
    method, batch = make_method("bicyclegan"), first_batch(paired_data)
    drawn = method._draw(batch, torch_generator(0))
    method._generator_losses(batch.x, batch.y, drawn)["reconstruction"].backward()
    assert any(gradients(method.generator))
    assert any(gradients(method.encoder))


def test_the_generators_update_leaves_the_discriminators_alone(paired_data, make_method):
    method, batch = make_method("bicyclegan"), first_batch(paired_data)
    judges = [adversary.network for adversary in method.adversaries.values()]
    before = [parameter.clone() for judge in judges for parameter in judge.parameters()]
    losses, _ = method._update_generators(batch, 0, 1e-3, torch_generator(0))
    after = [parameter for judge in judges for parameter in judge.parameters()]
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert all(parameter.grad is None for parameter in after)
    terms = sum(weight * losses[name] for name, weight in method._weights().items())
    torch.testing.assert_close(losses["generator"], terms)


@pytest.mark.parametrize("shared", [False, True])
def test_two_discriminators_or_one(shared, paired_data, make_method, train):
    method = make_method("bicyclegan", shared_discriminator=shared)
    assert len(set(method.adversaries.values())) == (1 if shared else 2)
    assert {"discriminator", "discriminator_random"} <= set(train(method, paired_data, range(1))[0])
    steps = next(iter(method.adversary.optimizer.state_dict()["state"].values()))["step"]
    assert int(steps) == (2 if shared else 1)


@pytest.mark.parametrize(
    "options",
    [
        {"conditional_discriminator": True},
        {"conditional_discriminator": True, "reconstruction": "feature_matching"},
        {"encoder": "conv"},
        {"generator": "resnet"},
        {"norm": "batch"},
        {"n_critic": 2},
    ],
    ids=str,
)
def test_the_variants_train(options, paired_data, make_method, train):
    method = make_method("bicyclegan", **options)
    losses = train(method, paired_data, range(2))
    assert all(torch.isfinite(loss) for step in losses for loss in step.values())
    assert "generator" in losses[-1]


def test_what_weighs_nothing_is_not_computed(paired_data, make_method, train):
    losses = train(make_method("bicyclegan", lambda_latent=0.0, lambda_image=0.0), paired_data, range(1))[0]
    assert not {"latent", "reconstruction"} & set(losses)


def test_it_learns_to_draw_the_counterpart(paired_data, make_method, train):
    method = make_method("bicyclegan", steps=60, ngf=8, lr=4e-3)
    losses = train(method, paired_data, range(60))
    assert losses[-1]["reconstruction"] < 0.6 * losses[0]["reconstruction"]
