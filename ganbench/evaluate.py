"""The verb `evaluate`: folders of pictures that any program made, judged as the trials of a suite are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import ganbench
from ganbench import evaluation
from ganbench.data.base import TranslationData
from ganbench.data.cache import cache_folder
from ganbench.data.pictures import RESIZE
from ganbench.errors import InputError, NothingComparableError
from ganbench.evaluate_input import AbsentPicturesError, Material, read_folders
from ganbench.hardware import pick_device
from ganbench.metrics.base import METRICS, Evidence, Value
from ganbench.metrics.workbench import Report, Workbench
from ganbench.names import check_name
from ganbench.nets.extractors import EXTRACTORS
from ganbench.outcome import measured
from ganbench.provenance import git_state
from ganbench.results.plan import EXTERNAL
from ganbench.results.record import Budget, Record
from ganbench.seeding import torch_generator

if TYPE_CHECKING:
    from ganbench.results.leaderboard import Leaderboard

DEFAULT_EXTRACTOR = "efficientnet-lite0"
COMPARISONS = ("real", "identity")  # rows that stand beside the one asked about
SELF_GAUGED = "the pictures of this row are the held-out ones that copies are gauged by"


@dataclass(frozen=True)
class Request:
    """What `ganbench evaluate` is asked.

    Attributes:
        folders: role (see ``ROLES``) → folder; ``generated`` is always there.
        metrics: metric families; empty means all.
        extractor: a registered extractor.
        image_size: pixels that all pictures are brought to; None takes them as they are.
        label: how the row is called.
    """

    folders: Mapping[str, Path]
    metrics: tuple[str, ...] = ()
    extractor: str = DEFAULT_EXTRACTOR
    image_size: int | None = None
    label: str = "generated"

    @property
    def families(self) -> tuple[str, ...]:
        """The metric families that are to be computed."""
        return self.metrics or tuple(METRICS.names())


@dataclass(frozen=True)
class JudgedRow:
    """One row: the pictures that were asked about, real ones, or copied inputs.

    Attributes:
        label: name of the row; ``real`` and ``identity`` are those that stand beside it for comparison.
        n: number of pictures.
        values: what was measured.
        missing: quantity or metric family → why it could not be measured.
    """

    label: str
    n: int
    values: Sequence[Value]
    missing: Mapping[str, str]


@dataclass(frozen=True)
class Judgement:
    """What `evaluate_folders` found.

    Attributes:
        rows: ``real`` and ``identity`` where they can be had, then the pictures asked about.
        notes: what a reader must know of the pictures, one sentence each.
        size: height and width of the pictures, in pixels.
        counts: role → number of pictures.
        fingerprint: of everything that the outputs were judged against.
    """

    request: Request
    rows: tuple[JudgedRow, ...]
    notes: tuple[str, ...]
    size: tuple[int, int]
    counts: Mapping[str, int]
    fingerprint: str


def request_of(
    folders: Mapping[str, Path | None],
    metrics: str | None,
    extractor: str | None,
    image_size: int | None,
    name: str | None,
) -> Request:
    """Return what the command line asks; `InputError` with every name that is wrong."""
    given = {role: folder for role, folder in folders.items() if folder is not None}
    families = tuple(part.strip() for part in metrics.split(",")) if metrics is not None else ()
    problems = [f"--metrics: {METRICS.unknown(family)}" for family in families if family not in METRICS.names()]
    extractor = DEFAULT_EXTRACTOR if extractor is None else extractor
    if extractor not in EXTRACTORS.names():
        problems.append(f"--extractor: {EXTRACTORS.unknown(extractor)}")
    label = row_label(name) if name is not None else "generated"
    if label in COMPARISONS:
        problems.append(f"--name must be another than {' and '.join(COMPARISONS)}, which stand beside it.")
    if problems:
        raise InputError(problems)
    return Request(given, families, extractor, image_size, label)


def row_label(name: str) -> str:
    """Return ``name`` as a label, its spaces turned into hyphens; `InputError` where it may not become a folder."""
    try:
        return check_name("-".join(name.split()))
    except ValueError as error:
        raise InputError(f"--name: {error}.") from None


def evaluate_folders(request: Request, report: Report) -> Judgement:
    """Judge the generated pictures, and beside them real ones and copied inputs.

    What a metric would need and no folder gives is named in ``missing``; the pictures of source, generated and
    counterpart belong together by file name without suffix.

    Raises:
        InputError: whatever is wrong with the pictures of all folders.
        NothingComparableError: no metric can be computed.
    """
    material = read_folders(request.folders, request.image_size, report)
    data = material.data()
    device = pick_device(1 if torch.cuda.is_available() else 0)
    workbench = evaluation.open_workbench(data, request.extractor, cache_folder() / "evaluation", device)
    workbench.report = report
    rows = [_judge(label, evidence, request) for label, evidence in _evidence(material, data, workbench, request)]
    if not rows[-1].values:
        reasons = (f"{family}: {reason}." for family, reason in rows[-1].missing.items())
        raise NothingComparableError("\n".join(["Nothing can be measured on these pictures.", *reasons]))
    if material.resized:
        rows = [_resized(row, request.image_size) for row in rows]
    height, width = material.images["generated"].shape[-2:]
    counts = {role: len(images) for role, images in material.images.items()}
    notes = (*material.notes, *_unequal(counts))
    return Judgement(request, tuple(rows), notes, (height, width), counts, data.fingerprint)


def _evidence(
    material: Material, data: TranslationData, workbench: Workbench, request: Request
) -> list[tuple[str, Evidence]]:
    """Return label → evidence of every row; the pictures that were asked about come last."""
    images, rows = material.images, []
    if "target" in images:
        outputs = _as_many(images["target"], len(images["generated"]))
        rows.append(("real", Evidence(data, outputs, workbench, is_translation=False)))
    for label, role in (("identity", "source"), (request.label, "generated")):
        if role in images:
            # one output per input: whether the program would answer the same again, nobody here knows
            samples = images[role][:, None]
            counterparts = images.get("counterpart")
            rows.append((label, Evidence(data, images[role], workbench, counterparts=counterparts, samples=samples)))
    return rows


def _as_many(real: torch.Tensor, count: int) -> torch.Tensor:
    """Return ``count`` of the real pictures where there are more: distances depend on n."""
    if len(real) <= count:
        return real
    chosen = torch.randperm(len(real), generator=torch_generator(0, "row of real pictures"))[:count]
    return real[chosen.sort().values]


def _unequal(counts: Mapping[str, int]) -> list[str]:
    real, generated = counts.get("target"), counts["generated"]
    if real is None or real == generated:
        return []
    if real < generated:
        return [f"The row real rests on {real} pictures, not on {generated}: FD depends on n, so look at KID as well."]
    return [f"The row real rests on {generated} of the {real} --target pictures: as many as were generated."]


def _judge(label: str, evidence: Evidence, request: Request) -> JudgedRow:
    values: list[Value] = []
    missing: dict[str, str] = {}
    for family in request.families:
        try:
            found = evaluation.evaluate(evidence, [family], request.extractor)
        except AbsentPicturesError as absent:
            missing[family] = str(absent)
            continue
        values += found.values
        missing |= found.missing
    if not evidence.is_translation:
        gauged = [value for value in values if "held_out" in value.protocol]
        missing |= {value.quantity.name: SELF_GAUGED for value in gauged}
        values = [value for value in values if "held_out" not in value.protocol]
    return JudgedRow(label, len(evidence.outputs), values, missing)


def _resized(row: JudgedRow, image_size: int | None) -> JudgedRow:
    """Name in every protocol that the pictures were not judged as they are."""
    text = f"to {image_size} px, {RESIZE}"
    values = [replace(value, protocol={**value.protocol, "pictures_resized": text}) for value in row.values]
    return replace(row, values=values)


def to_json(judgement: Judgement) -> dict[str, Any]:
    """Return plain data: rows with metrics as {name: {value, std, n, protocol}} and what is missing, and the notes."""
    return {
        "ganbench": ganbench.__version__,
        "size": list(judgement.size),
        "pictures": dict(judgement.counts),
        "rows": [
            {
                "label": row.label,
                "n": row.n,
                "metrics": {value.quantity.name: _as_data(value) for value in row.values},
                "missing": dict(row.missing),
            }
            for row in judgement.rows
        ],
        "notes": list(judgement.notes),
    }


def _as_data(value: Value) -> dict[str, Any]:
    return {
        "value": value.value,
        "std": value.std,
        "n": value.n,
        "higher_is_better": value.quantity.higher_is_better,
        "protocol": dict(value.protocol),
        "details": dict(value.details),
    }


def to_board(judgement: Judgement) -> Leaderboard:
    """Return the rows as a leaderboard without costs, for the same tables as those of a suite."""
    from ganbench.results.leaderboard import build_leaderboards
    from ganbench.results.store import ResultSet

    records = {Path(row.label): _record(row, judgement) for row in judgement.rows}
    (board,) = build_leaderboards(ResultSet(Path(), "pictures", "evaluate", records, plan=None))
    height, width = judgement.size
    counts = (f"{count} {role}" for role, count in judgement.counts.items())
    caption = (f"pictures of {width} × {height} px", *counts, f"ganbench {ganbench.__version__}")
    columns = tuple(column for column in board.columns if column.group != "cost")
    return replace(board, caption=caption, columns=columns, footnotes=(*judgement.notes, *board.footnotes))


def _record(row: JudgedRow, judgement: Judgement) -> Record:
    size = min(judgement.size)
    return Record(
        suite="pictures",
        profile="evaluate",
        method=row.label if row.label in COMPARISONS else EXTERNAL,
        label=row.label,
        options={},
        seed=0,
        status="ok",
        training_hash=judgement.fingerprint,
        dataset={"name": "pictures"},
        data_fingerprint=judgement.fingerprint,
        budget=Budget(image_size=size, steps=0, batch_size=0, precision="float32", threads=torch.get_num_threads()),
        baseline=row.label == "identity",
        reference=row.label == "real",
        metrics={value.quantity.name: measured(value) for value in row.values},
        missing=dict(row.missing),
        provenance={"ganbench": ganbench.__version__, **git_state()},
    )
