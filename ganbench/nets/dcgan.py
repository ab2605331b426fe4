"""The networks of Radford 2015, "Unsupervised representation learning with deep convolutional GANs"."""

from __future__ import annotations

import itertools

import torch
from torch import nn

from ganbench.nets.discriminator import LEAK, ConvDiscriminator
from ganbench.nets.normalization import Norm, make_norm, needs_bias

SMALLEST_MAP = 4  # pixels: where the generator begins and the discriminator ends
EMBEDDING = 16  # numbers, Bińkowski 2018; Li 2017 takes 100 (both unverified)


def suits_dcgan(image_size: int) -> bool:
    """Say whether ``image_size`` is a power of two, at least 8."""
    return image_size >= 8 and image_size & (image_size - 1) == 0


def _widths(width: int, image_size: int) -> list[int]:
    """Return the channels at half the resolution, at a quarter and so on down to 4 px: doubled each time, up to ×16."""
    return [width * min(2**level, 16) for level in range((image_size // SMALLEST_MAP).bit_length() - 1)]


class DcganGenerator(nn.Module):
    """Noise (N, z) to images (N, 3, image_size, image_size) in [−1, 1] (Radford 2015, figure 1).

    A projection to 4×4 px, then transposed 4×4 convolutions of stride 2, each with normalisation and ReLU, the last
    with tanh. The paper's at 64 px, 1024 channels at 4×4 down to 128 at 32×32, is ngf 128; its figure has 5×5 kernels.

    Args:
        image_size: a power of two, at least 8.
        ngf: channels before the last convolution.
        z: length of the noise.
        norm: normalisation of all layers but the last; the paper's is batch.
        bias: whether convolutions before a normalisation carry one; None: only where it is not batch.
    """

    def __init__(self, image_size: int, ngf: int, z: int = 100, norm: Norm = "batch", bias: bool | None = None) -> None:
        super().__init__()
        carry = needs_bias(norm, bias)
        widths = _widths(ngf, image_size)[::-1]
        layers = [nn.ConvTranspose2d(z, widths[0], SMALLEST_MAP, bias=carry), make_norm(norm, widths[0]), nn.ReLU()]
        for before, after in itertools.pairwise(widths):
            convolution = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=carry)
            layers += [convolution, make_norm(norm, after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(ngf, 3, 4, stride=2, padding=1), nn.Tanh())

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        """Draw images from standard normal noise (N, z)."""
        result: torch.Tensor = self.layers(noise[:, :, None, None])
        return result


class DcganDiscriminator(ConvDiscriminator):
    """4×4 convolutions of stride 2 down to 4×4 px, then one score of the whole image: (N, outputs, 1, 1).

    Leaky ReLU 0.2, no normalisation in the first layer (Radford 2015, section 3). With three outputs, at 128 px and
    ndf 64, it is the discriminator of Shen & Liu 2017: 64, 128 … 1024 channels, three classes.

    Args:
        image_size: a power of two, at least 8.
        ndf: channels after the first convolution, doubled with every further one, up to ×16.
        norm: normalisation of the middle layers.
        channels: of the images.
        outputs: scores per image; 1, the number of classes, or the length of an embedding.
        bias: whether convolutions before a normalisation carry one; None: only where it is not batch.
    """

    def __init__(
        self,
        image_size: int,
        ndf: int,
        norm: Norm = "batch",
        channels: int = 3,
        outputs: int = 1,
        bias: bool | None = None,
    ) -> None:
        widths = _widths(ndf, image_size)
        layers: list[nn.Module] = [nn.Conv2d(channels, ndf, 4, stride=2, padding=1), nn.LeakyReLU(LEAK)]
        for before, after in itertools.pairwise(widths):
            convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=needs_bias(norm, bias))
            layers += [convolution, make_norm(norm, after), nn.LeakyReLU(LEAK)]
        super().__init__([*layers, nn.Conv2d(widths[-1], outputs, SMALLEST_MAP)])


class EmbeddingDiscriminator(DcganDiscriminator):
    """A `DcganDiscriminator` that returns embeddings (N, outputs), for MMD-GAN."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return embeddings (N, outputs)."""
        return super().forward(images).flatten(1)
