import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from ganbench.metrics import copies
from ganbench.metrics.copies import nearest_copies
from ganbench.metrics.memorization import copies_p_value, copy_threshold

ASSETS = os.environ.get("GANBENCH_TEST_ASSETS")


def pictures(count, seed, size=32):
    """Smooth random pictures that share a composition, so that all are somewhat alike."""
    generator = torch.Generator().manual_seed(seed)
    common = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    coarse = common + 0.7 * torch.rand(count, 3, 6, 6, generator=generator).mean(1, keepdim=True)[:, :, :4, :4]
    coarse = coarse + 0.3 * torch.rand(count, 3, 4, 4, generator=generator)
    smooth = functional.interpolate(coarse, (size, size), mode="bicubic")
    return ((smooth / 2).clamp(0, 1) * 255).round().to(torch.uint8)


def exact(images, generator):
    return images


def flipped(images, generator):
    return images.flip(3)


def noisy(images, generator):
    noise = 8 * torch.randn(images.shape, generator=generator)
    return (images + noise).round().clamp(0, 255).to(torch.uint8)


def cropped(images, generator):
    """Cut each side by up to 10 % somewhere, and bring the rest back to size."""
    side = 0.9 + 0.1 * torch.rand(len(images), 1, generator=generator)
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = side[:, 0]
    theta[:, :, 2] = (1 - side) * (2 * torch.rand(len(images), 2, generator=generator) - 1)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images.float(), grid, align_corners=False).round().to(torch.uint8)


DISGUISES = [exact, flipped, noisy, cropped]


@pytest.mark.parametrize("disguise", DISGUISES)
def test_disguised_copies_score_below_held_out_pictures(disguise):
    train, held_out = pictures(300, 1), pictures(100, 2)
    chosen = torch.arange(0, 300, 10)
    found = nearest_copies(disguise(train[chosen], torch.Generator().manual_seed(3)), train)
    assert torch.equal(found.index, chosen)
    threshold, _ = copy_threshold(nearest_copies(held_out, train).score)
    assert float((found.score < threshold).double().mean()) >= 0.9


def test_exact_copies_score_zero_and_say_how_they_are_seen():
    train = pictures(80, 1)
    found = nearest_copies(torch.cat([train[:3], train[3:6].flip(3)]), train)
    assert float(found.score.max()) < 1e-3
    assert [found.describe(k) for k in range(6)] == ["upright"] * 3 + ["mirrored"] * 3


@pytest.mark.parametrize(("constant", "at_once"), [("QUERIES", 7), ("CHUNK", 17), ("AT_ONCE", 7), ("PAIRS", 7)])
def test_result_does_not_depend_on_chunks(monkeypatch, constant, at_once):
    train, outputs = pictures(130, 1), pictures(20, 2)
    whole = nearest_copies(outputs, train)
    monkeypatch.setattr(copies, constant, at_once)
    parts = nearest_copies(outputs, train)
    assert torch.equal(whole.index, parts.index)
    assert torch.allclose(whole.score, parts.score, atol=1e-6)


@pytest.mark.parametrize("size", [16, 32, 64])
def test_any_size_and_fewer_pictures_than_neighbours(size):
    train = pictures(5, 1, size)
    found = nearest_copies(train[:2], train)
    assert found.index.tolist() == [0, 1]
    assert torch.isfinite(found.score).all()


def test_pictures_that_are_all_the_same_are_finite():
    same = torch.full((60, 3, 32, 32), 9, dtype=torch.uint8)
    assert torch.isfinite(nearest_copies(same[:4], same).score).all()


def through(images, windows):
    """The windows by grid_sample, one for each image: what `_grids` does by matrices."""
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = windows[:, 0] * windows[:, 3], windows[:, 0], windows[:, 1:3]
    grid = functional.affine_grid(theta, [len(images), 3, copies.GRID, copies.GRID], align_corners=False)
    seen = functional.grid_sample(images.transpose(1, 2), grid, padding_mode="border", align_corners=False)
    return seen.transpose(1, 2).flatten(1)


def squares_through(images, looked_at, windows):
    return (through(images, windows) - looked_at).square().sum(1)


def test_coarse_search_finds_the_nearest_of_all_fixed_windows():
    train, outputs = (copies._shrink(pictures(count, count)) for count in (70, 9))
    whole = copies._cells(torch.ones(1), torch.zeros(1))
    squares, index, windows = copies._coarse(copies._grids(outputs, whole, whole), train)
    fixed = copies._fixed_windows()
    assert len(fixed) == 52
    for output, found, which, seen in zip(outputs, squares, index, windows, strict=True):
        looked_at = through(output[None], fixed[:1])
        every = torch.stack([squares_through(train, looked_at, one.expand(len(train), 4)) for one in fixed])
        expected = every.min(0).values.sort().values[: copies.NEIGHBOURS]
        assert torch.allclose(found, expected, atol=5e-4)
        assert torch.allclose(squares_through(train[which], looked_at, seen), found, atol=5e-4)


def test_fitted_windows_are_no_worse_than_any_single_step_and_stay_inside():
    train, outputs = (copies._shrink(pictures(count, count)) for count in (70, 9))
    whole = copies._cells(torch.ones(1), torch.zeros(1))
    looked_at = copies._grids(outputs, whole, whole)
    _, index, windows = copies._coarse(looked_at, train)
    squares, fitted = copies._fit(looked_at, train, index[:, :1], windows[:, :1])
    plain, start, end = looked_at.flatten(1), windows[:, 0], fitted[:, 0]
    assert torch.allclose(squares_through(train[index[:, 0]], plain, end), squares[:, 0], atol=5e-4)
    for offsets in torch.cartesian_prod(*[torch.tensor([-copies.STEPS[0], 0, copies.STEPS[0]])] * 3):
        moved = start.clone()
        moved[:, 0] = (start[:, 0] + offsets[0]).clamp(copies.SMALLEST, 1)
        room = 1 - moved[:, :1]
        moved[:, 1:3] = torch.clamp(start[:, 1:3] + offsets[1:], -room, room)
        assert (squares[:, 0] <= squares_through(train[index[:, 0]], plain, moved) + 5e-4).all()
    assert (end[:, 1:3].abs() <= 1 - end[:, :1] + 1e-6).all()
    assert (end[:, 0] >= copies.SMALLEST).all()


@pytest.mark.assets
@pytest.mark.skipif(ASSETS is None, reason="GANBENCH_TEST_ASSETS names no folder with real pictures")
@pytest.mark.parametrize("kind", ["celeba", "anime"])
def test_twelve_planted_copies_among_real_pictures_raise_the_alarm(kind):
    folder = Path(str(ASSETS)) / "data" / kind
    files = sorted(folder.rglob("*.jpg"))[:1500]
    images = torch.stack([torch.from_numpy(np.array(Image.open(f).convert("RGB").resize((64, 64)))) for f in files])
    train, held_out, clean = images.permute(0, 3, 1, 2).contiguous().split([1000, 250, 250])
    threshold, rank = copy_threshold(nearest_copies(held_out, train).score)
    clean_scores = nearest_copies(clean, train).score
    assert copies_p_value(int((clean_scores < threshold).sum()), 250, 250, rank) > 0.05
    for disguise in DISGUISES:
        planted = nearest_copies(disguise(train[:12], torch.Generator().manual_seed(1)), train)
        assert planted.index.tolist() == list(range(12))
        scores = torch.cat([planted.score, clean_scores[12:]])
        assert copies_p_value(int((scores < threshold).sum()), 250, 250, rank) < 0.05
