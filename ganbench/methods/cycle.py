"""The cycle family: translation both ways, one class over the same terms; presets differ in their weights.

Zhu 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks"; numbers that the paper
leaves open are those of the authors' code, github.com/junyanz/pytorch-CycleGAN-and-pix2pix. The presets are in
`cycle_presets`, `discogan` and `dualgan`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from pydantic import Field

from ganbench.methods.adversary import AdversarialOptions, Adversary
from ganbench.methods.alternating import Alternating, AlternatingOptions, Fakes, ReconstructingOptions
from ganbench.methods.base import Batch, Scalars, Task, load_parts, state_of_parts
from ganbench.methods.image_networks import TranslatorOptions, make_generator, run_all, run_frozen
from ganbench.methods.optimization import descend, frozen, make_optimizer, set_learning_rate, weighted_sum
from ganbench.methods.reconstruction import Reconstruction, ReconstructionOptions


class CycleOptions(ReconstructingOptions):
    """What every preset with discriminators and a way back needs."""

    lambda_cycle: float = Field(10.0, ge=0, description="weight of each direction's reconstruction after one cycle")


@dataclass(frozen=True)
class Terms:
    """Weights of the generators' terms. What would weigh nothing is neither computed nor built.

    Attributes:
        adversarial_forward: what the target's discriminator says of G(x).
        adversarial_backward: what the source's discriminator says of F(y).
        features_forward: feature matching of G(x) and y in the target's discriminator (DiscoGAN).
        features_backward: feature matching of F(y) and x in the source's discriminator.
        forward_cycle: F(G(x)) against x.
        backward_cycle: G(F(y)) against y.
        second_cycle: F(G(F(G(x)))) against x, and the same for y, summed.
        identity: G(y) against y and F(x) against x, summed.
    """

    adversarial_forward: float = 0.0
    adversarial_backward: float = 0.0
    features_forward: float = 0.0
    features_backward: float = 0.0
    forward_cycle: float = 0.0
    backward_cycle: float = 0.0
    second_cycle: float = 0.0
    identity: float = 0.0

    @property
    def way_back(self) -> bool:
        """Whether anything is translated from target to source."""
        return max(self.adversarial_backward, self.forward_cycle, self.backward_cycle, self.second_cycle) > 0


class Direction:
    """One way of translation: a generator into a domain, and the adversary that judges images of that domain.

    Attributes:
        generator: images (N, 3, H, W) in [−1, 1] to the same.
        adversary: None where nothing is judged.
    """

    def __init__(
        self,
        options: TranslatorOptions,
        task: Task,
        generator: torch.Generator,
        device: torch.device,
        discriminator_weight: float,
    ) -> None:
        self.generator = make_generator(options, task, generator, device)
        self.adversary: Adversary | None = None
        if isinstance(options, AdversarialOptions):
            self.adversary = Adversary(options, task, generator, device, weight=discriminator_weight)

    @property
    def judge(self) -> Adversary:
        """The adversary, for terms that have one; ``ValueError`` where nothing is judged."""
        if self.adversary is None:
            raise ValueError("This method has no discriminator: its options must refuse terms that need one.")
        return self.adversary

    def state_dict(self) -> dict[str, Any]:
        """Return the state of generator and adversary."""
        return state_of_parts(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        load_parts(self, state_dict)


class CycleFamily(Alternating):
    """Two directions and the terms between them; a preset gives the `Terms`, and option defaults.

    Attributes:
        discriminator_weight: of each discriminator's loss; ½, so that it learns slower than its generator (Zhu 2017,
            section 7.1).
    """

    Options: ClassVar[type[Any]] = AlternatingOptions
    way_back = True
    discriminator_weight: ClassVar[float] = 0.5

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        self.terms = self.weigh(0.0)
        self.forth = Direction(options, task, generator, device, self.discriminator_weight)
        self.back = None
        if self.terms.way_back:
            self.back = Direction(options, task, generator, device, self.discriminator_weight)
        self.ways = [way for way in (self.forth, self.back) if way is not None]
        name = options.reconstruction if isinstance(options, ReconstructionOptions) else "none"
        self.reconstruction = Reconstruction(name, options, task, generator, device)
        self.optimizer = make_optimizer([p for way in self.ways for p in way.generator.parameters()], options)

    @abstractmethod
    def weigh(self, progress: float) -> Terms:
        """Return the weights of the terms when ``progress``, a fraction, of the run is done.

        Which terms are zero must not depend on it.
        """

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate source images; deterministic."""
        return run_frozen(self.forth.generator, source.to(self.device))

    def translate_back(self, target: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate target images; deterministic."""
        if self.back is None:
            return super().translate_back(target, generator)
        return run_frozen(self.back.generator, target.to(self.device))

    def _fakes(self, batch: Batch, generator: torch.Generator) -> Fakes:
        forward = {"forward": self.forth.generator(batch.x)}
        return forward if self.back is None else forward | {"backward": self.back.generator(batch.y)}

    def _update_generators(
        self,
        batch: Batch,
        step: int,
        lr: float,
        generator: torch.Generator,
    ) -> tuple[Scalars, Fakes]:
        networks = [way.adversary.network for way in self.ways if way.adversary is not None]
        with frozen(*networks):
            losses, fakes = self._generator_losses(batch.x, batch.y)
            total = weighted_sum(losses, asdict(self.weigh(step / self.task.steps)))
            set_learning_rate(lr, self.optimizer)
            descend(total, self.optimizer)
        told = {name: loss.detach() for name, loss in losses.items()} | {"generator": total.detach()}
        return told | self.reconstruction.update(lr), fakes

    def _generator_losses(self, x: torch.Tensor, y: torch.Tensor) -> tuple[Scalars, Fakes]:
        fake_y, same_y = self._pass(self.forth, x, y)
        losses, fakes = self._judged(self.forth, "forward", fake_y, y), {"forward": fake_y}
        kept = [self._compare(self.forth, image, y) for image in same_y]
        if self.back is not None:
            fake_x, same_x = self._pass(self.back, y, x)
            losses |= self._judged(self.back, "backward", fake_x, x)
            losses |= self._cycles(self.back, (x, y), (fake_y, fake_x))
            kept += [self._compare(self.back, image, x) for image in same_x]
            fakes["backward"] = fake_x
        return losses | ({"identity": torch.stack(kept).sum()} if kept else {}), fakes

    def _pass(
        self, way: Direction, images: torch.Tensor, arrived: torch.Tensor
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Translate ``images`` and, for the identity term, ``arrived``: images that are in the way's domain already."""
        fake, *same = run_all(way.generator, [images, arrived] if self.terms.identity else [images], self.options.norm)
        return fake, same

    def _judged(self, way: Direction, name: str, fake: torch.Tensor, real: torch.Tensor) -> Scalars:
        """Return the terms by which the discriminator of the way ``name`` teaches its generator."""
        losses = Scalars()
        if getattr(self.terms, f"adversarial_{name}"):
            losses[f"adversarial_{name}"] = way.judge.generator_loss(fake, real)
        if getattr(self.terms, f"features_{name}"):
            with torch.no_grad():
                seen = way.judge.features(real)
            losses[f"features_{name}"] = mean_feature_distance(seen, way.judge.features(fake))
        return losses

    def _cycles(
        self, back: Direction, real: tuple[torch.Tensor, torch.Tensor], fake: tuple[torch.Tensor, torch.Tensor]
    ) -> Scalars:
        (x, y), (fake_y, fake_x) = real, fake
        losses, second = Scalars(), list[torch.Tensor]()
        if self.terms.forward_cycle:
            losses["forward_cycle"], *again = self._round_trip(self.forth, back, fake_y, x)
            second += again
        if self.terms.backward_cycle:
            losses["backward_cycle"], *again = self._round_trip(back, self.forth, fake_x, y)
            second += again
        return losses | ({"second_cycle": torch.stack(second).sum()} if second else {})

    def _round_trip(
        self, out: Direction, home: Direction, fake: torch.Tensor, real: torch.Tensor
    ) -> list[torch.Tensor]:
        """Compare ``real`` with what comes home of its ``fake`` and, where it weighs, of a second trip."""
        arrived = home.generator(fake)
        losses = [self._compare(home, arrived, real)]
        if self.terms.second_cycle:
            losses.append(self._compare(home, home.generator(out.generator(arrived)), real))
        return losses

    def _compare(self, way: Direction, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return how far ``output`` lies from ``target``, both images of the domain that ``way`` leads to."""
        return self.reconstruction(output, target, lambda images: way.judge.features(images))

    def _update_discriminators(self, batch: Batch, fakes: Fakes, lr: float, generator: torch.Generator) -> Scalars:
        losses = Scalars()
        if self.terms.adversarial_forward:
            judge, name = self.forth.judge, "discriminator_forward"
            losses |= judge.update(batch.y, fakes["forward"], generator, lr, name=name)
        if self.terms.adversarial_backward and self.back is not None:
            judge, name = self.back.judge, "discriminator_backward"
            losses |= judge.update(batch.x, fakes["backward"], generator, lr, name=name)
        return losses


def mean_feature_distance(real: Sequence[torch.Tensor], fake: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return Σ over layers of the mean squared difference between batch means of feature maps (N, C_l, H_l, W_l).

    DiscoGAN's feature matching, github.com/SKTBrain/DiscoGAN (image_translation.py): all layers but the first.
    """
    layers = zip(real[1:] or real, fake[1:] or fake, strict=True)
    return torch.stack([(r.float().mean(0) - f.float().mean(0)).square().mean() for r, f in layers]).sum()
