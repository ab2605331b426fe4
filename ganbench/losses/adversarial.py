"""Adversarial losses: what a discriminator and a generator minimise, as functions of what the discriminator says.

A loss is one registered subclass of `AdversarialLoss`: its fields are the keys of a suite's ``adversarial_options``,
its class attributes say which discriminator it needs, and the regulariser and number of updates that belong to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal

import torch

from ganbench.options import Options
from ganbench.registry import Registry

Judgement = Literal["scores", "energy", "embedding", "pixels"]
"""What the discriminator makes of images (N, C, H, W): raw ``scores`` (N, 1, h, w) without sigmoid; the ``energy``
(N, 1, 1, 1) that is an autoencoder's mean absolute error; an ``embedding`` (N, F); or nothing learned, the ``pixels``
(N, C·H·W) themselves."""

State = Mapping[str, torch.Tensor]


class AdversarialLoss(Options, ABC):
    """A pair of losses on a discriminator's judgements of real images y and of fakes G; always in float32.

    Attributes:
        judgement: what the discriminator returns, and so which one is built.
        generator_sees: ``judgement``, or ``features``: the discriminator's middle layer (N, F, h, w).
        needs_real: True where the generator's loss looks at real images too.
        n_critic: discriminator updates per generator update, unless an option says otherwise.
        regularizer: name of the discriminator's regulariser that belongs to the loss.
        needs_regularizer: True where nothing else keeps the discriminator's loss from falling for ever.
        named_after_regularizer: where the loss is another one with a regulariser of its own: the other's name.
        scale: factor that undoes a ½ of the formula, for methods whose paper weighs the loss without it.
        source: where the formulas come from.
    """

    judgement: ClassVar[Judgement] = "scores"
    generator_sees: ClassVar[Literal["judgement", "features"]] = "judgement"
    needs_real: ClassVar[bool] = False
    n_critic: ClassVar[int] = 1
    regularizer: ClassVar[str] = "none"
    needs_regularizer: ClassVar[bool] = False
    named_after_regularizer: ClassVar[str | None] = None
    scale: ClassVar[float] = 1.0
    source: ClassVar[str] = ""

    def discriminator_loss(self, real: torch.Tensor, fake: torch.Tensor, state: State) -> torch.Tensor:
        """Return what the discriminator minimises, a scalar, from its judgements of y and of G."""
        with torch.autocast(fake.device.type, enabled=False):
            return self._discriminator(real.float(), fake.float(), state)

    def generator_loss(self, fake: torch.Tensor, real: torch.Tensor | None = None) -> torch.Tensor:
        """Return what the generator minimises, a scalar; ``real`` is given where the loss `needs_real`."""
        with torch.autocast(fake.device.type, enabled=False):
            return self._generator(fake.float(), None if real is None else real.float())

    @property
    def least_batch(self) -> int:
        """Images of each kind that a batch must have."""
        return 1

    @property
    def repels(self) -> bool:
        """Whether `repulsion` belongs to the generator's loss."""
        return False

    def repulsion(self, codes: torch.Tensor) -> torch.Tensor:
        """Return a term of the generator's loss, a scalar, from an autoencoder's codes (N, F) of fakes."""
        raise NotImplementedError(f"{type(self).__name__} does not repel")

    def initial_state(self) -> dict[str, float]:
        """Return numbers that the loss adapts during training (BEGAN's k); most adapt nothing."""
        return {}

    def advance(self, state: State, real: torch.Tensor, fake: torch.Tensor) -> State:
        """Return the state after one discriminator update, from its (detached) judgements."""
        return state

    @abstractmethod
    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor, state: State) -> torch.Tensor: ...

    @abstractmethod
    def _generator(self, fake: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor: ...


ADVERSARIAL: Registry[type[AdversarialLoss]] = Registry("adversarial loss", "ganbench.losses", "ganbench.losses")
