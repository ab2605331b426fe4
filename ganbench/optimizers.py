"""torch's optimisers, without the seconds and the memory that torch's compiler costs whoever doesn't use it.

torch decorates what its compiler should not trace, and the decorators import the whole compiler at the first call: 2.5
seconds and 150 MiB of every process that trains. Only networks are compiled here, never an optimiser's step, so the
methods are taken as they are written.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.optim import Optimizer


def _plain(method: Any) -> Any:
    """Return a method without its decorator."""
    return getattr(method, "__wrapped__", method)


class _Plain:
    add_param_group = _plain(Optimizer.add_param_group)
    zero_grad = _plain(Optimizer.zero_grad)
    state_dict = _plain(Optimizer.state_dict)
    load_state_dict = _plain(Optimizer.load_state_dict)


class Adam(_Plain, torch.optim.Adam):
    """`torch.optim.Adam`."""

    step = torch.no_grad()(_plain(torch.optim.Adam.step))


class RMSprop(_Plain, torch.optim.RMSprop):
    """`torch.optim.RMSprop`."""

    step = torch.no_grad()(_plain(torch.optim.RMSprop.step))
