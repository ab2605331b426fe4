"""What each suite would miss on this machine: files, devices, memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from ganbench.doctor.machine import GIBIBYTE, Finding, Status
from ganbench.errors import InputError
from ganbench.hardware import available_cpus, gpus_needed
from ganbench.metrics.base import METRICS
from ganbench.nets.extractors import EXTRACTORS
from ganbench.nets.perceptual import SQUEEZENET
from ganbench.results.store import profile_directory, read_profile
from ganbench.suite import LoadedSuite, Profile
from ganbench.variants import load_suite


def suite_findings(folder: Path, results: Path) -> Iterator[Finding]:
    """Yield what the suites in ``folder`` miss; for one that misses nothing, the profiles that run here."""
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        yield Finding("suites", str(folder), "note", "no suites (*.yaml) here", "name their folder: --suites DIR")
    for path in paths:
        try:
            loaded = load_suite(path)
        except InputError as error:
            yield Finding("suites", path.stem, "missing", error.problems[0], f"ganbench validate {path}")
            continue
        yield from _suite(loaded, results)


def _suite(loaded: LoadedSuite, results: Path) -> Iterator[Finding]:
    found = [*_files(loaded), *(_profile(loaded, name, results) for name in loaded.suite.profiles)]
    troubled = [finding for finding in found if finding.status != "ok"]
    fine = [finding.text for finding in found if finding.status == "ok"]
    blocked = any(finding.status == "missing" for finding in troubled)
    if fine and not blocked:
        yield Finding("suites", loaded.suite.name, "ok", f"runs here: {', '.join(fine)}")
    yield from troubled


def _files(loaded: LoadedSuite) -> Iterator[Finding]:
    """Yield what is absent whatever the profile: weights of the extractor, those of LPIPS, images."""
    name, kind = loaded.suite.name, EXTRACTORS.get(loaded.suite.extractor)
    if kind.weights is not None and not any(kind.weights.located()):
        yield Finding("suites", name, "missing", kind.weights.absence(), f"ganbench weights fetch {kind.name}")
    families = {family for profile in loaded.suite.profiles for family in loaded.metrics(profile)}
    lpips = sorted(family for family in families if _uses_lpips(family))
    if lpips and not any(SQUEEZENET.located()):
        text = f"{', '.join(lpips)} would go without LPIPS, by the embedded distance alone"
        yield Finding("suites", name, "note", text, SQUEEZENET.command)
    reasons = {loaded.dataset(profile).missing() for profile in loaded.suite.profiles} - {None}
    yield from (Finding("suites", name, "missing", str(reason)) for reason in sorted(map(str, reasons)))


def _uses_lpips(family: str) -> bool:
    try:
        return any(part.startswith("lpips:") for part in METRICS.get(family)().dependencies())
    except InputError:  # its file is damaged: the weights' own findings say so
        return True


def _profile(loaded: LoadedSuite, name: str, results: Path) -> Finding:
    """Say whether a profile runs here; ``text`` of one that does is its name, with the memory known of it."""
    profile = loaded.profile(name)
    for status, text, remedy in _obstacles(profile):
        return Finding("suites", loaded.suite.name, status, f"profile {name}: {text}", remedy)
    peak = _peak_memory(profile_directory(results, loaded.suite.name, name))
    return _memory(loaded.suite.name, name, profile, peak)


def _obstacles(profile: Profile) -> Iterator[tuple[Status, str, str]]:
    gpus = gpus_needed(profile.gpus_per_trial)
    if gpus > torch.cuda.device_count():
        yield "note", f"needs {gpus:g} GPU per trial", "use another profile, or a machine with a GPU"
    if profile.cpus_per_trial > available_cpus():
        text = f"needs {profile.cpus_per_trial} cores per trial, {available_cpus()} are here"
        yield "note", text, "lower cpus_per_trial, or use another profile"


def _peak_memory(directory: Path) -> int:
    """Return the largest peak memory of a finished trial, in bytes; 0 where none is known."""
    try:
        records = read_profile(directory).records.values()
    except InputError:
        return 0
    return int(max((record.timings.peak_memory_mib for record in records), default=0) * 2**20)


def _memory(suite: str, name: str, profile: Profile, peak: int) -> Finding:
    import psutil

    at_once = max(1, available_cpus() // profile.cpus_per_trial)
    free = psutil.virtual_memory().available
    known = f" ({peak / GIBIBYTE:.1f} GiB per trial)" if peak else ""
    if peak * at_once > free:
        each = f"{peak / GIBIBYTE:.1f} GiB each, {free / GIBIBYTE:.1f} are free"
        text = f"profile {name}: {at_once} trials at once need {each}"
        return Finding("suites", suite, "note", text, "--engine serial, or more cpus_per_trial: fewer trials at once")
    return Finding("suites", suite, "ok", f"{name}{known}")
