"""Let these tests use the fabricated records of tests/results."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "results"))


@pytest.fixture
def people_results(tmp_path):
    """Return a results directory with the rows real, identity, cyclegan (two seeds) and half_cycle, and pictures."""
    from sittings import typical_results

    return typical_results(tmp_path / "results")
