"""A model's alarms, an episode each, as they follow from what is known of its nights."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nightshift.monitoring.episodes import Episode, NightVerdict, episodes_of, replaced_by, with_unknown
from nightshift.monitoring.retrains import StartedRetrain
from nightshift.pages.ledger_facts import LedgerFacts
from nightshift.pages.night_facts import NightFacts
from nightshift.spec import ModelSpec

ALARM = {"drift": True, "quiet": False}
IN_WORDS = {"drift": "drift", "accuracy": "lost accuracy"}


@dataclass(frozen=True)
class ShownAlarm:
    """An episode with what a person said of it, and the retrain that it started.

    ``ended`` says why nothing closed it: another version scores. ``reaches`` is the last night that it is about.
    Where later nights are not shown ``is_earlier``: whether it is over since they would say.
    """

    episode: Episode
    name: str
    silenced: str
    ended: str
    retrains: tuple[StartedRetrain, ...]
    reaches: str
    is_earlier: bool = False

    @property
    def what(self) -> str:
        """Of which kind, in words."""
        return IN_WORDS[self.episode.detector]

    @property
    def is_open(self) -> bool:
        """Whether it may go on."""
        return self.episode.closed is None and not self.ended and not self.is_earlier

    @property
    def needs_person(self) -> bool:
        """Whether it is open and nobody said that they know."""
        return self.is_open and not self.silenced

    @property
    def state(self) -> str:
        """In words, whether it is over."""
        if self.episode.closed:
            return f"closed by {self.episode.closed}"
        if self.ended:
            return f"ended: {self.ended}"
        return f"not over by {self.reaches}" if self.is_earlier else "open"

    @property
    def retrain(self) -> str:
        """What became of the retrain, in words; nothing where there was none."""
        return ", ".join(_outcome_of(run) for run in self.retrains)


def _outcome_of(run: StartedRetrain) -> str:
    outcome = run.outcome or "running"
    words = outcome.replace("_", " ")
    return f"{run.night}: {words}"


def alarms_of(
    spec: ModelSpec, facts: Mapping[str, NightFacts], ledger: LedgerFacts, *, are_earlier: bool = False
) -> list[ShownAlarm]:
    """Those of the nights that are known, the newest first; one that began before them begins with them.

    ``are_earlier`` says that there are later nights.
    """
    verdicts = []
    watched = []
    usual = [night for night in sorted(facts) if spec.drift.why_planned(night) is None]
    for of_detector in (_of_drift(facts, usual), _of_accuracy(facts, usual)):
        verdicts += of_detector
        judged = {verdict.night for verdict in of_detector}
        watched += with_unknown(of_detector, judged)
    newest = max(facts, default="")
    monitored = max((night for night, known in facts.items() if known.verdict), default=newest)
    alarms = []
    for episode in episodes_of(watched):
        alarm = _shown(spec, episode, verdicts, ledger, monitored)
        reaches = newest if alarm.is_open else episode.last_night
        alarms.append(replace(alarm, reaches=reaches, is_earlier=are_earlier))
    return sorted(alarms, key=lambda alarm: (alarm.is_open, alarm.episode.last_night), reverse=True)


def _of_drift(facts: Mapping[str, NightFacts], nights: list[str]) -> list[NightVerdict]:
    verdicts = []
    for night in nights:
        known = facts[night]
        if known.version and known.verdict in {"drift", "quiet", "not judged"}:
            verdicts.append(NightVerdict(night, known.version, "drift", ALARM.get(known.verdict)))
    return verdicts


def _of_accuracy(facts: Mapping[str, NightFacts], nights: list[str]) -> list[NightVerdict]:
    verdicts = []
    for night in nights:
        known = facts[night]
        if known.version and known.is_labelled:
            verdict = NightVerdict(
                night,
                known.version,
                "accuracy",
                known.lost,
            )
            verdicts.append(verdict)
    return verdicts


def _shown(
    spec: ModelSpec, episode: Episode, verdicts: list[NightVerdict], ledger: LedgerFacts, monitored: str
) -> ShownAlarm:
    of_detector = [verdict for verdict in verdicts if verdict.detector == episode.detector]
    other = None if episode.closed else replaced_by(episode, of_detector)
    runs = [run for run in ledger.retrains if run.is_for(episode)]
    ended = f"version {other.version} scores since {other.night}" if other else ""
    silenced = ledger.silencing.by_now(episode, monitored, is_over=bool(ended))
    return ShownAlarm(
        episode=episode,
        name=episode.id_of(spec.name),
        silenced=silenced,
        ended=ended,
        retrains=tuple(runs),
        reaches=episode.last_night,
    )
