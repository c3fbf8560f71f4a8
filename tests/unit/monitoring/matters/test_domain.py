import numpy as np
import pyarrow as pa
import pytest

from nightshift.monitoring.matters import domain

NIGHTS = 20
ROWS = 150


def night(random, turned=1.0):
    """Two numbers that go together, or with ``turned`` -1 against each other: each alone is as it was."""
    x = random.normal(size=ROWS)
    return pa.table({
        "x": x,
        "y": turned * x + random.normal(0, 0.3, ROWS),
        "kind": random.choice(["a", "b", None], ROWS),
        "weather": np.full(ROWS, random.normal()),
        "nothing": pa.nulls(ROWS, pa.float32()),
    })


@pytest.fixture(scope="module")
def reference():
    random = np.random.default_rng(8)
    window = pa.concat_tables([night(random) for _ in range(NIGHTS)])
    days = np.repeat(np.arange(NIGHTS), ROWS)
    return domain.reference_of(window.column_names, window, days, window, days), window


def test_features_that_move_only_together_are_seen(reference):
    known, window = reference
    random = np.random.default_rng(9)
    quiet = domain.shift(known, night(random), window)
    assert quiet.above is False
    turned = domain.shift(known, night(random, turned=-1.0), window)
    assert turned.above
    assert turned.auc > turned.limit > quiet.auc


def test_a_column_of_another_type_than_before_is_not_told(reference):
    known, window = reference
    of_night = night(np.random.default_rng(9))
    place = of_night.column_names.index("x")
    whole = of_night.set_column(place, "x", of_night["x"].cast(pa.int64(), safe=False))
    assert domain.retyped(known, whole, window) == ["x"]
    assert domain.shift(known, whole, window) is None
    assert domain.retyped(known, of_night, window) == []


def test_what_is_constant_within_a_night_is_left_out_and_said(reference):
    known, window = reference
    assert known.left_out == ("weather",)
    assert domain.shift(known, night(np.random.default_rng(10)), window).left_out == ["weather"]


def test_a_night_of_hardly_any_rows_is_not_told(reference):
    known, window = reference
    assert domain.shift(known, night(np.random.default_rng(11)).slice(0, 40), window) is None


def test_quiet_nights_are_told_from_the_reference_about_as_seldom_as_asked(reference):
    known, window = reference
    random = np.random.default_rng(12)
    above = [domain.shift(known, night(random), window).above for _ in range(12)]
    # Of 12 at 1 %, 2 have probability 0.006.
    assert sum(above) <= 1


def test_a_column_whose_history_began_in_the_window_leaves_a_limit_that_drift_can_pass():
    """A trailing rate is null on the first nights of all: these were told wholly, and no night could be told better."""
    random = np.random.default_rng(13)
    nights = [night(random).select(["x", "y", "weather"]) for _ in range(NIGHTS)]
    rates = [random.normal(0.2, 0.02, ROWS) for _ in nights]
    for rate in rates[:4]:
        rate[:] = np.nan
    with_rates = [
        rows.append_column("rate", pa.array(rate, from_pandas=True)) for rows, rate in zip(nights, rates, strict=True)
    ]
    window = pa.concat_tables(with_rates)
    days = np.repeat(np.arange(NIGHTS), ROWS)
    known = domain.reference_of(window.column_names, window, days, window, days)
    assert known.left_out == ("weather", "rate")
    turned = night(random, turned=-1.0).select(["x", "y", "weather"]).append_column("rate", pa.array(rates[-1]))
    told = domain.shift(known, turned, window)
    assert told.limit < domain.HIGHEST_LIMIT
    assert told.above
