import pytest
import torch
from torch.nn.functional import cross_entropy

from ganbench.data.batches import BatchSource, to_float
from ganbench.errors import InputError
from ganbench.methods.base import METHODS, Batch
from ganbench.methods.stargan import StarganOptions
from ganbench.options import read_options
from ganbench.seeding import torch_generator

THREE = {"others": ("further",)}


def batch_of(data, step=0):
    return Batch(BatchSource(data, 4, 0).images(step), data.source, data.target)


def test_the_defaults_are_the_papers():
    options = StarganOptions()
    assert (options.lr, options.beta1, options.beta2) == (1e-4, 0.5, 0.999)
    assert (options.adversarial, options.critic_updates, options.regularizer_name) == ("wgan-gp", 5, "gradient_penalty")
    assert options.make_regularizer().weight == 10
    assert (options.lambda_class, options.lambda_reconstruction, options.pool_size) == (1, 10, 0)


def test_networks_know_as_many_domains_as_the_data_has(make_method, data_of_three_domains):
    two, three = make_method("stargan"), make_method("stargan", **THREE)
    for method, count in ((two, 2), (three, 3)):
        assert method.generator.layers[0].in_channels == 3 + count
        assert method.adversary.network.classes.out_channels == count
    images = to_float(data_of_three_domains.images("further", "test"))
    assert not torch.equal(three.translate_to("plain", images), three.translate_to("dark", images))


def test_a_batch_mixes_all_domains_and_shuffles_their_labels(make_method, data_of_three_domains):
    method = make_method("stargan", **THREE)
    batch = batch_of(data_of_three_domains)
    mixed = method._mix(batch, torch_generator(0))
    assert torch.equal(mixed.origin, torch.tensor([0] * 4 + [1] * 4 + [2] * 4))
    assert torch.equal(mixed.aim.sort().values, mixed.origin)
    assert not torch.equal(mixed.aim, mixed.origin)
    for index, name in enumerate(data_of_three_domains.domains):
        assert torch.equal(mixed.images[mixed.origin == index], batch.images[name])


def test_translations_aim_at_the_target(make_method, data_of_three_domains):
    method = make_method("stargan", **THREE)
    images = to_float(data_of_three_domains.images("plain", "test"))
    assert torch.equal(method.translate(images, torch_generator(0)), method.translate_to("dark", images))
    assert method.generator.training


def test_the_generator_is_updated_once_in_five_steps(make_method, data, train):
    method = make_method("stargan")
    losses = train(method, data, range(10))
    assert ["generator" in step for step in losses] == ([False] * 4 + [True]) * 2
    assert all("discriminator_classification" in step for step in losses)
    assert method.generator_updates(10) == 2


def test_the_discriminator_learns_to_name_the_domains(make_method, data_of_three_domains, train):
    method = make_method("stargan", lr=2e-3, n_critic=100, steps=60, ndf=8, **THREE)
    train(method, data_of_three_domains, range(40))
    mixed = method._mix(batch_of(data_of_three_domains, 50), torch_generator(0))
    with torch.no_grad():
        assert cross_entropy(method._classes(mixed.images), mixed.origin) < 0.5  # log 3 = 1.1 by guessing


@pytest.mark.parametrize("term", ["lambda_class", "lambda_reconstruction"])
def test_every_weight_reaches_the_generator(term, make_method, data, train, assert_same_state):
    states = []
    for weight in (1.0, 2.0):
        method = make_method("stargan", n_critic=1, **{term: weight})
        train(method, data, range(2))
        states.append(method.state_dict()["generator"]["layers.0.weight"])
    assert not torch.equal(*states)


@pytest.mark.parametrize("adversarial", ["lsgan", "hinge", "nonsaturating", "feature_matching", "fgan:kl"])
def test_other_losses_on_scores_fit(adversarial, make_method, data, train):
    losses = train(make_method("stargan", adversarial=adversarial, n_critic=1), data, range(2))
    assert all(torch.isfinite(loss) for step in losses for loss in step.values())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"adversarial": "ebgan"}, ["loss on scores", "'wgan-gp'"]),
        ({"patch_size": 16}, ["patch_size"]),
        ({"discriminator_norm": "batch"}, ["discriminator_norm", "'none'"]),
        ({"adversarial": "wgan-gp", "regularizer": "none"}, ["regularizer"]),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(InputError) as caught:
        read_options(StarganOptions, options, "stargan")
    assert all(word in str(caught.value) for word in words)


def test_image_sizes_that_do_not_halve_are_refused_with_the_nearest_that_do(make_method):
    assert not [size for size in (8, 16, 32, 48, 64, 128, 256) if list(StarganOptions().refusals(size, 4))]
    (reason,) = METHODS.get("stargan").refusals(StarganOptions(), 100, 4)
    assert "Got 100: take 96" in reason
    with pytest.raises(InputError, match="take 16"):
        make_method("stargan", size=18)
