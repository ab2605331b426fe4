"""Normalisation layers by name."""

from __future__ import annotations

from typing import Literal

from torch import nn

Norm = Literal["instance", "batch", "none"]


def make_norm(name: Norm, channels: int) -> nn.Module:
    """Return the layer that normalises (N, ``channels``, H, W).

    Instance normalisation (Ulyanov 2016, without affine parameters as in CycleGAN) is a group normalisation with one
    channel per group: the same numbers, but it has a channels-last kernel where `torch.nn.InstanceNorm2d` copies.
    """
    if name == "instance":
        return nn.GroupNorm(channels, channels, affine=False)
    return nn.BatchNorm2d(channels) if name == "batch" else nn.Identity()


def needs_bias(name: Norm) -> bool:
    """Say whether a convolution before this layer carries a bias: not before batch normalisation, as in CycleGAN."""
    return name != "batch"
