"""One look at one model: its figures, each part by itself, so that what cannot be read hides nothing else."""

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from nightshift.contracts import Dataset
from nightshift.errors import LakeUnavailable, NightshiftError
from nightshift.figures import catalogue
from nightshift.figures.alarms import AccuracyOfNight, Alarms, OpenEpisode
from nightshift.figures.catalogue import Sample
from nightshift.figures.kept import LookMemory, RequestsSpentError
from nightshift.figures.nights import CommittedNight, NewestNights
from nightshift.figures.standing import StandingChampion, WhoStands
from nightshift.monitoring.replay.record import ReplayNight
from nightshift.monitoring.shadow.verdict import ShadowEvidence
from nightshift.monitoring.skill import BIAS, RANK, SKILL
from nightshift.partitions import days_between, parse_partition
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

MOST_REQUESTS = 60
"""Of a look at a model, whatever the number of its nights; a damaged object is asked for twice more, once."""
SECONDS_OF_DAY = 86_400
MEASURES = (SKILL, RANK, BIAS)
SHOWN_DATASETS = (Dataset.VALIDATED, Dataset.PREDICTIONS, Dataset.LABELS)
log = logging.getLogger("nightshift")


@dataclass(frozen=True)
class ModelFigures:
    """What a look found: ``night`` is the newest published one, ``version`` and ``digest`` of what scored it.

    ``problems`` says what could not be read, and why; then figures are missing.
    """

    model: str
    samples: tuple[Sample, ...] = ()
    night: str = ""
    version: str = ""
    digest: str = ""
    problems: tuple[str, ...] = ()


def look_at(spec: ModelSpec, stores: Stores, kept: LookMemory) -> ModelFigures:
    """All figures of a model, by at most ``MOST_REQUESTS``. Raises ``LakeUnavailable``."""
    kept.begin(MOST_REQUESTS)
    look = _Look(spec, stores, kept)
    parts = (
        look.nights,
        look.drift,
        look.accuracy,
        look.champion,
        look.shadow,
        look.replay,
    )
    for part in parts:
        look.add(part)
    kept.end()
    return look.figures()


