"""pix2pix: the rows of its paper's tables, its noise, its pairs, and what it refuses."""

import pytest
import torch

from ganbench.data.batches import BatchSource, to_float
from ganbench.errors import InputError
from ganbench.methods.base import METHODS, Batch, Task
from ganbench.options import read_options
from ganbench.seeding import torch_generator
from ganbench.variants import expand, load_suite

PIX2PIX = METHODS.get("pix2pix")
ROWS = [  # Isola 2016, tables 1 to 3
    ({"lambda_adversarial": 0.0}, {"reconstruction", "generator"}),
    ({"lambda_reconstruction": 0.0}, {"adversarial", "generator", "discriminator"}),
    ({"reconstruction": "none"}, {"adversarial", "generator", "discriminator"}),
    ({"lambda_reconstruction": 0.0, "conditional_discriminator": False}, {"adversarial", "generator", "discriminator"}),
    ({"conditional_discriminator": False}, {"adversarial", "reconstruction", "generator", "discriminator"}),
    ({}, {"adversarial", "reconstruction", "generator", "discriminator"}),
]
VARIANTS = [
    {"reconstruction": "l2"},
    {"reconstruction": "feature_matching"},
    {"generator": "encoder_decoder"},
    {"generator": "resnet"},
    {"patch_size": 1},
    {"patch_size": 16},
    {"patch_size": "image"},
    {"mismatched_pairs": True},
    {"noise": "input"},
    {"noise": "none"},
]


def first_batch(data, size=4):
    source = BatchSource(data, size, 0)
    return Batch(source.images(0), data.source, data.target)


class Witness:
    """Stands in the discriminator's place and keeps what it was shown."""

    def __init__(self):
        self.shown = []

    def update(self, real, fake, generator, lr):
        self.shown.append((real.clone(), fake.clone()))
        return torch.zeros(())


@pytest.mark.parametrize(("options", "losses"), ROWS)
def test_the_rows_of_the_paper_have_their_terms_and_no_more(options, losses, paired_data, make_method, train):
    method = make_method("pix2pix", **options)
    assert set(train(method, paired_data, range(1))[0]) == losses
    assert (method.adversary is None) == ("discriminator" not in losses)


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_the_variants_train_and_translate(options, paired_data, make_method, train):
    method = make_method("pix2pix", **options)
    before = next(method.generator.parameters()).clone()
    losses = train(method, paired_data, range(2))
    assert all(torch.isfinite(loss) for step in losses for loss in step.values())
    assert not torch.equal(before, next(method.generator.parameters()))
    output = method.translate(to_float(paired_data.images("plain", "test")), torch_generator(0))
    assert output.abs().max() <= 1


def test_the_published_networks_have_the_published_sizes():
    task = Task(256, "a", "b", 10, 1)
    method = PIX2PIX(PIX2PIX.Options(), task, torch_generator(0), torch.device("cpu"))
    count = [sum(p.numel() for p in net.parameters()) for net in (method.generator, method.adversary.network)]
    assert count == [54_413_955, 2_768_705]


def test_the_generators_loss_weighs_its_terms(paired_data, make_method, train):
    method = make_method("pix2pix", lambda_adversarial=3.0, lambda_reconstruction=7.0)
    losses = train(method, paired_data, range(1))[0]
    total = 3 * losses["adversarial"] + 7 * losses["reconstruction"]
    torch.testing.assert_close(losses["generator"], total)


@pytest.mark.parametrize(("conditional", "channels"), [(True, 6), (False, 3)])
def test_the_discriminator_sees_the_source_where_it_is_conditional(conditional, channels, paired_data, make_method):
    method = make_method("pix2pix", conditional_discriminator=conditional)
    assert next(method.adversary.network.parameters()).shape[1] == channels
    batch, method.adversary = first_batch(paired_data), Witness()
    method._update_adversary(batch, torch.zeros_like(batch.y), torch_generator(0), 0.1)
    real, fake = method.adversary.shown[0]
    assert torch.equal(real[:, -3:], batch.y)
    assert not fake[:, -3:].any()
    if conditional:
        assert torch.equal(real[:, :3], batch.x)
        assert torch.equal(fake[:, :3], batch.x)


def test_mismatched_pairs_are_half_of_the_fakes_and_set_real_targets_beside_other_sources(paired_data, make_method):
    method = make_method("pix2pix", mismatched_pairs=True)
    batch, method.adversary = first_batch(paired_data), Witness()
    method._update_adversary(batch, torch.zeros_like(batch.y), torch_generator(0), 0.1)
    real, fake = method.adversary.shown[0]
    assert len(real) == len(fake) == 8
    assert torch.equal(real[:4], real[4:])
    generated, mismatched = fake.chunk(2)
    assert not generated[:, 3:].any()
    assert torch.equal(mismatched[:, :3], batch.x)
    for image, right in zip(mismatched[:, 3:], batch.y, strict=True):
        assert not torch.equal(image, right)
        assert any(torch.equal(image, other) for other in batch.y)


