import pytest
import torch

from ganbench.nets.init import build
from ganbench.nets.patch_discriminator import PatchDiscriminator, largest_patch, score_size


def test_published_parameter_count():
    with torch.device("meta"):
        assert sum(p.numel() for p in PatchDiscriminator(64, 70, "instance").parameters()) == 2_764_737


@pytest.mark.parametrize("patch", [1, 16, 34, 70])
def test_receptive_field_is_the_patch_size(patch):
    make = lambda: PatchDiscriminator(4, patch, "none")  # noqa: E731
    net = build(make, torch.Generator().manual_seed(0), torch.device("cpu"), std=1.0)
    images = torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(1)).requires_grad_()
    scores = net(images)
    middle = scores.shape[-1] // 2
    (gradient,) = torch.autograd.grad(scores[0, 0, middle, middle], images)
    seen = gradient.abs().sum((0, 1)).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [patch, patch]


@pytest.mark.parametrize("patch", [1, 16, 34, 70])
@pytest.mark.parametrize("size", [24, 32, 64, 100])
def test_size_of_the_score_map(patch, size):
    scores = PatchDiscriminator(2, patch)(torch.zeros(1, 3, size, size))
    assert scores.shape == (1, 1, score_size(patch, size), score_size(patch, size))


def test_largest_patch_suits_the_image():
    assert [largest_patch(size) for size in (8, 16, 24, 32, 64, 256)] == [1, 16, 34, 34, 70, 70]


def test_several_outputs():
    assert PatchDiscriminator(2, 16, outputs=3)(torch.zeros(1, 3, 16, 16)).shape[1] == 3
