"""Where the time of a training step goes: by kind of operation, ours beside the reference, with the floor of each.

python -m benchmarks stages

Every operation that autograd hands to a kernel is timed as it comes. Its floor is the larger of its floating-point
operations at the rate of a bare matrix product, and its bytes, read and written once, at the rate of a bare copy that
stays in the cache. What lies between kernels (Python, autograd) is the last row.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

import torch
import typer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from torch.utils.hooks import RemovableHandle

from benchmarks.rows import Row, machine, table, timed
from benchmarks.training_step import LARGE, SMALL, UNET, Case, product_rate, reference_stepper, stepper
from ganbench.hardware import has_fast_bfloat16
from ganbench.numerics import Numerics

CPU = torch.device("cpu")
CASES = ((SMALL, Numerics()), (UNET, Numerics(memory_format="contiguous")), (LARGE, Numerics()))
COPIED = 2**20  # bytes of the bare copy: it fits a core's cache, so no real traffic is faster
OPTIMIZER = "optimiser"
KINDS = {
    "convolution": "convolutions, forward",
    "convolution_backward": "convolutions, backward",
    "reflection_pad2d": "padding",
    "reflection_pad2d_backward": "padding",
    "_fused_adam_": OPTIMIZER,
    "_to_copy": "copies, other number formats",
    "copy_": "copies, other number formats",
    "clone": "copies, other number formats",
}
REST = "normalisation, activations, losses"
BETWEEN = "between the kernels"
ROWS = (*dict.fromkeys(KINDS.values()), REST, BETWEEN)


@dataclass
class Stage:
    """What the operations of one kind cost in one step.

    Attributes:
        seconds: that they took.
        flops: floating-point operations, where they are convolutions or products.
        bytes: of the tensors that they read and wrote.
        floor: seconds that the hardware needs at least, operation by operation.
    """

    seconds: float = 0.0
    flops: int = 0
    bytes: int = 0
    floor: float = 0.0


@dataclass(frozen=True)
class Limits:
    """What the hardware does at most: operations per second by number format, bytes per second."""

    flops: dict[torch.dtype, float]
    bytes: float


class Stages(TorchDispatchMode):
    """Time every operation inside the ``with``, and add it to its kind; what an optimiser of torch does is one kind."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.limits = limits
        self.found: dict[str, Stage] = {kind: Stage() for kind in ROWS}
        self.counting = 0.0  # seconds that are the price of this
        self._inside: str | None = None
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        self._hooks = [
            register_optimizer_step_pre_hook(lambda *_: setattr(self, "_inside", OPTIMIZER)),
            register_optimizer_step_post_hook(lambda *_: setattr(self, "_inside", None)),
        ]
        return super().__enter__()  # type: ignore[no-any-return, no-untyped-call]

    def __exit__(self, *args: object) -> None:
        super().__exit__(*args)  # type: ignore[no-untyped-call]
        for hook in self._hooks:
            hook.remove()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        started = time.perf_counter()
        out = func(*args, **kwargs)
        ended = time.perf_counter()
        tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, torch.Tensor)]
        self._add(func, ended - started, tensors, _flops(func, args, kwargs, out))
        self.counting += time.perf_counter() - ended
        return out

    def _add(self, func: Any, seconds: float, tensors: list[torch.Tensor], flops: int) -> None:
        stage = self.found[self._inside or KINDS.get(func.overloadpacket.__name__, REST)]
        moved = 0 if func.is_view else sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        stage.seconds += seconds
        stage.flops += flops
        stage.bytes += moved
        rate = self.limits.flops.get(tensors[0].dtype, torch.inf) if tensors else torch.inf
        stage.floor += max(flops / rate, moved / self.limits.bytes)


def _flops(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    count = flop_registry.get(func.overloadpacket)
    return int(count(*args, **kwargs, out_val=out)) if count else 0


def limits() -> Limits:
    """Measure the bare product of each number format and the bare copy, the median of several."""
    products = {dtype: product_rate(dtype, CPU) for dtype in (torch.float32, torch.bfloat16)}
    source, target = torch.zeros(COPIED, dtype=torch.uint8), torch.zeros(COPIED, dtype=torch.uint8)
    return Limits(
        {dtype: statistics.median(rate() for _ in range(9)) for dtype, rate in products.items()},
        2 * COPIED / statistics.median(timed(lambda: target.copy_(source)) for _ in range(99)),
    )


def stages(step: Callable[[], object], bounds: Limits) -> dict[str, Stage]:
    """Return the kinds of operations of one step, and what lies between them."""
    with Stages(bounds) as mode:
        whole = timed(step)
    kernels = sum(stage.seconds for stage in mode.found.values())
    return {**mode.found, BETWEEN: Stage(whole - kernels - mode.counting)}


def measure(repeats: int = 5, cases: Sequence[tuple[Case, Numerics]] = CASES) -> list[Row]:
    """Return the rows of every case, in float32 and, where the hardware has it, in bfloat16."""
    fast = [{"precision": "bfloat16"}] if has_fast_bfloat16(CPU) else []
    return [
        row
        for (case, plain), change in itertools.product(cases, [{}, *fast])
        for row in _rows(case, plain.model_copy(update=change), repeats)
    ]


def _rows(case: Case, numerics: Numerics, repeats: int) -> list[Row]:
    reference, ours = reference_stepper(case, CPU), stepper(case, numerics, CPU)
    bounds = limits()
    reference()
    ours()
    pairs = [(stages(reference, bounds), stages(ours, bounds)) for _ in range(repeats)]
    found = {kind: [(before[kind], now[kind]) for before, now in pairs] for kind in ROWS}
    return [_row(f"{case}: {numerics}: {kind}", pairs) for kind, pairs in found.items() if _seconds(pairs)]


def _seconds(pairs: Sequence[tuple[Stage, Stage]]) -> float:
    return sum(before.seconds + now.seconds for before, now in pairs)


def _row(what: str, pairs: Sequence[tuple[Stage, Stage]]) -> Row:
    before, now = (1e3 * statistics.median(pair[side].seconds for pair in pairs) for side in range(2))
    return Row(what, now, "ms", before, note=_note(pairs[0][1], now))


def _note(stage: Stage, milliseconds: float) -> str:
    if not stage.floor:
        return ""
    work = f"{stage.flops / 1e9:.3g} GFLOP, " if stage.flops else ""
    floor = 1e3 * stage.floor
    return f"{work}{stage.bytes / 1e6:.4g} MB; {milliseconds / floor:.1f} × the floor of {floor:.3g} ms"


def main(repeats: Annotated[int, typer.Option(min=1)] = 5, threads: Annotated[int, typer.Option(min=1)] = 1) -> None:
    """Print the table."""
    torch.set_num_threads(threads)
    typer.echo(machine(threads, CPU))
    typer.echo(table(measure(repeats)))


if __name__ == "__main__":
    typer.run(main)
