"""The discriminator of BEGAN and EBGAN: an autoencoder, whose error is the energy of an image."""

from __future__ import annotations

import torch
from torch import nn

from ganbench.nets.discriminator import maps_after_activations
from ganbench.nets.normalization import Norm, make_norm, needs_bias

SMALLEST_MAP = 8  # pixels, Berthelot 2017, figure 1


def halvings(image_size: int) -> int:
    """Return how often images must be halved until they measure at most 8 px."""
    return max(0, (image_size - 1).bit_length() - SMALLEST_MAP.bit_length() + 1)


class AutoencoderDiscriminator(nn.Module):
    """Images (N, channels, H, W) in [−1, 1] to their energy (N, 1, 1, 1) = mean |v − AE(v)| (Berthelot 2017, eq. 1).

    Two 3×3 convolutions with ELU at each resolution, of ndf, 2·ndf, 3·ndf… channels, halved by a stride down to 8 px; a
    linear code; a decoder of ndf channels that mirrors it with nearest-neighbour upsampling (section 3.5). The last
    convolution has no activation. Layout and code length are unverified. The paper normalises nothing, and an instance
    normalisation loses the colours: after 400 steps on coloured squares the energy was 0.141 with it, 0.104 without.

    Args:
        image_size: a multiple of 2 to the number of `halvings`.
        ndf: channels at the full resolution.
        norm: normalisation of all convolutions but the first and the last.
        channels: of the images.
        code: length of the linear code, the paper's is 64 to 128.
        bias: whether convolutions before a normalisation carry one; None: only where it is not batch.
    """

    def __init__(
        self,
        image_size: int,
        ndf: int,
        norm: Norm = "none",
        channels: int = 3,
        code: int = 64,
        bias: bool | None = None,
    ) -> None:
        super().__init__()
        levels, carry = halvings(image_size), needs_bias(norm, bias)
        side = image_size >> levels
        encoder = [nn.Conv2d(channels, ndf, 3, padding=1), nn.ELU()]
        for level in range(1, levels + 1):
            encoder += [*_layers(ndf * level, ndf * level, norm, carry),
                        *_layers(ndf * level, ndf * (level + 1), norm, carry, stride=2)]  # fmt: skip
        last = ndf * (levels + 1)
        self.encoder = nn.Sequential(*encoder, *_layers(last, last, norm, carry))
        self.code = nn.Sequential(nn.Flatten(), nn.Linear(last * side**2, code), nn.Linear(code, ndf * side**2))
        decoder: list[nn.Module] = [nn.Unflatten(1, (ndf, side, side))]
        for level in range(levels + 1):
            decoder += [*_layers(ndf, ndf, norm, carry), *_layers(ndf, ndf, norm, carry)]
            decoder += [nn.Upsample(scale_factor=2.0)] if level < levels else []
        self.decoder = nn.Sequential(*decoder, nn.Conv2d(ndf, channels, 3, padding=1))

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """Return the code of each image, (N, code)."""
        result: torch.Tensor = self.code[:2](self.encoder(images))
        return result

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Return the images (N, channels, H, W) that belong to codes; nothing confines them to [−1, 1]."""
        result: torch.Tensor = self.decoder(self.code[2:](codes))
        return result

    def judge(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the energy of each image, (N, 1, 1, 1) float32, at least 0, and its code."""
        codes = self.encode(images)
        return (images.float() - self.decode(codes).float()).abs().mean((1, 2, 3), keepdim=True), codes

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the energy of each image, (N, 1, 1, 1) float32."""
        return self.judge(images)[0]

    def features(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the encoder's feature maps [(N, C_l, H_l, W_l)] after every activation."""
        return maps_after_activations(self.encoder, images)


def _layers(before: int, after: int, norm: Norm, bias: bool, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=bias), make_norm(norm, after), nn.ELU()]
