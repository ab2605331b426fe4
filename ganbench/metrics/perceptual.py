"""What the families have in common that measure in perceptual distances: the embedded one always, LPIPS where it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ganbench.metrics.base import Evidence, Metric, Protocol, Quantity
from ganbench.nets.perceptual import SQUEEZENET, EmbeddedDistance, Lpips, PerceptualDistance

Kind = type[PerceptualDistance]
KINDS: tuple[Kind, ...] = (EmbeddedDistance, Lpips)


class PerceptualMetric(Metric):
    """A family with one quantity per perceptual distance; the one of LPIPS is missing where its file is absent."""

    template: Quantity  # with {name} and {title} in place of the distance's

    def dependencies(self) -> tuple[str, ...]:
        """Name the backbone that LPIPS runs on here: a file that appears later makes an evaluation incomplete."""
        path = SQUEEZENET.find()
        return (f"lpips:{SQUEEZENET.digests[path.name] if path else 'absent'}",)

    def named(self, kind: Kind | PerceptualDistance) -> Quantity:
        """Return this family's quantity for a distance."""
        template = self.template
        return replace(template, name=template.name.format(kind.name), title=template.title.format(kind.title))

    def missing(self, evidence: Evidence) -> Mapping[str, str]:
        """Say which file LPIPS lacks, and the one command that brings it."""
        return {} if SQUEEZENET.find() else {self.named(Lpips).name: SQUEEZENET.absence()}


def distance_protocol(distance: PerceptualDistance) -> Protocol:
    """Return what a perceptual distance adds to a value's protocol: network, digest, resize."""
    return {"distance": distance.name, "distance_digest": distance.digest[:12], "resize": distance.resize}
