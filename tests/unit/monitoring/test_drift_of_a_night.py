"""The night by itself: nights of other sizes, weekends, values never seen, nights without rows."""

import numpy as np
import pytest

from nightshift.monitoring.drift import MIN_NIGHTS, NIGHT, measure
from nightshift.monitoring.drift.nights import block_of, reference_nights, shuffled_calendars
from nightshift.monitoring.drift.tail import prediction_limit, runs_of_tail, tail_without_near
from nightshift.profiles.profile import Profile
from tests.quiet_nights import NUMBERS, night, of_night, of_rows, of_texts, profile_of, reference_of, texts

ZIPF = 1 / np.arange(1, 51)
MANY = ZIPF / ZIPF.sum()


def alarms(reference, nights):
    return np.mean([bool(reference.measure(one).detectors[NIGHT]) for one in nights])


@pytest.mark.parametrize("rows", [30, 100, 300])
def test_small_nights_keep_the_promise(spec, rows):
    """A tenth of the rows alarmed on 22 % of quiet nights: their noise was added to a quantile as a mean."""
    rng = np.random.default_rng(1)
    nights = [night(place, kind=of_texts(rng, 1000, MANY)) for place in range(90)]
    reference = reference_of(spec, nights, kind=texts(50))
    small = [night(100 + place, kind=of_texts(rng, rows, MANY)) for place in range(200)]
    assert alarms(reference, small) <= 0.03


def test_larger_nights_are_seen_sharper(spec):
    """Ten times the rows left the line where it was."""
    rng = np.random.default_rng(2)
    nights = [night(place, amount=of_rows(rng, 300)) for place in range(90)]
    reference = reference_of(spec, nights, amount=NUMBERS)
    shifted = [night(100, amount=of_rows(rng, rows, 0.25)) for rows in (300, 30_000)]
    usual, larger = [reference.measure(one).features[0] for one in shifted]
    assert larger.alarm_distance < 0.8 * usual.alarm_distance
    assert larger.drifted
    assert not alarms(reference, [night(100, amount=of_rows(rng, 30_000)) for _ in range(100)]) > 0.03


def test_small_weekends_leave_weekdays_their_power(spec):
    rng = np.random.default_rng(3)

    def at(place, mean=0.0):
        return night(place, amount=of_rows(rng, 100 if place % 7 >= 5 else 1000, mean))

    reference = reference_of(spec, [at(place) for place in range(90)], amount=NUMBERS)
    weekdays = [place for place in range(98, 198) if place % 7 < 5]
    assert alarms(reference, [at(place, 0.5) for place in weekdays]) >= 0.9
    assert alarms(reference, [at(place) for place in range(98, 298)]) <= 0.03


def test_weekdays_that_differ_are_held_against_their_own(spec):
    rng = np.random.default_rng(4)
    weekly = np.array([0, 0, 0, 0, 0, 1.5, 1.5])
    nights = [night(place, amount=of_rows(rng, 300, weekly[place % 7])) for place in range(90)]
    profile = profile_of(nights, {"amount": NUMBERS})
    calendars = shuffled_calendars(list(profile.nights))
    assert reference_nights(profile, profile.features[0], calendars).weekdays.size == 90
    reference = reference_of(spec, nights, amount=NUMBERS)
    # 2024-04-08 is a Monday with a Saturday's values.
    assert reference.measure(night(98, amount=of_rows(rng, 300, 1.5))).drifted
    assert not reference.measure(night(103, amount=of_rows(rng, 300, 1.5))).drifted


def test_weekdays_that_do_not_differ_are_pooled():
    rng = np.random.default_rng(5)
    nights = [night(place, amount=of_rows(rng, 300)) for place in range(90)]
    profile = profile_of(nights, {"amount": NUMBERS})
    assert reference_nights(profile, profile.features[0], shuffled_calendars(list(profile.nights))).weekdays.size == 0


