"""How many trials share a GPU where the suite leaves it to the machine (``gpus_per_trial: auto``).

Ray counts shares and limits no memory. So each row is tried out before the first trial, and the heaviest decides how
many trials fit. The share is no part of any hash: it changes when trials run, and none of their numbers.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence

import torch

from ganbench.data.base import TranslationData
from ganbench.data.cache import cache_folder
from ganbench.faults import is_out_of_memory
from ganbench.hardware import available_cpus, pick_device, release_memory
from ganbench.methods.base import METHODS
from ganbench.results.files import read_model, to_json, write_atomic
from ganbench.results.record import RecordModel
from ganbench.spec import TrialSpec
from ganbench.training import TRANSLATE_BATCH, StepTimer, translate_all
from ganbench.trial import build_method, limited_threads

UPDATES = 3  # of the generator, in a try: Adam's memory comes with the first
MOST_STEPS = 300  # in a try, where a generator is updated once in many steps
SPARE = 1.15  # so much more than in its try a training may come to hold: allocators fragment
CONTEXT_MIB = 1024  # CUDA's context and kernels in each process: about half of it on recent GPUs (unverified)
EVALUATION_MIB = 2048  # networks on batches of 50: EfficientNet-Lite0 adds 0.4 GiB, ViT-L/14 under 2 (unverified)
ROUNDED = 10_000  # Ray counts in ten-thousandths

Measuring = Callable[[int, int], object]


class GpuShare(RecordModel):
    """Which share of a GPU a trial asks for, and what was measured to say so.

    Attributes:
        share: of one GPU; Ray puts trials on it until their shares fill it.
        mib: GPU memory that the heaviest row held in its try: preparation, training steps, a batch of translations.
        gpu_mib: memory of the smallest GPU here.
        where: the heaviest row and its sizes.
        key: digest of what was tried, and on which GPU; another is measured anew.
    """

    share: float
    mib: float
    gpu_mib: float
    where: str
    key: str

    def __str__(self) -> str:
        return (
            f"{self.share:g} GPU for each trial, by memory, cores and trials: {self.where} held {self.mib:,.0f} of "
            f"{self.gpu_mib:,.0f} MiB"
        )


def share_gpus(
    specs: Sequence[TrialSpec], data: TranslationData, kept: GpuShare | None, trials: int, measuring: Measuring
) -> GpuShare:
    """Return the share of a GPU that lets as many trials run at once as memory, cores and their number allow.

    Args:
        specs: all trials of the profile, as they compute; one of each row is tried out.
        data: their images.
        kept: what the results directory holds; the measurement is taken from it, or from the user's cache.
        trials: how many there are to train.
        measuring: called before each row's try with its number from 1 on, and their count.

    Raises:
        InputError: the measurement in the cache is damaged, or there is no GPU (as where a cluster has them all).
    """
    rows = list({spec.label: spec for spec in specs if not spec.reference}.values())
    pick_device(rows[0].gpus)
    key = _key(rows)
    found = kept if kept and kept.key == key else _from_cache_or_measured(rows, data, key, measuring)
    share = share_of(found.mib, found.gpu_mib, at_once(rows[0].threads, trials))
    return found.model_copy(update={"share": share})


def share_of(mib: float, gpu_mib: float, wanted: int) -> float:
    """Return one trial's share where at most ``wanted`` are to run on a GPU at once; 1 where two don't fit.

    Training and evaluation follow each other, so the larger counts. The command itself takes a context, too.
    """
    each = CONTEXT_MIB + max(SPARE * mib, EVALUATION_MIB)
    fitting = int((gpu_mib - CONTEXT_MIB) // each)
    return math.floor(ROUNDED / max(1, min(fitting, wanted))) / ROUNDED


def at_once(threads: int, trials: int) -> int:
    """Return how many trials on each GPU suffice for all cores, or all trials.

    Ray fills one GPU before it takes the next: with smaller shares the others would stay idle.
    """
    return math.ceil(min(available_cpus() // threads, trials) / torch.cuda.device_count())


def _from_cache_or_measured(
    rows: Sequence[TrialSpec], data: TranslationData, key: str, measuring: Measuring
) -> GpuShare:
    path = cache_folder() / "gpu-memory" / f"{key}.json"
    if path.exists():
        return read_model(path, GpuShare, "measured GPU memory")
    found = _measure(rows, data, key, measuring)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, to_json(found.model_dump()))
    return found


def _measure(rows: Sequence[TrialSpec], data: TranslationData, key: str, measuring: Measuring) -> GpuShare:
    torch.cuda.init()  # else there is no peak to reset yet
    held = {}
    for number, spec in enumerate(rows):
        measuring(number + 1, len(rows))
        held[f"{spec.label} at {spec.image_size} px, batch {spec.batch_size}"] = _mib_of(spec, data)
    release_memory()  # what this process keeps, the trials lack
    where = max(held, key=lambda name: held[name])
    return GpuShare(share=1.0, mib=round(held[where], 1), gpu_mib=_gpu_mib(), where=where, key=key)


def _mib_of(spec: TrialSpec, data: TranslationData) -> float:
    """Return the GPU memory that a row held at most, in MiB; all there is where that didn't suffice."""
    release_memory()
    torch.cuda.reset_peak_memory_stats()
    try:
        with limited_threads(spec.threads):
            _try_out(spec, data)
    except Exception as failure:  # its trials will fail likewise, and their records say so
        if is_out_of_memory(failure):
            return _gpu_mib()
    return torch.cuda.max_memory_reserved() / 2**20


def _try_out(spec: TrialSpec, data: TranslationData) -> None:
    """Do once what a trial does, except evaluation.

    Not compiled: that takes minutes, and no more memory (unverified).
    """
    spec = spec.model_copy(update={"compiled": False})
    if METHODS.get(spec.method).skip_reason(data):
        return
    method = build_method(spec, data)
    with spec.numerics.autocast(method.device):
        method.prepare(data, spec.seed, lambda *_: None)
    timer = StepTimer(method, data, spec)
    for step in range(min(spec.steps, MOST_STEPS)):
        if method.generator_updates(step) >= UPDATES:
            break
        timer.seconds()
    translate_all(method, data.images(data.source, "test")[:TRANSLATE_BATCH], spec.seed, "translations")


def _gpu_mib() -> float:
    devices = range(torch.cuda.device_count())
    return min(torch.cuda.get_device_properties(device).total_memory for device in devices) // 2**20


def _key(rows: Sequence[TrialSpec]) -> str:
    kept = {"method", "options", "data_fingerprint", "image_size", "steps", "batch_size", "precision", "memory_format"}
    tried = [{"label": spec.label, **spec.model_dump(include=kept)} for spec in rows]
    key = [torch.cuda.get_device_name(), _gpu_mib(), torch.__version__, tried]
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:40]
