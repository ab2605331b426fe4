"""What people answered: one file per sitting under a profile's ``human-test/``, and the fool rates made of them.

The answers are the data. The rates are computed whenever results are read, so that they are never out of date and a
new evaluation of a trial can't lose them. The unit is the rater.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from ganbench.errors import InputError
from ganbench.results.files import read_model, to_json, write_atomic
from ganbench.results.record import SCHEMA_VERSION, Digest, Measured, Name, Record, RecordModel, Whole
from ganbench.results.statistics import Interval, bootstrap_interval
from ganbench.seeding import numpy_generator

FOLDER: Final = "human-test"
QUANTITY: Final = "fool_rate_"  # followed by the protocol's name
FEW_RATERS: Final = 20  # below, the bootstrap interval is too narrow: docs/human_test.md


@dataclass(frozen=True)
class Protocol:
    """How people are asked.

    Attributes:
        practice: screens at the beginning, answered with feedback; they don't count.
        scored: screens that count, without feedback.
        each: real pictures on a screen, and as many generated ones.
        exposure_ms: how long each picture is shown, one after the other; None: all at once, without limit.
        shown_px: width that small pictures are enlarged to, by a whole factor, in pixels of the page.
    """

    name: str
    practice: int
    scored: int
    each: int
    exposure_ms: int | None
    shown_px: int
    version: int = 1

    @property
    def screens(self) -> int:
        """Practice and scored screens together."""
        return self.practice + self.scored


PROTOCOLS: Final = {
    # Isola et al. 2017, section 4: 1 s each, unlimited time to answer, 10 practice trials with feedback, 40 scored
    "pix2pix": Protocol("pix2pix", practice=10, scored=40, each=1, exposure_ms=1000, shown_px=256),
    "quartet": Protocol("quartet", practice=1, scored=8, each=4, exposure_ms=None, shown_px=128),
}
TOLERANCE_MS: Final = 100  # an exposure further off (a busy machine, a page in the background) doesn't count


class Answer(RecordModel):
    """One screen, its pictures numbered from 0 as the page holds them.

    Attributes:
        screen: index among all screens of the page; the scored ones follow those for practice.
        shown: the pictures in the order in which this rater saw them.
        chosen: those that the rater took for real, as many as there were real ones.
        exposure_ms: how long each of ``shown`` was seen; empty where the protocol sets no limit.
        answer_ms: from the question to the answer.
    """

    screen: Whole = Field(ge=0)
    shown: list[Whole]
    chosen: list[Whole]
    exposure_ms: list[Whole]
    answer_ms: Whole = Field(ge=0)


class Sitting(RecordModel):
    """What one rater answered about one method: the file that a page gives.

    Attributes:
        checksum: CRC-32 of everything else, as the page wrote it; see `ganbench.human_test.read`.
        draw: seed that the page's pictures were drawn with.
        page: sha256 of the page's pictures, key and protocol.
        sitting: drawn at random by the page when it was opened.
    """

    schema_version: int = SCHEMA_VERSION
    checksum: str
    suite: Name
    profile: Name
    data_fingerprint: str
    label: Name
    training_hash: Digest
    protocol: Literal["pix2pix", "quartet"]
    draw: Whole = Field(ge=0)
    page: Digest
    sitting: Digest
    answers: list[Answer]


class Judged(RecordModel):
    """A sitting that was checked against its results.

    Attributes:
        fooled: generated pictures that the rater took for real.
        generated: generated pictures that count.
    """

    schema_version: int = SCHEMA_VERSION
    fooled: Whole = Field(ge=0)
    generated: Whole = Field(ge=1)
    sitting: Sitting

    @property
    def rate(self) -> float:
        """Share of the generated pictures that the rater took for real."""
        return self.fooled / self.generated


def sitting_path(profile_directory: Path, sitting: Sitting) -> Path:
    """Return where a sitting is stored, beneath ``results/<suite>/<profile>/``."""
    return profile_directory / FOLDER / f"{sitting.sitting}.json"


def write_judged(profile_directory: Path, judged: Judged) -> Path:
    """Store one sitting atomically; return the file."""
    path = sitting_path(profile_directory, judged.sitting)
    write_atomic(path, to_json(judged.model_dump()))
    return path


def with_fool_rates(profile_directory: Path, records: Mapping[Path, Record]) -> tuple[dict[Path, Record], list[str]]:
    """Return the records with what people said of them, and one line per stored sitting that can't be read."""
    if not (profile_directory / FOLDER).is_dir():
        return dict(records), []
    groups, problems = _stored(profile_directory)
    return {path: _with_rates(record, groups) for path, record in records.items()}, problems


