"""Which adversarial loss, regulariser and discriminator go together: one table, each line with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ganbench.losses.adversarial import AdversarialLoss
from ganbench.losses.regularizers import Regularizer


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
        lambda c: c.regularizer.per_image and c.discriminator_norm == "batch",
        "a penalty is defined for each image alone, batch normalisation in the discriminator ties the images together",
        "Set discriminator_norm to 'instance' or 'none'",
    ),
    Rule(
        lambda c: c.loss.needs_regularizer and not c.regularizer.bounds_slope,
        "without a bound on the critic's slope its loss falls for ever",
        "Leave regularizer out, or set it to 'gradient_penalty'",
    ),
)


def refused(choice: Choice) -> Iterator[str]:
    """Yield one sentence for each rule that ``choice`` breaks."""
    for rule in RULES:
        if rule.forbids(choice):
            yield (
                f"adversarial {choice.adversarial!r} with regularizer {choice.regularizer_name!r} and "
                f"discriminator_norm {choice.discriminator_norm!r} makes no sense: {rule.reason}. {rule.remedy}"
            )
