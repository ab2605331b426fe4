import pytest
import torch
from torch import nn

from ganbench.nets.init import Init, build
from ganbench.nets.normalization import InstanceNorm
from ganbench.nets.unet import Unet, full_depth, possible_depth


def made(*arguments, **options):
    init = Init("xavier")
    return build(lambda: Unet(*arguments, **options), torch.Generator().manual_seed(0), torch.device("cpu"), init)


def noise(*shape, seed=1):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize(("size", "depth"), [(8, 3), (16, 4), (24, 3), (32, 5), (96, 5), (256, 8), (512, 8), (18, 1)])
def test_depth_leads_to_one_pixel_where_it_can(size, depth):
    assert full_depth(size) == depth
    assert size % (1 << possible_depth(size)) == 0


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize(("size", "depth"), [(8, 1), (8, 2), (8, 3), (24, 3), (32, 5)])
def test_shape_and_range(norm, skips, size, depth):
    output = made(4, depth, norm, skips, in_channels=5)(noise(2, 5, size, size)).detach()
    assert output.shape == (2, 3, size, size)
    assert -1 <= float(output.min()) < float(output.max()) <= 1


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_the_bottleneck_of_one_pixel_is_alive(norm):
    """An instance normalisation of 1×1 px, or a batch normalisation of one image, would leave nothing of it."""
    net = made(4, 4, norm, skips=False)
    first, second = (net(noise(1, 3, 16, 16, seed=seed)).detach() for seed in (1, 2))
    assert float((first - second).abs().max()) > 1e-3


@pytest.mark.parametrize("skips", [True, False])
def test_skips_alone_carry_what_the_bottleneck_does_not(skips):
    net = made(4, 4, "none", skips)
    with torch.no_grad():  # nothing passes the bottleneck any more
        net.down[-1][1].weight.zero_()
    first, second = (net(noise(1, 3, 16, 16, seed=seed)).detach() for seed in (1, 2))
    assert torch.equal(first, second) != skips


def test_no_skip_is_left_out():
    net = made(4, 4)
    assert [up[1].in_channels for up in net.up] == [net.down[3][1].out_channels, 2 * 16, 2 * 8, 2 * 4]


def test_dropout_is_in_the_first_three_decoder_layers_of_full_width():
    def dropping(depth):
        return [any(isinstance(layer, nn.Dropout) for layer in up) for up in Unet(2, depth, dropout=True).up]

    assert dropping(8) == [True, True, True, False, False, False, False, False]
    assert dropping(5) == [True, False, False, False, False]
    assert dropping(3) == [True, False, False]  # a shallow one has none of full width: its first stands in
    assert not any(isinstance(layer, nn.Dropout) for layer in Unet(2, 8).modules())


def test_first_bottleneck_and_last_are_not_normalised():
    net = Unet(2, 5, "instance")
    normalised = [any(isinstance(layer, InstanceNorm) for layer in part.modules()) for part in [*net.down, *net.up]]
    assert normalised == [False, True, True, True, False, True, True, True, True, False]
