"""What the machine can do: the device and number format of a trial, and a description for the record."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import os
import platform
import resource
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch

from ganbench.errors import InputError

Precision = Literal["float32", "bfloat16"]
Gpus = float | Literal["auto"]  # of one trial; auto: the share of one that measured memory allows


def gpus_needed(gpus: Gpus) -> float:
    """Return how many GPUs a machine must have for a trial that asks for ``gpus``; a measured share is of one."""
    return 1.0 if gpus == "auto" else gpus


def pick_device(gpus: float) -> torch.device:
    """Return the device of a trial that asks for ``gpus``; `InputError` where there is no CUDA device."""
    if gpus == 0:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise InputError(
            f"The gpus_per_trial key of the profile asks for {gpus:g} GPU, and torch sees no CUDA device here. "
            "Use --profile cpu, or a machine with a GPU."
        )
    return torch.device("cuda")


def has_fast_bfloat16(device: torch.device) -> bool:
    """Say whether the hardware multiplies bfloat16 natively."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def available_cpus() -> int:
    """Return how many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_resources(cpus: float, gpus: Gpus, have_cpus: float, have_gpus: float, where: str) -> None:
    """Raise `InputError` where one trial asks for more than there is: it would wait for ever."""
    needed, got = gpus_needed(gpus), gpus if gpus == "auto" else f"{gpus:g}"
    problems = _fraction_problems(needed, where)
    if cpus > have_cpus:
        problems.append(
            f"{where}: cpus_per_trial must be at most the {have_cpus:g} CPU cores that are here. Got {cpus:g}. "
            "Lower it in the profile, or choose another profile."
        )
    if needed > have_gpus:
        problems.append(
            f"{where}: gpus_per_trial must be at most the {have_gpus:g} GPUs that are here. Got {got}. "
            "Use a profile without GPUs (--profile cpu), or a machine that has them."
        )
    if problems:
        raise InputError(problems)


def check_nodes(cpus: float, gpus: float, have: Mapping[str, tuple[float, float]], where: str) -> list[str]:
    """Return the names of the nodes that can run a trial: it runs on one of them, never on parts of several.

    Args:
        cpus: CPU cores that the trial asks for.
        gpus: GPUs, or the fraction of one.
        have: name of each node → its CPU cores and GPUs.
        where: how messages begin.

    Raises:
        InputError: no node can; all are named with what they have.
    """
    problems = _fraction_problems(gpus, where)
    fitting = [name for name, (have_cpus, have_gpus) in have.items() if cpus <= have_cpus and gpus <= have_gpus]
    if not fitting:
        listed = ", ".join(f"{name}: {cores:g} CPU cores, {devices:g} GPUs" for name, (cores, devices) in have.items())
        problems.append(
            f"{where}: a trial must fit on one node, and none has {cpus:g} CPU cores and {gpus:g} GPUs. There are "
            f"{listed}. Lower cpus_per_trial or gpus_per_trial in the profile, or add a node that has them."
        )
    if problems:
        raise InputError(problems)
    return fitting


def _fraction_problems(gpus: float, where: str) -> list[str]:
    if gpus <= 1 or float(gpus).is_integer():
        return []
    return [f"{where}: gpus_per_trial must be a fraction of one GPU, or a whole number. Got {gpus:g}."]


def reset_peak_memory() -> None:
    """Begin a new peak for `peak_memory_mib`, where the system can (Linux): workers run several trials."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def release_memory() -> None:
    """Give memory that is no longer used back, the GPU's too: glibc keeps it, and workers would grow trial by trial."""
    gc.collect()
    torch.cuda.empty_cache()  # other trials share the GPU; does nothing where none is in use
    _freeze_libraries()
    with contextlib.suppress(OSError, AttributeError):  # other systems have no malloc_trim, and need none
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@lru_cache(maxsize=1)
def _freeze_libraries() -> None:
    """Spare later collections the million objects that imports left: looking at them takes a quarter of a second."""
    gc.freeze()
    atexit.register(gc.unfreeze)  # libraries that count what is left at the end would complain


def peak_memory_mib() -> float:
    """Return the largest resident memory of this process since `reset_peak_memory` (or ever), in MiB."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def describe(device: torch.device) -> dict[str, Any]:
    """Describe the hardware for a record: processor, cores, memory, GPU."""
    import psutil

    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "device": device.type,
        "gpu": gpu,
        "cpu": torch.cpu.get_capabilities().get("cpu_name") or platform.processor() or platform.machine(),
        "cores": available_cpus(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }
