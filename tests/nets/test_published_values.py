"""Numbers that others have published, reproduced with real weights: the doctests of torchmetrics 1.9."""

import os
from pathlib import Path

import pytest
import torch
from torch_fidelity import feature_extractor_inceptionv3 as reference

from ganbench.metrics.frechet import frechet_distance
from ganbench.metrics.mifid import memorization_informed, nearest_cosine_distance
from ganbench.nets.extractors import EXTRACTORS
from ganbench.nets.perceptual import Lpips

CPU = torch.device("cpu")
ASSETS = os.environ.get("GANBENCH_TEST_ASSETS")
pytestmark = [
    pytest.mark.assets,
    pytest.mark.skipif(ASSETS is None, reason="GANBENCH_TEST_ASSETS names no folder with real weights"),
]


@pytest.fixture(autouse=True)
def assets(monkeypatch):
    """Let the weights be those of the assets."""
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(Path(str(ASSETS)) / "weights"))


@pytest.fixture
def seeded():
    """Seed the global generator with 42, as the doctests do, and leave it as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(42)
        yield


def test_fid_and_mifid_of_64_features(seeded, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(reference, "load_state_dict_from_url", lambda *_, **__: {})
        patched.setattr(reference.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        reference.FeatureExtractorInceptionV3("drawn first, as there", ["64"])  # its initial weights move the generator
    real = torch.randint(0, 200, (100, 3, 299, 299), dtype=torch.uint8)
    generated = torch.randint(100, 255, (100, 3, 299, 299), dtype=torch.uint8)
    extractor = EXTRACTORS.get("inception-v3-64")(CPU)
    real, generated = extractor(real).pooled, extractor(generated).pooled
    distance = frechet_distance(generated, real)
    assert distance == pytest.approx(12.6388, abs=2e-3)
    theirs = memorization_informed(distance, nearest_cosine_distance(real, generated))  # they average over the real
    assert theirs == pytest.approx(3003.37, abs=0.1)


def lpips(first, second):
    """Return the distances of float images in [−1, 1], which have no uint8 form."""
    network = Lpips(CPU)
    with torch.inference_mode():
        maps = zip(network.maps((first + 1) * 127.5), network.maps((second + 1) * 127.5), strict=True)
        return sum((a - b).square().sum(1).mean((1, 2)) for a, b in maps)


def test_lpips_of_ten_pairs(seeded):
    first, second = (torch.rand(10, 3, 100, 100) * 2 - 1 for _ in range(2))
    assert float(lpips(first, second).mean()) == pytest.approx(0.1005, abs=5e-5)


def test_lpips_of_two_pairs():
    generator = torch.Generator().manual_seed(42)
    first, second = (torch.rand(2, 3, 100, 100, generator=generator) * 2 - 1 for _ in range(2))
    assert lpips(first, second).tolist() == pytest.approx([0.1024, 0.0938], abs=5e-5)
