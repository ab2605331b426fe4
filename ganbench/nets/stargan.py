"""StarGAN's pair of networks: Choi 2017, tables 4 and 5; sizes as in the authors' code, github.com/yunjey/stargan."""

from __future__ import annotations

import itertools

import torch
from torch import nn

from ganbench.nets.discriminator import maps_after_activations
from ganbench.nets.normalization import Norm, make_norm, needs_bias

LEAK = 0.01  # slope of the leaky ReLU, table 5


def full_depth(image_size: int) -> int:
    """Return the halvings that lead to 2 px, at most the six of the paper at 128 px."""
    return max(1, min(6, image_size.bit_length() - 2))


class StarganGenerator(nn.Module):
    """Images (N, 3, H, W) in [−1, 1] and codes (N, c) of where to go, to images (N, 3, H, W); H, W multiples of 4.

    The code is laid beside the image as c constant planes. 8,430,528 parameters with 5 attributes, ngf 64, 6 blocks.

    Args:
        code: c, the number of attributes or domains.
        ngf: channels after the first convolution.
        n_blocks: residual blocks at a quarter of the resolution.
        norm: normalisation after every convolution but the last; ``instance`` learns a factor and a shift, as the
            authors' does.
        bias: whether convolutions before a normalisation carry one; None: none does, as in the authors' code.
    """

    def __init__(
        self, code: int, ngf: int = 64, n_blocks: int = 6, norm: Norm = "instance", bias: bool | None = None
    ) -> None:
        super().__init__()
        carry = needs_bias(norm, bool(bias))
        layers = _stage(nn.Conv2d(3 + code, ngf, 7, padding=3, bias=carry), norm)
        for width in (ngf, 2 * ngf):
            layers += _stage(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=carry), norm)
        layers += [_Block(4 * ngf, norm, carry) for _ in range(n_blocks)]
        for width in (4 * ngf, 2 * ngf):
            layers += _stage(nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=carry), norm)
        self.layers = nn.Sequential(*layers, nn.Conv2d(ngf, 3, 7, padding=3, bias=False), nn.Tanh())

    def forward(self, images: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        """Translate ``images`` to where ``code`` says."""
        planes = code.to(images.dtype)[:, :, None, None].expand(-1, -1, *images.shape[2:])
        beside = torch.cat([images, planes], 1)
        result: torch.Tensor = self.layers(beside)
        return result


class _Block(nn.Module):
    """x + two 3×3 convolutions with zero padding."""

    def __init__(self, channels: int, norm: Norm, bias: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_stage(nn.Conv2d(channels, channels, 3, padding=1, bias=bias), norm),
            nn.Conv2d(channels, channels, 3, padding=1, bias=bias),
            make_norm(norm, channels, affine=True),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = x + self.layers(x)
        return result


def _stage(convolution: nn.Conv2d | nn.ConvTranspose2d, norm: Norm) -> list[nn.Module]:
    return [convolution, make_norm(norm, convolution.out_channels, affine=True), nn.ReLU()]


class StarganDiscriminator(nn.Module):
    """Images (N, 3, H, W) in [−1, 1] to raw scores of patches (N, 1, h, w) and to logits of attributes (N, c).

    4×4 convolutions of stride 2 down to 2×2 px, nothing normalised; one head gives the scores, another the logits.
    44,762,048 parameters at 128 px with 5 attributes, ndf 64.

    Args:
        image_size: height and width in pixels; what is left after the strides is the kernel of the second head.
        code: c, the number of attributes or domains.
        ndf: channels after the first convolution, doubled with every further one.
        depth: convolutions of stride 2; None: see `full_depth`.
    """

    def __init__(self, image_size: int, code: int, ndf: int = 64, depth: int | None = None) -> None:
        super().__init__()
        depth = depth or full_depth(image_size)
        widths = [3, *(ndf << level for level in range(depth))]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(LEAK)]
        self.layers = nn.Sequential(*layers)
        self.scores = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False)
        self.classes = nn.Conv2d(widths[-1], code, image_size >> depth, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return raw scores (N, 1, h, w) of how real the images are; no sigmoid."""
        return self.judge(images)[0]

    def judge(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return raw scores (N, 1, h, w), and logits of the attributes (N, c)."""
        features = self.layers(images)
        return self.scores(features), self.classes(features).flatten(1)

    def features(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the feature maps [(N, C_l, H_l, W_l)] after every activation."""
        return maps_after_activations(self.layers, images)
