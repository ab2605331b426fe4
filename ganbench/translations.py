"""The stored translations of one trial: what it is judged by, so that a metric can be added without training again."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from ganbench.archives import read_arrays
from ganbench.checkpoint import CHECKPOINT_FILE
from ganbench.data.base import TranslationData
from ganbench.data.batches import to_uint8
from ganbench.errors import InputError
from ganbench.hardware import pick_device
from ganbench.methods.base import METHODS, Method
from ganbench.metrics.base import NO_WAY_BACK
from ganbench.metrics.cycle import NOISE_LEVELS
from ganbench.results.files import write_atomic
from ganbench.seeding import torch_generator
from ganbench.spec import TrialSpec
from ganbench.training import TRANSLATE_BATCH, translate_all
from ganbench.translate import load_method

TRANSLATIONS_FILE = "translations.npz"
DIVERSITY_INPUTS = 100  # inputs that a stochastic method translates several times
DIVERSITY_SAMPLES = 20  # times each (BicycleGAN: 19 consecutive pairs; StarGAN v2 looks at the first 10)
BACK = "back_under_noise_"  # followed by the noise level
REMEDY = "Run with --force."
LACKING = (
    "the translations were stored before ganbench translated them back too, and there is no checkpoint that could do "
    "it now. Train again: ganbench run … --force"
)


def load_translations(directory: Path) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return a trial's stored outputs (N, 3, H, W) and, where it has them, samples (M, K, 3, H, W), as uint8."""
    stored = _read(directory, ("outputs", "samples"))
    if "outputs" not in stored:
        raise InputError(f"{directory / TRANSLATIONS_FILE}: holds no outputs. {REMEDY}")
    return stored["outputs"], stored.get("samples")


def load_reconstructions(spec: TrialSpec) -> Mapping[int, torch.Tensor] | str:
    """Return noise level → what came back of a trial's outputs, uint8 (N, 3, H, W); or why there is nothing."""
    if not _has_way_back(spec):
        return NO_WAY_BACK
    stored = _read(spec.directory, (BACK,))
    return {level: stored[f"{BACK}{level}"] for level in NOISE_LEVELS if f"{BACK}{level}" in stored} or LACKING


def store_translations(directory: Path, images: Mapping[str, torch.Tensor]) -> None:
    """Write ``outputs`` and, where there are any, ``samples`` and reconstructions; uint8, as they are loaded."""
    buffer = io.BytesIO()
    arrays = {name: tensor.numpy() for name, tensor in images.items()}
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the keywords for allow_pickle
    write_atomic(directory / TRANSLATIONS_FILE, buffer.getvalue())


def translate_test_images(method: Method, data: TranslationData, spec: TrialSpec) -> None:
    """Translate the test images, forth and where it can be back, and store the pictures."""
    inputs = data.images(data.source, "test")
    if spec.reference:
        images = {"outputs": data.images(data.target, "test")}
    else:
        outputs = translate_all(method, inputs, spec.seed, "test")
        images = {"outputs": to_uint8(outputs), **_named(reconstruct(method, outputs, spec.seed))}
    if spec.stochastic:
        few = inputs[:DIVERSITY_INPUTS]
        runs = [translate_all(method, few, spec.seed, f"sample {k}") for k in range(DIVERSITY_SAMPLES)]
        images["samples"] = to_uint8(torch.stack(runs, dim=1))
    store_translations(spec.directory, images)


def add_reconstructions(data: TranslationData, spec: TrialSpec) -> None:
    """Translate back, with a trial's checkpoint, what an earlier version of ganbench translated forth alone.

    Nothing is done where they are stored already, or where no checkpoint fits: `load_reconstructions` says so.
    """
    checkpoint = spec.directory / CHECKPOINT_FILE
    if load_reconstructions(spec) != LACKING or not checkpoint.exists():
        return
    try:
        method = load_method(checkpoint, pick_device(spec.gpus))
    except InputError:  # of an earlier version; the trial's other values stand all the same
        return
    outputs = translate_all(method, data.images(data.source, "test"), spec.seed, "test")
    kept = _read(spec.directory)
    store_translations(spec.directory, kept | _named(reconstruct(method, outputs, spec.seed)))


def reconstruct(method: Method, outputs: torch.Tensor, seed: int) -> dict[int, torch.Tensor]:
    """Translate a method's float outputs (N, 3, H, W) back, as they are and under noise.

    Returns noise level → uint8 images, as `Evidence` describes them; nothing where the method has no way back.
    """
    if not method.way_back:
        return {}
    noise = torch.randn(outputs.shape, generator=torch_generator(seed, "noise on outputs"))
    noisy = {level: (outputs + level / 127.5 * noise).clamp(-1, 1) for level in NOISE_LEVELS}
    return {level: _translate_back(method, images, seed) for level, images in noisy.items()}


def _read(directory: Path, beginnings: tuple[str, ...] = ("",)) -> dict[str, torch.Tensor]:
    arrays = read_arrays(directory / TRANSLATIONS_FILE, "the stored translations", REMEDY, beginnings)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _has_way_back(spec: TrialSpec) -> bool:
    return spec.method in METHODS.names() and METHODS.get(spec.method).way_back


def _named(reconstructions: Mapping[int, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{BACK}{level}": images for level, images in reconstructions.items()}


def _translate_back(method: Method, images: torch.Tensor, seed: int) -> torch.Tensor:
    generator = torch_generator(seed, "translate back")
    with torch.inference_mode():
        batches = images.split(TRANSLATE_BATCH)
        back = [method.translate_back(batch.to(method.device), generator).cpu() for batch in batches]
    return to_uint8(torch.cat(back))
