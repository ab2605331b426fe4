"""Columns: which quantities may raise the alarm of lying below real images."""

import pytest

from ganbench.results.columns import Column


@pytest.mark.parametrize(
    ("quantity", "alarms"),
    [
        ("fid", True),
        ("fd_efficientnet-lite0", True),
        ("fid_infinity", False),
        ("fd_infinity_efficientnet-lite0", False),
        ("kid", False),
        ("mifd_efficientnet-lite0", False),
    ],
)
def test_distances_whose_fall_below_real_images_is_an_alarm(quantity, alarms):
    assert Column(quantity, quantity, "title", "quality", False).is_distance is alarms