@dataclass
class _Look:
    """The parts of a look, and what they found so far."""

    spec: ModelSpec
    stores: Stores
    kept: LookMemory
    samples: list[Sample] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    night: str = ""
    published: CommittedNight | None = None

    def __post_init__(self) -> None:
        self.listed = NewestNights(self.spec, self.kept)
        self.alarms = Alarms(self.spec, self.listed, self.kept)
        self.who = WhoStands(self.spec, self.stores, self.kept)

    def add(self, part: Callable[[], Iterator[Sample]]) -> None:
        """The figures of a part, or why it has none."""
        try:
            self.samples.extend(part())
        except LakeUnavailable:
            raise
        except RequestsSpentError:
            self.problems.append(f"{part.__name__}: not all is read yet, the next look goes on")
        except NightshiftError as error:
            self.problems.append(f"{part.__name__}: {error}")

    def figures(self) -> ModelFigures:
        """What was found."""
        problems = (*self.problems, *dict.fromkeys(self.kept.damaged))
        for problem in problems:
            log.warning("%s: a figure is missing: %s", self.spec.name, problem)
        figures = ModelFigures(
            self.spec.name,
            tuple(self.samples),
            self.night,
            problems=problems,
        )
        if self.published is None:
            return figures
        return replace(figures, version=self.published.version, digest=self.published.sha256)

    def nights(self) -> Iterator[Sample]:
        """How far each dataset is, and the rows of its newest night."""
        name = self.spec.name
        for dataset in SHOWN_DATASETS:
            newest = self.listed.newest(dataset)
            if newest is None:
                continue
            night, stored = newest
            written = stored.modified.timestamp()
            yield catalogue.LAST_NIGHT.at(_midnight(night), name, dataset)
            yield catalogue.LAST_WRITTEN.at(written, name, dataset)
            facts = self.listed.committed(dataset, night)
            if facts:
                yield from self._rows(dataset, night, facts)

    def drift(self) -> Iterator[Sample]:
        """The newest monitored night's."""
        facts = self.alarms.drift()
        if facts is None:
            return
        yield self._at(catalogue.DRIFT_RATIO, facts.ratio)
        if facts.alarm is not None:
            yield self._at(catalogue.DRIFT_ALARM, facts.alarm)

    def accuracy(self) -> Iterator[Sample]:
        """The newest labelled night's."""
        facts = self.alarms.accuracy()
        if facts is None:
            return
        yield from self._measures(facts)
        if facts.ratio is not None:
            yield self._at(catalogue.ACCURACY_RATIO, facts.ratio)
        if facts.lost is not None:
            yield self._at(catalogue.ACCURACY_LOST, facts.lost)

    def champion(self) -> Iterator[Sample]:
        """Who scores, how old that is, its alarms, and its retrains."""
        champion = self.who.champion()
        if champion is None:
            return
        name = self.spec.name
        version = champion.version
        yield catalogue.CHAMPION.at(1, name, version, champion.sha256)
        yield from self._age(champion)
        episodes = self.alarms.episodes(version, self.stores)
        for detector, episode in episodes.items():
            yield from _episode(name, detector, episode)
        if self.night:
            yield from self._retrains(version)

    def shadow(self) -> Iterator[Sample]:
        """How the challenger in shadow stands."""
        evidence = self.who.shadow()
        if evidence is None:
            return iter(())
        return self._shadow(evidence)

    def replay(self) -> Iterator[Sample]:
        """What the newest replay of rows that were answered by day says, where model.yaml has nights replay them."""
        if not self.spec.predict.replay:
            return
        for stored in self.listed.replays[-1:]:
            facts = self.kept.read(stored, ReplayNight, _replay)
            if facts:
                yield from (self._at(figure, rows) for figure, rows in facts.items())

    def _rows(self, dataset: Dataset, night: str, facts: CommittedNight) -> Iterator[Sample]:
        if dataset == Dataset.VALIDATED:
            yield self._at(catalogue.ROWS_IN, facts.rows_in)
            yield self._at(catalogue.ROWS_QUARANTINED, facts.rows_quarantined)
        if dataset == Dataset.PREDICTIONS:
            self.night = night
            self.published = facts
            yield self._at(catalogue.ROWS, facts.rows)
            yield self._at(catalogue.NEXT_NIGHT, self.spec.partition.next_run(night).timestamp())
            if facts.seconds is not None:
                yield self._at(catalogue.DURATION, facts.seconds)

    def _measures(self, facts: AccuracyOfNight) -> Iterator[Sample]:
        for measure in MEASURES:
            if measure in facts.values:
                yield catalogue.LABELLED_VALUE.at(facts.values[measure], self.spec.name, measure)
            if measure in facts.usual:
                yield catalogue.USUAL_VALUE.at(facts.usual[measure], self.spec.name, measure)

    def _age(self, champion: StandingChampion) -> Iterator[Sample]:
        last_night = champion.trained_through
        if not last_night:
            return
        yield self._at(catalogue.CHAMPION_TRAINED, _midnight(last_night))
        if self.night:
            days = days_between(last_night, self.night)
            yield self._at(catalogue.CHAMPION_AGE, days * SECONDS_OF_DAY)
        allowed = self.spec.training.max_age_days
        if allowed is not None:
            yield self._at(catalogue.CHAMPION_MAX_AGE, allowed * SECONDS_OF_DAY)

    def _retrains(self, version: str) -> Iterator[Sample]:
        counts = self.who.retrains(self.night, version)
        policy = self.spec.retrain
        yield self._at(catalogue.RETRAINS, counts.of_month)
        yield self._at(catalogue.REJECTED, counts.rejected)
        if policy.per_month is not None:
            yield self._at(catalogue.BUDGET, policy.per_month)
        if policy.give_up_after is not None:
            yield self._at(catalogue.REJECTED_MOST, policy.give_up_after)

    def _shadow(self, evidence: ShadowEvidence) -> Iterator[Sample]:
        record = evidence.shadow.record
        yield catalogue.SHADOW.at(1, self.spec.name, record.version, record.onnx_sha256)
        yield self._at(catalogue.SHADOW_NIGHTS, len(evidence.nights))
        yield self._at(catalogue.SHADOW_NEEDED, evidence.rule.nights)
        difference = evidence.difference
        if difference is not None:
            yield self._at(catalogue.SHADOW_DIFFERENCE, difference.mean)
            yield self._at(catalogue.SHADOW_LOW, difference.low)
            yield self._at(catalogue.SHADOW_HIGH, difference.high)

    def _at(self, figure: catalogue.Figure, value: float | bool) -> Sample:
        return figure.at(value, self.spec.name)


def _episode(model: str, detector: str, episode: OpenEpisode | None) -> Iterator[Sample]:
    yield catalogue.EPISODE_OPEN.at(episode is not None, model, detector)
    yield catalogue.EPISODE_NIGHTS.at(episode.nights if episode else 0, model, detector)
    yield catalogue.EPISODE_SILENCED.at(bool(episode and episode.silenced), model, detector)


def _replay(record: ReplayNight) -> dict[catalogue.Figure, float]:
    values: dict[catalogue.Figure, float] = {
        catalogue.REPLAYED_ROWS: record.rows,
        catalogue.SKEW_ROWS: record.skew_rows,
        catalogue.NOT_REPLAYED_ROWS: record.not_replayed,
    }
    if record.drift is not None:
        values[catalogue.REPLAY_DRIFT] = record.drift.ratio
    return values


def _midnight(night: str) -> float:
    """The date as a moment: midnight UTC."""
    return dt.datetime.combine(parse_partition(night), dt.time(), dt.UTC).timestamp()
