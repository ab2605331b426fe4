import pytest
import torch

from ganbench.errors import InputError
from ganbench.metrics.workbench import Workbench
from ganbench.nets import efficientnet
from ganbench.nets.extractors import EXTRACTORS, Extractor, Features
from ganbench.nets.extractors_efficientnet import EfficientNetLite0

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def lite0():
    """Load the embedded extractor once."""
    return EfficientNetLite0(CPU)


def pictures(count, size, seed=0):
    return torch.randint(
        0, 256, (count, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


def test_shapes_and_types(lite0):
    features = lite0(pictures(3, 32))
    assert features.pooled.shape == (3, 1280)
    assert features.logits.shape == (3, 1000)
    assert features.pooled.dtype == features.logits.dtype == torch.float32


def test_features_do_not_depend_on_company(lite0):
    images = pictures(7, 32)
    whole, alone = lite0(images), [lite0(images[k : k + 1]) for k in range(7)]
    assert torch.equal(whole.pooled, torch.cat([features.pooled for features in alone]))
    assert torch.equal(whole.logits, torch.cat([features.logits for features in alone]))


def test_same_bits_twice(lite0):
    assert torch.equal(lite0(pictures(5, 32)).pooled, lite0(pictures(5, 32)).pooled)


def test_folded_network_is_the_published_one(lite0):
    from efficientnet_lite_pytorch import EfficientNet

    reference = EfficientNet.from_name("efficientnet-lite0")
    reference.load_state_dict(torch.load(efficientnet.weights_path(), weights_only=True))
    images = pictures(2, 224)  # no resize
    with torch.inference_mode():
        pixels = (images.float() - 127) / 128
        logits, pooled = reference.eval()(pixels), reference.extract_features(pixels).mean((2, 3))
    assert torch.allclose(lite0(images).logits, logits, atol=1e-4)
    assert torch.allclose(lite0(images).pooled, pooled, atol=1e-5)


def test_recognises_what_imagenet_knows(lite0):
    disc = torch.full((1, 3, 224, 224), 255, dtype=torch.uint8)
    y, x = torch.meshgrid(torch.arange(224), torch.arange(224), indexing="ij")
    ball = ((y - 112) ** 2 + (x - 112) ** 2) ** 0.5 < 80
    disc[0, :, ball] = torch.tensor([255, 120, 0], dtype=torch.uint8)[:, None]
    top = lite0(disc).logits[0].topk(10).indices.tolist()
    assert {522, 574, 722, 852, 890, 417, 950, 951, 805, 971, 970} & set(top)  # balls, balloons and oranges


@pytest.mark.parametrize("size", [8, 64, 300])
def test_pictures_of_any_size_and_shape(lite0, size):
    assert lite0(pictures(1, size)).pooled.shape == (1, 1280)
    assert lite0(pictures(1, size)[:, :, :, : size // 2]).pooled.shape == (1, 1280)


def test_shrinking_is_antialiased():
    stripes = torch.zeros(1, 3, 448, 448, dtype=torch.uint8)
    stripes[..., ::2] = 254
    prepared = efficientnet.prepare_images(stripes, 224, CPU)
    assert float(prepared[..., 4:-4].abs().max()) < 0.2  # grey, not black and white
    assert float(efficientnet.prepare_images(stripes, 448, CPU).abs().max()) > 0.9


@pytest.mark.parametrize(
    "images",
    [
        torch.rand(2, 3, 8, 8),
        torch.zeros(2, 1, 8, 8, dtype=torch.uint8),
        torch.zeros(2, 4, 8, 8, dtype=torch.uint8),
        torch.zeros(3, 8, 8, dtype=torch.uint8),
        torch.zeros(0, 3, 8, 8, dtype=torch.uint8),
    ],
    ids=["float", "grey", "alpha", "no batch", "empty"],
)
def test_other_input_is_refused(lite0, images):
    with pytest.raises(InputError, match="must be a uint8 RGB tensor"):
        lite0(images)


def test_loading_draws_nothing_from_the_global_generator():
    state = torch.get_rng_state()
    EfficientNetLite0(CPU)
    assert torch.equal(state, torch.get_rng_state())


def test_wrong_digest_is_refused(monkeypatch):
    monkeypatch.setattr(efficientnet, "SHA256", "0" * 64)
    with pytest.raises(InputError, match="must have the sha256 0000"):
        EfficientNetLite0(CPU)


def test_every_extractor_declares_its_protocol_without_being_loaded():
    for name in EXTRACTORS.names():
        kind = EXTRACTORS.get(name)
        assert kind.name == name
        assert len(kind.digest) == 64
        assert kind.resize
        assert kind.dimensions > 0
        assert kind.canonical is (name == "inception-v3")


def test_layers_of_inception_are_extractors_of_their_own():
    names = {"inception-v3", "inception-v3-64", "inception-v3-192", "inception-v3-768"}
    assert names <= set(EXTRACTORS.names())
    assert {EXTRACTORS.get(name).dimensions for name in names} == {2048, 64, 192, 768}


def test_layers_of_one_file_share_no_cached_features(monkeypatch, colour_data, tmp_path):
    images = pictures(2, 16)
    for layer in ("inception-v3-64", "inception-v3-192"):
        kind = EXTRACTORS.get(layer)
        answer = Features(torch.full((2, kind.dimensions), 1.0), None)
        monkeypatch.setattr(kind, "__init__", Extractor.__init__)
        monkeypatch.setattr(kind, "extract", lambda *_, answer=answer: answer)
        assert Workbench(colour_data, layer, tmp_path).features(images).pooled.shape == (2, kind.dimensions)
