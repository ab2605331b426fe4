"""What trained methods share: the optimiser, and a learning rate that follows from the step alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from ganbench.methods.base import TrainingOptions
from ganbench.optimizers import Adam, RMSprop


def make_optimizer(parameters: Iterable[nn.Parameter], options: TrainingOptions) -> torch.optim.Optimizer:
    """Return Adam or RMSprop with the options' learning rate, decay rates and weight decay."""
    if options.optimizer == "rmsprop":
        return RMSprop(parameters, lr=options.lr, alpha=options.rmsprop_decay, weight_decay=options.weight_decay)
    betas = (options.beta1, options.beta2)
    return Adam(parameters, lr=options.lr, betas=betas, weight_decay=options.weight_decay, fused=True)


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


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Compute no weight gradients of ``networks``: they would be thrown away. Gradients still pass through."""
    for network in networks:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in networks:
            network.requires_grad_(True)


def weighted_sum(losses: dict[str, torch.Tensor], weights: dict[str, float]) -> torch.Tensor:
    """Return Σ weight · loss over the named losses; each must have a weight."""
    return torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
