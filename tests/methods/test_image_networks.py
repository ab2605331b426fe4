import pytest
import torch
from torch import nn

from ganbench.errors import InputError
from ganbench.methods.base import METHODS, Task
from ganbench.methods.image_networks import (
    NetworkOptions,
    TranslatorOptions,
    make_discriminator,
    make_generator,
    make_judge,
    run_frozen,
)
from ganbench.nets.dcgan import DcganDiscriminator
from ganbench.nets.patch_discriminator import PatchDiscriminator, receptive_field
from ganbench.nets.resnet_generator import ResnetBlock, ResnetGenerator
from ganbench.nets.unet import Unet

CPU = torch.device("cpu")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def task(size):
    return Task(size, "a", "b", 4, 2)


def translator(size=16, dropout=False, in_channels=3, **options):
    read = TranslatorOptions(ngf=4, **options)
    return make_generator(read, task(size), seeded(), CPU, dropout, in_channels)


def judge(kind, size=16, channels=3, **options):
    return make_judge(NetworkOptions(ndf=4, **options), task(size), seeded(), CPU, kind, channels)


def test_generators_by_name():
    resnet, unet, plain = (translator(generator=name) for name in ("resnet", "unet", "encoder_decoder"))
    assert isinstance(resnet, ResnetGenerator)
    assert sum(isinstance(module, ResnetBlock) for module in resnet.modules()) == 6
    assert isinstance(unet, Unet)
    assert (len(unet.down), unet.skips) == (4, True)
    assert (len(plain.down), plain.skips) == (4, False)


@pytest.mark.parametrize("name", ["resnet", "unet", "encoder_decoder"])
@pytest.mark.parametrize("size", [8, 16, 24])
def test_generators_take_noise_beside_the_image_and_drop_out(name, size):
    net = translator(size, generator=name, dropout=True, in_channels=4)
    assert net(torch.zeros(2, 4, size, size)).shape == (2, 3, size, size)
    assert any(isinstance(module, nn.Dropout) for module in net.modules())


def test_options_of_generators_are_honoured():
    assert len(translator(generator="unet", depth=2).down) == 2
    assert sum(isinstance(module, ResnetBlock) for module in translator(n_blocks=2).modules()) == 2
    assert translator(norm="batch", bias_before_norm=True).layers[1].bias is not None
    assert translator(norm="batch").layers[1].bias is None
    assert translator(norm="instance", bias_before_norm=False).layers[1].bias is None
    rows = translator(init="orthogonal").layers[1].weight.detach().flatten(1)
    torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)), atol=1e-5, rtol=0)
    assert float(translator(init_gain=0.5).layers[1].weight.detach().std()) == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize(
    ("kind", "shape"), [("scores", (2, 1, 6, 6)), ("energy", (2, 1, 1, 1)), ("embedding", (2, 16)), ("pixels", None)]
)
@pytest.mark.parametrize("channels", [3, 6])
def test_judges_by_kind(kind, shape, channels):
    net = judge(kind, channels=channels)
    images = torch.rand(2, channels, 16, 16, generator=seeded())
    assert net(images).shape == (shape or (2, channels * 16 * 16))
    if kind == "pixels":
        assert not list(net.parameters())
        torch.testing.assert_close(net(images.contiguous(memory_format=torch.channels_last)), images.flatten(1))
    else:
        assert len(net.features(images)) >= 2


def test_the_whole_image_is_judged_where_asked():
    options = NetworkOptions(ndf=4, patch_size="image")
    covering = make_discriminator(options, task(32), seeded(), CPU)
    assert isinstance(covering, PatchDiscriminator)
    assert receptive_field(covering.layers) == 34
    whole = make_discriminator(NetworkOptions(ndf=4, discriminator="dcgan"), task(32), seeded(), CPU, outputs=3)
    assert isinstance(whole, DcganDiscriminator)
    assert whole(torch.zeros(1, 3, 32, 32)).shape == (1, 3, 1, 1)


def test_autoencoders_are_normalised_only_where_it_is_asked_for():
    def normalised(**options):
        return any(isinstance(module, nn.BatchNorm2d) for module in judge("energy", **options).modules())

    assert not normalised(norm="batch")
    assert normalised(discriminator_norm="batch")


def test_signal_passes_an_autoencoder_at_its_first_step():
    net = judge("energy", size=32)
    first, second = (net.decode(net.encode(torch.randn(1, 3, 32, 32, generator=seeded(seed)))) for seed in (1, 2))
    assert float((first - second).detach().abs().mean()) > 1e-3


@pytest.mark.parametrize(
    ("options", "size", "answer"),
    [
        ({"generator": "unet", "depth": 6}, 32, "at most 5"),
        ({"generator": "unet"}, 18, "take 16"),
        ({"generator": "encoder_decoder", "depth": 3}, 20, "at most 2"),
        ({"generator": "resnet"}, 18, "multiple of 4, at least 8. Got 18: take 16"),
        ({"patch_size": 70}, 16, "at most 16"),
        ({"discriminator": "dcgan"}, 24, "power of two, at least 8. Got 24: take 16"),
    ],
)
def test_sizes_that_do_not_suit_are_refused_with_the_remedy(options, size, answer):
    read = TranslatorOptions(ngf=4, ndf=4, **options)
    (reason,) = read.refusals(size, 2)
    assert answer in reason
    make = make_generator if options.keys() & {"generator", "depth"} else make_discriminator
    with pytest.raises(InputError, match=answer):
        make(read, task(size), seeded(), CPU)


def test_the_remedy_helps():
    assert not list(TranslatorOptions(generator="unet", depth=5).refusals(32, 2))
    assert not list(TranslatorOptions(generator="encoder_decoder", depth=2).refusals(20, 2))
    assert not list(TranslatorOptions(patch_size=16).refusals(16, 2))


@pytest.mark.parametrize(
    ("kind", "size", "answer"), [("energy", 18, "multiple of 4"), ("embedding", 24, "power of two")]
)
def test_judges_refuse_sizes_too(kind, size, answer):
    with pytest.raises(InputError, match=answer):
        judge(kind, size)


def test_all_problems_are_told_at_once():
    read = TranslatorOptions(generator="unet", depth=6, patch_size=70)
    assert len(list(read.refusals(16, 2))) == 2


@pytest.mark.parametrize("name", ["half_cycle", "cyclegan"])
def test_methods_ask_their_options(name):
    method = METHODS.get(name)
    assert list(method.refusals(method.Options(generator="unet", depth=6), 32, 2))
    assert list(method.refusals(method.Options(adversarial="began"), 18, 2))
    assert not list(method.refusals(method.Options(), 32, 2))


def test_dtn_needs_a_multiple_of_8():
    method = METHODS.get("dtn")
    (reason,) = method.refusals(method.Options(), 20, 2)
    assert "Got 20: take 16" in reason or "Got 20: take 24" in reason
    assert not list(method.refusals(method.Options(), 24, 2))


def test_dropout_as_noise_comes_from_the_generator_that_is_passed():
    net = translator(generator="unet", dropout=True, init="xavier")
    images = torch.rand(2, 3, 16, 16, generator=seeded())
    before = torch.get_rng_state()
    first, again, other = (run_frozen(net, images, seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(run_frozen(net, images), run_frozen(net, images))
    assert all(module.training for module in net.modules())
