"""Episodes: an alarm is opened once, goes on, and is closed.

They follow from the verdicts of nights alone, in the order of the nights and never in that of their arrival: a night
that comes late, or is monitored again, makes them anew, and there is no counter that could be wrong.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Detector = Literal["drift", "accuracy"]
Change = Literal["opened", "updated", "closed"]
DETECTORS: tuple[Detector, ...] = ("drift", "accuracy")
CLOSE_AFTER = 3
"""Quiet nights in a row that close an episode."""
UNKNOWN_ENDS = 14
"""So do so many nights in a row of which nothing is known, as of a source that has no rows any more."""


@dataclass(frozen=True)
class NightVerdict:
    """Whether a detector alarms on a night that a version scored; None where it can say neither yes nor no."""

    night: str
    version: str
    detector: Detector
    alarm: bool | None


@dataclass(frozen=True)
class Episode:
    """Alarms of one detector about one version, with neither ``CLOSE_AFTER`` quiet nights in a row between them nor
    ``UNKNOWN_ENDS`` of which nothing is known.

    ``nights`` alarmed, from ``first_night`` to ``last_night``; ``closed`` is the night that closed it, None while it
    is open.
    """

    version: str
    detector: Detector
    first_night: str
    last_night: str
    closed: str | None = None
    nights: int = 1

    def id_of(self, model: str) -> str:
        """Its name among all: by model, version, detector and first night."""
        return f"{model}-{self.version}-{self.detector}-{self.first_night}"

    def overlaps(self, other: "Episode") -> bool:
        """Whether both are of one alarm. A night that came late may have moved its first night, or its last."""
        if (self.version, self.detector) != (other.version, other.detector):
            return False
        return self.first_night <= other.last_night and other.first_night <= self.last_night


def episodes_of(nights: Sequence[NightVerdict]) -> list[Episode]:
    """The episodes of all versions and detectors, by their first night.

    Opened by the first alarm, closed by ``CLOSE_AFTER`` quiet nights in a row; a night without a verdict does neither,
    ``UNKNOWN_ENDS`` in a row close it.
    """
    episodes = []
    for verdicts in _by_watch(nights).values():
        episodes += _episodes(verdicts)
    return sorted(episodes, key=_place)


def with_unknown(verdicts: Sequence[NightVerdict], nights: Iterable[str]) -> list[NightVerdict]:
    """With those of which nothing is known, as a watch has them: for each version and detector the nights between its
    first and its last that another version scored, or of which there is no record.

    ``nights`` are all that the detector may judge.
    """
    watched = sorted(nights)
    whole = []
    for own in _by_watch(verdicts).values():
        known = {verdict.night for verdict in own}
        whole += own
        for night in watched:
            is_within = own[0].night < night < own[-1].night
            if is_within and night not in known:
                unknown = replace(own[0], night=night, alarm=None)
                whole.append(unknown)
    return whole


def open_episodes(episodes: Iterable[Episode]) -> list[Episode]:
    """Those that nothing closed yet."""
    return [episode for episode in episodes if episode.closed is None]


def replaced_by(episode: Episode, nights: Iterable[NightVerdict]) -> NightVerdict | None:
    """The first night that another version scored after the last one of the episode's own; None while there is none."""
    last = episode.last_night
    others = []
    for verdict in nights:
        if verdict.version == episode.version:
            last = max(last, verdict.night)
        else:
            others.append(verdict)
    since = [verdict for verdict in others if verdict.night > last]
    return min(since, key=_night, default=None)


def change_by(episode: Episode, verdict: NightVerdict) -> Change | None:
    """What a night did to an episode as of that night; None for nothing.

    A quiet night that closes nothing changes nothing.
    """
    watched = (episode.version, episode.detector)
    judged = (verdict.version, verdict.detector)
    if watched != judged:
        return None
    if verdict.night == episode.closed:
        return "closed"
    if not verdict.alarm or verdict.night != episode.last_night:
        return None
    return "opened" if verdict.night == episode.first_night else "updated"


def _by_watch(nights: Sequence[NightVerdict]) -> dict[tuple[str, Detector], list[NightVerdict]]:
    """The verdicts of each version and detector, by night."""
    by_watch: defaultdict[tuple[str, Detector], list[NightVerdict]] = defaultdict(list)
    for verdict in sorted(nights, key=_night):
        by_watch[verdict.version, verdict.detector].append(verdict)
    return by_watch


def _episodes(verdicts: list[NightVerdict]) -> list[Episode]:
    closed = []
    episode: Episode | None = None
    quiet = 0
    unknown = 0
    for verdict in verdicts:
        unknown = unknown + 1 if verdict.alarm is None else 0
        if verdict.alarm:
            quiet = 0
            episode = _with_alarm(episode, verdict)
        elif verdict.alarm is False:
            quiet += 1
        is_over = quiet == CLOSE_AFTER or unknown == UNKNOWN_ENDS
        if episode and is_over:
            closed.append(replace(episode, closed=verdict.night))
            episode = None
    return [*closed, episode] if episode else closed


def _with_alarm(episode: Episode | None, verdict: NightVerdict) -> Episode:
    if episode is None:
        return Episode(verdict.version, verdict.detector, verdict.night, verdict.night)
    return replace(episode, last_night=verdict.night, nights=episode.nights + 1)


def _night(verdict: NightVerdict) -> str:
    return verdict.night


def _place(episode: Episode) -> tuple[str, str, str]:
    return episode.first_night, episode.version, episode.detector
