"""Building networks reproducibly: every weight is drawn from the generator that is passed, never from a global one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

NetT = TypeVar("NetT", bound=nn.Module)


def build(make: Callable[[], NetT], generator: torch.Generator, device: torch.device, std: float | None = 0.02) -> NetT:
    """Make a network on ``device``, in channels-last memory format, with weights drawn from ``generator``.

    Args:
        make: makes the network; runs on the meta device, so that torch's own initialisation draws nothing.
        generator: CPU generator.
        device: where the network is to live.
        std: standard deviation of all convolution and linear weights, the field's N(0, 0.02) (Radford 2015);
            None scales with the fan-in (He 2015), for classifiers without an adversary. Biases start at 0.

    Raises:
        TypeError: where the network holds a parameter that nothing here knows how to draw.
    """
    with torch.device("meta"):
        net = make()
    net.to_empty(device="cpu")
    for module in net.modules():
        _draw(module, generator, std)
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _draw(module: nn.Module, generator: torch.Generator, std: float | None) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        if std is None:
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
        else:
            nn.init.normal_(module.weight, 0.0, std, generator=generator)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        module.reset_running_stats()  # the meta device left them without values
        nn.init.normal_(module.weight, 1.0, 0.02, generator=generator)
        nn.init.zeros_(module.bias)
    elif next(module.parameters(recurse=False), None) is not None:
        raise TypeError(f"No initialisation is known for the parameters of {type(module).__name__}.")
