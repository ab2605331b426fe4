"""The part of a method that compares an output with the image that it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from pydantic import Field

from ganbench.losses.names import ReconstructionName
from ganbench.losses.reconstruction import RECONSTRUCTION
from ganbench.methods.adversary import AdversarialOptions, Adversary
from ganbench.methods.base import MethodOptions, Scalars, Task, TrainingOptions
from ganbench.methods.image_networks import NetworkOptions
from ganbench.methods.optimization import frozen
from ganbench.nets.frozen_features import frozen_classifier, frozen_features

Features = Callable[[torch.Tensor], Sequence[torch.Tensor]]
"""Images (N, 3, H, W) → feature maps [(N, C_l, H_l, W_l)] of the discriminator of their domain."""


class ReconstructionOptions(MethodOptions):
    """What every method that reconstructs images can choose."""

    reconstruction: ReconstructionName = Field("l1", description="loss of every term that compares with a known image")

    @property
    def judges_pairs(self) -> bool:
        """Whether a discriminator of scores judges the reconstructions."""
        return RECONSTRUCTION.get(self.reconstruction).compares == "own discriminator"

    def conflicts(self) -> Iterator[str]:
        """Yield a loss on features that the discriminator lacks, and what the bases refuse."""
        learned = RECONSTRUCTION.get(self.reconstruction).compares == "discriminator features"
        if learned and isinstance(self, AdversarialOptions) and self.judgement != "scores":
            yield (
                f"reconstruction {self.reconstruction!r} compares feature maps of a discriminator that scores patches, "
                f"and that of adversarial {self.adversarial!r} has none. Set reconstruction to 'perceptual', which "
                "takes them from a frozen network, or adversarial to a loss on scores, such as 'lsgan'"
            )
        yield from super().conflicts()


class PairJudge:
    """A discriminator that sees each reconstruction beside its original: (target, output) against (target, target).

    A patch discriminator on 6 channels with the method's own network and optimiser options, by the non-saturating
    loss, without a pool: fakes are shown once.
    """

    def __init__(self, options: NetworkOptions, task: Task, generator: torch.Generator, device: torch.device) -> None:
        self.adversary = Adversary(_options_of_pairs(options), task, generator, device, channels=6)
        self.pairs: list[tuple[torch.Tensor, torch.Tensor]] = []

    def scores(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return raw scores of (target, output), without weight gradients; keep the pair for the next update."""
        self.pairs.append((output.detach(), target))
        with frozen(self.adversary.network):
            scores: torch.Tensor = self.adversary.network(torch.cat([target, output], 1))
        return scores

    def update(self, lr: float) -> Scalars:
        """Update the discriminator once on all pairs since the last update; return its loss, detached."""
        output, target = (torch.cat(images) for images in zip(*self.pairs, strict=True))
        self.pairs.clear()
        real, fake = torch.cat([target, target], 1), torch.cat([target, output], 1)
        nothing_drawn = torch.Generator()
        return self.adversary.update(real, fake, nothing_drawn, lr, name="discriminator_reconstruction")


def _options_of_pairs(options: NetworkOptions) -> AdversarialOptions:
    shared = {**NetworkOptions.model_fields, **TrainingOptions.model_fields}
    values = {name: getattr(options, name) for name in shared}
    return AdversarialOptions.model_validate({**values, "adversarial": "nonsaturating", "pool_size": 0})


class Reconstruction:
    """A reconstruction loss, by its registered name, with the networks that it needs.

    Call it with output and target, images (N, 3, H, W) in [−1, 1], and the feature maps of the discriminator that
    judges images of this kind (used by ``feature_matching`` alone, whose caller keeps that discriminator frozen); it
    returns a float32 scalar.

    Args:
        name: of the loss.
        options: networks and optimiser of ``adversarial``'s discriminator; others ignore them.
        task: image size and length of the run.
        generator: CPU generator of that discriminator's initial weights; other losses draw nothing.
        device: where images will lie.
    """

    def __init__(
        self, name: str, options: NetworkOptions, task: Task, generator: torch.Generator, device: torch.device
    ) -> None:
        self.loss = RECONSTRUCTION.get(name)
        self.name = self.loss.name_at(task.image_size)
        own = self.loss.compares == "own discriminator"
        self.judge = PairJudge(options, task, generator, device) if own else None
        self.values: list[torch.Tensor] = []  # since the last update
        if self.loss.compares == "frozen features":
            frozen_classifier(device)  # missing weights are told before training

    def __call__(self, output: torch.Tensor, target: torch.Tensor, features: Features) -> torch.Tensor:
        """Return how far ``output`` lies from ``target``, which gets no gradient."""
        target = target.detach()
        if self.judge is not None:
            return self.loss.function(self.judge.scores(output, target))
        see = {"frozen features": frozen_features, "discriminator features": features}.get(self.loss.compares, _itself)
        with torch.no_grad():
            right = see(target)
        value = self.loss.function(see(output), right)
        if self.loss.multiscale:
            self.values.append(value.detach())
        return value

    def update(self, lr: float) -> Scalars:
        """Finish a step: update the loss's own discriminator, where it has one, on all pairs since the last update.

        Returns that discriminator's loss, or for a loss of several scales its mean over the step under the name that
        tells how many ("ms_ssim (2 scales)"); nothing for others, and nothing where nothing was compared.
        """
        if self.judge is not None:
            return self.judge.update(lr) if self.judge.pairs else {}
        values, self.values = self.values, []
        return {self.name: torch.stack(values).mean()} if values else {}

    def state_dict(self) -> dict[str, Any]:
        """Return the state of what the loss learns."""
        return {} if self.judge is None else self.judge.adversary.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        if self.judge is not None:
            self.judge.adversary.load_state_dict(state_dict)


def _itself(images: torch.Tensor) -> torch.Tensor:
    return images
