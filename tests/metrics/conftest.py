"""Fixtures: toy data, a workbench on it, evidence."""

import pytest
from toys import make_data

from ganbench.metrics.base import Evidence
from ganbench.metrics.workbench import Workbench


@pytest.fixture(scope="session")
def toy_data():
    """Return discs to be translated into squares, in three colours."""
    return make_data()


@pytest.fixture(scope="session")
def toy_workbench(toy_data, tmp_path_factory):
    """Return a workbench on the toy data that all tests share."""
    return Workbench(toy_data, "toy", tmp_path_factory.mktemp("workbench"))


@pytest.fixture
def judge_outputs(toy_data, toy_workbench):
    """Return evidence on given outputs; without any, on the real target test images."""

    def make(outputs=None, **changes):
        real = outputs is None
        labels = toy_data.labels("square" if real else "disc", "test")
        fields = {"data": toy_data, "workbench": toy_workbench, "labels": labels, "is_translation": not real}
        return Evidence(outputs=toy_data.images("square", "test") if real else outputs, **(fields | changes))

    return make


@pytest.fixture
def by_name():
    """Return quantity name → value of a list of values."""
    return lambda values: {value.quantity.name: value for value in values}
