import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.monitoring.episodes import (
    CLOSE_AFTER,
    Episode,
    NightVerdict,
    change_by,
    episodes_of,
    open_episodes,
)
from nightshift.partitions import following

WORDS = {"A": True, "q": False, "-": None}


def verdicts(story, version="3", detector="drift", first="2024-03-01"):
    """``A`` alarms, ``q`` is quiet, ``-`` says neither."""
    nights = following(first, len(story))
    return [NightVerdict(night, version, detector, WORDS[word]) for night, word in zip(nights, story, strict=True)]


def spans(story):
    return [(each.first_night[8:], each.last_night[8:], each.nights) for each in episodes_of(verdicts(story))]


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("", []),
        ("qqqq", []),
        ("----", []),
        ("qAq", [("02", "02", 1)]),
        ("AqAqqA", [("01", "06", 3)]),
        ("AqqqA", [("01", "01", 1), ("05", "05", 1)]),
        ("Aq-q-A", [("01", "06", 2)]),
        ("AqAqqqqAA", [("01", "03", 2), ("08", "09", 2)]),
        ("A" + "-" * 13 + "A", [("01", "15", 2)]),
        ("A" + "-" * 14 + "A", [("01", "01", 1), ("16", "16", 1)]),
    ],
)
def test_an_episode_is_opened_by_an_alarm_and_goes_on_until_quiet_nights_close_it(story, expected):
    assert spans(story) == expected


def test_the_third_quiet_night_in_a_row_closes_it():
    assert CLOSE_AFTER == 3
    assert [each.closed for each in episodes_of(verdicts("AqqAqq"))] == [None]
    assert [each.closed for each in episodes_of(verdicts("AqqAqqqq"))] == ["2024-03-07"]
    # A night that nobody could judge is not quiet, and does not make those around it strangers either.
    assert [each.closed for each in episodes_of(verdicts("Aqq-q"))] == ["2024-03-05"]
    assert open_episodes(episodes_of(verdicts("AqqqqA"))) == [Episode("3", "drift", "2024-03-06", "2024-03-06")]


def test_versions_and_detectors_have_episodes_of_their_own():
    nights = verdicts("Aqqq") + verdicts("AA", version="4") + verdicts("qA", detector="accuracy")
    assert [(each.version, each.detector, each.closed) for each in episodes_of(nights)] == [
        ("3", "drift", "2024-03-04"),
        ("4", "drift", None),
        ("3", "accuracy", None),
    ]


def test_its_id_names_model_version_detector_and_first_night():
    (episode,) = episodes_of(verdicts("qA"))
    assert episode.id_of("orders") == "orders-3-drift-2024-03-02"


@given(st.lists(st.sampled_from("Aq-"), max_size=30), st.randoms())
def test_in_which_order_nights_arrive_does_not_matter(story, dice):
    nights = verdicts(story)
    mixed = random.Random(dice.random()).sample(nights, len(nights))
    assert episodes_of(mixed) == episodes_of(nights)


@given(st.lists(st.sampled_from("Aq-"), max_size=30))
def test_every_alarm_is_in_one_episode_and_each_night_changes_one_at_most(story):
    nights = verdicts(story)
    episodes = episodes_of(nights)
    assert sum(each.nights for each in episodes) == story.count("A")
    assert len(open_episodes(episodes)) <= 1
    told = []
    for count, verdict in enumerate(nights, 1):
        changes = [change_by(each, verdict) for each in episodes_of(nights[:count])]
        told += [change for change in changes if change]
    assert told.count("opened") == len(episodes)
    assert told.count("closed") == len(episodes) - len(open_episodes(episodes))
    assert told.count("opened") + told.count("updated") == story.count("A")


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("AA", "AAA", True),
        ("-AA", "AAA", True),
        ("AAq", "qAA", True),
        ("AAqqq-", "qqqqAA", False),
    ],
)
def test_an_alarm_is_known_again_though_its_first_night_moved(before, after, same):
    assert episodes_of(verdicts(before))[0].overlaps(episodes_of(verdicts(after))[-1]) is same


def test_alarms_of_two_versions_or_detectors_are_never_one():
    (episode,) = episodes_of(verdicts("AA"))
    others = episodes_of(verdicts("AA", version="4") + verdicts("AA", detector="accuracy"))
    assert not any(episode.overlaps(other) for other in others)
