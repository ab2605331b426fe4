"""Building networks reproducibly: every weight is drawn from the generator that is passed, never from a global one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import nn

from ganbench.nets.normalization import AffineInstanceNorm

NetT = TypeVar("NetT", bound=nn.Module)
InitKind = Literal["normal", "xavier", "kaiming", "orthogonal"]


@dataclass(frozen=True)
class Init:
    """How the weights of convolutions and linear layers are drawn; biases start at 0.

    Attributes:
        kind: ``normal``, N(0, gain²), the field's with gain 0.02 (Radford 2015); ``xavier`` (Glorot 2010, normal);
            ``kaiming`` (He 2015, normal, fan-in; for classifiers without an adversary); ``orthogonal`` (Saxe 2013).
        gain: standard deviation of ``normal``, factor of the others; None: 0.02 and 1.
    """

    kind: InitKind = "normal"
    gain: float | None = None


FIELD_INIT = Init()
CLASSIFIER_INIT = Init("kaiming")


def build(make: Callable[[], NetT], generator: torch.Generator, device: torch.device, init: Init = FIELD_INIT) -> NetT:
    """Make a network on ``device``, in channels-last memory format, with weights drawn from ``generator``.

    Args:
        make: makes the network; runs on the meta device, so that torch's own initialisation draws nothing.
        generator: CPU generator.
        device: where the network is to live.
        init: how weights are drawn.

    Raises:
        TypeError: where the network holds a parameter that nothing here knows how to draw.
    """
    with torch.device("meta"):
        net = make()
    empty = {name: torch.empty(value.shape, dtype=value.dtype) for name, value in net.state_dict().items()}
    net.load_state_dict(empty, assign=True)  # Module.to_empty would import sympy first: a second in every process
    for module in net.modules():
        _draw(module, generator, init)
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _draw_weight(weight: torch.Tensor, generator: torch.Generator, init: Init) -> None:
    if init.kind == "normal":
        nn.init.normal_(weight, 0.0, 0.02 if init.gain is None else init.gain, generator=generator)
        return
    gain = 1.0 if init.gain is None else init.gain
    if init.kind == "xavier":
        nn.init.xavier_normal_(weight, gain, generator=generator)
    elif init.kind == "kaiming":
        nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
        with torch.no_grad():
            weight.mul_(gain)
    else:
        nn.init.orthogonal_(weight, gain, generator=generator)


def _draw(module: nn.Module, generator: torch.Generator, init: Init) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        _draw_weight(module.weight, generator, init)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        module.reset_running_stats()  # the meta device left them without values
        nn.init.normal_(module.weight, 1.0, 0.02, generator=generator)
        nn.init.zeros_(module.bias)
    elif isinstance(module, AffineInstanceNorm):
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)
    elif next(module.parameters(recurse=False), None) is not None:
        raise TypeError(f"No initialisation is known for the parameters of {type(module).__name__}.")
