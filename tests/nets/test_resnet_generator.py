import pytest
import torch
from torch import nn

from ganbench.nets.init import Init, build
from ganbench.nets.resnet_generator import ResnetGenerator, published_blocks


def test_published_blocks_follow_the_image_size():
    assert [published_blocks(size) for size in (32, 128, 129, 256)] == [6, 6, 9, 9]


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
@pytest.mark.parametrize("upsampling", ["deconv", "resize"])
@pytest.mark.parametrize("size", [8, 20])
def test_shape_and_range(norm, upsampling, size):
    make = lambda: ResnetGenerator(4, 1, norm, upsampling, in_channels=5)  # noqa: E731
    net = build(make, torch.Generator().manual_seed(0), torch.device("cpu"), Init("normal", 0.5))
    output = net(torch.rand(2, 5, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1).detach()
    assert output.shape == (2, 3, size, size)
    assert -1 <= float(output.min()) < float(output.max()) <= 1


def test_dropout_is_in_every_block_where_it_is_asked_for():
    count = [sum(isinstance(layer, nn.Dropout) for layer in ResnetGenerator(2, 3, dropout=drop).modules())
             for drop in (False, True)]  # fmt: skip
    assert count == [0, 3]
