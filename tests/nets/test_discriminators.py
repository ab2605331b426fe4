"""The discriminators that give no plain scores: energy, and StarGAN's two heads."""

import pytest
import torch

from ganbench.nets.autoencoder_discriminator import AutoencoderDiscriminator, halvings
from ganbench.nets.init import Init, build
from ganbench.nets.stargan import StarganDiscriminator, full_depth

CPU = torch.device("cpu")


def made(make, kind="xavier"):
    return build(make, torch.Generator().manual_seed(0), CPU, Init(kind))


def images(size, count=2, channels=3, seed=1):
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_halvings_lead_to_8_px_or_less():
    assert [halvings(size) for size in (8, 9, 12, 16, 24, 32, 64, 128)] == [0, 1, 1, 1, 2, 2, 3, 4]


@pytest.mark.parametrize("size", [8, 16, 24])
@pytest.mark.parametrize("channels", [3, 6])
def test_energy_is_the_mean_error_of_each_image(size, channels):
    net = made(lambda: AutoencoderDiscriminator(size, 4, channels=channels))
    shown = images(size, channels=channels)
    energy = net(shown)
    assert energy.shape == (2, 1, 1, 1)
    torch.testing.assert_close(energy.flatten(), (shown - net.decode(net.encode(shown))).abs().flatten(1).mean(1))
    torch.testing.assert_close(net(shown[:1]), energy[:1])


def test_energy_of_images_falls_when_the_autoencoder_learns_them():
    net = made(lambda: AutoencoderDiscriminator(16, 4))
    shown = images(2).repeat_interleave(8, 2).repeat_interleave(8, 3)
    before = float(net(shown).mean().detach())
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(40):
        optimizer.zero_grad()
        net(shown).mean().backward()
        optimizer.step()
    assert float(net(shown).mean().detach()) < 0.5 * before


def test_features_are_those_of_the_encoder():
    maps = made(lambda: AutoencoderDiscriminator(16, 4)).features(images(16))
    assert [tuple(each.shape[1:]) for each in maps] == [(4, 16, 16), (4, 16, 16), (8, 8, 8), (8, 8, 8)]


@pytest.mark.parametrize(("size", "depth"), [(8, 2), (16, 3), (24, 3), (32, 4), (128, 6), (256, 6)])
def test_stargan_ends_at_2_px_but_keeps_the_papers_depth(size, depth):
    assert full_depth(size) == depth


@pytest.mark.parametrize("size", [8, 24, 32])
def test_stargans_heads(size):
    net = made(lambda: StarganDiscriminator(size, 5, 4))
    shown = images(size)
    scores, logits = net.judge(shown)
    assert scores.shape[:2] == (2, 1)
    assert logits.shape == (2, 5)
    torch.testing.assert_close(net(shown), scores)
