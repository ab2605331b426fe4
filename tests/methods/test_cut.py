import math

import pytest
import torch

from ganbench.errors import InputError
from ganbench.methods.base import METHODS
from ganbench.nets.init import build
from ganbench.nets.patch_sampler import (
    PatchSampler,
    draw_places,
    encode,
    encoder_channels,
    encoder_stages,
    patch_contrast,
)
from ganbench.nets.resnet_generator import ResnetBlock, ResnetGenerator
from ganbench.options import read_options
from ganbench.seeding import torch_generator

IMAGES = torch.rand(2, 3, 16, 16) * 2 - 1


def generator_of(blocks):
    return build(lambda: ResnetGenerator(4, blocks), torch_generator(0), torch.device("cpu"))


def test_the_compared_layers_are_the_papers():
    net = generator_of(9)
    kinds = [type(net.layers[place]).__name__ for place in encoder_stages(net)]
    assert kinds == ["Conv2d", "Conv2d", "ResnetBlock", "ResnetBlock"]
    blocks = [place for place, layer in enumerate(net.layers) if isinstance(layer, ResnetBlock)]
    assert encoder_stages(net)[2:] == [blocks[0], blocks[4]]


@pytest.mark.parametrize(("blocks", "maps"), [(1, 4), (2, 5), (4, 5), (6, 5)])
def test_fewer_blocks_give_the_last_in_place_of_the_fifth(blocks, maps):
    net = generator_of(blocks)
    found = encode(net, IMAGES)
    assert len(found) == maps
    assert torch.equal(found[0], IMAGES)
    assert [values.shape[1] for values in found] == encoder_channels(net)
    assert [values.shape[2] for values in found] == [16, 8, *[4] * (maps - 2)]


def test_places_are_different_and_no_more_than_there_are():
    maps = [torch.zeros(2, 3, 32, 32), torch.zeros(2, 3, 4, 4)]
    many, few = draw_places(maps, 256, torch_generator(0))
    assert (len(many), len(few)) == (256, 16)
    assert len(set(many.tolist())) == 256
    assert set(few.tolist()) == set(range(16))
    again, _ = draw_places(maps, 256, torch_generator(0))
    assert torch.equal(many, again)


def test_a_patch_is_taken_from_its_place_and_has_length_one():
    sampler = build(lambda: PatchSampler([3], 8), torch_generator(0), torch.device("cpu"))
    image = torch.rand(2, 3, 4, 4)
    vectors = sampler([image], [torch.tensor([6])])[0]  # row 1, column 2
    torch.testing.assert_close(vectors.norm(dim=2), torch.ones(2, 1))
    net = sampler.perceptrons[0]
    torch.testing.assert_close(vectors[:, 0], torch.nn.functional.normalize(net(image[:, :, 1, 2])))


def test_contrast_of_patches_in_closed_form():
    unit = torch.eye(4)[None]  # four orthogonal patches
    expected = math.log(1 + 3 * math.exp(-1 / 0.07))
    assert float(patch_contrast(unit, unit, 0.07)) == pytest.approx(expected, abs=1e-6)
    same = torch.ones(2, 4, 1)
    assert float(patch_contrast(same, same, 0.07)) == pytest.approx(math.log(4))
    assert float(patch_contrast(unit, unit.roll(1, 1), 0.07)) > 10


def test_patches_of_other_images_are_no_negatives():
    first, second = torch.eye(4)[None], torch.eye(4).roll(1, 0)[None]
    both = torch.cat([first, second])
    torch.testing.assert_close(patch_contrast(both, both, 0.07), patch_contrast(first, first, 0.07))


def test_keys_get_no_gradient():
    queries, keys = torch.rand(1, 4, 3, requires_grad=True), torch.rand(1, 4, 3, requires_grad=True)
    patch_contrast(queries, keys, 0.07).backward()
    assert keys.grad is None
    assert float(queries.grad.abs().sum()) > 0


@pytest.mark.parametrize("name", ["cut", "fastcut"])
def test_terms_and_weights(name, data, make_method, train):
    (losses,) = train(make_method(name), data, range(1))
    kept = 0.5 * (losses["nce"] + losses["nce_identity"]) if name == "cut" else 10.0 * losses["nce"]
    torch.testing.assert_close(losses["generator"], losses["adversarial"] + kept)
    assert ("nce_identity" in losses) == (name == "cut")


def test_defaults_are_the_authors():
    cut, fast = (read_options(METHODS.get(name).Options, {}, name) for name in ("cut", "fastcut"))
    assert (cut.lambda_nce, cut.nce_identity, cut.flip_equivariance, cut.decay_from) == (1.0, True, False, 0.5)
    assert (fast.lambda_nce, fast.nce_identity, fast.flip_equivariance, fast.decay_from) == (10.0, False, True, 0.75)
    for options in (cut, fast):
        assert (options.nce_patches, options.nce_temperature, options.nce_width) == (256, 0.07, 256)
        assert (options.pool_size, options.adversarial, options.generator) == (0, "lsgan", "resnet")


def test_a_mirrored_output_is_compared_with_features_mirrored_back(make_method, monkeypatch):
    method = make_method("fastcut")
    method.sampler = build(lambda: PatchSampler([3], 8), torch_generator(0), torch.device("cpu"))
    monkeypatch.setattr("ganbench.methods.cut.encode", lambda net, images: [images])
    contrast = lambda output, flipped: method._contrast(IMAGES, output, flipped, torch_generator(0))  # noqa: E731
    torch.testing.assert_close(contrast(IMAGES.flip(3), True), contrast(IMAGES, False))
    assert not torch.isclose(contrast(IMAGES.flip(3), False), contrast(IMAGES, False))


def test_half_of_the_batches_are_mirrored(data, make_method, train, monkeypatch):
    method, flips = make_method("fastcut"), []
    real = method._losses
    monkeypatch.setattr(
        method, "_losses", lambda batch, flipped, gen: flips.append(flipped) or real(batch, flipped, gen)
    )
    train(method, data, range(12))
    assert 2 <= sum(flips) <= 10


def test_the_perceptrons_learn_and_are_kept(data, make_method, train):
    method = make_method("cut")
    before = [p.detach().clone() for p in method.sampler.parameters()]
    train(method, data, range(1))
    assert not any(torch.equal(a, b) for a, b in zip(before, method.sampler.parameters(), strict=True) if a.ndim == 2)
    assert {"sampler", "generator", "adversary", "optimizer"} <= set(method.state_dict())


@pytest.mark.parametrize("generator", ["unet", "encoder_decoder"])
def test_other_generators_are_refused(generator):
    with pytest.raises(InputError, match="generator must be 'resnet'"):
        read_options(METHODS.get("cut").Options, {"generator": generator}, "suite.yaml")
