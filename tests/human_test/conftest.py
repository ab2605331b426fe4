"""Let these tests use the fabricated records of tests/results, and the browser of tests/report."""

import sys
from pathlib import Path

import pytest

for room in ("results", "report"):
    sys.path.insert(0, str(Path(__file__).parent.parent / room))


@pytest.fixture
def people_results(tmp_path):
    """Return a results directory with the rows real, identity, cyclegan (two seeds) and half_cycle, and pictures."""
    from sittings import typical_results

    return typical_results(tmp_path / "results")
