"""Colour: are the outputs as colourful as real pictures, and in their colours?

What averages over all that could be right turns grey. Isola 2017, "Image-to-image translation with conditional
adversarial networks", figure 7, compares the marginal distributions of L, a and b over all pixels by histogram
intersection. The paper gives no bins, so its values must not be compared with those here, where the histograms are
smoothed: drawn pictures have few colours, and a shift that nobody sees would otherwise make two of them disjoint.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value
from ganbench.metrics.cache import Arrays
from ganbench.metrics.workbench import Workbench

WIDTH = 2.0  # of a bin, in units of CIELAB
SMOOTHING = 5.0  # standard deviation, in the same units; 2 % darker drawings: L .90 with it, .31 without
REACH = 8  # bins each way that a pixel is smeared over: three standard deviations
RANGES = {"L": (0.0, 100.0), "a": (-90.0, 100.0), "b": (-110.0, 96.0)}  # all of sRGB lies within
CHUNK = 2**20  # pixels at once
COLOURLESS = 0.1  # mean chroma below which pictures count as grey; one step of 255 in one channel makes about 0.3
# linear sRGB to CIE XYZ (IEC 61966-2-1), rows X, Y, Z; the row sums are white, D65
TO_XYZ = torch.tensor(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], dtype=torch.float64
)
INTERSECTIONS = {
    channel: Quantity(
        f"colour_{channel.lower()}",
        f"Histogram {channel}",
        "quality",
        True,
        note=f"Intersection of smoothed histograms of CIELAB {channel}, all pixels of outputs against those of real "
        "training images: 1 where they are the same. Compare with the row of real images.",
    )
    for channel in RANGES
}
CHROMA = Quantity(
    "colour_chroma",
    "Chroma",
    "quality",
    None,
    digits=2,
    note="Mean chroma √(a² + b²) in CIELAB over that of real training images. Below 1: paler; above: gaudier.",
)


def to_lab(images: torch.Tensor) -> torch.Tensor:
    """Return uint8 sRGB images (N, 3, H, W) in CIELAB (CIE 15), white D65: L in [0, 100], a and b about ±110, float64.

    Linear light from sRGB by IEC 61966-2-1; X, Y, Z relative to white; f(t) = t^⅓, linear below (6/29)³; then
    L = 116 f(Y) − 16, a = 500 (f(X) − f(Y)), b = 200 (f(Y) − f(Z)).
    """
    levels = torch.arange(256, dtype=torch.float64) / 255
    light = torch.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    red, green, blue = light[images.long()].unbind(1)
    x, y, z = (_f(r * red + g * green + b * blue) for r, g, b in (TO_XYZ / TO_XYZ.sum(1, keepdim=True)).tolist())
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def _f(t: torch.Tensor) -> torch.Tensor:
    return torch.where(t > (6 / 29) ** 3, t ** (1 / 3), t / (3 * (6 / 29) ** 2) + 4 / 29)


def colours(images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the smoothed histograms over all pixels of uint8 images, by channel of `RANGES`, and ``chroma``, float64.

    Histograms (B,) sum to 1; chroma (N,) is the mean √(a² + b²) of each image.
    """
    counts: dict[str, torch.Tensor] = {}
    chroma = []
    for chunk in images.split(max(1, CHUNK // images[0, 0].numel())):
        lab = to_lab(chunk)
        for index, channel in enumerate(RANGES):
            counts[channel] = counts.get(channel, 0) + _counts(lab[:, index], channel)
        chroma.append(lab[:, 1:].square().sum(1).sqrt().mean((1, 2)))
    return {**{channel: _smoothed(count) for channel, count in counts.items()}, "chroma": torch.cat(chroma)}


def _counts(values: torch.Tensor, channel: str) -> torch.Tensor:
    low, high = RANGES[channel]
    bins = math.ceil((high - low) / WIDTH)
    return torch.bincount(((values.flatten() - low) / WIDTH).long().clamp(0, bins - 1), minlength=bins)


def _smoothed(counts: torch.Tensor) -> torch.Tensor:
    """Return counts (B,) as shares, smeared by a Gaussian that reaches beyond both ends, (B + 2 · `REACH`,)."""
    offsets = torch.arange(-REACH, REACH + 1, dtype=torch.float64) * WIDTH
    window = torch.exp(-offsets.square() / (2 * SMOOTHING**2))
    shares = counts.double() / counts.sum()
    return functional.conv1d(shares[None, None], (window / window.sum())[None, None], padding=2 * REACH)[0, 0]


def intersection(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return Σ min(p, q) of two histograms (B,) that sum to 1: 1 where they are the same, 0 where they are disjoint."""
    return float(torch.minimum(first, second).sum())


@METRICS.register("colour")
class Colour(Metric):
    """Histogram intersections in L, a and b, and the ratio of chroma, against real target training images."""

    summary = "histogram intersection with real images in CIELAB, and chroma relative to them: faded colours show"

    def prepare(self, workbench: Workbench) -> None:
        """Measure the real pictures."""
        real_colours(workbench)

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return three intersections and the ratio of chroma."""
        return (*INTERSECTIONS.values(), CHROMA)

    def missing(self, evidence: Evidence) -> dict[str, str]:
        """Nothing is pale or gaudy beside grey pictures."""
        return {CHROMA.name: "the real target training images are grey"} if _grey(evidence.workbench) else {}

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the values; the ratio of chroma with those of every image."""
        found, real = colours(evidence.outputs), real_colours(evidence.workbench)
        count = len(evidence.outputs)
        protocol: Protocol = {
            "n": count,
            "n_reference": len(real["chroma"]),
            "split": "train",
            "space": "CIELAB D65",
            "version": self.version,
        }
        values = [
            Value(
                quantity,
                intersection(found[channel], real[channel]),
                count,
                {**protocol, "bin": WIDTH, "smoothing": SMOOTHING},
            )
            for channel, quantity in INTERSECTIONS.items()
        ]
        if not _grey(evidence.workbench):
            ratio = found["chroma"] / real["chroma"].mean()
            values.append(Value(CHROMA, float(ratio.mean()), count, protocol, per_image=ratio))
        return values


def real_colours(workbench: Workbench) -> Arrays:
    """Return the `colours` of real target training images, computed once."""
    images = workbench.data.images(workbench.data.target, "train")
    return workbench.stored("colours", (Colour.version, images), lambda: colours(images))


def _grey(workbench: Workbench) -> bool:
    return float(real_colours(workbench)["chroma"].mean()) < COLOURLESS
