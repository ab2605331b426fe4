"""Reconstruction losses: how far an image lies from the one it should be.

A loss is one decorated function; `compares` says on what: the images themselves, feature maps of a frozen network,
feature maps of the domain's discriminator, or the opinion of a discriminator of its own. `ganbench.methods`'s
`Reconstruction` brings these together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch.nn.functional import l1_loss, mse_loss, softplus

from ganbench.losses import structural_similarity
from ganbench.losses.structural_similarity import n_scales
from ganbench.registry import Registry

Compared = Literal["images", "frozen features", "discriminator features", "own discriminator"]
Maps = Sequence[torch.Tensor]
Function = TypeVar("Function", bound=Callable[..., torch.Tensor])


@dataclass(frozen=True)
class ReconstructionLoss:
    """A reconstruction loss.

    Attributes:
        name: the registered name.
        function: (output, target) → float32 scalar, a mean. Both are images (N, 3, H, W) in [−1, 1] where the loss
            compares images, else lists of feature maps (N, C_l, H_l, W_l), one of each layer. With a discriminator
            of its own: its raw scores of (target, output) pairs → scalar.
        compares: what the function is given.
        multiscale: whether it takes as many scales as the image size allows.
        summary: the first line of its docstring.
    """

    name: str
    function: Callable[..., torch.Tensor]
    compares: Compared
    multiscale: bool
    summary: str

    def name_at(self, image_size: int) -> str:
        """Return the name at ``image_size`` px; a loss of several scales tells how many: "ms_ssim (2 scales)"."""
        if not self.multiscale:
            return self.name
        count = n_scales(image_size)
        return f"{self.name} ({count} scale{'s' if count > 1 else ''})"


RECONSTRUCTION: Registry[ReconstructionLoss] = Registry("reconstruction loss", "ganbench.losses", "ganbench.losses")


def reconstruction_loss(
    name: str, compares: Compared = "images", multiscale: bool = False
) -> Callable[[Function], Function]:
    """Register the decorated function as the reconstruction loss ``name``; the function itself is returned."""

    def decorate(function: Function) -> Function:
        summary = (function.__doc__ or "").splitlines()[0]
        RECONSTRUCTION.register(name)(ReconstructionLoss(name, function, compares, multiscale, summary))
        return function

    return decorate


@reconstruction_loss("none")
def none(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
    """Zero: nothing is asked of the output."""
    return output.new_zeros((), dtype=torch.float32)


@reconstruction_loss("l1")
def l1(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute error; its optimum is a median, so edges stay sharp."""
    return l1_loss(output.float(), target.float())


@reconstruction_loss("l2")
def l2(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean squared error; its optimum is a mean, so uncertain edges are blurred."""
    return mse_loss(output.float(), target.float())


@reconstruction_loss("charbonnier")
def charbonnier(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean of √(difference² + 0.001²): L1, but smooth where the difference vanishes.

    Charbonnier 1994, "Two deterministic half-quadratic regularization algorithms for computed imaging"; the constant
    is the one usual in image restoration (Lai 2017, section 3.3).
    """
    return ((output.float() - target.float()).square() + 1e-6).sqrt().mean()


@reconstruction_loss("ssim")
def ssim(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 − SSIM: window of 11 px (σ 1.5), smaller only for images below 11 px; Wang 2004."""
    return 1 - structural_similarity.ssim(*_unit(output, target)).mean()


@reconstruction_loss("ms_ssim", multiscale=True)
def ms_ssim(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 − MS-SSIM on all scales that hold a window: 1 below 22 px, 2 below 44, … 5 from 176 px; Wang 2003."""
    return 1 - structural_similarity.ms_ssim(*_unit(output, target)).mean()


@reconstruction_loss("ms_ssim_l1", multiscale=True)
def ms_ssim_l1(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """0.84·(1 − MS-SSIM) + 0.16·L1 weighted with the window of the coarsest scale, on [0, 1]; Zhao 2015, section 3.

    The paper varies σ at full resolution where this halves the image, and the paper's per-pixel losses are averaged.
    """
    x, y = _unit(output, target)
    similarity, error = structural_similarity.ms_ssim(x, y), structural_similarity.coarse_l1(x, y)
    return (0.84 * (1 - similarity) + 0.16 * error).mean()


@reconstruction_loss("perceptual", "frozen features")
def perceptual(output: Maps, target: Maps) -> torch.Tensor:
    """L1 between four middle layers of a frozen EfficientNet-Lite0, all layers weighing the same.

    Johnson 2016 (there squared, one layer of VGG-16), with the L1 of Wang 2018 ("pix2pixHD", section 3.4).
    """
    return torch.stack([l1(*pair) for pair in zip(output, target, strict=True)]).mean()


@reconstruction_loss("gram", "frozen features")
def gram(output: Maps, target: Maps) -> torch.Tensor:
    """Style: squared distance of Gram matrices of four middle layers of a frozen EfficientNet-Lite0; Gatys 2016.

    Its equations 4 and 5 with equal weights of the layers: the mean over layers of ‖G − A‖²_F / (4C²).
    """
    return style_distance([gram_matrices(each) for each in output], [gram_matrices(each) for each in target]).mean()


@reconstruction_loss("feature_matching", "discriminator features")
def feature_matching(output: Maps, target: Maps) -> torch.Tensor:
    """L1 between all layers but the last of the domain's discriminator, all weighing the same; Wang 2018, equation 4.

    Where Salimans 2016 matches means over a batch, this compares each output with its own target.
    """
    return perceptual(output, target)


@reconstruction_loss("adversarial", "own discriminator")
def adversarial(scores: torch.Tensor) -> torch.Tensor:
    """A discriminator of its own tells (original, reconstruction) from (original, original); E softplus(−s)."""
    return softplus(-scores.float()).mean()


def gram_matrices(maps: torch.Tensor) -> torch.Tensor:
    """Return G = FFᵀ/M of each image, (N, C, C) float32, for feature maps (N, C, H, W) with M = H·W places."""
    with torch.autocast(maps.device.type, enabled=False):
        rows = maps.float().flatten(2)  # (N, C, M)
        return rows @ rows.transpose(1, 2) / rows.shape[2]


def gram_distance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return ‖G − A‖²_F of Gram matrices (N, C, C), as (N,) float32.

    It equals the biased MMD² between the features at the places of the two images for the kernel k(a, b) = (aᵀb)²,
    whatever their numbers of places (Li 2017, "Demystifying neural style transfer", section 3.2).
    """
    return (first - second).square().sum((1, 2))


def style_distance(first: Maps, second: Maps) -> torch.Tensor:
    """Return the mean over layers of ‖G − A‖²_F / (4C²) of Gram matrices [(N, C_l, C_l)], as (N,)."""
    layers = [gram_distance(g, a) / (4 * g.shape[1] ** 2) for g, a in zip(first, second, strict=True)]
    return torch.stack(layers).mean(0)


def _unit(output: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Map images in [−1, 1] to [0, 1], in float32."""
    return (output.float() + 1) / 2, (target.float() + 1) / 2
