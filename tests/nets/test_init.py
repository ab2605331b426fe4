import pytest
import torch
from torch import nn

from ganbench.nets.feature_autoencoder import AttributeClassifier, FeatureDecoder
from ganbench.nets.init import CLASSIFIER_INIT, build
from ganbench.nets.patch_discriminator import PatchDiscriminator
from ganbench.nets.resnet_generator import ResnetGenerator

CPU = torch.device("cpu")
NETWORKS = {
    "generator": lambda: ResnetGenerator(4, 1, "batch"),
    "resize": lambda: ResnetGenerator(4, 1, "instance", "resize"),
    "discriminator": lambda: PatchDiscriminator(4, 16, "batch"),
    "classifier": lambda: AttributeClassifier({"a": 3}, 16, 4, "vector"),
    "decoder": lambda: FeatureDecoder(16, 4, 1, "batch", "deconv", "map"),
}


def state_after(global_seed, make, std=0.02):
    torch.manual_seed(global_seed)
    return build(make, torch.Generator().manual_seed(7), CPU, std).state_dict()


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_every_number_comes_from_the_passed_generator(make):
    first, second = state_after(0, make), state_after(1, make)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(value.isfinite().all() for value in first.values())


def test_building_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    build(NETWORKS["generator"], torch.Generator().manual_seed(0), CPU)
    assert torch.equal(before, torch.get_rng_state())


def test_weights_are_normal_with_the_asked_deviation():
    net = build(lambda: nn.Conv2d(64, 64, 3), torch.Generator().manual_seed(0), CPU, std=0.02)
    assert float(net.weight.detach().mean()) == pytest.approx(0.0, abs=5e-4)
    assert float(net.weight.detach().std()) == pytest.approx(0.02, rel=0.02)
    assert float(net.bias.detach().abs().max()) == 0.0


def test_scaling_with_the_fan_in():
    net = build(lambda: nn.Conv2d(64, 64, 3), torch.Generator().manual_seed(0), CPU, init=CLASSIFIER_INIT)
    assert float(net.weight.detach().std()) == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)


def test_an_unknown_kind_of_parameter_is_refused():
    with pytest.raises(TypeError, match="LayerNorm"):
        build(lambda: nn.LayerNorm(4), torch.Generator(), CPU)


def test_weights_are_channels_last():
    net = build(lambda: nn.Conv2d(8, 8, 3), torch.Generator().manual_seed(0), CPU)
    assert net.weight.is_contiguous(memory_format=torch.channels_last)
