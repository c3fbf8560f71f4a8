"""Every alarm there was about a model, what a person said about it, and which retrain it started."""

from dataclasses import dataclass, replace

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset
from nightshift.monitoring.accuracy import standing_record
from nightshift.monitoring.episodes import Episode, NightVerdict, episodes_of, replaced_by, with_unknown
from nightshift.monitoring.night_record import read_night_record
from nightshift.monitoring.retrains import StartedRetrains, started_retrains
from nightshift.monitoring.silences import silences
from nightshift.monitoring.verdicts import unplanned
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

AT_ONCE = 16
AHEAD = 64


@dataclass(frozen=True)
class EpisodeFacts:
    """An episode as the records of nights have it today.

    ``closed`` is None while it is open; ``silenced`` and ``retrain`` are empty where there is none. ``ended`` says
    which version scores instead, where nothing closed it before that.
    """

    episode: str
    version: str
    detector: str
    first_night: str
    last_night: str
    nights: int
    closed: str | None
    silenced: str
    retrain: str
    ended: str = ""

    @property
    def state(self) -> str:
        """In words, whether it is over."""
        if self.closed:
            return f"closed {self.closed}"
        return f"ended: {self.ended}" if self.ended else "open"


def episodes(spec: ModelSpec, stores: Stores) -> list[EpisodeFacts]:
    """All episodes, by their first night. Raises ``UnreadableRecord``, ``LakeUnavailable``."""
    silenced = silences(spec.name, stores).head()
    retrains = started_retrains(spec.name, stores).head()
    verdicts = _verdicts(spec, stores)
    listed = []
    for episode in episodes_of(verdicts.watched):
        ended = "" if episode.closed else _ended(episode, verdicts.of_records)
        why = silenced.by_now(episode, verdicts.monitored, is_over=bool(ended))
        listed.append(replace(_facts(spec, episode, retrains), ended=ended, silenced=why))
    return listed


def all_episodes(spec: ModelSpec, stores: Stores) -> list[Episode]:
    """Of all versions and detectors, by their first night. Raises ``UnreadableRecord``, ``LakeUnavailable``."""
    verdicts = _verdicts(spec, stores)
    return episodes_of(verdicts.watched)


@dataclass(frozen=True)
class _Verdicts:
    """Those that records say, and with the nights that a version's watch knows nothing of, as the governor has them;
    ``monitored`` is the newest monitored night.
    """

    of_records: list[NightVerdict]
    watched: list[NightVerdict]
    monitored: str


def _ended(episode: Episode, verdicts: list[NightVerdict]) -> str:
    other = replaced_by(episode, verdicts)
    return f"version {other.version} scores since {other.night}" if other else ""


def _verdicts(spec: ModelSpec, stores: Stores) -> _Verdicts:
    column = spec.partition.column
    monitored = stores.lake.partitions(Dataset.MONITORING, spec.name, column)
    labelled = stores.lake.partitions(Dataset.LABELS, spec.name, column)

    def drift(night: str) -> NightVerdict | None:
        record = read_night_record(spec, night, stores)
        return NightVerdict(night, record.version, "drift", record.drift.alarm) if record else None

    def accuracy(night: str) -> NightVerdict | None:
        record = standing_record(spec, night, stores)
        return NightVerdict(night, record.version, "accuracy", record.lost) if record else None

    of_records: list[NightVerdict] = []
    watched: list[NightVerdict] = []
    for read, of_detector in ((drift, monitored), (accuracy, labelled)):
        nights = unplanned(spec, of_detector)
        read_verdicts = ordered_map(read, nights, AT_ONCE, AHEAD)
        verdicts = [verdict for verdict in read_verdicts if verdict]
        of_records += verdicts
        watched += with_unknown(verdicts, nights)
    return _Verdicts(of_records, watched, max(monitored, default=""))


def _facts(spec: ModelSpec, episode: Episode, retrains: StartedRetrains) -> EpisodeFacts:
    runs = [started.run_id for started in retrains.standing if started.is_for(episode)]
    return EpisodeFacts(
        episode=episode.id_of(spec.name),
        version=episode.version,
        detector=episode.detector,
        first_night=episode.first_night,
        last_night=episode.last_night,
        nights=episode.nights,
        closed=episode.closed,
        silenced="",
        retrain=", ".join(runs),
    )
