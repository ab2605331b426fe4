"""What trained methods share: Adam, and a learning rate that follows from the step alone."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ganbench.methods.base import TrainingOptions


def make_adam(parameters: Iterable[torch.nn.Parameter], options: TrainingOptions) -> torch.optim.Adam:
    """Return Adam with the options' learning rate and decay rates."""
    return torch.optim.Adam(parameters, lr=options.lr, betas=(options.beta1, options.beta2), fused=True)


def learning_rate(options: TrainingOptions, step: int, steps: int) -> float:
    """Return the rate at ``step`` of ``steps``: constant, from ``decay_from`` linear to 0 (Zhu 2017, section 7.1).

    Nothing is remembered, so resuming at any step is exact. The last step still has a rate above 0.
    """
    start = options.decay_from * steps
    if step < start:
        return options.lr
    return options.lr * (steps - step) / (steps - start)


def set_learning_rate(lr: float, *optimizers: torch.optim.Optimizer) -> None:
    """Give ``lr`` to all parameters of the optimisers."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = lr


def descend(loss: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    """Take one step of the optimiser down the gradient of a scalar loss."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
