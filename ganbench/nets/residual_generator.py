"""The generator of Shen & Liu 2017, "Learning residual images for face attribute manipulation"."""

from __future__ import annotations

import torch
from torch import nn

from ganbench.nets.discriminator import LEAK
from ganbench.nets.normalization import Norm, make_norm, needs_bias


class ResidualImageGenerator(nn.Module):
    """Images (N, 3, H, W) in [−1, 1] to what must be added to them, (N, 3, H, W); H and W are multiples of 4.

    5×5-64, 4×4-128 and 4×4-256 of stride 2, deconvolutions 3×3-128 and 3×3-64 that double, 4×4-3 (table 1). The last
    has no activation: nothing confines the residual, and its sum with the image is the method's to clip. That the
    deconvolutions double and that the last layer is bare is read from reimplementations
    (zhangqianhui/Residual_Image_Learning_GAN), as are instance normalisation and leaky ReLU 0.2. Its discriminator is
    `ganbench.nets.dcgan.DcganDiscriminator` with three outputs.

    Args:
        ngf: channels after the first convolution.
        norm: normalisation after every convolution but the last.
        bias: whether convolutions before a normalisation carry one; None: only where it is not batch.
    """

    def __init__(self, ngf: int = 64, norm: Norm = "instance", bias: bool | None = None) -> None:
        super().__init__()
        carry = needs_bias(norm, bias)
        self.layers = nn.Sequential(
            *_stage(nn.Conv2d(3, ngf, 5, padding=2, bias=carry), norm),
            *_stage(nn.Conv2d(ngf, 2 * ngf, 4, stride=2, padding=1, bias=carry), norm),
            *_stage(nn.Conv2d(2 * ngf, 4 * ngf, 4, stride=2, padding=1, bias=carry), norm),
            *_stage(_double(4 * ngf, carry), norm),
            *_stage(_double(2 * ngf, carry), norm),
            nn.ZeroPad2d((1, 2, 1, 2)),  # an even kernel keeps the size with one row more at the end
            nn.Conv2d(ngf, 3, 4),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return residual images (N, 3, H, W)."""
        result: torch.Tensor = self.layers(images)
        return result


def _double(width: int, bias: bool) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1, bias=bias)


def _stage(convolution: nn.Conv2d | nn.ConvTranspose2d, norm: Norm) -> list[nn.Module]:
    return [convolution, make_norm(norm, convolution.out_channels), nn.LeakyReLU(LEAK)]
