"""Tables of many records, with bounds so wide that a busy machine meets them too.

The figures themselves come from ``python -m benchmarks.report``.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.report import make_records, measure
from ganbench.results.files import to_json
from ganbench.results.store import RECORD_FILE, read_results, trial_directory


@pytest.fixture(scope="module")
def thousand(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("thousand")
    for record in make_records(5, 20, 10):
        directory = trial_directory(root / record.suite / "cpu", record.label, record.seed, record.training_hash)
        directory.mkdir(parents=True)
        (directory / RECORD_FILE).write_bytes(to_json(record.model_dump()))
    return root


def test_a_tenth_of_ten_thousand_takes_a_tenth_of_time_and_memory(thousand: Path) -> None:
    _, cpu, memory = measure("markdown", thousand)
    assert cpu < 4  # measured: 1.4 s on a busy core; 10,000 must take 8
    assert memory < 300  # measured: 145; 10,000 must take 1,024


def test_a_hundred_records_take_two_seconds(thousand: Path) -> None:
    """Of 200: one suite."""
    _, cpu, _ = measure("markdown", thousand / "suite0")
    assert cpu < 2  # measured: 0.8


def test_series_are_read_where_they_are_wanted(thousand: Path) -> None:
    whole, quick = (read_results(thousand / "suite0", series) for series in (True, False))
    one, other = (next(iter(results[0].records.values())) for results in (whole, quick))
    assert len(one.curve) == 100
    assert one.per_image
    assert other.curve == []
    assert other.per_image == {}
    assert other == one.model_copy(update={"curve": [], "per_image": {}})


def test_a_record_of_another_layout_is_read_whole(thousand: Path, tmp_path: Path) -> None:
    import json
    import shutil

    shutil.copytree(thousand / "suite0" / "cpu" / "method0-seed0-00000000", tmp_path / "a" / "b" / "c")
    path = tmp_path / "a" / "b" / "c" / RECORD_FILE
    fields = json.loads(path.read_text())
    for text in (json.dumps(fields), json.dumps(fields, indent=2)):
        path.write_text(text)
        (results,) = read_results(tmp_path, series=False)
        assert results.problems == ()
        assert next(iter(results.records.values())).metrics["quantity_1"].n == 250
