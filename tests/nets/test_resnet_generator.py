import pytest
import torch

from ganbench.nets.init import build
from ganbench.nets.resnet_generator import ResnetGenerator, published_blocks


def parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(("blocks", "published"), [(9, 11_378_179), (6, 7_837_699)])
def test_published_parameter_counts(blocks, published):
    with torch.device("meta"):
        assert parameters(ResnetGenerator(64, blocks, "instance")) == published


def test_published_blocks_follow_the_image_size():
    assert [published_blocks(size) for size in (32, 128, 129, 256)] == [6, 6, 9, 9]


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
@pytest.mark.parametrize("upsampling", ["deconv", "resize"])
@pytest.mark.parametrize("size", [8, 20])
def test_shape_and_range(norm, upsampling, size):
    make = lambda: ResnetGenerator(4, 1, norm, upsampling)  # noqa: E731
    net = build(make, torch.Generator().manual_seed(0), torch.device("cpu"), std=0.5)
    output = net(torch.rand(2, 3, size, size) * 2 - 1).detach()
    assert output.shape == (2, 3, size, size)
    assert -1 <= float(output.min()) < float(output.max()) <= 1
