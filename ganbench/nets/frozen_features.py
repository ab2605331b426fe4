"""Feature maps of a frozen classifier, differentiable with respect to the images: what perceptual losses compare."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch

from ganbench.nets.efficientnet import load_efficientnet_lite0, stages

N_LAYERS = 4
SCALE = 10.0  # root mean square of the maps of EfficientNet-Lite0, 7.5 to 11.8 over the layers on 32 to 64 px faces


@lru_cache(maxsize=4)
def frozen_classifier(device: torch.device) -> Any:
    """Return EfficientNet-Lite0 on ``device``: built once per process, in no checkpoint.

    Raises:
        MissingFileError: the package that carries its weights is not installed.
    """
    with torch.inference_mode(False):  # tensors that are born in inference mode can never be part of a graph
        return load_efficientnet_lite0(device)


def frozen_features(images: torch.Tensor, layers: int = N_LAYERS) -> list[torch.Tensor]:
    """Return the maps (N, C_l, H_l, W_l) of the first ``layers`` at 1/2, 1/4, 1/8 and 1/16 of the images' size.

    They are float32 with 16, 24, 40 and 112 channels, of a magnitude around 1 (divided by `SCALE`). Images are seen
    in their own size, not the 224 px of ImageNet: middle layers do not depend on it.

    Args:
        images: (N, 3, H, W) in [−1, 1].
        layers: 1 to 4; less is faster.
    """
    pixels = (images.float() + 1) * 127.5
    prepared = ((pixels - 127) / 128).contiguous(memory_format=torch.channels_last)
    return [each.float() / SCALE for each in stages(frozen_classifier(images.device), prepared, layers)]
