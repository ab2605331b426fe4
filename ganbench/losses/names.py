"""Option types: names of registered losses, checked when a suite is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator

from ganbench.losses.adversarial import ADVERSARIAL
from ganbench.losses.reconstruction import RECONSTRUCTION
from ganbench.losses.regularizers import REGULARIZERS
from ganbench.registry import Registry


def name_in(registry: Registry[Any]) -> Callable[[str], str]:
    """Return a validator that lets names of ``registry`` pass and answers others with the nearest known one."""

    def check(name: str) -> str:
        if name not in registry.names():
            raise ValueError(registry.unknown(name))
        return name

    return check


AdversarialName = Annotated[str, AfterValidator(name_in(ADVERSARIAL))]
RegularizerName = Annotated[str, AfterValidator(name_in(REGULARIZERS))]
ReconstructionName = Annotated[str, AfterValidator(name_in(RECONSTRUCTION))]
