"""How a profile computes: number format, memory format, compilation; the same for all its trials."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict

from ganbench.hardware import Precision
from ganbench.methods.base import Method, compile_parts, networks
from ganbench.results.record import Budget

MemoryFormat = Literal["channels_last", "contiguous"]
TORCH_FORMATS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}


class Numerics(BaseModel):
    """The three choices. What they are by default is what every machine can do, and what CPUs do fastest.

    Attributes:
        precision: ``float32``, or ``bfloat16`` autocast with float32 weights.
        memory_format: of images, activations and weights: N, H, W, C or N, C, H, W.
        compiled: whether torch.compile makes kernels of the networks, which takes its time at the first steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: Precision = "float32"
    memory_format: MemoryFormat = "channels_last"
    compiled: bool = False

    def __str__(self) -> str:
        return f"{self.precision}, {self.memory_format}{', compiled' if self.compiled else ''}"

    @property
    def torch_format(self) -> torch.memory_format:
        """The memory format as torch calls it."""
        return TORCH_FORMATS[self.memory_format]

    def autocast(self, device: torch.device) -> AbstractContextManager[Any]:
        """Return the context in which a training step runs.

        Rounded weights are not cached: the cache would outlive an update inside the context, and what it keeps from a
        pass without gradients passes none later.
        """
        fast = self.precision == "bfloat16"
        return torch.autocast(device.type, torch.bfloat16, enabled=fast, cache_enabled=False)

    def prepare(self, method: Method) -> Method:
        """Bring the networks of ``method`` into the memory format, and compile them where that is wanted."""
        for network in networks(method):
            network.to(memory_format=self.torch_format)
        if self.compiled:
            compile_parts(method)
        return method


def numerics_of(budget: Budget) -> Numerics:
    """Return how a recorded trial computed; pydantic's ``ValidationError`` where the record says what there isn't."""
    return Numerics.model_validate({name: getattr(budget, name) for name in Numerics.model_fields})
