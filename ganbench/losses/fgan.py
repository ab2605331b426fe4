"""Adversarial losses from f-divergences: ``fgan:kl`` and nine others, Nowozin 2016."""

from __future__ import annotations

from typing import ClassVar, Literal, cast

import torch
from pydantic import Field

from ganbench.losses.adversarial import ADVERSARIAL, AdversarialLoss, State
from ganbench.losses.divergences import DIVERGENCES, Divergence, jensen_shannon_weighted


class FGan(AdversarialLoss):
    """D: −E T(y) + E f*(T(G)) with T = g(s); G: −E T(G), or −E f*(T(G)) in the true form."""

    name: ClassVar[str]
    source = "Nowozin 2016, equations 6 and 8, tables 2 and 6; heuristic form: section 3.2"

    generator_form: Literal["heuristic", "true"] = Field(
        "heuristic", description="what the generator minimises: −E T(G), which does not fade, or the bound itself"
    )

    @property
    def divergence(self) -> Divergence:
        """The divergence whose bound the discriminator maximises."""
        return DIVERGENCES[self.name]

    def _discriminator(self, real: torch.Tensor, fake: torch.Tensor, state: State) -> torch.Tensor:
        return self.divergence.conjugate(fake).mean() - self.divergence.activation(real).mean()

    def _generator(self, fake: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        divergence = self.divergence
        said = divergence.activation(fake) if self.generator_form == "heuristic" else divergence.conjugate(fake)
        return -said.mean()


class WeightedJensenShannon(FGan):
    """D and G as in every f-GAN, with a weight of P of one's own."""

    pi: float = Field(0.5, gt=0, lt=1, description="weight π of the real distribution (a weight, not 3.14)")

    @property
    def divergence(self) -> Divergence:
        """The divergence with this weight."""
        return jensen_shannon_weighted(self.pi)


def _loss_of(name: str) -> type[AdversarialLoss]:
    base = WeightedJensenShannon if name == "jensen_shannon_weighted" else FGan
    what = f"f-GAN of {DIVERGENCES[name].formula}. D: −E T(y) + E f*(T(G)); G: −E T(G), or −E f*(T(G))."
    members = {"__doc__": what, "__module__": __name__, "name": name}
    return cast(type[AdversarialLoss], type(f"FGan_{name}", (base,), members))


for _name in DIVERGENCES:
    ADVERSARIAL.register(f"fgan:{_name}")(_loss_of(_name))
