"""A snapshot: what one suite and profile gave, small enough to be committed. A baseline file is one.

Both sides of the gate are snapshots, so that updating a baseline shows the same verdicts as checking against it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Any, Literal

from pydantic import Field

from ganbench.errors import InputError
from ganbench.results.files import read_model, write_atomic
from ganbench.results.record import Name, RecordModel, Scalar, Status, Whole

Seed = Annotated[str, Field(pattern="^[0-9]+$")]
FLAT = 4  # nesting depth from which JSON stays on one line, so that a changed value is a changed line
REMEDY = "Make it anew: ganbench baseline RESULTS -o {path} --update."


class Quantity(RecordModel):
    """One quantity of one row.

    Attributes:
        title: column header without arrow.
        n: number of images (or pairs) behind each value.
        digits: decimals shown.
        protocol: everything that changes the number.
        seeds: training seed → value.
    """

    title: str
    higher_is_better: bool
    n: Whole
    digits: int = Field(ge=0, le=15)
    protocol: dict[str, Scalar]
    seeds: dict[Seed, float] = Field(min_length=1)

    @property
    def values(self) -> list[float]:
        """The values, one per training seed."""
        return list(self.seeds.values())

    @property
    def mean(self) -> float:
        """Mean over training seeds."""
        return mean(self.values)

    @property
    def std(self) -> float | None:
        """Standard deviation over training seeds (divisor N − 1); None for one seed."""
        return stdev(self.values) if len(self.values) > 1 else None


class Conditions(RecordModel):
    """The part of the budget that was asked for; rows are compared only where it is the same."""

    image_size: Whole
    steps: Whole
    batch_size: Whole
    n_train: Whole | None = None
    precision: str


class SnapshotRow(RecordModel):
    """One label.

    Attributes:
        reference: the row of real images, by which the measuring itself is checked.
        unfinished: seed → status, for seeds without values.
        reasons: status → why, of the first seed that has it.
        missing: quantity or metric family → why it could not be measured.
        provenance: code and machine; several where the seeds come from different ones.
        metrics: quantity → values. Quantities without a better direction are left out: they can't regress.
    """

    method: str
    reference: bool
    budget: Conditions
    options: dict[str, Any]
    unfinished: dict[Seed, Status | Literal["pending"]]
    reasons: dict[str, str]
    missing: dict[str, str]
    provenance: list[dict[str, Any]]
    metrics: dict[str, Quantity]


class Snapshot(RecordModel):
    """What one suite and profile gave.

    Attributes:
        data_fingerprint: sha256 of the images.
        headline: the quantity that methods are ranked by: the one declared comparison per method.
        rows: label → row.
    """

    suite: Name
    profile: Name
    data_fingerprint: str
    dataset: dict[str, Any]
    headline: str | None
    rows: dict[Name, SnapshotRow] = Field(min_length=1)


class BaselineFile(RecordModel):
    """A snapshot as it lies on disk, with the digest of its content."""

    schema_version: Literal[1] = 1
    baseline: Snapshot
    sha256: str


def to_bytes(snapshot: Snapshot) -> bytes:
    """Return the content of a baseline file: JSON that a person can read and a diff can show."""
    fields = snapshot.model_dump()
    file = {"schema_version": 1, "baseline": fields, "sha256": _digest(fields)}
    return (_layout(file, 0) + "\n").encode()


def write_baseline(path: Path, snapshot: Snapshot) -> None:
    """Write a baseline file, atomically."""
    write_atomic(path, to_bytes(snapshot))


def read_baseline(path: Path) -> Snapshot:
    """Read a baseline file. `InputError` where it is absent, truncated, edited or of another schema."""
    remedy = REMEDY.format(path=path)
    try:
        file = read_model(path, BaselineFile, "baseline")
    except InputError as error:
        raise InputError([f"{problem} {remedy}" for problem in error.problems]) from None
    if _digest(file.baseline.model_dump()) != file.sha256:
        raise InputError(f"{path}: this baseline was edited: its content does not fit its sha256. {remedy}")
    return file.baseline


def _digest(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _layout(value: Any, depth: int) -> str:
    """Return JSON, indented down to `FLAT` levels; what lies deeper, and what is short by nature, is one line."""
    if not isinstance(value, dict) or not value or (depth >= FLAT and not _holds_quantities(value)):
        return json.dumps(value, allow_nan=False)
    inner = [f"{' ' * (depth + 1)}{json.dumps(key)}: {_layout(item, depth + 1)}" for key, item in value.items()]
    return "{\n" + ",\n".join(inner) + f"\n{' ' * depth}}}"


def _holds_quantities(value: dict[str, Any]) -> bool:
    return all(isinstance(item, dict) and {"protocol", "seeds"} <= item.keys() for item in value.values())


def value_text(quantity: Quantity | None) -> str:
    """Return "0.612 ± 0.034": mean and standard deviation over seeds."""
    if quantity is None:
        return "–"
    spread = "" if quantity.std is None else f" ± {quantity.std:.{quantity.digits}f}"
    return f"{quantity.mean:z.{quantity.digits}f}{spread}"


def seeds_text(quantity: Quantity | None) -> str:
    """Return "0.612 ± 0.034 (5)": mean, standard deviation over seeds, number of seeds."""
    return value_text(quantity) + (f" ({len(quantity.seeds)})" if quantity else "")
