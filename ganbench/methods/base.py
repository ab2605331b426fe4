"""The contract of a method: it holds networks and optimisers, takes a batch, and translates.

A method knows nothing of files, Ray, metrics or suites. One subclass (or one decorated preset) in one file adds a
method; the contract test runs over all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

import torch
from pydantic import Field, model_validator
from torch import nn

from ganbench.data.base import TranslationData
from ganbench.errors import InputError
from ganbench.options import Options
from ganbench.registry import Registry

Losses = Mapping[str, torch.Tensor]
Scalars = dict[str, torch.Tensor]
Report = Callable[[str, int, int, Mapping[str, float]], None]
"""Called with (stage, step, steps, scalar losses) while a method prepares itself."""


@dataclass(frozen=True)
class Task:
    """What a method must know to build itself.

    Attributes:
        image_size: height and width of all images, in pixels.
        source: name of the domain that is translated.
        target: name of the domain that it is translated to.
        steps: number of training steps of the whole run (learning-rate schedules refer to it).
        batch_size: images of each domain in a batch.
        classes: attribute → names of its classes.
        others: names of further domains.
    """

    image_size: int
    source: str
    target: str
    steps: int
    batch_size: int
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of all domains: source, target, others."""
        return (self.source, self.target, *self.others)


@dataclass(frozen=True)
class Batch:
    """One batch: images of each domain, drawn independently unless the data is paired.

    Attributes:
        images: domain → float images (N, 3, H, W) in [−1, 1].
        labels: domain → attribute → int64 labels (N,).
        source: name of the source domain.
        target: name of the target domain.
    """

    images: Mapping[str, torch.Tensor]
    source: str
    target: str
    labels: Mapping[str, Mapping[str, torch.Tensor]] = field(default_factory=dict)

    @property
    def x(self) -> torch.Tensor:
        """Source images (N, 3, H, W) in [−1, 1]."""
        return self.images[self.source]

    @property
    def y(self) -> torch.Tensor:
        """Target images (N, 3, H, W) in [−1, 1]."""
        return self.images[self.target]


class MethodOptions(Options):
    """Base of every method's options. What a subclass has against a choice it adds to that of its bases."""

    def conflicts(self) -> Iterator[str]:
        """Yield one sentence, with the remedy, for each combination of options that makes no sense at any size."""
        return iter(())

    def refusals(self, image_size: int, batch_size: int) -> Iterator[str]:
        """Yield one sentence for each reason why these options can't work on batches of such images.

        It begins with the key that is wrong (an option, ``image_size`` or ``batch_size``) and a colon, and ends with
        the remedy. Asked when a suite is validated, and when a method is built.
        """
        return iter(())

    def ignored(self) -> Iterator[tuple[str, str]]:
        """Yield each option that has no effect beside the others, and why.

        A suite that sets it for a method is refused; from a grid it is dropped, as options that the method lacks.
        """
        return iter(())

    @model_validator(mode="after")
    def _refuse_conflicts(self) -> Self:
        if problems := list(self.conflicts()):
            raise ValueError("; ".join(problems))
        return self


class TrainingOptions(MethodOptions):
    """Options of every method that is trained by gradient steps."""

    optimizer: Literal["adam", "rmsprop"] = Field("adam", description="optimiser of all networks")
    lr: float = Field(2e-4, gt=0, le=1, description="learning rate at the start")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first decay rate")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second decay rate")
    rmsprop_decay: float = Field(0.99, ge=0, lt=1, description="RMSprop's decay rate")
    weight_decay: float = Field(0.0, ge=0, le=1, description="L2 penalty on all weights, in the optimiser")
    decay_from: float = Field(
        0.5, ge=0, le=1, description="fraction of the run after which the learning rate falls linearly to 0; 1: never"
    )

    def ignored(self) -> Iterator[tuple[str, str]]:
        """Yield the decay rates of the other optimiser."""
        for key in ("rmsprop_decay",) if self.optimizer == "adam" else ("beta1", "beta2"):
            yield key, f"optimizer {self.optimizer!r} has no such rate"
        yield from super().ignored()


@runtime_checkable
class Stateful(Protocol):
    """Anything that saves and restores itself: modules, optimisers, image pools."""

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102

    def load_state_dict(self, state_dict: Any) -> Any: ...  # noqa: D102


def state_of_parts(whole: object) -> dict[str, Any]:
    """Return attribute name → state of every attribute of ``whole`` that saves itself."""
    return {name: part.state_dict() for name, part in vars(whole).items() if isinstance(part, Stateful)}


def load_parts(whole: object, state: Mapping[str, Any]) -> None:
    """Restore what `state_of_parts` returned."""
    for name, part_state in state.items():
        getattr(whole, name).load_state_dict(part_state)


