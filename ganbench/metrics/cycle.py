"""Cycle: does what was translated come back, and does it come back by what can be seen?

A generator that must be undone can hide its input in its output, in patterns too small to see (Chu, Zhmoginov &
Sandler 2017, "CycleGAN, a master of steganography"). Noise of hardly visible strength destroys such patterns and leaves
a picture what it is, so it tells hiding from keeping (Bashkirova, Usman & Saenko 2019, "Adversarial self-defense for
cycle-consistent GANs").

A way back that reads what is seen lets the noise through once, as a copy does, and the error rises by at most its size;
one that reads invisible patterns multiplies it. Faces of 32 px: negative and back 0.97, CycleGAN after 800 steps 0.02,
a pair trained to hide the colours of a grey picture 1.77. An honest way back that must raise the contrast multiplies
noise as well, by as much: where the target is flatter than the source, look at the pictures.
"""

from __future__ import annotations

import math

from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value
from ganbench.metrics.counterpart import l1

CLEAN, NOISY = NOISE_LEVELS = (0, 8)  # σ, of 255, of the noise on outputs before they are translated back
HIDING = 1.25  # a rise, in units of the noise, above which the input is called hidden
L1 = Quantity(
    "cycle_l1",
    "Cycle L1",
    "faithfulness",
    False,
    note="Mean absolute difference of F(G(x)) and x, pixels in [0, 1]. Alone it is no merit: copying scores 0.",
)
L1_NOISY = Quantity(
    f"cycle_l1_noise{NOISY}",
    f"Cycle L1, noise {NOISY}/255",
    "faithfulness",
    False,
    note=f"The same after Gaussian noise of σ = {NOISY}/255, hardly visible, was added to G(x).",
)
HIDDEN = Quantity(
    "cycle_hiding",
    "Hiding",
    "faithfulness",
    None,
    digits=2,
    note="Rise of Cycle L1 under noise, over that noise's mean size. "
    f"0 to 1: it comes back by what is seen; above {HIDING:g}: the input is hidden in invisible patterns.",
)


def mean_size(level: float) -> float:
    """Return the mean absolute value of Gaussian noise with σ = ``level`` / 255, range 1: σ √(2/π)."""
    return level / 255 * math.sqrt(2 / math.pi)


@METRICS.register("cycle")
class Cycle(Metric):
    """Reconstruction error ‖F(G(x)) − x‖₁ of source test images, clean and under noise, and the rise between them."""

    summary = "error of the way back to the input, clean and under noise: is the input kept, or hidden?"

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return both errors and the rise."""
        return (L1, L1_NOISY, HIDDEN)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Only what was made of an input, by a method that knows the way back, can come back."""
        if not evidence.is_translation:
            return "real images are not outputs for an input"
        return evidence.reconstructions if isinstance(evidence.reconstructions, str) else None

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the values with those of every image; the verdict is in the details of ``cycle_hiding``."""
        found, sources = evidence.reconstructions, evidence.data.images(evidence.data.source, "test")
        assert not isinstance(found, str)  # skip_reason  # noqa: S101
        clean, noisy = (l1(found[level], sources) for level in (CLEAN, NOISY))
        rise = (noisy - clean) / mean_size(NOISY)
        count, value = len(clean), float(rise.mean())
        protocol: Protocol = {"n": count, "split": "test", "size": sources.shape[-1], "version": self.version}
        noise: Protocol = {**protocol, "noise": f"gaussian, sigma {NOISY}/255, clipped"}
        details = {"hides": value > HIDING, "threshold": HIDING, "noise": mean_size(NOISY)}
        return [
            Value(L1, float(clean.mean()), count, protocol, per_image=clean),
            Value(L1_NOISY, float(noisy.mean()), count, noise, per_image=noisy),
            Value(HIDDEN, value, count, noise, per_image=rise, details=details),
        ]
