"""Every reconstruction loss in a method's hands: trained, frozen where it must be, resumed."""

import pytest
import torch

from ganbench.errors import InputError
from ganbench.losses.adversarial import ADVERSARIAL
from ganbench.losses.reconstruction import RECONSTRUCTION
from ganbench.methods.base import METHODS, Task
from ganbench.methods.reconstruction import Reconstruction
from ganbench.options import read_options
from ganbench.seeding import torch_generator

NAMES = RECONSTRUCTION.names()


@pytest.fixture
def make():
    """Build the reconstruction of a cyclegan at some image size."""

    def build(name, size=16, **options):
        read = read_options(METHODS.get("cyclegan").Options, {"ndf": 4, "reconstruction": name, **options}, name)
        task = Task(size, "plain", "dark", 8, 4)
        return Reconstruction(name, read, task, torch_generator(0, "weights"), torch.device("cpu"))

    return build


def images(seed, size=16):
    return torch.rand(4, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def layers(seen):
    return [seen[:, :, ::2], 2 * seen]


@pytest.mark.parametrize("method", ["cyclegan", "dtn"])
@pytest.mark.parametrize("name", NAMES)
def test_every_method_that_reconstructs_trains_with_every_loss(method, name, data, make_method, train):
    built = make_method(method, reconstruction=name)
    for losses in train(built, data, range(2)):
        assert all(loss.isfinite() and loss.ndim == 0 and not loss.requires_grad for loss in losses.values())
    assert not built.reconstruction.values  # nothing is kept beyond the step
    assert built.reconstruction.judge is None or not built.reconstruction.judge.pairs


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_the_output_alone(name, make):
    output, target = images(0).requires_grad_(), images(1).requires_grad_()
    loss = make(name)(output, target, layers)
    assert loss.ndim == 0
    assert loss.dtype == torch.float32
    if name != "none":
        loss.backward()
        assert float(output.grad.abs().max()) > 0
    assert target.grad is None


def test_feature_matching_compares_what_it_is_given(make):
    output, target = images(0), images(1)
    expected = ((output - target)[:, :, ::2].abs().mean() + 2 * (output - target).abs().mean()) / 2
    torch.testing.assert_close(make("feature_matching")(output, target, layers), expected)


def test_the_scales_are_told_once_per_step(make):
    loss = make("ms_ssim", size=32)
    values = [loss(images(0, 32), images(seed, 32), layers) for seed in (1, 2)]
    assert loss.update(1e-3) == {"ms_ssim (2 scales)": torch.stack(values).mean()}
    assert loss.update(1e-3) == {}
    assert make("l1").update(1e-3) == {}


def test_the_frozen_network_is_in_no_checkpoint(make):
    assert make("perceptual").state_dict() == {}


class TestOwnDiscriminator:
    def test_it_sees_pairs_by_the_networks_options(self, make):
        network = make("adversarial", patch_size=16).judge.adversary.network
        first = next(p for p in network.parameters() if p.ndim == 4)
        assert tuple(first.shape[:2]) == (4, 6)

    def test_the_generators_step_leaves_its_weights_and_gradients_alone(self, make):
        loss = make("adversarial")
        network = loss.judge.adversary.network
        output = images(0).requires_grad_()
        loss(output, images(1), layers).backward()
        assert all(p.grad is None and p.requires_grad for p in network.parameters())
        assert float(output.grad.abs().max()) > 0

    def test_it_is_updated_once_on_all_pairs_and_forgets_them(self, make):
        loss = make("adversarial")
        before = [p.detach().clone() for p in loss.judge.adversary.network.parameters()]
        shown = []
        loss.judge.adversary.network.register_forward_hook(lambda _, inputs, out: shown.append(len(inputs[0])))
        for seed in (1, 2, 3):
            loss(images(0), images(seed), layers)
        shown.clear()
        assert set(loss.update(1e-3)) == {"discriminator_reconstruction"}
        assert shown == [2 * 3 * 4]  # real and fake, three comparisons of four images
        assert loss.update(1e-3) == {}
        after = list(loss.judge.adversary.network.parameters())
        assert not torch.equal(before[0], after[0])

    def test_it_learns_to_tell_a_blurred_copy_from_the_original(self, make):
        loss = make("adversarial")
        target = images(0)
        blurred = torch.nn.functional.avg_pool2d(target, 3, 1, 1)
        first = float(loss(blurred, target, layers))
        for _ in range(40):
            loss.update(2e-3)
            last = float(loss(blurred, target, layers))
        assert last > first + 1  # −log D of fakes has grown
        assert float(loss.loss.function(loss.judge.scores(target, target))) < 0.5 * last

    def test_its_state_comes_back(self, make):
        trained, fresh = make("adversarial"), make("adversarial")
        trained(images(0), images(1), layers)
        trained.update(1e-2)
        fresh.load_state_dict(trained.state_dict())
        torch.testing.assert_close(
            fresh(images(0), images(1), layers), trained(images(0), images(1), layers), rtol=0, atol=0
        )

    def test_a_resumed_run_ends_as_an_uninterrupted_one(self, data, make_method, train, assert_same_state):
        whole, first, second = (make_method("cyclegan", reconstruction="adversarial", seed=s) for s in (0, 0, 1))
        train(whole, data, range(4))
        train(first, data, range(2))
        second.load_state_dict(first.state_dict())
        train(second, data, range(2, 4))
        assert_same_state(whole, second)
        assert second.state_dict()["reconstruction"]["optimizer"]["state"]

    def test_it_waits_where_the_generator_does(self, data, make_method, train):
        method = make_method("cyclegan", reconstruction="adversarial", n_critic=2)
        told = ["discriminator_reconstruction" in losses for losses in train(method, data, range(4))]
        assert told == [False, True, False, True]


WITHOUT_FEATURES = [name for name in ADVERSARIAL.names() if ADVERSARIAL.get(name).judgement != "scores"]


@pytest.mark.parametrize("adversarial", WITHOUT_FEATURES)
def test_feature_matching_is_refused_where_the_discriminator_has_no_features(adversarial):
    with pytest.raises(InputError, match=r"Set reconstruction to 'perceptual'.*such as 'lsgan'"):
        read_options(
            METHODS.get("cyclegan").Options,
            {"adversarial": adversarial, "reconstruction": "feature_matching"},
            "suite.yaml",
        )


@pytest.mark.parametrize("adversarial", [name for name in ADVERSARIAL.names() if name not in WITHOUT_FEATURES])
def test_feature_matching_is_accepted_where_it_has(adversarial):
    given = {"adversarial": adversarial, "reconstruction": "feature_matching"}
    options = read_options(METHODS.get("cyclegan").Options, given, "suite.yaml")
    assert (options.adversarial, options.reconstruction) == (adversarial, "feature_matching")
