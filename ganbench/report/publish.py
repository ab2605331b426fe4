"""The published files of a suite: leaderboard.csv, leaderboard.md and comparison.png beside the raw records.

Where a licence forbids to publish pictures the sheet is comparison-private.png, which git ignores and no page names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ganbench.archives import read_arrays
from ganbench.errors import InputError
from ganbench.report.export import to_csv
from ganbench.report.figures import Images, Strip, encode_png, sheet
from ganbench.report.layout import caption
from ganbench.report.markdown import to_markdown
from ganbench.results.files import write_atomic
from ganbench.results.leaderboard import Leaderboard, build_leaderboards
from ganbench.results.pictures import are_images
from ganbench.results.plan import EXTERNAL
from ganbench.results.rows import Row
from ganbench.results.store import read_profile

TRANSLATIONS_FILE = "translations.npz"  # key "outputs": uint8 (N, 3, H, W), in the order of the source test images
COMPARISON_FILE = "comparison.png"
PRIVATE_FILE = "comparison-private.png"
COLUMNS = 10  # test images on the comparison sheet


def write_reports(
    directory: Path,
    inputs: Images,
    real: Images,
    counterparts: Images | None = None,
    credit_lines: Sequence[str] = (),
    private: bool = False,
) -> list[Path]:
    """Write the leaderboard and the comparison sheet of one ``<suite>/<profile>/`` directory; return the files.

    Args:
        directory: where the records lie.
        inputs: uint8 (N, 3, H, W), the source test images in the order of the stored translations.
        real: uint8 (M, 3, H, W), target test images, shown for comparison.
        counterparts: uint8 (N, 3, H, W), the true target of each input, or None.
        credit_lines: who made the images, under which licence; the bottom of the sheet.
        private: whether the sheet is for these eyes only: the page then doesn't show it.
    """
    boards = build_leaderboards(read_profile(directory))
    picture = encode_png(comparison_sheet(boards[0], inputs, real, counterparts, credit_lines))
    sheet_file, other = (PRIVATE_FILE, COMPARISON_FILE) if private else (COMPARISON_FILE, PRIVATE_FILE)
    shown = [None if private or index else sheet_file for index in range(len(boards))]
    texts = "\n".join(to_markdown(board, name) for board, name in zip(boards, shown, strict=True))
    contents = {"leaderboard.csv": to_csv(boards).encode(), "leaderboard.md": texts.encode(), sheet_file: picture}
    (directory / other).unlink(missing_ok=True)
    for name, content in contents.items():
        write_atomic(directory / name, content)
    return [directory / name for name in contents]


def comparison_sheet(
    board: Leaderboard, inputs: Images, real: Images, counterparts: Images | None, credit_lines: Sequence[str]
) -> Image.Image:
    """Return the sheet: inputs, what each method made of them, the true counterparts if known, and real images.

    A method is shown by its first finished seed; one without outputs is a grey band with its status.
    """
    strips = [Strip("input", inputs[:COLUMNS], block=0)]
    strips += [_strip(board, row) for row in board.rows if row.kind == "method" or row.method == EXTERNAL]
    if counterparts is not None:
        strips.append(Strip("counterpart", counterparts[:COLUMNS], "the true answer", block=2))
    if counterparts is None or not np.array_equal(counterparts[:COLUMNS], real[:COLUMNS]):
        strips.append(Strip("real target", real[:COLUMNS], "for comparison", block=2))
    title = f"{board.suite}: the same test images through every method"
    return sheet(strips, title, (caption(board), *credit_lines), COLUMNS)


def _strip(board: Leaderboard, row: Row) -> Strip:
    if not board.directories.get(row.label):
        return Strip(row.label, None, row.short_status, block=1)
    try:
        outputs = read_outputs(board.directories[row.label][0])
    except InputError:  # the tables are worth more than one row of the sheet
        return Strip(row.label, None, "no stored outputs", block=1)
    return Strip(row.label, outputs[:COLUMNS], _score(board, row), block=1)


def _score(board: Leaderboard, row: Row) -> str:
    column = board.headline
    cell = board.cells.get((row.label, column.key)) if column else None
    return f"{column.title} {cell.mean:.{column.digits}f}" if column and cell else ""


def read_outputs(directory: Path) -> Images:
    """Return the stored translations of one trial, uint8 (N, 3, H, W). Raises `InputError` where they are unusable."""
    path = directory / TRANSLATIONS_FILE
    arrays = read_arrays(path, "the stored translations", "Run with --force.", ("outputs",))
    if "outputs" not in arrays or not are_images(arrays["outputs"]):
        raise InputError(f"{path}: the stored translations hold no outputs, uint8 (N, 3, H, W). Run with --force.")
    return arrays["outputs"]
