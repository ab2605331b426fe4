"""Parameter counts at the published settings; built on the meta device, where nothing is allocated."""

import pytest
import torch

from ganbench.nets.dcgan import DcganDiscriminator, DcganGenerator
from ganbench.nets.patch_discriminator import PatchDiscriminator
from ganbench.nets.resnet_generator import ResnetGenerator
from ganbench.nets.stargan import StarganDiscriminator, StarganGenerator
from ganbench.nets.unet import Unet

PUBLISHED = {
    "CycleGAN's generator, 9 blocks": (lambda: ResnetGenerator(64, 9), 11_378_179),
    "CycleGAN's generator, 6 blocks": (lambda: ResnetGenerator(64, 6), 7_837_699),
    "CycleGAN's discriminator": (lambda: PatchDiscriminator(64, 70), 2_764_737),
    "pix2pix's generator": (lambda: Unet(64, 8, "batch"), 54_413_955),
    "pix2pix's conditional discriminator": (lambda: PatchDiscriminator(64, 70, "batch", channels=6), 2_768_705),
    "StarGAN's generator": (lambda: StarganGenerator(5), 8_430_528),
    "StarGAN's discriminator": (lambda: StarganDiscriminator(128, 5), 44_762_048),
}


def parameters(make):
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in make().parameters())


@pytest.mark.parametrize(("make", "count"), PUBLISHED.values(), ids=PUBLISHED)
def test_published_parameter_counts(make, count):
    assert parameters(make) == count


def convolutions(*shapes):
    return sum(inputs * outputs * kernel**2 for inputs, outputs, kernel in shapes)


def test_dcgan_at_64_px_has_the_layers_of_its_figure():
    # 100 → 1024 at 4×4 → 512 → 256 → 128 → 3; two numbers for each normalised channel, three biases
    weights = convolutions((100, 1024, 4), (1024, 512, 4), (512, 256, 4), (256, 128, 4), (128, 3, 4))
    assert parameters(lambda: DcganGenerator(64, 128)) == weights + 2 * (1024 + 512 + 256 + 128) + 3


def test_the_three_class_discriminator_at_128_px_has_the_layers_of_its_table():
    # 64, 128, 256, 512, 1024 channels, then three classes
    shapes = [(3, 64, 4), (64, 128, 4), (128, 256, 4), (256, 512, 4), (512, 1024, 4), (1024, 3, 4)]
    biases = sum(outputs for _, outputs, _ in shapes)
    assert parameters(lambda: DcganDiscriminator(128, 64, "instance", outputs=3)) == convolutions(*shapes) + biases


@pytest.mark.parametrize("make", [
    lambda bias: ResnetGenerator(8, 1, "batch", bias=bias),
    lambda bias: ResnetGenerator(8, 1, "instance", "resize", bias=bias),
    lambda bias: Unet(8, 4, "instance", bias=bias),
    lambda bias: PatchDiscriminator(8, 70, "batch", bias=bias),
    lambda bias: PatchDiscriminator(8, 1, "batch", bias=bias),
    lambda bias: DcganGenerator(16, 8, bias=bias),
    lambda bias: DcganDiscriminator(16, 8, bias=bias),
    lambda bias: StarganGenerator(2, 8, 1, bias=bias),
])  # fmt: skip
def test_bias_before_a_normalisation_is_an_option(make):
    with torch.device("meta"):
        with_bias, without = make(True), make(False)
    gained = set(dict(with_bias.named_parameters())) - set(dict(without.named_parameters()))
    assert gained
    assert all(name.endswith("bias") for name in gained)
