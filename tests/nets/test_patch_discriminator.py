import pytest
import torch

from ganbench.nets.init import Init, build
from ganbench.nets.patch_discriminator import (
    PATCHES,
    PatchDiscriminator,
    covering_patch,
    largest_patch,
    receptive_field,
    resolve_patch,
    score_size,
)


@pytest.mark.parametrize("patch", [1, 16, 34, 70, 142])
def test_receptive_field_is_the_patch_size(patch):
    make = lambda: PatchDiscriminator(2, patch, "none")  # noqa: E731
    net = build(make, torch.Generator().manual_seed(0), torch.device("cpu"), Init("xavier"))
    images = torch.rand(1, 3, 320, 320, generator=torch.Generator().manual_seed(1)).requires_grad_()
    scores = net(images)
    middle = scores.shape[-1] // 2
    (gradient,) = torch.autograd.grad(scores[0, 0, middle, middle], images)
    seen = gradient.abs().sum((0, 1)).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [patch, patch]
    assert receptive_field(net.layers) == patch


@pytest.mark.parametrize("patch", [1, *PATCHES])
def test_the_field_follows_from_kernels_and_strides(patch):
    with torch.device("meta"):
        assert receptive_field(PatchDiscriminator(1, patch).layers) == patch


@pytest.mark.parametrize("patch", [1, 16, 34, 70])
@pytest.mark.parametrize("size", [24, 32, 64, 100])
def test_size_of_the_score_map(patch, size):
    scores = PatchDiscriminator(2, patch)(torch.zeros(1, 3, size, size))
    assert scores.shape == (1, 1, score_size(patch, size), score_size(patch, size))


def test_largest_patch_suits_the_image():
    assert [largest_patch(size) for size in (8, 16, 24, 32, 64, 256)] == [1, 16, 34, 34, 70, 70]


def test_the_image_as_patch_is_the_smallest_that_covers_it():
    assert [covering_patch(size) for size in (8, 16, 17, 32, 64, 128, 256)] == [16, 16, 34, 34, 70, 142, 286]
    assert all(score_size(covering_patch(size), size) >= 1 for size in range(8, 1025, 4))


def test_what_the_option_means():
    assert [resolve_patch(option, 32) for option in (None, 1, 16, "image")] == [34, 1, 16, 34]
    assert resolve_patch("image", 256) == 286


def test_several_outputs_and_channels():
    assert PatchDiscriminator(2, 16, channels=6, outputs=3)(torch.zeros(1, 6, 16, 16)).shape[1] == 3


def test_features_are_those_of_every_layer_but_the_last():
    net = build(lambda: PatchDiscriminator(2, 34), torch.Generator().manual_seed(0), torch.device("cpu"))
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    maps = net.features(images)
    assert [tuple(each.shape[1:]) for each in maps] == [(2, 16, 16), (4, 8, 8), (8, 7, 7)]
    torch.testing.assert_close(net.layers[-1](maps[-1]), net(images))
