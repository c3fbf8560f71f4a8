"""A range of judged nights in a few lines: its episodes, and how often there were any."""

from collections.abc import Iterator, Sequence

from nightshift.monitoring.backtest.result import AlarmShare, JudgedNight
from nightshift.monitoring.backtest.shares import alarm_share
from nightshift.monitoring.episodes import DETECTORS, Episode, NightVerdict


def verdicts_of(nights: Sequence[JudgedNight]) -> list[NightVerdict]:
    """The last that either detector said of each night; that of accuracy is about the night whose labels arrived.

    A labelled night is judged again where labels before it come late, and is one night all the same.
    """
    last: dict[tuple[str, str, str], NightVerdict] = {}
    for night in nights:
        if night.why_not:
            continue
        for verdict in _verdicts(night):
            last[verdict.detector, verdict.version, verdict.night] = verdict
    return list(last.values())


def shares_of(asked: float, nights: Sequence[JudgedNight], episodes: Sequence[Episode]) -> list[AlarmShare]:
    """How often each detector opened an episode, by the nights of which it can tell."""
    verdicts = verdicts_of(nights)
    shares = []
    for detector in DETECTORS:
        alarms = [verdict.alarm for verdict in verdicts if verdict.detector == detector]
        opened = [episode for episode in episodes if episode.detector == detector]
        share = alarm_share(
            detector,
            asked,
            nights=len(alarms) - alarms.count(None),
            episodes=len(opened),
        )
        shares.append(share)
    return shares


def _verdicts(night: JudgedNight) -> Iterator[NightVerdict]:
    yield NightVerdict(night.night, night.version, "drift", night.drifted)
    for labelled in night.labelled:
        yield NightVerdict(labelled.night, labelled.version, "accuracy", labelled.lost)
