"""A range of nights in a few lines."""

from nightshift.monitoring.backtest.result import JudgedNight, LabelledNight
from nightshift.monitoring.backtest.summary import shares_of, verdicts_of
from nightshift.monitoring.episodes import episodes_of
from nightshift.partitions import following

NIGHTS = following("2024-03-01", 3)


def judged(night, *labelled):
    verdicts = tuple(LabelledNight(of_night, "1", lost) for of_night, lost in labelled)
    return JudgedNight(night=night, version="1", drifted=False, labelled=verdicts)


def test_a_labelled_night_that_is_judged_again_is_one_night_with_its_last_verdict():
    nights = [
        judged(NIGHTS[0], (NIGHTS[0], True)),
        judged(NIGHTS[1], (NIGHTS[0], True), (NIGHTS[1], True)),
        judged(NIGHTS[2], (NIGHTS[0], False), (NIGHTS[1], True), (NIGHTS[2], None)),
    ]
    episodes = episodes_of(verdicts_of(nights))
    assert [(episode.first_night, episode.nights) for episode in episodes] == [(NIGHTS[1], 1)]
    drift, accuracy = shares_of(0.01, nights, episodes)
    assert (drift.nights, accuracy.nights, accuracy.episodes) == (3, 2, 1)
