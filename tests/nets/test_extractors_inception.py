import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch_fidelity import feature_extractor_inceptionv3 as reference

from ganbench.errors import InputError, MissingFileError
from ganbench.nets import extractors_inception
from ganbench.nets.extractors import EXTRACTORS
from ganbench.nets.extractors_inception import INCEPTION, INCEPTION_LAYERS, PARTIAL, InceptionV3, InceptionV3Layer768

CPU = torch.device("cpu")
ASSETS = os.environ.get("GANBENCH_TEST_ASSETS")
needs_assets = pytest.mark.skipif(ASSETS is None, reason="GANBENCH_TEST_ASSETS names no folder with real weights")
LAYERS = ("64", "192", "768")


def pictures(count, size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Let weights lie in an empty folder alone."""
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path


@pytest.fixture(scope="module")
def whole():
    """Return torch-fidelity's own network with all its outputs and random weights of a sensible scale."""
    patch = pytest.MonkeyPatch()
    patch.setattr(reference, "load_state_dict_from_url", lambda *_, **__: {})
    patch.setattr(reference.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = reference.FeatureExtractorInceptionV3("reference", [*LAYERS, "2048", "logits_unbiased"])
    patch.undo()
    return network


@pytest.fixture
def pinned(monkeypatch, folder):
    """Write a file of weights under an accepted name, and accept its content."""

    def pin(name, weights):
        torch.save(weights, folder / name)
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for file in ("INCEPTION", "INCEPTION_LAYERS"):
            old = getattr(extractors_inception, file)
            if name in old.digests:
                new = replace(old, digests=old.digests | {name: digest})
                monkeypatch.setattr(extractors_inception, file, new)
                for kind in (EXTRACTORS.get(n) for n in EXTRACTORS.names()):
                    if kind.weights is old:
                        monkeypatch.setattr(kind, "weights", new)
        return digest

    return pin


def without_the_end(network):
    return {key: value for key, value in network.state_dict().items() if not key.startswith(("Mixed_7", "fc"))}


def test_whole_file_serves_every_layer_as_torch_fidelity_does(pinned, whole):
    pinned(INCEPTION.file_name, whole.state_dict())
    state, images = torch.get_rng_state(), pictures(2, 32)
    expected = dict(zip([*LAYERS, "2048", "logits"], whole(images), strict=True))
    found = InceptionV3(CPU)(images)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.allclose(found.pooled, expected["2048"], atol=1e-6)
    assert torch.allclose(found.logits, expected["logits"], atol=1e-5)
    for layer in LAYERS:
        features = EXTRACTORS.get(f"inception-v3-{layer}")(CPU)(images)
        assert torch.allclose(features.pooled, expected[layer], atol=1e-6)
        assert features.pooled.shape == (2, int(layer))
        assert features.logits is None


def test_partial_file_serves_the_layers_it_holds(pinned, whole):
    digest = pinned(PARTIAL, without_the_end(whole))
    images = pictures(2, 32)
    assert torch.allclose(InceptionV3Layer768(CPU)(images).pooled, whole(images)[2], atol=1e-6)
    assert InceptionV3Layer768.digest == digest  # what is in use, and not what could be
    with pytest.raises(MissingFileError, match=r"Mixed_7\* and fc are absent") as error:
        InceptionV3(CPU)
    assert INCEPTION.file_name in str(error.value)


@pytest.mark.parametrize(
    ("kind", "part"), [(InceptionV3, "Mixed_7c"), (InceptionV3, "fc"), (InceptionV3Layer768, "Mixed_6e")]
)
def test_incomplete_weights_are_refused_and_never_made_up(pinned, whole, kind, part):
    weights = {key: value for key, value in whole.state_dict().items() if not key.startswith(part)}
    pinned(INCEPTION.file_name, weights)
    with pytest.raises(InputError, match=rf"must hold all weights up to the layer .* Got none for {part}"):
        kind(CPU)


def test_absent_weights_are_asked_for_by_name(folder):
    for kind in (InceptionV3, InceptionV3Layer768):
        with pytest.raises(MissingFileError, match=r"weights-inception-2015-12-05-6726825d\.pth") as error:
            kind(CPU)
        assert str(folder) in str(error.value)
        assert "ganbench weights fetch inception-v3" in str(error.value)


def test_other_file_under_inceptions_name_is_refused(folder):
    (folder / INCEPTION.file_name).write_bytes(b"not the weights")
    with pytest.raises(InputError, match=hashlib.sha256(b"not the weights").hexdigest()):
        InceptionV3(CPU)


def test_pytorch_fids_name_is_the_same_file():
    assert INCEPTION.digests["pt_inception-2015-12-05-6726825d.pth"] == INCEPTION.sha256
    assert PARTIAL not in INCEPTION.digests
    assert PARTIAL in INCEPTION_LAYERS.digests


@pytest.fixture
def assets(monkeypatch):
    """Let the weights be those of the assets."""
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(Path(str(ASSETS)) / "weights"))


@pytest.mark.assets
@needs_assets
def test_real_weights_give_the_same_features_in_any_company(assets):
    extractor, images = EXTRACTORS.get("inception-v3-768")(CPU), pictures(5, 40)
    assert torch.equal(extractor(images).pooled, torch.cat([extractor(part).pooled for part in images.split(1)]))
