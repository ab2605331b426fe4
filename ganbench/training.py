"""The training loop: plain, resumable, and the same for every method."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from ganbench.atomic_file import atomic_file
from ganbench.checkpoint import CHECKPOINT_FILE, load_latest, save_checkpoint
from ganbench.data.base import TranslationData
from ganbench.data.batches import BatchSource, to_float, to_uint8
from ganbench.errors import DivergedError, InterruptedRunError
from ganbench.methods.base import Batch, Method
from ganbench.progress import Notify, Progress
from ganbench.seeding import derive_seed, torch_generator
from ganbench.spec import TrialSpec
from ganbench.tensorboard import open_log

CURVE_ROWS = 100  # rows of a learning curve
SAMPLE_GRIDS = 4  # sample grids written during training
SAMPLE_IMAGES = 8  # validation images in each
SAMPLE_GAP = 2  # black pixels between and around them
TRANSLATE_BATCH = 50  # images translated at once


@dataclass
class TrainingState:
    """Where a training stands; with the method's own state, all that a checkpoint holds."""

    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, torch.Tensor] = field(default_factory=dict)  # losses summed since the last row of the curve
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, losses: Mapping[str, torch.Tensor]) -> None:
        """Add one step's losses, without waiting for the device."""
        for name, loss in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + loss.detach().float()
            self.counts[name] = self.counts.get(name, 0) + 1

    def close_row(self) -> dict[str, float]:
        """Append the mean losses since the last row to the curve; `DivergedError` where one isn't finite.

        The row is appended in any case, without the losses that aren't finite.
        """
        means = {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        finite = {name: mean for name, mean in means.items() if math.isfinite(mean)}
        self.curve.append({"step": self.step, "seconds": round(self.seconds, 3), **finite})
        bad = sorted(means.keys() - finite.keys())
        if bad:
            raise DivergedError(
                f"the loss {', '.join(bad)} became NaN or infinite by step {self.step}. "
                "Lower the learning rate, or choose another adversarial loss or regulariser."
            )
        return means


def train(
    method: Method,
    data: TranslationData,
    spec: TrialSpec,
    notify: Notify,
    should_stop: Callable[[], bool],
    state: TrainingState | None = None,
    until: int | None = None,
) -> TrainingState:
    """Prepare and train ``method``, going on from the trial's checkpoint where there is one.

    The method sees the first ``n_train`` training images of each domain, or all where the trial doesn't say. A caller
    who wants to know how far a training came that raised hands in a fresh ``state``. One who wants to look in between
    says ``until`` which step to train, and comes again with the same method and state.

    Raises:
        DivergedError: a loss is NaN or infinite.
        InterruptedRunError: ``should_stop()`` said so; the checkpoint holds everything.
        StorageError: a file can't be written.
    """
    if spec.n_train is not None:
        data = data.limited_to(spec.n_train)
    path = spec.directory / CHECKPOINT_FILE
    state = state or TrainingState()
    if not state.step and not _resume(method, path, spec, notify, state):
        _prepare(method, data, spec, notify, state)
        _save(method, state, path, spec)
    end = spec.steps if until is None else until
    if state.step < end:
        _loop(method, data, spec, notify, should_stop, state, end)
    return state


def translate_all(method: Method, images: torch.Tensor, seed: int, purpose: str) -> torch.Tensor:
    """Translate uint8 images (N, 3, H, W) to float images in [−1, 1], in batches, without gradients, on the CPU.

    Raises:
        DivergedError: a translation holds NaN or infinity, which would become black pixels and be judged as such.
    """
    generator = torch_generator(seed, "translate", purpose)
    with torch.inference_mode():
        batches = images.split(TRANSLATE_BATCH)
        found = torch.cat([method.translate(to_float(b).to(method.device), generator).float().cpu() for b in batches])
    bad = int((~found.isfinite()).flatten(1).any(1).sum())
    if bad:
        raise DivergedError(
            f"{bad} of {len(found)} translations hold NaN or infinity. Lower the learning rate, or train in float32."
        )
    return found


def _prepare(method: Method, data: TranslationData, spec: TrialSpec, notify: Notify, state: TrainingState) -> None:
    started = time.perf_counter()

    def report(stage: str, step: int, steps: int, losses: Mapping[str, float]) -> None:
        notify(Progress(spec.title, stage, step, steps, losses))

    with spec.numerics.autocast(method.device):
        method.prepare(data, spec.seed, report)
    state.seconds += time.perf_counter() - started


def _loop(
    method: Method,
    data: TranslationData,
    spec: TrialSpec,
    notify: Notify,
    should_stop: Callable[[], bool],
    state: TrainingState,
    end: int,
) -> None:
    source = _source(method, data, spec)
    log_every, sample_every = max(1, spec.steps // CURVE_ROWS), max(1, spec.steps // SAMPLE_GRIDS)
    path = spec.directory / CHECKPOINT_FILE
    saved = clock = time.perf_counter()
    losses: Mapping[str, float] = {}
    with open_log(spec, state.step) as log:
        while state.step < end:
            _one_step(method, source, spec, state)
            now = time.perf_counter()
            state.seconds, clock = state.seconds + now - clock, now
            if state.step % log_every == 0 or state.step == spec.steps:
                losses = state.close_row()
                log.row(state.curve[-1])
            notify(Progress(spec.title, "training", state.step, spec.steps, losses))
            if state.step % sample_every == 0:
                log.grid(_save_samples(method, data, spec, state.step), state.step)
            stop = state.step < spec.steps and should_stop()
            if stop or state.step == end or now - saved >= spec.checkpoint_seconds:
                _save(method, state, path, spec)
                saved = now
            if stop:
                raise InterruptedRunError(f"stopped after step {state.step} of {spec.steps}; the same command goes on")


class StepTimer:
    """Trains a method step by step, and tells what each took: for measurements, leaving no trace.

    Args:
        method: as `train` is given it; it needs no preparation.
        data: the task.
        spec: of the trial.
    """

    def __init__(self, method: Method, data: TranslationData, spec: TrialSpec) -> None:
        self._method, self._spec, self._state = method, spec, TrainingState()
        self._source = _source(method, data, spec)

    def seconds(self) -> float:
        """Do the next step; return its seconds, what it leaves to a GPU included."""
        started = time.perf_counter()
        _one_step(self._method, self._source, self._spec, self._state)
        if self._method.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started


def _source(method: Method, data: TranslationData, spec: TrialSpec) -> BatchSource:
    return BatchSource(data, spec.batch_size, spec.seed, spec.flip, method.device, spec.numerics.torch_format)


def _one_step(method: Method, source: BatchSource, spec: TrialSpec, state: TrainingState) -> None:
    step = state.step
    # layers such as dropout can only draw from torch's global generator: make that a function of the step too
    torch.manual_seed(derive_seed(spec.seed, "layers", step))
    data = source.data
    labels = source.labels(step) if method.needs_labels else {}
    batch = Batch(source.images(step), data.source, data.target, labels)
    with spec.numerics.autocast(method.device):
        losses = method.training_step(batch, step, torch_generator(spec.seed, "step", step))
    state.step += 1
    state.add(losses)


def _save(method: Method, state: TrainingState, path: Path, spec: TrialSpec) -> None:
    content = {
        "spec": spec.model_dump_json(),
        "classes": {attribute: list(names) for attribute, names in method.task.classes.items()},
        "domains": list(method.task.domains),
        "method": method.state_dict(),
        "training": vars(state),
    }
    save_checkpoint(path, content)


def _resume(method: Method, path: Path, spec: TrialSpec, notify: Notify, state: TrainingState) -> bool:
    """Bring method and state to where the last sound checkpoint stands; return False where there is none."""
    content = load_latest(path, lambda damage: notify(Progress(spec.title, "training", note=damage)))
    if content is None:
        return False
    method.load_state_dict(content["method"])
    vars(state).update(content["training"])
    state.sums = {name: total.to(method.device) for name, total in state.sums.items()}
    if 0 < state.step < spec.steps:
        notify(Progress(spec.title, "training", state.step, spec.steps, note=f"goes on from step {state.step}"))
    return True


def _save_samples(method: Method, data: TranslationData, spec: TrialSpec, step: int) -> Path:
    """Write a grid of validation images above their translations, to watch a training by; return the file."""
    inputs = data.images(data.source, "val")[:SAMPLE_IMAGES]
    outputs = translate_all(method, inputs, spec.seed, f"samples at step {step}")
    path = spec.directory / "progress" / f"step_{step:07d}.png"
    rows = torch.nn.functional.pad(torch.stack([inputs, to_uint8(outputs)]), [SAMPLE_GAP // 2] * 4)  # (2, N, 3, H, W)
    mosaic = torch.nn.functional.pad(rows.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2), [SAMPLE_GAP // 2] * 4)
    picture = io.BytesIO()  # torchvision.utils makes such grids too, but takes seconds to import in every worker
    Image.fromarray(mosaic.permute(1, 2, 0).contiguous().numpy()).save(picture, "PNG")
    with atomic_file(path) as file:
        file.write(picture.getbuffer())
    return path
