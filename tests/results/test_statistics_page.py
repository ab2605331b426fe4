"""docs/statistics.md quotes figures; they must be those of ``python -m benchmarks.coverage``."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.coverage import row_of  # noqa: E402

PAGE = (ROOT / "docs" / "statistics.md").read_text("utf-8")


@pytest.mark.parametrize("word", ["†", "⚠", "≈", "inconclusive", "rank", "headline", "--diagram", "--parquet"])
def test_the_page_names_every_word_that_tables_use(word: str) -> None:
    assert word in PAGE


def test_intervals_of_five_seeds_cover_as_the_page_says() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| 5 |"))
    quoted = [float(number) for number in re.findall(r"([0-9.]+) %", row)]
    cells = row_of(5, 500)
    measured = [float(cell.rstrip("%")) for cell in (*cells[1:4], *cells[5:])]
    assert quoted == pytest.approx(measured, abs=1.5)  # a library may draw otherwise in its next version
    assert 92 <= measured[0] <= 98
