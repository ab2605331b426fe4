"""The half of a GAN that judges: a discriminator with its loss, regulariser, optimiser and pool of past fakes.

Every method with a two-class discriminator holds one `Adversary` per domain that it draws images of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import torch
from pydantic import Field, ValidationError
from torch import nn

from ganbench.losses.adversarial import ADVERSARIAL, AdversarialLoss, Judgement
from ganbench.losses.names import AdversarialName, RegularizerName
from ganbench.losses.regularizers import REGULARIZERS, Regularizer
from ganbench.losses.rules import Choice, refused
from ganbench.methods.base import Scalars, Task, TrainingOptions, load_parts, state_of_parts
from ganbench.methods.image_networks import NetworkOptions, make_judge, run_all
from ganbench.methods.image_pool import ImagePool
from ganbench.methods.optimization import descend, make_optimizer, set_learning_rate
from ganbench.options import Options, explain

OptionsT = TypeVar("OptionsT", bound=Options)


class AdversarialOptions(NetworkOptions, TrainingOptions):
    """What every method with a two-class discriminator needs: loss, regulariser, networks, schedule."""

    adversarial: AdversarialName = Field("lsgan", description="adversarial loss")
    adversarial_options: dict[str, Any] = Field(
        default_factory=dict, description="parameters of the adversarial loss, as in {a: -1.0, b: 1.0, c: 0.0}"
    )
    regularizer: RegularizerName | None = Field(
        None, description="regulariser of the discriminator; none given: the loss's own"
    )
    regularizer_options: dict[str, Any] = Field(
        default_factory=dict, description="parameters of the regulariser, as in {weight: 10.0}"
    )
    n_critic: int | None = Field(
        None, ge=1, le=100, description="discriminator updates per generator update; none given: the loss's own"
    )
    pool_size: int = Field(50, ge=0, le=10_000, description="past fakes that are kept for the discriminator")

    def conflicts(self) -> Iterator[str]:
        """Yield wrong parameters of loss and regulariser, then what the table of rules, and the bases, refuse."""
        for make in (self.make_loss, self.make_regularizer):
            try:
                make()
            except ValueError as error:
                yield str(error)
        yield from refused(self.choice)
        yield from super().conflicts()

    def refusals(self, image_size: int, batch_size: int) -> Iterator[str]:
        """Yield what the loss has against ``batch_size``, and what the bases have."""
        least = self.make_loss().least_batch
        if batch_size < least:
            yield (
                f"batch_size: adversarial {self.adversarial!r} compares images of one kind with each other, so a batch "
                f"must have at least {least}. Got {batch_size}: take {least}"
            )
        yield from super().refusals(image_size, batch_size)

    def ignored(self) -> Iterator[tuple[str, str]]:
        """Yield the pool where nobody is shown past fakes, and what the bases have."""
        if self.judgement == "pixels":
            yield "pool_size", "there is no discriminator"
        yield from super().ignored()

    @property
    def regularizer_name(self) -> str:
        """The regulariser: the option's, else the loss's own."""
        return self.regularizer or ADVERSARIAL.get(self.adversarial).regularizer

    @property
    def critic_updates(self) -> int:
        """Discriminator updates per generator update: the option's, else the loss's own."""
        return self.n_critic or ADVERSARIAL.get(self.adversarial).n_critic

    @property
    def judgement(self) -> Judgement:
        """What the discriminator makes of images: what the loss needs."""
        return ADVERSARIAL.get(self.adversarial).judgement

    @property
    def choice(self) -> Choice:
        """What the table of rules looks at."""
        return Choice(
            adversarial=self.adversarial,
            loss=ADVERSARIAL.get(self.adversarial),
            regularizer_name=self.regularizer_name,
            regularizer=REGULARIZERS.get(self.regularizer_name),
            discriminator_norm=self.norm_of_discriminator,
            n_critic=self.critic_updates,
        )

    def make_loss(self) -> AdversarialLoss:
        """Return the adversarial loss with its parameters; ``ValueError`` where one of them is wrong."""
        return _made(ADVERSARIAL.get(self.adversarial), self.adversarial_options, "adversarial_options")

    def make_regularizer(self) -> Regularizer:
        """Return the regulariser with its parameters; ``ValueError`` where one of them is wrong."""
        return _made(REGULARIZERS.get(self.regularizer_name), self.regularizer_options, "regularizer_options")


class Adversary:
    """A discriminator that learns to tell real images from generated ones, and teaches a generator.

    Args:
        options: losses, networks and optimiser.
        task: image size and length of the run.
        generator: CPU generator of the initial weights.
        device: where the discriminator lives.
        channels: of the images; 6 where a condition is laid beside each image.
        weight: of the discriminator's loss; ½ slows it down (Zhu 2017, section 7.1).
        network: the discriminator, where the method has one of its own; None: the one that the loss needs is built.
    """

    def __init__(
        self,
        options: AdversarialOptions,
        task: Task,
        generator: torch.Generator,
        device: torch.device,
        channels: int = 3,
        weight: float = 1.0,
        network: nn.Module | None = None,
    ) -> None:
        self.loss, self.regularizer = options.make_loss(), options.make_regularizer()
        self.norm = options.norm_of_discriminator
        self.weight = weight
        if network is None:
            network = make_judge(options, task, generator, device, self.loss.judgement, channels)
        self.network = network
        self.regularizer.prepare(self.network, generator)
        self.learns = any(True for _ in self.network.parameters())
        self.optimizer = make_optimizer(self.network.parameters(), options) if self.learns else None
        self.pool = ImagePool(options.pool_size, device)
        self.adapted = {name: torch.tensor(value) for name, value in self.loss.initial_state().items()}

    def generator_loss(self, fake: torch.Tensor, real: torch.Tensor | None = None) -> torch.Tensor:
        """Return the generator's loss, in the paper's scale, on fakes and, where the loss needs them, real images.

        Call it inside ``frozen(self.network)``: the weight gradients of the discriminator would be thrown away.
        """
        if self.loss.repels:
            energies, codes = self.network.judge(fake)  # type: ignore[operator]
            return self.loss.scale * (self.loss.generator_loss(energies) + self.loss.repulsion(codes))
        see = self.middle if self.loss.generator_sees == "features" else self.network
        if not self.loss.needs_real:
            return self.loss.scale * self.loss.generator_loss(see(fake))
        if real is None:
            raise ValueError(f"{type(self.loss).__name__} needs real images for the generator's loss.")
        with torch.no_grad():
            seen = see(real)
        return self.loss.scale * self.loss.generator_loss(see(fake), seen)

    def update(
        self,
        real: torch.Tensor,
        fake: torch.Tensor,
        generator: torch.Generator,
        lr: float,
        further: torch.Tensor | None = None,
        name: str = "discriminator",
    ) -> Scalars:
        """Update the discriminator on real images and on fakes from the pool; return its loss, detached.

        What the loss adapts is returned beside it: BEGAN's k and convergence, as they are after the update, under
        ``name`` with "_k" and "_convergence".

        Args:
            real: images (N, channels, H, W) in [−1, 1].
            fake: as many generated ones; no gradient flows into them.
            generator: CPU generator of this step, for the pool and for penalties.
            lr: learning rate of this step.
            further: a term of the discriminator beside the adversarial one (the classification of domains).
            name: of the loss, in what is returned.
        """
        if self.optimizer is None:
            return {name: torch.zeros((), device=real.device)}
        fake = self.pool.exchange(fake, generator)
        said_real, said_fake = run_all(self.network, [real, fake], self.norm)
        loss = self.loss.scale * self.loss.discriminator_loss(said_real, said_fake, self.adapted)
        penalty = self.regularizer.penalty(self.network, real, fake, generator)
        set_learning_rate(lr, self.optimizer)
        descend(self.weight * sum((term for term in (penalty, further) if term is not None), loss), self.optimizer)
        self.regularizer.after_update(self.network)
        self.adapted = dict(self.loss.advance(self.adapted, said_real.detach().float(), said_fake.detach().float()))
        return {name: loss.detach()} | {f"{name}_{what}": value for what, value in self.adapted.items()}

    def compile(self) -> None:
        """Have torch.compile make kernels of the discriminator, unless a penalty needs its gradients' gradients."""
        if not self.regularizer.per_image:  # "torch.compile with aot_autograd does not support double backward"
            self.network.compile(dynamic=False)

    def features(self, images: torch.Tensor) -> Sequence[torch.Tensor]:
        """Return the discriminator's feature maps [(N, C_l, H_l, W_l)], one of each layer but the last."""
        features: Sequence[torch.Tensor] = self.network.features(images)  # type: ignore[operator]
        return features

    def middle(self, images: torch.Tensor) -> torch.Tensor:
        """Return the feature map of the discriminator's middle layer, (N, F, h, w)."""
        maps = self.features(images)
        return maps[len(maps) // 2]

    def state_dict(self) -> dict[str, Any]:
        """Return the state of network, optimiser and pool, and what the loss has adapted."""
        return state_of_parts(self) | {"adapted": self.adapted}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        parts = dict(state_dict)
        self.adapted = dict(parts.pop("adapted"))
        load_parts(self, parts)


def _made(cls: type[OptionsT], values: Mapping[str, Any], key: str) -> OptionsT:
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        raise ValueError("; ".join(explain(error, cls, key))) from None
