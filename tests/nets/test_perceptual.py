import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from ganbench.errors import MissingFileError
from ganbench.nets.perceptual import EmbeddedDistance, Lpips

CPU = torch.device("cpu")
ASSETS = os.environ.get("GANBENCH_TEST_ASSETS")
needs_assets = pytest.mark.skipif(ASSETS is None, reason="GANBENCH_TEST_ASSETS names no folder with real weights")


@pytest.fixture(scope="module")
def embedded():
    """Load the embedded distance once."""
    return EmbeddedDistance(CPU)


def shapes(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 5, 5, generator=generator)
    return (functional.interpolate(coarse, (48, 48), mode="nearest") * 255).to(torch.uint8)


def test_distance_is_zero_for_the_same_symmetric_and_bounded(embedded):
    first, second = shapes(6, 1), shapes(6, 2)
    assert embedded.between(first, first).abs().max() == 0
    assert torch.allclose(embedded.between(first, second), embedded.between(second, first))
    assert (embedded.between(first, second) > 0.1).all()
    assert (embedded.between(first, second) < 4).all()


def test_more_damage_is_farther(embedded):
    clean, generator = shapes(6), torch.Generator().manual_seed(0)
    grain = torch.randn(clean.shape, generator=generator)
    damaged = [(clean + sigma * grain).clamp(0, 255).to(torch.uint8) for sigma in (4, 16, 64)]
    means = [float(embedded.between(clean, images).mean()) for images in damaged]
    assert 0 < means[0] < means[1] < means[2] < float(embedded.between(clean, torch.randint_like(clean, 256)).mean())


def test_spread_is_the_mean_over_all_pairs(embedded):
    images = shapes(5)
    pairs = [embedded.between(images[i : i + 1], images[j : j + 1]) for i in range(5) for j in range(i)]
    assert embedded.spread(images) == pytest.approx(float(torch.cat(pairs).mean()), rel=1e-6)
    assert embedded.spread(images[:1].repeat(4, 1, 1, 1)) == pytest.approx(0, abs=1e-9)


def test_batches_do_not_matter(embedded):
    images = shapes(7)
    whole, parts = (torch.cat(list(embedded.embeddings(images, size))) for size in (7, 3))
    assert torch.allclose(whole, parts, atol=1e-6)


def test_lpips_without_its_file_says_what_to_fetch(monkeypatch, tmp_path):
    monkeypatch.delenv("GANBENCH_WEIGHTS", raising=False)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    with pytest.raises(MissingFileError, match=r"squeezenet1_1-b8a52dc0\.pth") as error:
        Lpips(CPU)
    assert "ganbench weights fetch lpips-squeeze" in str(error.value)
    assert "GANBENCH_WEIGHTS" in str(error.value)


def example(name):
    picture = Image.open(Path(str(ASSETS)) / "data" / "lpips_examples" / f"ex_{name}.png").convert("RGB")
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]


@pytest.mark.assets
@needs_assets
def test_lpips_gives_its_published_distances(monkeypatch):
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(Path(str(ASSETS)) / "weights"))
    distance = Lpips(CPU)
    assert float(distance.between(example("ref"), example("p0"))) == pytest.approx(0.7112, abs=5e-5)
    assert float(distance.between(example("ref"), example("p1"))) == pytest.approx(0.1479, abs=5e-5)
