"""Several nights together: what one night cannot show, at the rate that is promised."""

import numpy as np
import pytest

from nightshift.monitoring.drift import SEVERAL_NIGHTS
from nightshift.monitoring.drift.limits import limit_of
from nightshift.monitoring.drift.statistics import statistics
from tests.quiet_nights import (
    NUMBERS,
    night,
    of_night,
    of_rows,
    of_texts,
    opened,
    reference_of,
    remembered,
    texts,
    watched,
)

SHARES = [0.4, 0.3, 0.2, 0.1]


def at(rng, place, **columns):
    """A quiet night of three kinds of features, or with some of its columns as given."""
    quiet = {
        "amount": of_rows(rng, 1000, 0.1 * rng.normal()),
        "kind": of_texts(rng, 1000, rng.dirichlet(300 * np.array(SHARES))),
        "wind": of_night(1000, rng.normal()),
    }
    return night(place, **quiet | columns)


@pytest.fixture(scope="module")
def wind():
    rng = np.random.default_rng(20)
    return rng, [at(rng, place) for place in range(90)]


@pytest.fixture
def quiet(spec, wind):
    rng, nights = wind
    return rng, reference_of(spec, nights, amount=NUMBERS, kind=texts(4), wind=NUMBERS)


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_quiet_nights_open_alarms_as_often_as_promised(spec, memory):
    """Both detectors together, once in 20 nights, also where nights remember; twice as often is too often."""
    episodes = 0
    for seed in range(8):
        rng = np.random.default_rng([21, seed])
        means, winds = remembered(rng, 132, memory), remembered(rng, 132, memory)
        nights = [
            at(rng, place, amount=of_rows(rng, 1000, 0.1 * means[place]), wind=of_night(1000, winds[place]))
            for place in range(132)
        ]
        reference = reference_of(spec, nights[:90], 20, amount=NUMBERS, kind=texts(4), wind=NUMBERS)
        episodes += opened(watched(reference, nights[92:]))
    # 16 of 320 nights are promised; more than 29 would be one case in a thousand.
    assert 2 <= episodes <= 29


def test_a_stuck_sensor_is_seen_within_a_week(quiet):
    """Each night of it is like one of the reference's, so the night by itself says nothing."""
    rng, reference = quiet
    nights = [at(rng, 100 + place, wind=of_night(1000, 0.05)) for place in range(7)]
    verdicts = watched(reference, nights)
    assert not verdicts[0].drifted
    assert verdicts[-1].detectors[SEVERAL_NIGHTS]
    assert verdicts[-1].worst == "wind"
    assert verdicts[-1].features[0].since == nights[0].partition


def test_a_sensor_that_works_again_ends_its_alarm(quiet):
    rng, reference = quiet
    before = [at(rng, 100 + place) for place in range(20)]
    stuck = [at(rng, 120 + place, wind=of_night(1000, 1.9)) for place in range(6)]
    after = [at(rng, 126 + place) for place in range(20)]
    verdicts = watched(reference, before + stuck + after)
    assert any(verdict.drifted for verdict in verdicts[20:26])
    about_wind = ["wind" in [f.feature for f in verdict.features if f.drifted] for verdict in verdicts]
    assert not any(about_wind[36:])


def test_a_flag_that_repeats_often_may(spec):

    def holiday(place):
        return night(place, flag=of_night(300, float(place % 10 == 0)))

    reference = reference_of(spec, [holiday(place) for place in range(90)], flag=NUMBERS)
    verdicts = watched(reference, [holiday(place) for place in range(91, 121)])
    assert not any(verdict.drifted for verdict in verdicts)


@pytest.mark.parametrize("fault", ["shift", "constant", "nulls", "unseen"])
def test_a_small_change_for_good_is_seen_within_a_week(quiet, fault):
    rng, reference = quiet

    def spoilt(place):
        columns = {
            "shift": {"amount": of_rows(rng, 1000, 0.1 * rng.normal() + 0.3)},
            "constant": {"wind": of_night(1000, rng.normal() + 2.5)},
            "nulls": {"amount": of_rows(rng, 1000, 0.1 * rng.normal(), 0.02)},
            "unseen": {"kind": of_texts(rng, 1000, SHARES, 0.02)},
        }
        return at(rng, place, **columns[fault])

    verdicts = watched(reference, [at(rng, 100 + p) for p in range(10)] + [spoilt(110 + p) for p in range(7)])
    assert any(verdict.drifted for verdict in verdicts[10:])


def test_small_nights_say_less_of_several_too(spec):
    """Their shares differ by noise alone, which the reference's larger nights did not have."""
    rng = np.random.default_rng(23)
    nights = [night(p, amount=of_rows(rng, 1000), kind=of_texts(rng, 1000, SHARES)) for p in range(90)]
    reference = reference_of(spec, nights, amount=NUMBERS, kind=texts(4))
    small = [night(92 + p, amount=of_rows(rng, 100), kind=of_texts(rng, 100, SHARES)) for p in range(100)]
    assert opened(watched(reference, small)) <= 5


def test_nights_that_are_all_one_are_too_few_and_that_is_said(spec):
    values = np.arange(90) / 30
    nights = [night(place, wind=of_night(300, float(value))) for place, value in enumerate(values)]
    reference = reference_of(spec, nights, wind=NUMBERS)
    verdict = reference.measure(night(92, wind=of_night(300, float(values[-1]))))
    assert any("wind (value)" in sentence for sentence in verdict.cannot)


def test_lines_are_wider_for_nights_that_remember_and_for_fewer_of_them():
    rates = np.full(3, 1e-4)
    by_memory = limit_of(90, np.array([0.0, 0.4, 0.8]), rates)
    assert (np.diff(by_memory) > 0).all()
    few, many = (limit_of(nights, np.zeros(3), rates)[0] for nights in (14, 300))
    assert few > many
    assert limit_of(90, np.zeros(3), rates / 10)[0] > by_memory[0]
    assert np.isinf(limit_of(9, np.zeros(3), rates)).all()


def test_the_line_of_one_series_is_passed_as_often_as_it_says():
    """Of the table itself: independent nights, mean and spread known."""
    rng = np.random.default_rng(25)
    line = limit_of(300, np.zeros(1), np.full(1, 1e-2))[0]
    scores = rng.normal(size=(60, 4000))
    passed = [
        statistics(scores[max(0, last - 28) : last + 1], np.zeros(4000), 10_000).largest > line for last in range(60)
    ]
    starts = [now & ~np.any(passed[max(0, place - 3) : place], axis=0) for place, now in enumerate(passed) if place]
    assert np.mean(starts) == pytest.approx(1e-2, rel=0.3)
