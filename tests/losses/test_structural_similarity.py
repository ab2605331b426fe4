import pytest
import torch

from ganbench.data.batches import to_uint8
from ganbench.losses.structural_similarity import coarse_l1, ms_ssim, n_scales, ssim
from ganbench.metrics.counterpart import ssim as measured_ssim


def waves(size):
    """Two colour pictures in [0, 1] and distorted copies, from formulas alone."""
    i, c = torch.arange(size).float(), torch.arange(1, 4).float()[:, None, None]
    x = 0.5 + 0.5 * torch.sin(0.3 * i[:, None] / c) * torch.cos(0.05 * i[None, :] * c)
    y = 0.15 + 0.6 * x + 0.1 * torch.sin(1.7 * i[:, None] * c) * torch.sin(1.1 * i[None, :])
    return torch.stack([x, x.flip(-1)]), torch.stack([y, y.flip(-1).sqrt()])


def noise(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


# pytorch_msssim 1.0.0: ssim(*waves(size), data_range=1.0, size_average=False)
@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (11, [0.6161959767341614, 0.6045892834663391]),
        (16, [0.6504445672035217, 0.6166694164276123]),
        (32, [0.6375607848167419, 0.5417744517326355]),
        (192, [0.6266224384307861, 0.5537128448486328]),
    ],
)
def test_one_scale_agrees_with_pytorch_msssim(size, expected):
    torch.testing.assert_close(ssim(*waves(size)), torch.tensor(expected), atol=2e-5, rtol=0)


# pytorch_msssim 1.0.0, b the first of its five weights, divided by their sum:
# ms_ssim(*waves(192), data_range=1.0, size_average=False, weights=b)
@pytest.mark.parametrize(
    ("scales", "expected"),
    [
        (2, [0.8100886940956116, 0.6719797253608704]),
        (3, [0.8497969508171082, 0.7308787703514099]),
        (4, [0.8600397109985352, 0.7479829788208008]),
        (5, [0.8643215298652649, 0.7548450827598572]),
    ],
)
def test_several_scales_agree_with_pytorch_msssim(scales, expected):
    torch.testing.assert_close(ms_ssim(*waves(192), scales), torch.tensor(expected), atol=1e-5, rtol=0)


def test_the_loss_and_the_metric_are_one_quantity():
    x, y = (to_uint8(images * 2 - 1) for images in waves(32))
    torch.testing.assert_close(ssim(x / 255, y / 255).double(), measured_ssim(x, y), atol=1e-5, rtol=0)
    assert torch.equal(ssim(x.double() / 255, y.double() / 255), measured_ssim(x, y))


@pytest.mark.parametrize(
    ("size", "scales"), [(8, 1), (11, 1), (21, 1), (22, 2), (32, 2), (64, 3), (128, 4), (175, 4), (176, 5), (512, 5)]
)
def test_as_many_scales_as_hold_a_window(size, scales):
    assert n_scales(size) == scales


@pytest.mark.parametrize("measure", [ssim, ms_ssim])
@pytest.mark.parametrize("size", [8, 11, 16, 32])
def test_one_for_equal_images_less_for_others_and_symmetric(measure, size):
    x, y = noise(2, 3, 3, size, size)
    torch.testing.assert_close(measure(x, x), torch.ones(3))
    assert bool((measure(x, y) < 0.5).all())
    torch.testing.assert_close(measure(x, y), measure(y, x))


@pytest.mark.parametrize("measure", [ssim, ms_ssim, coarse_l1])
def test_each_pair_is_measured_alone(measure):
    x, y = noise(2, 4, 3, 32, 32)
    alone = [measure(*pair) for pair in zip(x.split(1), y.split(1), strict=True)]
    torch.testing.assert_close(measure(x, y), torch.cat(alone))


def test_the_factors_of_a_brightened_and_of_an_inverted_image():
    x = 0.25 + 0.5 * noise(1, 3, 16, 16)
    assert float(ssim(x, x + 0.1)) > 0.9  # luminance alone
    assert float(ssim(x, 1 - x)) < -0.5  # structure contradicts
    assert float(ms_ssim(x, 1 - x)) == pytest.approx(1e-3, rel=1e-3)


def test_flat_images_differ_in_luminance_alone():
    x, y = torch.full((1, 3, 16, 16), 0.2), torch.full((1, 3, 16, 16), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert float(ssim(x, y)) == pytest.approx(expected, abs=1e-4)


def test_coarse_l1_of_a_constant_error_and_of_one_at_the_border():
    x = torch.zeros(1, 3, 32, 32)
    assert float(coarse_l1(x, x + 0.25)) == pytest.approx(0.25)
    corner, centre = torch.zeros(2, 1, 3, 32, 32)
    corner[..., 0, 0] = centre[..., 16, 16] = 1
    assert float(coarse_l1(x, corner)) < 0.1 * float(coarse_l1(x, centre))


def test_autocast_changes_nothing():
    x, y = waves(32)
    plain = ms_ssim(x, y)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(ms_ssim(x, y), plain)
