"""StarGAN's generator, the residual-image generator and BicycleGAN's encoder."""

import pytest
import torch

from ganbench.nets.init import Init, build
from ganbench.nets.latent_encoder import LatentEncoder
from ganbench.nets.residual_generator import ResidualImageGenerator
from ganbench.nets.stargan import StarganGenerator

CPU = torch.device("cpu")


def made(make):
    return build(make, torch.Generator().manual_seed(0), CPU, Init("xavier"))


def images(size, count=2, seed=1):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_stargan_goes_where_the_code_says(norm):
    net = made(lambda: StarganGenerator(3, 4, 1, norm))
    shown = images(16, count=1).expand(2, -1, -1, -1)
    first, second = net(shown, torch.eye(3)[:2]).detach()
    assert first.shape == (3, 16, 16)
    assert float(torch.maximum(first.abs().max(), second.abs().max())) <= 1
    assert float((first - second).abs().max()) > 1e-3


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
@pytest.mark.parametrize("size", [8, 20])
def test_residuals_have_the_shape_of_images(norm, size):
    assert made(lambda: ResidualImageGenerator(4, norm))(images(size)).shape == (2, 3, size, size)


def test_residuals_lie_where_the_image_is():
    """A kernel of even size, padded on one side alone, would draw everything one pixel off."""
    net = ResidualImageGenerator(1, "none")
    flat = images(16).requires_grad_()
    (gradient,) = torch.autograd.grad(net(flat)[:, :, 8, 8].sum(), flat)
    rows = (gradient.abs().sum((0, 1, 3)) > 0).nonzero()
    assert abs(float(rows.float().mean()) - 8) <= 2


@pytest.mark.parametrize("kind", ["resnet", "conv"])
@pytest.mark.parametrize("size", [8, 20, 32])
def test_encoder_gives_mean_and_log_variance_that_depend_on_the_image(kind, size):
    net = made(lambda: LatentEncoder(size, 4, 5, kind))
    mean, log_variance = net(images(size))
    assert mean.shape == log_variance.shape == (2, 5)
    assert not torch.allclose(mean[0], mean[1], atol=1e-4)
    assert not torch.allclose(mean, log_variance, atol=1e-4)


def test_encoder_widens_to_four_times_at_256_px():
    with torch.device("meta"):
        net = LatentEncoder(256)
    assert net.mean.in_features == 256
    assert sum(isinstance(module, torch.nn.AvgPool2d) for module in net.modules()) == 2 * 4
