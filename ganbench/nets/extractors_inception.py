"""The extractors inception-v3 (2,048 features and logits) and inception-v3-64, -192, -768 (earlier layers).

Network: TensorFlow's inception-2015-12-05, with the resize of TensorFlow 1, both as torch-fidelity runs them. The
earlier layers are those that pytorch-fid and torchmetrics offer for small sets; their distances are no FID.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from ganbench.errors import InputError, MissingFileError
from ganbench.nets.extractors import EXTRACTORS, Extractor, Features
from ganbench.nets.weights import WeightsFile, listed

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
PARTIAL = "inception_2015_upto768.pth"

INCEPTION_LAYERS = listed(
    WeightsFile(
        name="inception-v3",
        title="The extractor inception-v3-64, -192 or -768",
        digests={
            "weights-inception-2015-12-05-6726825d.pth": SHA256,
            "pt_inception-2015-12-05-6726825d.pth": SHA256,  # the same bytes, as pytorch-fid calls them
            PARTIAL: "235aed6e8d20d3f69f18b0d0d2441a7d5862a4743bca5031d16c7fed71310bd2",
        },
        url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        size=95_628_359,
        licence="Apache-2.0 (TensorFlow models), trained on ImageNet",
        source="torch-fidelity and pytorch-fid",
        notes={PARTIAL: "layers 64, 192 and 768 only: Mixed_7* and fc are absent"},
    )
)
INCEPTION = replace(
    INCEPTION_LAYERS,
    title="The extractor inception-v3",
    digests={name: sha256 for name, sha256 in INCEPTION_LAYERS.digests.items() if sha256 == SHA256},
)
STAGES = (  # children of the network, up to each layer that torch-fidelity can return
    ("64", ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3")),
    ("192", ("Conv2d_3b_1x1", "Conv2d_4a_3x3")),
    ("768", ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e")),
    ("2048", ("Mixed_7a", "Mixed_7b", "Mixed_7c")),
    ("logits_unbiased", ("fc",)),
)


class Inception(Extractor):
    """The network up to one layer.

    Attributes:
        layers: what torch-fidelity's network is asked for.
    """

    weights: ClassVar[WeightsFile]
    layers: ClassVar[tuple[str, ...]]
    resize = "bilinear 299 as TensorFlow 1 (torch-fidelity)"

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        network = load_inception(_bring(self.weights), self.layers)
        self.network = network.to(device, memory_format=torch.channels_last)  # 1.5 × as fast on a CPU

    def extract(self, images: torch.Tensor) -> Features:
        """Return the pooled features, and the 1,008 logits without bias where the network is whole."""
        pooled, *logits = self.network(images.to(self.device))
        return Features(pooled, logits[0] if logits else None)


@EXTRACTORS.register("inception-v3")
class InceptionV3(Inception):
    """The canonical FID network: 2,048 pooled features, and the logits that the Inception Score takes."""

    name = "inception-v3"
    title = "Inception-v3"
    weights = INCEPTION
    dimensions = 2048
    canonical = True
    layers = ("2048", "logits_unbiased")


@EXTRACTORS.register("inception-v3-768")
class InceptionV3Layer768(Inception):
    """The canonical FID network up to its pre-auxiliary layer: 768 pooled features, no classes."""

    name = "inception-v3-768"
    title = "Inception-v3 768"
    weights = INCEPTION_LAYERS
    dimensions = 768
    layers = ("768",)


@EXTRACTORS.register("inception-v3-192")
class InceptionV3Layer192(Inception):
    """The canonical FID network up to its second max pooling: 192 pooled features, no classes."""

    name = "inception-v3-192"
    title = "Inception-v3 192"
    weights = INCEPTION_LAYERS
    dimensions = 192
    layers = ("192",)


@EXTRACTORS.register("inception-v3-64")
class InceptionV3Layer64(Inception):
    """The canonical FID network up to its first max pooling: 64 pooled features, no classes."""

    name = "inception-v3-64"
    title = "Inception-v3 64"
    weights = INCEPTION_LAYERS
    dimensions = 64
    layers = ("64",)


def load_inception(path: Path, layers: tuple[str, ...]) -> Any:
    """Return torch-fidelity's network, frozen, with the parts up to the last of ``layers`` and no others.

    Raises `InputError` where the file at ``path`` lacks any of them: nothing is filled with zeros or random numbers.
    """
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Network(FeatureExtractorInceptionV3):  # type: ignore[misc] # an untyped library
        def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
            kept = _parts(layers[-1])
            for name in _parts(STAGES[-1][0]) - kept:
                delattr(self, name)
            found = {key: value for key, value in state_dict.items() if key.partition(".")[0] in kept}
            _check_complete(self, found, path, layers[-1])
            return super().load_state_dict(found, strict, assign=True)

    with torch.device("meta"):  # no random initial weights: slow, and drawn from the global generator
        return Network("inception-v3", list(layers), str(path))


def _parts(last: str) -> set[str]:
    """Return the children of the network that the layer ``last`` needs."""
    names = [layer for layer, _ in STAGES]
    return {child for _, children in STAGES[: names.index(last) + 1] for child in children}


def _check_complete(network: nn.Module, found: Mapping[str, Any], path: Path, layer: str) -> None:
    needed = {key for key in network.state_dict() if not key.endswith("num_batches_tracked")}  # for training alone
    absent = sorted(needed - found.keys())
    if absent:
        raise InputError(
            f"The weights file {path} must hold all weights up to the layer {layer}. Got none for {absent[0]} and "
            f"{len(absent) - 1} others instead. Get the whole file: {INCEPTION.command}"
        )


def _bring(file: WeightsFile) -> Path:
    try:
        return file.require()
    except MissingFileError as error:
        partial = INCEPTION_LAYERS.find()
        if partial is None:
            raise
        raise MissingFileError(
            f"{error} The file {partial} is here, but it serves inception-v3-64, -192 and -768 alone "
            f"({INCEPTION_LAYERS.notes[partial.name]})."
        ) from None
