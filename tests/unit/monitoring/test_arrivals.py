"""Which nights a run looks at beyond its fortnight: news only, and never for ever."""

import datetime as dt

from nightshift.monitoring.arrivals import Measurable
from nightshift.partitions import following

NIGHTS = following("2024-01-01", 40)
EPOCH = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


def at(hours):
    return EPOCH + dt.timedelta(hours=hours)


def there(spec, published, measured, partition="2024-02-10"):
    return Measurable(spec, partition, published, measured)


def test_what_was_published_after_it_was_measured_is_late(spec):
    published = dict.fromkeys(NIGHTS, at(0)) | {NIGHTS[3]: at(5), NIGHTS[5]: at(5), NIGHTS[38]: at(5)}
    measured = dict.fromkeys(NIGHTS, at(2)) | {NIGHTS[5]: at(6)}
    nights = there(spec, published, measured)
    assert nights.late == [NIGHTS[3]]
    assert NIGHTS[38] in nights.lately


def test_a_night_that_was_never_measured_is_late_as_long_as_it_is_news(spec):
    measured = dict.fromkeys(NIGHTS, at(2))
    del measured[NIGHTS[3]]
    assert there(spec, dict.fromkeys(NIGHTS, at(0)), measured).late == [NIGHTS[3]]
    newer = dict.fromkeys(NIGHTS, at(0)) | {NIGHTS[39]: at(15 * 24)}
    assert there(spec, newer, measured).late == []


def test_a_clock_that_ticks_in_seconds_hides_nothing(spec):
    assert there(spec, {NIGHTS[3]: at(1)}, {NIGHTS[3]: at(1)}).late == [NIGHTS[3]]


def test_a_run_does_not_look_ahead(spec):
    nights = there(spec, dict.fromkeys(NIGHTS, at(0)), {}, partition="2024-01-20")
    assert nights.late == NIGHTS[:5]
    assert nights.lately == NIGHTS[5:19]
    assert nights.after(NIGHTS[15]) == NIGHTS[16:19]
    assert nights.before(NIGHTS[2]) == NIGHTS[:2]
    assert nights.among([NIGHTS[0], "2023-01-01"]) == {NIGHTS[0]}


def test_where_nothing_is_published_nothing_is_late(spec):
    assert there(spec, {}, {}).late == []
