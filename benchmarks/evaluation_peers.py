"""Evaluation as torch-fidelity and clean-fid do it, by functions that anybody may call; a program for `evaluation`.

python -m benchmarks.evaluation_peers torch-fidelity efficientnet-lite0 GENERATED REAL  # prints JSON
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from ganbench.nets import efficientnet

CPU = torch.device("cpu")
SIZE = 224  # pixels that EfficientNet-Lite0 sees
LAYER = "64"  # of Inception
Network = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


class Peer(StrEnum):
    """Whose code evaluates."""

    TORCH_FIDELITY = "torch-fidelity"
    CLEAN_FID = "clean-fid"


class Extractor(StrEnum):
    """Which network makes the features, and who prepared it."""

    LITE0 = "efficientnet-lite0"  # as its package makes it
    OURS = "efficientnet-lite0-ours"  # ganbench's own, folded and laid out, handed over
    INCEPTION = "inception-v3-64"  # torch-fidelity's own class


def main(
    peer: Annotated[Peer, typer.Argument()],
    extractor: Annotated[Extractor, typer.Argument()],
    generated: Annotated[Path, typer.Argument()],
    real: Annotated[Path, typer.Argument()],
    subset: Annotated[int, typer.Option(help="Of KID.")] = 1000,
    weights: Annotated[Path | None, typer.Option(help="Of Inception, all keys.")] = None,
) -> None:
    """Evaluate the pictures of one folder against those of another and print all values."""
    if peer is Peer.CLEAN_FID:
        found = by_clean_fid(generated, real, subset)
    else:
        found = by_torch_fidelity(extractor, generated, real, subset, weights)
    typer.echo(json.dumps(found))


def by_torch_fidelity(
    extractor: Extractor, generated: Path, real: Path, subset: int, weights: Path | None
) -> dict[str, float]:
    """Return FID, KID, precision and recall, and IS where the network has classes, all by one call."""
    import torch_fidelity

    asked: dict[str, Any] = {"fid": True, "kid": True, "prc": True, "kid_subset_size": subset}
    if extractor is Extractor.INCEPTION:
        layers = {f"feature_layer_{metric}": LAYER for metric in ("fid", "kid", "prc")}
        asked |= {"feature_extractor": "inception-v3-compat", "feature_extractor_weights_path": str(weights), **layers}
    else:
        torch_fidelity.register_feature_extractor(extractor.value, _registered(network_of(extractor)))
        asked |= {"feature_extractor": extractor.value, "isc": True}
    inputs = {"input1": str(generated), "input2": str(real)}
    found: dict[str, float] = torch_fidelity.calculate_metrics(
        **inputs, cuda=False, cache=False, verbose=False, **asked
    )
    return found


def by_clean_fid(generated: Path, real: Path, subset: int) -> dict[str, float]:
    """Return FID and KID from one pass over each folder, by the functions that clean-fid's commands are made of.

    Its commands pass the pictures through the network once for each of the two; it has no IS, precision or recall.
    """
    from cleanfid import fid, resize

    network = network_of(Extractor.LITE0)
    how: dict[str, Any] = {
        "num_workers": torch.get_num_threads(),
        "batch_size": 32,
        "device": CPU,
        "verbose": False,
        "custom_fn_resize": resize.make_resizer("PIL", False, "bicubic", (SIZE, SIZE)),
    }

    def pooled(batch: torch.Tensor) -> torch.Tensor:
        return network((batch - 127) / 128)[0]

    made, reference = (fid.get_folder_features(str(folder), pooled, **how) for folder in (generated, real))
    return {
        "frechet_inception_distance": float(fid.fid_from_feats(made, reference)),
        "kernel_inception_distance_mean": fid.kernel_distance(made, reference, 100, subset),
    }


def network_of(extractor: Extractor) -> Network:
    """Return what makes pooled features and logits of prepared pictures."""
    if extractor is Extractor.OURS:
        ours = efficientnet.turned(efficientnet.load_efficientnet_lite0(CPU))
        return lambda prepared: efficientnet.pooled_and_logits(ours, prepared)
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(efficientnet.weights_path(), map_location="cpu", weights_only=True))
    network.eval().requires_grad_(False)

    def plain(prepared: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        pooled = network.extract_features(prepared.contiguous()).mean((2, 3))
        return pooled, network._fc(pooled)

    return plain


def _registered(network: Network) -> Any:
    """Return the network as a class that torch-fidelity's registry takes."""
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase

    class Registered(FeatureExtractorBase):
        def __init__(self, name: str, features_list: list[str], **options: object) -> None:
            super().__init__(name, features_list)

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
            pooled, logits = network(efficientnet.prepare_images(images, SIZE, CPU))
            answers = {"pooled": pooled, "logits": logits}
            return tuple(answers[name] for name in self.features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return "pooled", "logits"

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "logits" if metric == "isc" else "pooled"

    return Registered


if __name__ == "__main__":
    typer.run(main)
