import numpy as np
import pyarrow as pa
import pytest

from nightshift.monitoring.matters import slices
from nightshift.monitoring.matters.slice_accuracy import accuracies
from nightshift.profiles.profile import build

NIGHTS = [f"2024-01-{day:02d}" for day in range(1, 31)]
ROWS = 200


def night(random, moved=0.0, rows=ROWS):
    """Where ``site`` is north, ``amount`` is higher by ``moved``."""
    site = random.choice(["north", "south"], rows, p=[0.3, 0.7])
    amount = random.normal(0, 1, rows) + moved * (site == "north")
    return pa.table({"site": site, "amount": amount})


@pytest.fixture(scope="module")
def sliced(spec_of):
    random = np.random.default_rng(13)
    window = pa.concat_tables([night(random) for _ in NIGHTS])
    places = np.repeat(np.arange(len(NIGHTS)), ROWS)
    profile = build(spec_of, window, np.repeat(NIGHTS, ROWS), np.full(len(places), np.nan), np.ones(len(places)))
    losses = random.gamma(4, 0.1, len(places))
    return slices.reference_of(profile, ["site"], window, places, window, places, losses)


@pytest.fixture(scope="module")
def spec_of(make_project, tmp_path_factory):
    from nightshift.spec import load_spec

    folder = make_project(tmp_path_factory.mktemp("slices"), drift={"features": ["amount"], "score": False})
    return load_spec(folder / "model.yaml")


def test_drift_of_one_slice_is_seen_there(sliced):
    random = np.random.default_rng(14)
    quiet = slices.drifts(sliced, night(random))
    assert {one.value for one in quiet} == {"north", "south"}
    assert not any(one.above for one in quiet)
    worst, other = slices.drifts(sliced, night(random, moved=1.5))
    assert (worst.column, worst.value, worst.feature, worst.above) == ("site", "north", "amount", True)
    assert other.above is False


@pytest.mark.parametrize("rows", [60, 200, 2_000])
def test_quiet_slices_pass_their_limit_about_as_seldom_as_asked_however_large_the_night(sliced, rows):
    random = np.random.default_rng([15, rows])
    alarms = 0
    for _ in range(40):
        found = slices.drifts(sliced, night(random, rows=rows))
        alarms += any(one.above for one in found)
    # Of 40 at 1 %, 3 have probability 0.007.
    assert alarms <= 2


def test_a_slice_that_loses_more_is_named(sliced):
    random = np.random.default_rng(16)
    rows = night(random)
    losses = random.gamma(4, 0.1, ROWS)
    assert not any(one.above for one in accuracies(sliced, "2024-02-01", rows, losses))
    is_north = np.array(rows["site"].to_pylist()) == "north"
    found = {one.value: one for one in accuracies(sliced, "2024-02-01", rows, losses * np.where(is_north, 2, 1))}
    assert found["north"].above
    assert not found["south"].above
    assert found["north"].loss == pytest.approx(2 * losses[is_north].mean())


def test_without_columns_there_are_no_slices(sliced):
    none = slices.SlicesReference()
    assert slices.drifts(none, night(np.random.default_rng(17))) == []