def test_a_value_never_seen_alarms_among_rare_ones(spec):
    """With more than 100 categories it shared a bin with all that were rare."""
    rng = np.random.default_rng(6)
    rest = 0.4

    def at(place, unseen=0.0):
        shares = [*MANY * (1 - rest) * (1 - unseen), rest * (1 - unseen), unseen, 0.0]
        return night(place, kind=(rng.multinomial(1000, shares), None))

    reference = reference_of(spec, [at(place) for place in range(90)], kind=texts(50))
    assert not reference.measure(at(100)).drifted
    verdict = reference.measure(at(100, unseen=0.05))
    assert verdict.drifted
    assert verdict.features[0].detectors == [NIGHT]


@pytest.mark.parametrize("rows", [300, 1000])
def test_one_row_of_a_value_never_seen_is_no_alarm(spec, rows):
    rng = np.random.default_rng(7)
    shares = [0.5, 0.3, 0.2]
    reference = reference_of(spec, [night(p, kind=of_texts(rng, rows, shares)) for p in range(90)], kind=texts(3))
    counts, _ = of_texts(rng, rows - 1, shares)
    counts[4] += 1
    assert not reference.measure(night(100, kind=(counts, None))).drifted


def test_a_night_of_no_rows_has_numbers_and_says_so(spec):
    """The ratio was NaN, and sorted all the same."""
    rng = np.random.default_rng(8)
    nights = [night(place, amount=of_rows(rng, 300)) for place in range(30)]
    verdict = reference_of(spec, nights, amount=NUMBERS).measure(night(40, amount=(np.zeros(NUMBERS.size, int), None)))
    assert not verdict.drifted
    assert verdict.ratio == verdict.features[0].distance == 0.0
    assert verdict.detectors == {"night": None, "nights": None}
    assert "no rows" in verdict.cannot[0]


def test_what_differs_by_night_is_judged_alone_by_what_was_never_there(spec):
    rng = np.random.default_rng(9)
    nights = [night(place, wind=of_night(300, rng.normal())) for place in range(90)]
    reference = reference_of(spec, nights, wind=NUMBERS)
    assert reference.measure(night(100, wind=of_night(300, 0.3))).features[0].is_by_night
    assert not reference.measure(night(100, wind=of_night(300, 2.0))).drifted
    # A record is none: the largest nights of a long memory are one.
    highest = max(one.moments["wind"].mean for one in nights)
    beyond = reference.measure(night(100, wind=(of_night(300, 30.0)[0], of_night(300, highest + 1.5)[1])))
    assert beyond.detectors[NIGHT] is False
    assert reference.measure(night(100, wind=of_night(300, 30.0))).drifted


def test_nights_depend_on_their_neighbours_for_a_week_or_longer():
    assert [block_of(90, 0.0), block_of(90, 0.8), block_of(90, 0.95), block_of(20, 0.0)] == [7, 11, 15, 3]


def test_a_profile_that_does_not_keep_its_nights_is_judged_as_before(spec):
    rng = np.random.default_rng(10)
    nights = [night(place, amount=of_rows(rng, 300)) for place in range(MIN_NIGHTS)]
    profile = profile_of(nights, {"amount": NUMBERS})
    old = [feature.model_copy(update={"night_counts": (), "moments": ()}) for feature in profile.features]
    former = Profile(**dict(profile) | {"format": 2, "features": tuple(old)})
    verdict = measure(spec, former, night(20, amount=of_rows(rng, 300, 3.0)))
    assert verdict.detectors == {"night": True, "nights": None}
    assert "train again" in verdict.cannot[0]
    assert not measure(spec, former, night(20, amount=of_rows(rng, 300))).drifted


def test_a_tail_that_comes_in_runs_counts_by_runs():
    rng = np.random.default_rng(11)
    independent = rng.exponential(size=90)
    assert runs_of_tail(independent) is None
    alike = np.repeat(rng.exponential(size=18), 5)
    runs = runs_of_tail(alike)
    assert runs <= 6
    assert prediction_limit(alike, 0.005, runs) > prediction_limit(alike, 0.005)


def test_a_long_memory_keeps_neighbours_out_of_level_and_scale():
    values = np.arange(30.0)
    levels, _ = tail_without_near(values, 5)
    assert levels[29] < levels[0]
    ungated, _ = tail_without_near(values, 0)
    assert levels[29] < ungated[29]
