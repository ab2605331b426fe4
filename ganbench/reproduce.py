"""The verb `reproduce`: one trial once more, from its own record alone, and whether the same comes out.

Training amplifies rounding, so that a run on another machine either gives the very same pictures or others. Noise is
what remains where the pictures are the same and only their judging adds floats up in another order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from ganbench.display import Display, make_display
from ganbench.errors import InputError, InterruptedRunError, NothingComparableError
from ganbench.provenance import git_state
from ganbench.recorded_trial import problems_of, spec_of
from ganbench.report.publish import read_outputs
from ganbench.results.files import check_writable
from ganbench.results.record import Measured, Record
from ganbench.results.store import RECORD_FILE, find_record, read_record
from ganbench.run import EngineName, RunOptions, carry_out
from ganbench.spec import TrialSpec
from ganbench.trial import load_data

Word = Literal["identical", "noise", "different", "not comparable"]
Verdict = Literal["identical", "noise", "different", "incomplete"]

RELATIVE: Final = 1e-6  # eight times float32's epsilon: sums in another order stay below; one other image does not
ABSOLUTE: Final = 1e-6  # for values that cancel to nearly nothing, such as KID: their terms are around 1
EXIT_CODES: Final = {"identical": 0, "noise": 0, "different": 1, "incomplete": NothingComparableError.exit_code}
NO_DIFFERENCE: Final = ("hardware.memory_gib",)  # changes no number


@dataclass(frozen=True)
class Pair:
    """One value of the record and what came out now; None where nothing did."""

    name: str
    recorded: Measured
    here: Measured | None
    word: Word
    reason: str = ""


@dataclass(frozen=True)
class Reproduction:
    """What came of running a trial again.

    Attributes:
        path: the record's file.
        record: as it was.
        again: as it came out now.
        pairs: every value of the record, in its order.
        pictures: whether the stored translations are the same to the bit; None where there are none to compare.
        parted_at: the first logged training step with other losses; None where all are equal, or there are none.
        environment: what differs in versions, hardware and code: place → (recorded, here).
    """

    path: Path
    record: Record
    again: Record
    pairs: tuple[Pair, ...]
    pictures: bool | None
    parted_at: int | None
    environment: Mapping[str, tuple[Any, Any]]

    @property
    def verdict(self) -> Verdict:
        """The worst that is said of any value; "incomplete" where the comparable ones agree, but not all are."""
        words = Counter(pair.word for pair in self.pairs)
        if words["different"] or self.again.status != self.record.status or self.pictures is False:
            return "different"
        if words["not comparable"] or not self.pairs:
            return "incomplete"
        return "noise" if words["noise"] else "identical"

    @property
    def exit_code(self) -> int:
        """0 where the scores are the same up to noise, 1 where they differ, 4 where not all could be compared."""
        return EXIT_CODES[self.verdict]


def reproduce(
    path: Path,
    directory: Path,
    engine: EngineName = "serial",
    make: Callable[[dict[str, float]], Display] = make_display,
) -> Reproduction:
    """Run the trial of a record again and compare.

    Args:
        path: a ``record.json``, or the trial's directory. Nothing in it is changed.
        directory: where the new results go, in the layout of ``results``; must not hold this trial already.
        engine: who runs it; the scores don't depend on it.
        make: makes the display of the progress.

    Raises:
        InputError: the record is damaged, of a trial that wasn't finished, or asks for what isn't here.
        InterruptedRunError: the user stopped it.
    """
    path = path / RECORD_FILE if path.is_dir() else path
    record = read_record(path)
    if record.search is not None:
        raise InputError(
            f"{path}: is a trial of a search, judged on validation images. Reproduce the row that it led to."
        )
    spec = spec_of(record, path, directory).model_copy(update={"code": git_state()})
    _check_new(spec, directory)
    problems = list(problems_of(path, lambda: load_data(spec)))
    if problems:
        raise InputError(problems)
    options = RunOptions(spec.profile, engine=engine, results=directory)
    if carry_out([spec], load_data(spec), options, make({spec.title: 1.0})):
        raise InterruptedRunError("interrupted: the trial was not reproduced.")
    again = find_record(spec.directory)
    if again is None:
        raise InputError(f"{path}: the trial left no record in {spec.directory}. Try --engine serial.")
    return Reproduction(
        path=path,
        record=record,
        again=again,
        pairs=tuple(_pairs(record, again)),
        pictures=_same_pictures(path.parent, spec.directory),
        parted_at=_parted_at(record, again),
        environment=differences(record.provenance, again.provenance),
    )


def _check_new(spec: TrialSpec, directory: Path) -> None:
    check_writable(directory)
    if spec.directory.exists():
        raise InputError(
            f"{spec.directory} holds this trial already, and a reproduction must begin anew. Choose another --into DIR."
        )


def differences(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two provenances, as dotted place → (recorded, here)."""
    one, other = dict(_leaves(recorded, ())), dict(_leaves(here, ()))
    keys = [key for key in {**one, **other} if key not in NO_DIFFERENCE and not key.startswith("asked.")]
    return {key: (one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)}


def _leaves(values: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*place, str(key)))
        else:
            yield ".".join((*place, str(key))), value


def _pairs(record: Record, again: Record) -> Iterator[Pair]:
    for name, recorded in record.metrics.items():
        here = again.metrics.get(name)
        if here is None:
            reason = again.missing.get(name) or (again.error or "").split("\n")[0] or "not measured here"
            yield Pair(name, recorded, None, "not comparable", reason)
        elif here.protocol != recorded.protocol:
            yield Pair(name, recorded, here, "not comparable", "measured by another protocol here")
        else:
            yield Pair(name, recorded, here, word_of(recorded, here))


def word_of(recorded: Measured, here: Measured) -> Word:
    """Say whether two values, and their spreads, are equal to the bit, up to `RELATIVE` or `ABSOLUTE`, or not."""
    numbers = [(recorded.value, here.value), (recorded.std or 0.0, here.std or 0.0)]
    if all(one == other for one, other in numbers):
        return "identical"
    close = all(math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE) for one, other in numbers)
    return "noise" if close else "different"


def _same_pictures(recorded: Path, here: Path) -> bool | None:
    try:
        return bool(np.array_equal(read_outputs(recorded), read_outputs(here)))
    except InputError:  # records travel without their pictures
        return None


def _parted_at(record: Record, again: Record) -> int | None:
    for one, other in zip(record.curve, again.curve, strict=False):
        if {**one, "seconds": 0.0} != {**other, "seconds": 0.0}:
            return int(one.get("step", 0))
    return None
