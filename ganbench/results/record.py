"""The record: what is known about one trial, one JSON file, the only truth that tables are made from."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ganbench.names import NAME
from ganbench.seeding import SEED_LIMIT

SCHEMA_VERSION = 1

Status = Literal["ok", "failed", "diverged", "interrupted", "skipped", "stopped"]  # stopped: given up by a search
Scalar = str | int | float | bool
Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")]  # sha256 in hex, or its beginning
Whole = Annotated[int, Field(gt=-(2**63), lt=2**63)]  # JSON knows no limit; floats and tables do


class RecordModel(BaseModel):
    """Base of the parts of a record: immutable, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@lru_cache(maxsize=1024)
def _text(protocol: tuple[tuple[str, Scalar], ...]) -> str:
    return repr(sorted(protocol))  # thousands of values share a few protocols


class Measured(RecordModel):
    """A metric's value as it stands in a record; see `ganbench.metrics.base.Value`."""

    value: float
    std: float | None = None
    n: Whole
    protocol: dict[str, Scalar]
    title: str
    group: str
    higher_is_better: bool | None
    digits: int = Field(3, ge=0, le=15)
    note: str = ""
    details: dict[str, Any] = Field(default_factory=dict)
    alarm: bool = False  # the metric itself says that training images are copied

    @property
    def deterministic(self) -> bool:
        """Whether a diversity is 0 by nature, because the method gives one output per input."""
        return self.protocol.get("deterministic") is True

    @cached_property
    def protocol_key(self) -> str:
        """A text that two values share exactly if their protocols are the same."""
        return "deterministic" if self.deterministic else _text(tuple(self.protocol.items()))


class Timings(RecordModel):
    """Where the time went, in seconds; peak memory of the process in MiB."""

    training_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    overhead_seconds: float = 0.0
    images_per_second: float = 0.0
    peak_memory_mib: float = 0.0
    started: str = ""  # ISO 8601, UTC
    finished: str = ""


class Budget(RecordModel):
    """What a trial was given: the hardware profile with the method's own overrides."""

    image_size: Whole
    steps: Whole
    batch_size: Whole
    n_train: Whole | None = None  # training images of each domain that the method saw; None: all
    precision: str  # "float32" or "bfloat16"
    memory_format: str = "channels_last"  # or "contiguous"
    compiled: bool = False  # whether torch.compile made the kernels
    threads: Whole
    updates: Whole = 0  # generator updates actually done
    images_seen: Whole = 0


class Rung(RecordModel):
    """Where a search trial was compared with the others that had come as far, and whether it was kept.

    Attributes:
        step: of the training.
        score: on validation images.
        among: scores that were known at this step then, this one included.
        better: how many of them were better.
    """

    step: Whole
    score: float
    among: Whole
    better: Whole
    kept: bool


class SearchNotes(RecordModel):
    """What makes a record that of a search trial: it was judged on validation images, and is no row's."""

    number: Whole
    metric: str
    higher_is_better: bool
    rungs: list[Rung] = Field(default_factory=list)


class Record(RecordModel):
    """One trial. ``training_hash`` says what was trained, ``evaluated`` which metric families were computed how.

    Attributes:
        label: the row of the leaderboard; variants of one method differ in it.
        options: the method's resolved options.
        metrics: quantity → measured value.
        missing: quantity or metric family → why it could not be computed here.
        evaluated: metric family → evaluation hash (its version, extractor digest).
        curve: one row per logged step: {"step": …, "seconds": …, loss name: value, …}.
        per_image: quantity → values per test image.
        search: of the trials of a search alone.
        files: role ("samples", "translations", "checkpoint", "comparison") → name of a file beside the record.
    """

    schema_version: int = SCHEMA_VERSION
    suite: Name
    profile: Name
    method: str
    label: Name
    options: dict[str, Any]
    seed: int = Field(ge=0, lt=SEED_LIMIT)
    status: Status
    error: str | None = None
    training_hash: Digest
    dataset: dict[str, Any]
    data_fingerprint: str
    budget: Budget
    baseline: bool = False
    reference: bool = False  # the row of real images
    stochastic: bool = False
    metrics: dict[str, Measured] = Field(default_factory=dict)
    missing: dict[str, str] = Field(default_factory=dict)
    evaluated: dict[str, str] = Field(default_factory=dict)
    curve: list[dict[str, float]] = Field(default_factory=list)
    per_image: dict[str, list[float]] = Field(default_factory=dict)
    timings: Timings = Timings()
    provenance: dict[str, Any] = Field(default_factory=dict)
    search: SearchNotes | None = None
    files: dict[str, Name] = Field(default_factory=dict)
