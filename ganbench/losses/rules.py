"""Which adversarial loss, regulariser and discriminator go together: one table, each line with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ganbench.losses.adversarial import AdversarialLoss
from ganbench.losses.regularizers import REGULARIZERS, Regularizer


@dataclass(frozen=True)
class Choice:
    """What a suite combines.

    Attributes:
        adversarial: the registered name of the loss, for messages.
        loss: its class.
        regularizer_name: the registered name of the regulariser.
        regularizer: its class.
        discriminator_norm: "instance", "batch" or "none".
        n_critic: discriminator updates per generator update.
    """

    adversarial: str
    loss: type[AdversarialLoss]
    regularizer_name: str
    regularizer: type[Regularizer]
    discriminator_norm: str
    n_critic: int


@dataclass(frozen=True)
class Rule:
    """A combination that makes no sense, why, and the nearest one that does."""

    forbids: Callable[[Choice], bool]
    reason: str
    remedy: str


RULES = (
    Rule(
        lambda c: c.loss.judgement == "pixels" and c.regularizer_name != "none",
        "it has no discriminator that could be regularised",
        "Leave regularizer out",
    ),
    Rule(
        lambda c: c.loss.judgement == "pixels" and c.n_critic > 1,
        "it has no discriminator that could be updated more often than the generator",
        "Leave n_critic out",
    ),
    Rule(
        lambda c: c.loss.judgement == "energy" and (c.regularizer.per_image or c.regularizer.clips),
        "the discriminator is an autoencoder: it has to draw real images well, and a bound on the slope of its error "
        "or on its weights forbids that",
        "Leave regularizer out, or set it to 'spectral_norm'",
    ),
    Rule(
        lambda c: c.loss.judgement == "embedding" and c.regularizer.per_image,
        "a penalty is on the slope of one score for each image, and the discriminator returns an embedding",
        "Set regularizer to 'clipping' or 'spectral_norm'",
    ),
    Rule(
        lambda c: c.loss.judgement != "pixels" and c.regularizer.per_image and c.discriminator_norm == "batch",
        "a penalty is defined for each image alone, batch normalisation in the discriminator ties the images together",
        "Set discriminator_norm to 'instance' or 'none'",
    ),
    Rule(
        lambda c: c.loss.named_after_regularizer is not None and c.regularizer_name != c.loss.regularizer,
        "the loss is named after its own regulariser",
        "Leave regularizer out, or take the loss that comes without: {plain}",
    ),
    Rule(
        lambda c: c.loss.needs_regularizer and not c.regularizer.bounds_slope,
        "without a bound on the critic's slope its loss falls for ever, or its kernel saturates",
        "Leave regularizer out, or set it to {bounds}",
    ),
)


def refused(choice: Choice) -> Iterator[str]:
    """Yield one sentence for each rule that ``choice`` breaks."""
    what = f"adversarial {choice.adversarial!r} with regularizer {choice.regularizer_name!r}"
    for rule in RULES:
        if rule.forbids(choice):
            yield (
                f"{what}, discriminator_norm {choice.discriminator_norm!r} and n_critic {choice.n_critic} makes no "
                f"sense: {rule.reason}. {_filled(rule.remedy, choice)}"
            )


def _filled(remedy: str, choice: Choice) -> str:
    """Name the regularisers that a remedy speaks of."""
    embeds = choice.loss.judgement == "embedding"
    kinds = {name: REGULARIZERS.get(name) for name in REGULARIZERS.names()}
    bounds = [repr(name) for name, kind in kinds.items() if kind.bounds_slope and not (embeds and kind.per_image)]
    return remedy.format(plain=f"adversarial {choice.loss.named_after_regularizer!r}", bounds=" or ".join(bounds))
