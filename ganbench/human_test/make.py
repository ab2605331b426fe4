"""Self-contained pages, one per method, each of which is one sitting of one rater."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from jinja2 import Environment, StrictUndefined
from PIL import Image

from ganbench.errors import InputError
from ganbench.human_test.draw import Images, Page, draw_page
from ganbench.registry import did_you_mean
from ganbench.results.files import write_atomic
from ganbench.results.people import PROTOCOLS
from ganbench.results.pictures import read_pictures
from ganbench.results.plan import EXTERNAL
from ganbench.results.record import SCHEMA_VERSION, Record
from ganbench.results.store import ResultSet, read_results

LIST_FILE: Final = "sittings.csv"  # for whoever invites the raters, who must not see which page is whose
LARGEST: Final = 256  # pixels; larger pictures are reduced, as Isola et al. 2017 did with 512
HEADER: Final = (
    "file",
    "suite",
    "profile",
    "label",
    "training_seed",
    "protocol",
    "image_px",
    "shown_px",
    "draw",
    "page",
)


@dataclass(frozen=True)
class Written:
    """A page that was written, and how it shows its pictures."""

    path: Path
    record: Record
    image_px: int
    shown_px: int


def make_pages(root: Path, out: Path, protocol: str, labels: Sequence[str], draw: int) -> list[Written]:
    """Write one page per finished method beneath ``root`` into ``out``, and a list of them; return the pages.

    A method is shown by its first finished training seed. File names tell nothing about the method.

    Args:
        root: a results directory, or one suite's or profile's part of it.
        out: folder for the pages.
        protocol: a name in `PROTOCOLS`.
        labels: which rows; none: all methods, no baselines.
        draw: seed of which pictures are shown.

    Raises:
        InputError: no results, unknown or unfinished rows, too few pictures; all problems together.
    """
    chosen = _chosen(read_results(root), labels)
    pages: list[tuple[Page, tuple[str, ...]]] = []
    problems: list[str] = []
    for results, directory in chosen:
        try:
            page = draw_page(results, directory, PROTOCOLS[protocol], draw)
            pages.append((page, _credits(results.directory)))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    written = [_write(out, page, credits) for page, credits in pages]
    _write_list(out, pages=[page for page, _ in pages], written=written)
    return written


def page_data(page: Page) -> dict[str, Any]:
    """Return what a page knows: the pictures, and the key of the practice screens alone."""
    protocol = page.protocol
    return {
        "sitting": {"schema_version": SCHEMA_VERSION, **page.identity, "page": page.digest},
        "practice": protocol.practice,
        "scored": protocol.scored,
        "each": protocol.each,
        "exposure_ms": protocol.exposure_ms,
        "screens": [[_data_uri(picture) for picture in screen] for screen in page.pictures],
        "key": [np.flatnonzero(real).tolist() for real in page.real[: protocol.practice]],
    }


def shown_px(image_px: int, target: int) -> int:
    """Return the width on the page: small pictures by the largest whole factor, larger ones at ``target``."""
    return image_px * (target // image_px) if image_px <= target else target


def _chosen(found: Sequence[ResultSet], labels: Sequence[str]) -> list[tuple[ResultSet, Path]]:
    """Return (results, trial directory) of the first finished seed of each row that was asked for."""
    finished = [(results, path, record) for results in found for path, record in _finished(results).items()]
    known = {record.label for _, _, record in finished}
    problems = [
        f"--method: no finished row is called {label!r}. {did_you_mean(label, known)}"
        f"Finished rows: {', '.join(sorted(known)) or 'none'}."
        for label in labels
        if label not in known
    ]
    if problems:
        raise InputError(problems)
    chosen = [(results, path) for results, path, record in finished if _wanted(record, labels)]
    if not chosen:
        raise InputError(f"{found[0].directory}: no method is finished yet. Run the suite first: ganbench run SUITE.")
    return chosen


def _wanted(record: Record, labels: Sequence[str]) -> bool:
    return record.label in labels if labels else not record.baseline or record.method == EXTERNAL


def _finished(results: ResultSet) -> dict[Path, Record]:
    """Return trial directory → record of the first finished seed of each row, real images left out."""
    first: dict[str, tuple[Path, Record]] = {}
    for path, record in sorted(results.shown.items(), key=lambda item: (item[1].label, item[1].seed)):
        if record.status == "ok" and not record.reference:
            first.setdefault(record.label, (path, record))
    return dict(first.values())


def _credits(profile_directory: Path) -> tuple[str, ...]:
    pictures = read_pictures(profile_directory)
    return pictures.credits if pictures else ()


def _write(out: Path, page: Page, credits: Sequence[str]) -> Written:
    image_px = page.pictures.shape[-1]
    shown = shown_px(image_px, page.protocol.shown_px)
    path = out / f"{page.digest[:12]}.html"
    write_atomic(path, _html(page, credits, image_px, shown).encode())
    return Written(path, page.record, image_px, shown)


def _html(page: Page, credits: Sequence[str], image_px: int, shown: int) -> str:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.policies["json.dumps_kwargs"] = {}  # keys in their order: the checksum of the answers depends on it
    template = environment.from_string(_text("page.html"))
    return template.render(
        style=_text("page.css"),
        script=_text("page.js"),
        data=page_data(page),
        protocol=page.protocol,
        image_px=image_px,
        shown_px=shown,
        credits=credits,
    )


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _data_uri(picture: Images) -> str:
    """Return one picture (3, H, W) as lossless WebP, so that no artefact tells real from generated."""
    image = Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0)))
    if image.width > LARGEST:
        image = image.resize((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _write_list(out: Path, pages: Sequence[Page], written: Sequence[Written]) -> None:
    """Write which page shows which method, beside what pages of earlier calls the list holds already."""
    rows = {row[0]: row for row in _read_list(out)}
    for page, one in zip(pages, written, strict=True):
        about = (page.record.suite, page.record.profile, page.record.label, page.record.seed, page.protocol.name)
        name = one.path.name
        rows[name] = [name, *map(str, (*about, one.image_px, one.shown_px, page.draw, page.digest))]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([HEADER, *rows.values()])
    write_atomic(out / LIST_FILE, buffer.getvalue().encode())


def _read_list(out: Path) -> list[list[str]]:
    path = out / LIST_FILE
    rows = list(csv.reader(path.read_text("utf-8").splitlines())) if path.exists() else []
    return [row for row in rows[1:] if (out / row[0]).exists()]
