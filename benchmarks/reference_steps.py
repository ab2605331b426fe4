"""The training steps of CycleGAN and pix2pix as the field writes them: plain, and the measure for ours.

Float32, contiguous, torch's own layers and optimiser, a pass of its own for every image and every judgement: the order
of operations of the authors' code, github.com/junyanz/pytorch-CycleGAN-and-pix2pix (models/cycle_gan_model.py and
pix2pix_model.py), on the same architectures and with the same losses as ours.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Protocol

import torch
from torch import nn

from ganbench.methods.base import Batch
from ganbench.methods.cycle import CycleFamily
from ganbench.methods.image_pool import ImagePool
from ganbench.methods.pix2pix import Pix2Pix
from ganbench.nets.normalization import InstanceNorm

LR, BETAS = 2e-4, (0.5, 0.999)
CYCLE, IDENTITY, L1 = 10.0, 5.0, 100.0  # weights of the terms, as published


class Step(Protocol):
    """One update of all networks."""

    def __call__(self, batch: Batch, generator: torch.Generator) -> None:
        """Train on ``batch``; ``generator`` draws from the pool of past fakes."""


def plain(network: nn.Module) -> nn.Module:
    """Return a copy with torch's own instance normalisation, its weights contiguous."""
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, InstanceNorm):
                setattr(module, name, nn.InstanceNorm2d(1, affine=False))  # the number of channels is not looked at
    return network.to(memory_format=torch.contiguous_format)


def require_gradients(networks: Iterable[nn.Module], yes: bool) -> None:
    """Switch the weight gradients of ``networks`` on or off."""
    for network in networks:
        for parameter in network.parameters():
            parameter.requires_grad = yes


class ReferenceCycleGAN:
    """CycleGAN with identity terms, on copies of the networks of ``method``."""

    def __init__(self, method: CycleFamily) -> None:
        self.forth, self.back = (plain(way.generator) for way in method.ways)
        self.judges = [plain(way.judge.network) for way in method.ways]
        self.pools = [ImagePool(50, method.device) for _ in method.ways]
        generators = [*self.forth.parameters(), *self.back.parameters()]
        self.generators = torch.optim.Adam(generators, LR, BETAS)
        self.discriminators = torch.optim.Adam([p for judge in self.judges for p in judge.parameters()], LR, BETAS)

    def __call__(self, batch: Batch, generator: torch.Generator) -> None:
        """Update both generators, then both discriminators."""
        x, y = batch.x, batch.y
        fake_y = self.forth(x)
        again_x = self.back(fake_y)
        fake_x = self.back(y)
        again_y = self.forth(fake_x)
        require_gradients(self.judges, False)
        self.generators.zero_grad()
        same = l1(self.forth(y), y) + l1(self.back(x), x)
        fooled = squares(self.judges[0](fake_y), 1.0) + squares(self.judges[1](fake_x), 1.0)
        (fooled + CYCLE * (l1(again_x, x) + l1(again_y, y)) + IDENTITY * same).backward()
        self.generators.step()
        require_gradients(self.judges, True)
        self.discriminators.zero_grad()
        for judge, pool, real, fake in zip(self.judges, self.pools, (y, x), (fake_y, fake_x), strict=True):
            old = pool.exchange(fake.detach(), generator)
            (0.5 * (squares(judge(real), 1.0) + squares(judge(old), 0.0))).backward()
        self.discriminators.step()


class ReferencePix2Pix:
    """pix2pix with its conditional discriminator, on copies of the networks of ``method``."""

    def __init__(self, method: Pix2Pix) -> None:
        if method.adversary is None:
            raise ValueError("The reference has a discriminator, and this method has none.")
        self.generator, self.judge = plain(method.generator), plain(method.adversary.network)
        self.generators = torch.optim.Adam(self.generator.parameters(), LR, BETAS)
        self.discriminators = torch.optim.Adam(self.judge.parameters(), LR, BETAS)

    def __call__(self, batch: Batch, generator: torch.Generator) -> None:
        """Update the discriminator, then the generator."""
        x, y = batch.x, batch.y
        fake = self.generator(x)
        require_gradients([self.judge], True)
        self.discriminators.zero_grad()
        said_fake = self.judge(torch.cat([x, fake.detach()], 1))
        said_real = self.judge(torch.cat([x, y], 1))
        (0.5 * (entropy(said_fake, 0.0) + entropy(said_real, 1.0))).backward()
        self.discriminators.step()
        require_gradients([self.judge], False)
        self.generators.zero_grad()
        (entropy(self.judge(torch.cat([x, fake], 1)), 1.0) + L1 * l1(fake, y)).backward()
        self.generators.step()


def l1(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute difference."""
    return nn.functional.l1_loss(one, other)


def squares(scores: torch.Tensor, label: float) -> torch.Tensor:
    """Return the mean squared distance of ``scores`` from ``label``."""
    return nn.functional.mse_loss(scores, torch.full_like(scores, label))


def entropy(scores: torch.Tensor, label: float) -> torch.Tensor:
    """Return the binary cross-entropy of ``scores`` (logits) and ``label``."""
    return nn.functional.binary_cross_entropy_with_logits(scores, torch.full_like(scores, label))
