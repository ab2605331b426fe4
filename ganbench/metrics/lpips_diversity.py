"""Diversity per input: how different are several outputs for one and the same input?

The published protocols differ in the pairs that they look at, and are quantities of their own:

``bicyclegan`` (Zhu 2017, section 5): 1,900 pairs of outputs for 100 inputs. Which 19 pairs of an input they are, the
    paper leaves open; the authors made 20 outputs per input (junyanz/BicycleGAN, issue 26), and their tool
    (richzhang/PerceptualSimilarity, ``lpips_1dir_allpairs.py``) takes the N − 1 consecutive pairs unless told
    otherwise. So here: the 19 consecutive pairs of 20 outputs.
``munit`` (Huang 2018, section 5): 100 inputs, 19 pairs each. The authors draw two new style codes for every pair
    (NVlabs/MUNIT, issue 25), 38 in all; here 19 of the 190 pairs of the 20 stored outputs are drawn, seeded, without
    replacement: the same expectation, with a little more spread.
``stargan-v2`` (Choi 2020, appendix): 10 outputs per input, all 45 pairs. Every pair counts the same here; the authors'
    code (clovaai/stargan-v2, ``metrics/eval.py``) averages batches, so that an unequal last one weighs too much.

Numbers of papers are comparable only under the network and version that they used: BicycleGAN's come out twice as high
with LPIPS v0.1 as with the earlier version of the paper (its issue 83), StarGAN v2 used AlexNet. All three protocols
estimate one expectation, and nobody published the embedded distance under any of them, so that one is given for all
pairs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from ganbench.metrics.base import METRICS, Evidence, Protocol, Quantity, Value
from ganbench.metrics.perceptual import Kind, PerceptualMetric, distance_protocol
from ganbench.nets.perceptual import SQUEEZENET, EmbeddedDistance, Lpips, PerceptualDistance
from ganbench.seeding import torch_generator

Pairs = torch.Tensor
"""Which outputs are compared, int64 (P, 2)."""


@dataclass(frozen=True)
class PairProtocol:
    """Which pairs of outputs for one input are compared.

    Attributes:
        name: in the quantity's name.
        title: how tables call it.
        inputs: how many inputs are asked for; None takes as many as there are.
        outputs: how many outputs for each are looked at.
        pairs: gives the pairs of one input from a generator of its own.
    """

    name: str
    title: str
    inputs: int | None
    outputs: int
    pairs: Callable[[torch.Generator], Pairs]

    def reason(self, inputs: int, outputs: int) -> str | None:
        """Say why so many inputs and outputs for each are too few, or None."""
        if outputs < self.outputs:
            return f"the protocol of {self.title} needs at least {self.outputs} outputs per input, got {outputs}"
        if self.inputs is not None and inputs < self.inputs:
            return f"the protocol of {self.title} needs {self.inputs} inputs, got {inputs}"
        return None


def consecutive_pairs(outputs: int) -> Pairs:
    """Return the pairs (0, 1), (1, 2), …"""
    first = torch.arange(outputs - 1)
    return torch.stack([first, first + 1], 1)


def all_pairs(outputs: int) -> Pairs:
    """Return every pair i < j."""
    return torch.combinations(torch.arange(outputs))


def drawn_pairs(outputs: int, count: int, generator: torch.Generator) -> Pairs:
    """Return ``count`` of the pairs i < j, drawn without replacement."""
    pairs = all_pairs(outputs)
    return pairs[torch.randperm(len(pairs), generator=generator)[:count]]


BICYCLEGAN = PairProtocol("bicyclegan", "BicycleGAN", 100, 20, lambda _: consecutive_pairs(20))
MUNIT = PairProtocol("munit", "MUNIT", 100, 20, lambda generator: drawn_pairs(20, 19, generator))
STARGAN_V2 = PairProtocol("stargan-v2", "StarGAN v2", None, 10, lambda _: all_pairs(10))
PROTOCOLS: Mapping[Kind, tuple[PairProtocol, ...]] = {
    EmbeddedDistance: (STARGAN_V2,),
    Lpips: (BICYCLEGAN, MUNIT, STARGAN_V2),
}


def pairwise(distance: PerceptualDistance, images: torch.Tensor) -> torch.Tensor:
    """Return the distances (K, K), float64, between all of uint8 images (K, 3, H, W), each embedded once."""
    embedded = torch.cat(list(distance.embeddings(images))).double()
    return torch.cdist(embedded, embedded, compute_mode="donot_use_mm_for_euclid_dist").square()


@METRICS.register("lpips_diversity")
class LpipsDiversity(PerceptualMetric):
    """Mean perceptual distance between the outputs for one input, averaged over inputs, by the protocols of papers.

    A deterministic method scores 0 under each, and its protocol says so.
    """

    version = 2
    summary = "perceptual distance between several outputs for one input; 0 for deterministic methods"

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return one diversity for each distance and protocol."""
        return tuple(quantity_of(kind, protocol) for kind, protocols in PROTOCOLS.items() for protocol in protocols)

    def skip_reason(self, evidence: Evidence) -> str | None:
        """Real images have no input, and too few outputs per input no diversity."""
        if not evidence.is_translation:
            return "real images are not outputs for an input"
        return _lack(evidence, STARGAN_V2)  # asks for the least, and needs no file

    def missing(self, evidence: Evidence) -> Mapping[str, str]:
        """Say which file LPIPS lacks, or which protocols ask for more outputs or inputs than there are."""
        absence = None if SQUEEZENET.find() else SQUEEZENET.absence()
        reasons = {
            quantity_of(kind, protocol).name: (absence if kind is Lpips else None) or _lack(evidence, protocol)
            for kind, protocols in PROTOCOLS.items()
            for protocol in protocols
        }
        return {name: reason for name, reason in reasons.items() if reason}

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return the diversity for every distance there is, under every protocol that the outputs suffice for."""
        values = []
        for distance in evidence.workbench.distances():
            protocols = [each for each in PROTOCOLS[type(distance)] if _lack(evidence, each) is None]
            values += [
                self._value(evidence, distance, protocol, mean)
                for protocol, mean in zip(protocols, means(evidence, distance, protocols), strict=True)
            ]
        return values

    def _value(self, evidence: Evidence, distance: PerceptualDistance, protocol: PairProtocol, mean: float) -> Value:
        inputs = _inputs(evidence, protocol)
        pairs = len(protocol.pairs(_generator(evidence, 0))) if inputs else 0
        conditions: Protocol = {
            **distance_protocol(distance),
            "deterministic": not inputs,
            "inputs": inputs,
            "outputs_per_input": protocol.outputs if inputs else 1,
            "pairs_per_input": pairs,
            "pairs": protocol.name,
            "version": self.version,
        }
        return Value(quantity_of(type(distance), protocol), mean, inputs * pairs, conditions)


def quantity_of(kind: Kind, protocol: PairProtocol) -> Quantity:
    """Return the quantity of a distance (with its version, where its authors number them) and a protocol."""
    number = f"v{kind.version}" if kind.version else ""
    return Quantity(
        "-".join(filter(None, [f"diversity_{protocol.name}_{kind.name}", number])),
        " ".join(filter(None, [f"{protocol.title} diversity, {kind.title}", number])),
        "diversity",
        None,
        note="Between outputs for one input; deterministic methods score 0. Noise is diverse too: read with quality.",
    )


def means(evidence: Evidence, distance: PerceptualDistance, protocols: Sequence[PairProtocol]) -> list[float]:
    """Return the mean distance over the pairs of each protocol; 0 for a deterministic method."""
    if evidence.samples is None or not protocols:
        return [0.0] * len(protocols)
    sums = [0.0] * len(protocols)
    most = max(protocol.outputs for protocol in protocols)
    for index, outputs in enumerate(evidence.samples[: max(_inputs(evidence, each) for each in protocols), :most]):
        table = pairwise(distance, outputs)
        for place, protocol in enumerate(protocols):
            if index < _inputs(evidence, protocol):
                first, second = protocol.pairs(_generator(evidence, index)).T
                sums[place] += float(table[first, second].mean())
    return [total / _inputs(evidence, protocol) for total, protocol in zip(sums, protocols, strict=True)]


def _generator(evidence: Evidence, index: int) -> torch.Generator:
    return torch_generator(evidence.seed, "pairs of outputs", index)


def _inputs(evidence: Evidence, protocol: PairProtocol) -> int:
    """Return how many inputs a protocol looks at; 0 where the method is deterministic."""
    there = 0 if evidence.samples is None else len(evidence.samples)
    return there if protocol.inputs is None else min(there, protocol.inputs)


def _lack(evidence: Evidence, protocol: PairProtocol) -> str | None:
    return None if evidence.samples is None else protocol.reason(*evidence.samples.shape[:2])
