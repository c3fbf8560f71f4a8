"""Shapes of charts: what is drawn is the values, and a hole in them is a hole."""

from nightshift.charts import HEIGHT, Scale, band, bars, dots, line


def test_the_lowest_value_is_at_the_bottom_the_highest_at_the_top_and_what_is_beyond_at_the_edge() -> None:
    scale = Scale.over([2.0, None, 6.0])
    assert [scale.y(value) for value in (2.0, 4.0, 6.0, 100.0, -100.0)] == [HEIGHT, 50.0, 0.0, 0.0, HEIGHT]


def test_values_that_are_all_one_are_drawn_too() -> None:
    assert Scale.over([]).y(0.5) == 50.0
    assert Scale.over([3.0, 3.0]).y(3.0) == HEIGHT
    assert Scale.over([0.0]).y(0.0) == HEIGHT


def test_a_night_without_a_value_has_no_bar_and_no_dot_and_the_line_goes_over_it() -> None:
    scale = Scale(0.0, 10.0)
    values = [10.0, None, 5.0]
    assert bars(values, scale) == "M0 100V0h0.8V100zM2 100V50h0.8V100z"
    assert dots(values, scale) == "M0.5 0h0M2.5 50h0"
    assert line(values, scale) == "M0.5 0L2.5 50"
    assert (bars([None], scale), dots([None], scale), line([None], scale)) == ("", "", "")


def test_a_bar_on_another_begins_where_that_ends() -> None:
    assert bars([10.0], Scale(0.0, 10.0), base=[4.0]) == "M0 60V0h0.8V60z"


def test_a_value_too_small_to_see_is_a_line_at_least() -> None:
    assert bars([0.001], Scale(0.0, 10.0)) == "M0 100V99h0.8V100z"


def test_a_band_is_apart_where_it_is_not_known() -> None:
    scale = Scale(0.0, 10.0)
    drawn = band([0.0, None, 5.0], [10.0, 10.0, 10.0], scale)
    assert drawn == "M0 0L1 0L1 100L0 100zM2 0L3 0L3 50L2 50z"


def test_of_many_nights_bars_touch() -> None:
    assert "h1V" in bars([1.0] * 200, Scale(0.0, 1.0))
