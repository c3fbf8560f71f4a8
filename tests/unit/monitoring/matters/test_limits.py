import numpy as np
import pytest
from scipy.stats import t

from nightshift.monitoring.matters.limits import autocorrelation, interval, scarcity, upper_limit


def remembered(random, nights, memory):
    values = [random.normal()]
    for _ in range(nights - 1):
        values.append(memory * values[-1] + (1 - memory**2) ** 0.5 * random.normal())
    return np.array(values)


def passed(memory, nights, runs, rate=0.01):
    """How often a value a few nights later passes the limit."""
    times = 0
    for run in range(runs):
        values = remembered(np.random.default_rng([7, run]), nights + 5, memory)
        limit = upper_limit(values[:nights], rate)
        times += limit is not None and values[-1] > limit
    return times / runs


@pytest.mark.parametrize(("memory", "at_most"), [(0.0, 0.01), (0.5, 0.01), (0.8, 0.02)])
@pytest.mark.parametrize("nights", [14, 28])
def test_one_more_night_passes_about_as_seldom_as_asked_also_where_nights_resemble_their_neighbours(
    memory, at_most, nights
):
    runs = 1_000
    tolerance = 3 * (at_most * (1 - at_most) / runs) ** 0.5
    assert passed(memory, nights, runs) <= at_most + tolerance


def test_independent_nights_have_the_usual_prediction_limit_but_for_the_memory_they_seem_to_have():
    values = np.array([1.0, -1.0] * 10)
    assert autocorrelation(values) == 0.0
    usual = t.ppf(0.99, 19) * values.std(ddof=1) * (1 + 1 / 20) ** 0.5
    assert upper_limit(values) == pytest.approx(usual)


def test_few_nights_or_nights_that_are_all_one_weather_give_no_limit():
    assert upper_limit(np.arange(9.0)) is None
    assert upper_limit(np.repeat([0.0, 1.0], 15)) is None


def test_an_interval_lies_around_the_mean_and_noise_widens_it():
    values = np.random.default_rng(1).normal(5, 1, 30)
    low, high = interval(values)
    assert low < 5 < high
    wider = interval(values, noise=9.0)
    assert wider[0] < low
    assert high < wider[1]


def test_only_fewer_rows_than_usual_make_a_night_vary_more():
    usual = np.full(20, 1_000.0)
    assert scarcity(5_000, usual) == 0.0
    assert scarcity(100, usual) == pytest.approx(1 / 100 - 1 / 1_000)
