"""Axes of charts: any values have one, with ticks within it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.report.html.axis import Axis

EXTREMES = st.sampled_from([0.0, 5e-324, -5e-324, 1e-310, 1e-100, 1e100, 1e308, -1.7e308, 1.7e308])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(values=st.lists(st.floats() | EXTREMES | st.floats(0.1, 10), max_size=6))
def test_any_values_have_an_axis(values):
    axis = Axis.around(values, 0.0, 100.0, None)
    assert axis.low < axis.high
    places = [tick.position for tick in axis.ticks]
    assert places == sorted(places)
    assert all(0 <= axis.at(value) <= 100 for value in values if value == value)


def test_values_stand_where_they_belong():
    axis = Axis.around([0.0, 1.0], 0.0, 112.0)  # with six hundredths of room on both sides
    assert [axis.at(value) for value in (0.0, 0.5, 1.0, 1e308, -1e308)] == [6.0, 56.0, 106.0, 112.0, 0.0]
    assert [tick.text for tick in axis.ticks] == ["0", "0.25", "0.5", "0.75", "1"]
    wide = Axis.around([1.0, 10_000.0], 0.0, 100.0, None)
    assert wide.log
    assert wide.at(100.0) == 50.0