def networks(whole: object) -> Iterator[nn.Module]:
    """Yield every network among the attributes of ``whole`` that save themselves, and among theirs."""
    for part in vars(whole).values():
        if isinstance(part, nn.Module):
            yield part
        elif isinstance(part, Stateful) and not isinstance(part, torch.optim.Optimizer):
            yield from networks(part)


def compile_parts(whole: object) -> None:
    """Have torch.compile make kernels of every network that `networks` yields, for inputs of the sizes that come.

    A part with a ``compile`` of its own decides itself.
    """
    for part in vars(whole).values():
        if isinstance(part, nn.Module):
            part.compile(dynamic=False)
        elif hasattr(part, "compile"):
            part.compile()
        elif isinstance(part, Stateful) and not isinstance(part, torch.optim.Optimizer):
            compile_parts(part)


class Method(ABC):
    """A translation method.

    ``__init__`` builds the networks from ``options`` and ``task``; all initial weights are drawn from
    ``generator`` (a CPU generator), nothing from a global one. Attributes that have ``state_dict`` and
    ``load_state_dict`` (modules, optimisers, pools) are saved and restored by the base class.

    Raises:
        InputError: the options refuse the task's images or batches; every reason is named.

    Attributes:
        Options: the option model; its defaults are the paper's.
        summary: one line for `ganbench list methods`.
        paper: where it comes from.
        trained: False for baselines, which have no training step.
        baseline: True for methods that are no contestants: they are added to every suite by themselves.
        reference: True for the row of real images: nothing is translated, held-out target images stand in the
            place of outputs.
        stochastic: True where `translate` gives different images for different generators; see `is_stochastic`.
        way_back: True where `translate_back` leads from the target to the source.
        needs_labels: True where the source training images must carry labels.
        needs_pairs: True where training needs the counterparts.
    """

    Options: ClassVar[type[MethodOptions]] = MethodOptions
    summary: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    trained: ClassVar[bool] = True
    baseline: ClassVar[bool] = False
    reference: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False
    way_back: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = False
    needs_pairs: ClassVar[bool] = False

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        if problems := list(self.refusals(options, task.image_size, task.batch_size)):
            raise InputError(problems)
        self.options = options
        self.task = task
        self.device = device

    @classmethod
    def refusals(cls, options: Any, image_size: int, batch_size: int) -> Iterator[str]:
        """Yield the options' own `MethodOptions.refusals`, and whatever else speaks against such batches."""
        yield from options.refusals(image_size, batch_size)

    @classmethod
    def is_stochastic(cls, options: Any) -> bool:
        """Say whether `translate` follows its generator under ``options``; methods whose noise is optional override."""
        return cls.stochastic

    @classmethod
    def skip_reason(cls, data: TranslationData) -> str | None:
        """Say why this method cannot run on ``data``, or None where it can."""
        if cls.needs_pairs and not data.paired:
            return (
                "needs paired training images, and the dataset is unpaired. Make pairs of its images with the dataset "
                "'degraded', or take an unpaired method, such as cyclegan"
            )
        if cls.needs_labels and not data.labels(data.source, "train"):
            return "needs labels of the source images, and the dataset has none"
        return None

    def prepare(self, data: TranslationData, seed: int, report: Report) -> None:  # noqa: B027
        """Do what must be done once before step 0 (a frozen classifier, a mean image). Default: nothing.

        Random streams are derived from ``seed`` (see `ganbench.seeding`).
        """

    def training_step(self, batch: Batch, step: int, generator: torch.Generator) -> Losses:
        """Do one update of all networks from one batch; return named scalar losses (detached, on the device).

        ``generator`` (CPU) is fresh for every step: it follows from seed and step alone.
        """
        raise NotImplementedError(f"{type(self).__name__} is not trained")

    def generator_updates(self, steps: int) -> int:
        """Return how many of ``steps`` training steps updated the generator: all, unless n_critic says otherwise."""
        return steps if self.trained else 0

    @abstractmethod
    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate source images (N, 3, H, W) in [−1, 1] to target images of the same shape and range.

        Deterministic methods ignore ``generator``. Runs without gradients, in evaluation mode.
        """

    def translate_back(self, target: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate images of the target domain to the source, as `translate` does forth; only with a `way_back`."""
        raise NotImplementedError(f"{type(self).__name__} has no way back")

    def state_dict(self) -> dict[str, Any]:
        """Return all state: tensors and plain values only, so that it is loaded without unpickling code."""
        return state_of_parts(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        load_parts(self, state)


METHODS: Registry[type[Method]] = Registry("method", "ganbench.methods", "ganbench.methods")