def fool_rate(sittings: Sequence[Judged]) -> Measured:
    """Return the share of generated pictures taken for real: the mean over raters of one trial, under one protocol.

    The 95 % interval (percentile bootstrap over raters) stands in the details; it is absent for a single rater.
    """
    protocol = PROTOCOLS[sittings[0].sitting.protocol]
    rates = [judged.rate for judged in sittings]
    interval = bootstrap_interval(rates, numpy_generator(0, "raters"))
    details = {"raters": len(rates), "interval95": [interval.low, interval.high] if interval else None}
    return Measured(
        value=sum(rates) / len(rates),
        n=sum(judged.generated for judged in sittings),
        protocol={key: value for key, value in vars(protocol).items() if value is not None},
        title=f"fool rate ({protocol.name})",
        group="quality",
        higher_is_better=True,
        digits=2,
        note=_note(protocol),
        details=details,
    )


def rater_interval(measured: Measured) -> Interval | None:
    """Return the interval of a fool rate over its raters; None for a single rater, and for all other quantities."""
    match measured.details:
        case {"interval95": [float() as low, float() as high], "raters": int() as raters}:
            return Interval(measured.value, low, high, raters)
    return None


def fool_rate_notes(records: Sequence[Record]) -> Iterator[str]:
    """Say of each fool rate how many people it rests on, with its interval."""
    found: dict[str, list[str]] = {}
    few = False
    for record in records:
        for measured in (value for name, value in record.metrics.items() if name.startswith(QUANTITY)):
            raters = measured.details.get("raters")
            if isinstance(raters, int) and 0 < raters <= measured.n:  # a record by another hand may hold anything
                found.setdefault(measured.title, []).append(f"{record.label} {_spelled(measured, raters)}")
                few = few or raters < FEW_RATERS
    for title, parts in found.items():
        yield f"{title}, of one trained model each: {'; '.join(parts)}. Intervals: 95 %, bootstrap over raters."
    if few:
        yield f"A fool rate by fewer than {FEW_RATERS} raters is a first impression: its interval is too narrow."


def _stored(profile_directory: Path) -> tuple[dict[tuple[str, str, str], list[Judged]], list[str]]:
    """Return (label, training hash, protocol) → sittings, in the order of their file names."""
    groups: dict[tuple[str, str, str], list[Judged]] = {}
    problems: list[str] = []
    for path in sorted((profile_directory / FOLDER).glob("*.json")):
        try:
            judged = read_judged(path)
        except InputError as error:
            problems += error.problems
            continue
        sitting = judged.sitting
        groups.setdefault((sitting.label, sitting.training_hash, sitting.protocol), []).append(judged)
    return groups, problems


def read_judged(path: Path) -> Judged:
    """Read one stored sitting; raise `InputError` with the file's name where it is broken."""
    return read_model(path, Judged, "judged sitting", "Delete it and import the answers again.")


def _with_rates(record: Record, groups: Mapping[tuple[str, str, str], Sequence[Judged]]) -> Record:
    keys = {name: (record.label, record.training_hash, name) for name in PROTOCOLS}
    rates = {f"{QUANTITY}{name}": fool_rate(groups[key]) for name, key in keys.items() if key in groups}
    return record.model_copy(update={"metrics": record.metrics | rates}) if rates else record


def _note(protocol: Protocol) -> str:
    asked = "pairs, each picture for 1 s" if protocol.exposure_ms else "four real and four generated at once"
    return (
        f"share of generated pictures that people took for real ({asked}); 0.50: real and generated can't be told "
        "apart; the unit is the rater, not the training seed"
    )


def _spelled(measured: Measured, raters: int) -> str:
    """Return "0.31 [0.27, 0.35] (50 raters, 2,000 answers)"."""
    found = rater_interval(measured)
    interval = f" [{found.low:.2f}, {found.high:.2f}]" if found else ""
    people = "1 rater" if raters == 1 else f"{raters:,} raters"
    return f"{measured.value:.2f}{interval} ({people}, {measured.n:,} answers)"
