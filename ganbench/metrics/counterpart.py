"""Counterpart: how near is each output to the one right answer, where the data knows it?"""

from __future__ import annotations

import torch

from ganbench.losses import structural_similarity
from ganbench.metrics.base import METRICS, Evidence, Protocol, Quantity, Value
from ganbench.metrics.perceptual import KINDS, PerceptualMetric, distance_protocol

L1 = Quantity("counterpart_l1", "L1", "faithfulness", False, note="Mean absolute difference, pixels in [0, 1].")
PSNR = Quantity("counterpart_psnr", "PSNR", "faithfulness", True, digits=2, note="In dB, the mean over images.")
SSIM = Quantity("counterpart_ssim", "SSIM", "faithfulness", True, note="Structural similarity, 1 is the same picture.")
BEST_PSNR = 100.0  # dB, in place of infinity for equal pictures


def l1(outputs: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute difference (N,) of uint8 images (N, 3, H, W), in units of the full range."""
    return (outputs.double() - right.double()).abs().mean((1, 2, 3)) / 255


def psnr(outputs: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return −10 log₁₀ of the mean squared difference (N,) of uint8 images, range 1, in dB; at most 100."""
    mse = ((outputs.double() - right.double()) / 255).square().mean((1, 2, 3))
    return (-10 * mse.log10()).clamp_max(BEST_PSNR)


def ssim(outputs: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the structural similarity (N,) of uint8 images (N, 3, H, W), H and W ≥ 11, in float64.

    The function that the losses have (Wang 2004). The same as scikit-image with ``gaussian_weights`` and
    ``use_sample_covariance=False`` on its valid region.
    """
    return structural_similarity.ssim(outputs.double() / 255, right.double() / 255)


@METRICS.register("counterpart")
class Counterpart(PerceptualMetric):
    """Distance of outputs to their true counterparts, per image; also where training was unpaired."""

    summary = "L1, PSNR, SSIM and perceptual distance of outputs to their true counterparts, where the data knows them"
    template = Quantity("counterpart_{}", "{} to counterpart", "faithfulness", False)

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return L1, PSNR, SSIM and one distance for each perceptual distance."""
        return (L1, PSNR, SSIM, *(self.named(kind) for kind in KINDS))

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Only data that knows the right answer can be asked."""
        return "the dataset knows no counterparts" if evidence.counterparts is None else None

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the means, with the values of every image."""
        outputs, right = evidence.outputs, evidence.counterparts
        assert right is not None  # skip_reason  # noqa: S101
        protocol: Protocol = {"n": len(outputs), "split": "test", "size": outputs.shape[-1], "version": self.version}
        measured: list[tuple[Quantity, torch.Tensor, Protocol]] = [
            (L1, l1(outputs, right), {}),
            (PSNR, psnr(outputs, right), {"most": BEST_PSNR}),
        ]
        if outputs.shape[-1] >= 11:
            measured.append((SSIM, ssim(outputs, right), {"window": "gaussian 11, sigma 1.5"}))
        for distance in evidence.workbench.distances():
            measured.append((self.named(distance), distance.between(outputs, right), distance_protocol(distance)))
        return [
            Value(quantity, float(each.mean()), len(outputs), {**protocol, **extra}, per_image=each)
            for quantity, each, extra in measured
        ]
