import pytest
import torch
from torch import nn

from ganbench.nets.autoencoder_discriminator import AutoencoderDiscriminator
from ganbench.nets.dcgan import DcganGenerator, EmbeddingDiscriminator
from ganbench.nets.feature_autoencoder import AttributeClassifier, FeatureDecoder
from ganbench.nets.init import CLASSIFIER_INIT, Init, build
from ganbench.nets.latent_encoder import LatentEncoder
from ganbench.nets.patch_discriminator import PatchDiscriminator
from ganbench.nets.residual_generator import ResidualImageGenerator
from ganbench.nets.resnet_generator import ResnetGenerator
from ganbench.nets.stargan import StarganDiscriminator, StarganGenerator
from ganbench.nets.unet import Unet

CPU = torch.device("cpu")
NETWORKS = {
    "resnet": lambda: ResnetGenerator(4, 1, "batch"),
    "resize": lambda: ResnetGenerator(4, 1, "instance", "resize"),
    "patch": lambda: PatchDiscriminator(4, 16, "batch"),
    "classifier": lambda: AttributeClassifier({"a": 3}, 16, 4, "vector"),
    "decoder": lambda: FeatureDecoder(16, 4, 1, "batch", "deconv", "map"),
    "unet": lambda: Unet(4, 4),
    "dcgan": lambda: DcganGenerator(16, 4),
    "embedding": lambda: EmbeddingDiscriminator(16, 4),
    "autoencoder": lambda: AutoencoderDiscriminator(16, 4, "batch"),
    "stargan": lambda: StarganGenerator(2, 4, 1),
    "stargan discriminator": lambda: StarganDiscriminator(16, 2, 4),
    "residual": lambda: ResidualImageGenerator(4),
    "encoder": lambda: LatentEncoder(16, 4, norm="batch"),
}
ROOT = (64 * 9) ** 0.5


def built(make, init=None, seed=7):
    return build(make, torch.Generator().manual_seed(seed), CPU, init or Init())


def state_after(global_seed, make):
    torch.manual_seed(global_seed)
    return built(make).state_dict()


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_every_number_comes_from_the_passed_generator(make):
    first, second = state_after(0, make), state_after(1, make)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(value.isfinite().all() for value in first.values())


def test_building_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    built(NETWORKS["resnet"])
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("init", "deviation"),
    [
        (Init(), 0.02),
        (Init("normal", 0.5), 0.5),
        (Init("xavier"), 1 / ROOT),
        (Init("xavier", 0.02), 0.02 / ROOT),
        (CLASSIFIER_INIT, 2**0.5 / ROOT),
        (Init("kaiming", 0.5), 0.5 * 2**0.5 / ROOT),
    ],
)
def test_weights_have_the_asked_deviation_and_biases_are_0(init, deviation):
    net = built(lambda: nn.Conv2d(64, 64, 3), init)
    assert float(net.weight.detach().mean()) == pytest.approx(0.0, abs=deviation / 20)
    assert float(net.weight.detach().std()) == pytest.approx(deviation, rel=0.02)
    assert float(net.bias.detach().abs().max()) == 0.0


@pytest.mark.parametrize("gain", [None, 0.5])
def test_orthogonal_rows(gain):
    rows = built(lambda: nn.Conv2d(8, 16, 3), Init("orthogonal", gain)).weight.detach().flatten(1)
    torch.testing.assert_close(rows @ rows.T, (gain or 1.0) ** 2 * torch.eye(16), atol=1e-5, rtol=0)


def test_a_learned_normalisation_begins_as_none():
    scales = [value for name, value in built(NETWORKS["stargan"]).state_dict().items() if name.endswith("1.weight")]
    assert scales
    assert all(torch.equal(scale, torch.ones_like(scale)) for scale in scales if scale.ndim == 1)


def test_an_unknown_kind_of_parameter_is_refused():
    with pytest.raises(TypeError, match="LayerNorm"):
        built(lambda: nn.LayerNorm(4))


def test_weights_are_channels_last():
    assert built(lambda: nn.Conv2d(8, 8, 3)).weight.is_contiguous(memory_format=torch.channels_last)