@pytest.mark.parametrize(("noise", "stochastic"), [("dropout", True), ("input", True), ("none", False)])
@pytest.mark.parametrize("generator", ["unet", "encoder_decoder", "resnet"])
def test_outputs_follow_the_passed_noise_alone(noise, stochastic, generator, paired_data, make_method):
    method = make_method("pix2pix", noise=noise, generator=generator)
    assert method.is_stochastic(method.options) == stochastic
    source = to_float(paired_data.images("plain", "test"))
    torch.manual_seed(0)
    first = method.translate(source, torch_generator(1))
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(1), drawn)  # translating drew nothing from the global generator
    assert torch.equal(first, method.translate(source, torch_generator(1)))
    assert torch.equal(first, method.translate(source, torch_generator(2))) != stochastic


def test_one_generator_gives_other_noise_each_time_it_is_passed(paired_data, make_method):
    method, noise = make_method("pix2pix"), torch_generator(1)
    source = to_float(paired_data.images("plain", "test"))
    assert not torch.equal(method.translate(source, noise), method.translate(source, noise))


def test_a_suite_knows_which_variants_are_stochastic(tiny_suite):
    path = tiny_suite(("methods: [half_cycle]", "methods: [pix2pix, {name: pix2pix, label: still, noise: none}]"))
    variants = {variant.label: variant for variant in expand(load_suite(path), "cpu")}
    assert variants["pix2pix"].stochastic
    assert not variants["still"].stochastic
    assert not variants["identity"].stochastic


def test_trained_one_by_one_it_translates_one_by_one(paired_data, make_method):
    task = Task(16, "plain", "dark", 8, 1)
    options = PIX2PIX.Options(ngf=4, ndf=4, noise="none")
    method = PIX2PIX(options, task, torch_generator(0), torch.device("cpu"))
    for step in range(3):
        batch = Batch(BatchSource(paired_data, 1, 0).images(step), "plain", "dark")
        method.training_step(batch, step, torch_generator(0, "step", step))
    source = to_float(paired_data.images("plain", "test"))
    whole = method.translate(source, torch_generator(0))
    alone = torch.cat([method.translate(image, torch_generator(0)) for image in source.split(1)])
    assert torch.equal(whole, alone)
    method.generator.train()  # "in exactly the same manner as during the training phase"
    with torch.no_grad():
        torch.testing.assert_close(method.generator(source[:1]), whole[:1])


def test_in_larger_batches_the_neighbours_of_an_image_do_not_matter(paired_data, make_method, train):
    method = make_method("pix2pix", noise="none")
    train(method, paired_data, range(3))
    source = to_float(paired_data.images("plain", "test"))
    alone = torch.cat([method.translate(image, torch_generator(0)) for image in source.split(1)])
    torch.testing.assert_close(method.translate(source, torch_generator(0)), alone)


def test_it_learns_to_draw_the_counterpart(paired_data, make_method, train):
    method = make_method("pix2pix", noise="none", steps=80, ngf=8, ndf=8, lr=3e-3)
    train(method, paired_data, range(80))
    source, target = to_float(paired_data.images("plain", "train")), to_float(paired_data.counterparts["train"])
    output = method.translate(source, torch_generator(0))
    assert (output - target).abs().mean() < 0.4 * (source - target).abs().mean()


def test_the_generator_waits_for_its_turn(paired_data, make_method, train):
    method = make_method("pix2pix", n_critic=3)
    before = next(method.generator.parameters()).clone()
    assert [set(losses) for losses in train(method, paired_data, range(2))] == [{"discriminator"}] * 2
    assert torch.equal(before, next(method.generator.parameters()))
    assert "generator" in train(method, paired_data, range(2, 3))[0]
    assert method.generator_updates(10) == 3
    assert make_method("pix2pix", n_critic=3, lambda_adversarial=0.0).generator_updates(10) == 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lambda_adversarial": 0.0, "lambda_reconstruction": 0.0}, "nothing is left to learn"),
        ({"lambda_adversarial": 0.0, "reconstruction": "none"}, "nothing is left to learn"),
        ({"lambda_adversarial": 0.0, "reconstruction": "feature_matching"}, "'perceptual'"),
        ({"mismatched_pairs": True, "conditional_discriminator": False}, "conditional_discriminator to true"),
        ({"mismatched_pairs": True, "lambda_adversarial": 0.0}, "lambda_adversarial to 1.0"),
        ({"noise": "drop"}, "'dropout', 'input' or 'none'"),
        ({"adversarial": "wgan-gp"}, "discriminator_norm"),
    ],
)
def test_senseless_options_are_refused_with_the_remedy(options, said):
    with pytest.raises(InputError, match=said):
        read_options(PIX2PIX.Options, options, "pix2pix")


def test_mismatched_pairs_need_two_images():
    options = PIX2PIX.Options(ngf=4, ndf=4, mismatched_pairs=True)
    assert list(options.refusals(16, 2)) == []
    with pytest.raises(InputError, match=r"^batch_size: mismatched_pairs .* Got 1: take 2, or set mismatched_pairs"):
        PIX2PIX(options, Task(16, "plain", "dark", 8, 1), torch_generator(0), torch.device("cpu"))


def test_unpaired_data_is_answered_with_what_fits(data):
    said = PIX2PIX.skip_reason(data)
    assert "'degraded'" in said
    assert "cyclegan" in said
