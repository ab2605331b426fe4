"""Families on images: collapse, counterpart, sharpness."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from ganbench.metrics.collapse import Collapse, pixel_spread
from ganbench.metrics.counterpart import Counterpart, l1, psnr, ssim
from ganbench.metrics.sharpness import Sharpness, laplacian_variance

PD = "pd_efficientnet-lite0"


@pytest.fixture(autouse=True)
def no_lpips_file(monkeypatch, tmp_path):
    """Hide whatever weights this machine has."""
    monkeypatch.delenv("GANBENCH_WEIGHTS", raising=False)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))


def noise(*shape, seed=0):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def test_pixel_spread_by_hand():
    images = torch.zeros(4, 3, 2, 2, dtype=torch.uint8)
    images[:2] = 255
    assert pixel_spread(images) == 0.5
    assert pixel_spread(images[:1].expand(4, -1, -1, -1)) == 0


def test_collapse_is_one_for_real_and_zero_for_one_picture(judge_outputs, toy_data, by_name):
    real = by_name(Collapse().compute(judge_outputs()))
    one = toy_data.images("square", "test")[:1].expand(60, -1, -1, -1).contiguous()
    collapsed = by_name(Collapse().compute(judge_outputs(one)))
    few = toy_data.images("square", "test")[:3].repeat(20, 1, 1, 1)
    some = by_name(Collapse().compute(judge_outputs(few)))
    for name in ("collapse_pixel", f"collapse_{PD}"):
        assert real[name].value == pytest.approx(1)
        assert collapsed[name].value == pytest.approx(0, abs=1e-6)
        assert 0.1 < some[name].value < 0.95


def test_lpips_is_missing_with_the_one_command(judge_outputs):
    missing = Collapse().missing(judge_outputs())
    assert "squeezenet1_1-b8a52dc0.pth" in missing["collapse_lpips-squeeze"]
    assert "ganbench weights fetch lpips-squeeze" in missing["collapse_lpips-squeeze"]
    assert Collapse().dependencies() == ("lpips:absent",)


def test_l1_and_psnr_by_hand():
    black, grey = torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.full((2, 3, 4, 4), 51, dtype=torch.uint8)
    assert l1(black, grey).tolist() == pytest.approx([0.2, 0.2])
    assert psnr(black, grey).tolist() == pytest.approx([-10 * np.log10(0.04)] * 2)
    assert psnr(grey, grey).tolist() == [100, 100]


def test_ssim_by_the_definition():
    x, y = noise(1, 3, 11, 11, seed=1), noise(1, 3, 11, 11, seed=2)
    axis = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
    window = np.outer(axis, axis) / axis.sum() ** 2
    values = []
    for a, b in zip(x[0].numpy() / 255, y[0].numpy() / 255, strict=True):
        mean_a, mean_b = (window * a).sum(), (window * b).sum()
        var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
        covariance = (window * (a - mean_a) * (b - mean_b)).sum()
        top = (2 * mean_a * mean_b + 1e-4) * (2 * covariance + 9e-4)
        values.append(top / ((mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4)))
    assert float(ssim(x, y)) == pytest.approx(np.mean(values))
    assert float(ssim(x, x)) == pytest.approx(1)


def test_counterpart_runs_only_where_the_answer_is_known(judge_outputs, toy_data, by_name):
    outputs, right = toy_data.images("disc", "test"), toy_data.images("square", "test")
    assert "no counterparts" in Counterpart().skip_reason(judge_outputs(outputs))
    evidence = judge_outputs(outputs, counterparts=right)
    assert Counterpart().skip_reason(evidence) is None
    values = by_name(Counterpart().compute(evidence))
    perfect = by_name(Counterpart().compute(judge_outputs(right, counterparts=right)))
    assert set(values) == {"counterpart_l1", "counterpart_psnr", "counterpart_ssim", f"counterpart_{PD}"}
    for name, value in values.items():
        assert value.per_image.shape == (60,)
        better = perfect[name].value > value.value
        assert better is value.quantity.higher_is_better
    assert perfect[f"counterpart_{PD}"].value == 0


def test_blur_loses_sharpness_and_speckle_gains(judge_outputs, toy_data):
    real = toy_data.images("square", "test")
    blurred = functional.avg_pool2d(real.float(), 3, 1, 1).round().to(torch.uint8)
    speckled = (real.float() + 30 * torch.randn(real.shape)).clamp(0, 255).to(torch.uint8)
    values = [Sharpness().compute(judge_outputs(images))[0].value for images in (blurred, real, speckled)]
    assert values[1] == pytest.approx(1)
    assert values[0] < 0.7
    assert values[2] > 1.3


def test_laplacian_of_a_dot():
    dot = torch.zeros(1, 3, 5, 5, dtype=torch.uint8)
    dot[:, :, 2, 2] = 255
    expected = np.var([0, 1, 0, 1, -4, 1, 0, 1, 0])
    assert float(laplacian_variance(dot)) == pytest.approx(expected)
    assert float(laplacian_variance(torch.full_like(dot, 77))) == pytest.approx(0)
