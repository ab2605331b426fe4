"""Every YAML block of docs/data.md is a dataset that a suite can name."""

import re
from pathlib import Path

import pytest

from ganbench.data.base import DATASETS
from ganbench.options import read_options
from ganbench.yaml_reader import parse

PAGE = Path(__file__).parents[2] / "docs" / "data.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_the_page_has_blocks():
    assert len(BLOCKS) >= 8


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_is_valid(block):
    values = dict(parse(block, PAGE)[0]["dataset"])
    assert read_options(DATASETS.get(values.pop("name")), values, "docs/data.md").missing()  # the folders are absent
