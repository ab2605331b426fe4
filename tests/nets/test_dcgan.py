import pytest
import torch

from ganbench.nets.dcgan import DcganDiscriminator, DcganGenerator, EmbeddingDiscriminator, suits_dcgan
from ganbench.nets.init import build

CPU = torch.device("cpu")


def made(make):
    return build(make, torch.Generator().manual_seed(0), CPU)


def test_powers_of_two_from_8_on_are_suitable():
    assert [size for size in range(70) if suits_dcgan(size)] == [8, 16, 32, 64]


@pytest.mark.parametrize("size", [8, 16, 32])
@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_generator_draws_images(size, norm):
    noise = torch.randn(2, 10, generator=torch.Generator().manual_seed(1))
    images = made(lambda: DcganGenerator(size, 4, 10, norm))(noise).detach()
    assert images.shape == (2, 3, size, size)
    assert float(images.abs().max()) <= 1
    assert not torch.equal(images[0], images[1])


@pytest.mark.parametrize("size", [8, 16, 32])
def test_one_score_of_the_whole_image(size):
    net = made(lambda: DcganDiscriminator(size, 4, "none", channels=6))
    images = torch.rand(2, 6, size, size, generator=torch.Generator().manual_seed(1)).requires_grad_()
    scores = net(images)
    assert scores.shape == (2, 1, 1, 1)
    (gradient,) = torch.autograd.grad(scores.sum(), images)
    assert (gradient != 0).all()


def test_features_end_at_4_px():
    images = torch.zeros(1, 3, 32, 32)
    maps = made(lambda: DcganDiscriminator(32, 4)).features(images)
    assert [tuple(each.shape[1:]) for each in maps] == [(4, 16, 16), (8, 8, 8), (16, 4, 4)]


def test_an_embedding_for_each_image():
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert made(lambda: EmbeddingDiscriminator(16, 4, outputs=7))(images).shape == (3, 7)
