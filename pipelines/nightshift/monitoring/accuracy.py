"""How good the scores of earlier nights were, now that their labels have arrived.

There is one record a night, written once per content of predictions and labels, and again where a night before it came
or changed: whether accuracy is lost is a verdict on the last labelled nights together.
"""

import logging
from collections.abc import Sequence

from nightshift.contracts import Dataset
from nightshift.errors import LaterRecord, ModelError, UnreadableRecord
from nightshift.modelling.forecaster import TRAILING_NIGHTS, NightOutcome
from nightshift.modelling.night_skill import NightSkill
from nightshift.monitoring.accuracy_record import Accuracy, is_lost, read_record, standing_record
from nightshift.monitoring.arrivals import measurable
from nightshift.monitoring.labelled import of_this_label
from nightshift.monitoring.night_accuracy import measure_night, promised_rate
from nightshift.monitoring.skill import MOST_NIGHTS, PooledSkill, pooled_skill
from nightshift.profiles.profile import Profile, load_profile
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import Manifest

__all__ = ["Accuracy", "measure_arrived", "read_record", "standing_record"]

log = logging.getLogger("nightshift")
MOST_LATE = 28
"""So many older nights are measured in one run: a year of labels that came at once must not cost one run an hour."""
MOST_LOOKED_AT = 28
"""Nights before or after one among which those of its version are looked for."""


def measure_arrived(spec: ModelSpec, partition: str, stores: Stores, own: Sequence[str] = ()) -> list[Accuracy]:
    """Measure every night whose labels have arrived with the run of ``partition`` and keep the records.

    Looks back 14 nights from ``partition - delay_days``, or as far as labels may still change, for nights with
    predictions and labels whose record is missing or is of other predictions or labels; further back, for those that
    were published lately, after they were measured. A run that is repeated returns the same nights again; of older
    ones, those that it is told are its ``own``. Nights that were published for another kind of label, by hand, were
    taken back or have a manifest that is unreadable are left out, and those whose record a later version of Nightshift
    wrote.
    Raises ``ModelError`` for a version without profile, ``LostRows``, ``LakeUnavailable``.
    """
    return _Measuring(spec, partition, stores).run(own)


class _Measuring:
    """One run over the nights whose labels are there."""

    def __init__(self, spec: ModelSpec, partition: str, stores: Stores) -> None:
        self._spec = spec
        self._partition = partition
        self._stores = stores
        self._there = measurable(spec, partition, stores)
        self._records: dict[str, Accuracy | None] = {}
        self._measured: set[str] = set()
        self._of_later: set[str] = set()
        self._before: dict[str, Accuracy | None] = {}
        self._profiles: dict[str, Profile | None] = {}

    def run(self, own: Sequence[str]) -> list[Accuracy]:
        """Measure, judge, keep; oldest first."""
        lately = {*self._there.lately, *self._there.among(own)}
        nights = [night for night in sorted(lately) if self._measure(night)]
        of_lately = len(self._measured)
        for night in self._there.late:
            if self._measure(night):
                nights += [night, *self._followers(night)]
            if len(self._measured) - of_lately >= MOST_LATE:
                break
        judged = sorted(set(nights))
        self._judge(judged)
        records = [self._record(night) for night in judged]
        return [record for record in records if record and record.measured_by == self._partition]

    def _measure(self, night: str) -> bool:
        """Whether the night has a record of what is published, be it that it was measured now."""
        lake = self._stores.lake
        predictions = lake.readable(self._spec.key(Dataset.PREDICTIONS, night))
        labels = lake.readable(self._spec.key(Dataset.LABELS, night))
        if predictions is None or labels is None:
            return False
        if not of_this_label(self._spec, predictions.columns, labels.columns) or not predictions.names_version:
            return False
        record = self._record(night)
        if night in self._of_later:
            return False
        if record is None or not record.is_of(predictions, labels):
            self._before[night] = record
            record = self._anew(predictions, labels)
            self._measured.add(night)
        self._records[night] = record
        return True

    def _anew(self, predictions: Manifest, labels: Manifest) -> Accuracy:
        profile = load_profile(predictions.pin, self._stores.lake)
        self._profiles[predictions.pin.version] = profile
        earlier = self._outcomes_before(predictions.partition, profile)
        record = measure_night(
            self._spec,
            predictions,
            labels,
            profile,
            earlier,
            self._stores,
        )
        return record.model_copy(update={"measured_by": self._partition})

    def _outcomes_before(self, night: str, profile: Profile) -> dict[str, NightOutcome]:
        """How earlier nights turned out: the judged ones of the version, and those that were measured since."""
        outcomes = {judged.night: _outcome(judged.skill) for judged in profile.holdout if judged.skill}
        last = self._spec.labelled_night(night)
        earlier = [before for before in self._there.before(night) if before <= last]
        for before in earlier[-TRAILING_NIGHTS:]:
            record = self._record(before)
            if record and record.skill:
                outcomes[before] = _outcome(record.skill)
        return outcomes

    def _followers(self, night: str) -> list[str]:
        """Nights whose verdict may rest on one."""
        return self._there.after(night)[:MOST_LOOKED_AT]

    def _record(self, night: str) -> Accuracy | None:
        """Read once; a damaged one is none, and so is a later version's, which stays."""
        if night in self._records:
            return self._records[night]
        model = self._spec.name
        record = None
        try:
            record = read_record(model, night, self._stores)
        except UnreadableRecord as error:
            if isinstance(error, LaterRecord):
                self._of_later.add(night)
            log.warning("%s: the record of %s counts as none: %s", model, night, error)
        self._records[night] = record
        return record

    def _judge(self, nights: Sequence[str]) -> None:
        """Verdicts, then the records, newest first: a run that ends early leaves the night that changed to the next."""
        changed = []
        for night in nights:
            record = self._record(night)
            judged = self._judged(record) if record else None
            if record is None or judged is None:
                continue
            if night in self._measured or not judged.says_as(record):
                before = self._before.get(night) if night in self._measured else record
                judged = judged.after(before)
                self._records[night] = judged
                changed.append(judged)
        for record in reversed(changed):
            self._keep(record)

    def _judged(self, record: Accuracy) -> Accuracy | None:
        """The record with its verdict; None where its version has no profile any more."""
        profile = self._profile(record)
        if profile is None:
            return None
        reference = [judged.skill for judged in profile.holdout if judged.skill]
        if not reference:
            lost = is_lost(record.metrics[record.loss], record.limit)
            return record.model_copy(update={"lost": lost})
        pooled = self._pooled(record, reference)
        verdict = {
            "pooled": pooled,
            "lost": pooled.lost if pooled else None,
            "measured_by": self._partition,
        }
        return record.model_copy(update=verdict)

    def _profile(self, record: Accuracy) -> Profile | None:
        if record.version not in self._profiles:
            predictions = self._stores.lake.readable(self._spec.key(Dataset.PREDICTIONS, record.night))
            if predictions is None or predictions.digest != record.predictions:
                return None
            try:
                self._profiles[record.version] = load_profile(predictions.pin, self._stores.lake)
            except (ModelError, UnreadableRecord) as error:
                log.warning("%s: the verdict on %s stays as it is: %s", self._spec.name, record.night, error)
                self._profiles[record.version] = None
        return self._profiles[record.version]

    def _pooled(self, record: Accuracy, reference: Sequence[NightSkill]) -> PooledSkill | None:
        """With the labelled nights of the version before it; None for a night that says nothing itself."""
        if record.skill is None:
            return None
        nights = [record.night]
        skills = [record.skill]
        for night in reversed(self._there.before(record.night)[-MOST_LOOKED_AT:]):
            if len(nights) == MOST_NIGHTS:
                break
            other = self._record(night)
            if other and other.version == record.version and other.skill:
                nights.insert(0, night)
                skills.insert(0, other.skill)
        return pooled_skill(reference, nights, skills, promised_rate(self._spec))

    def _keep(self, record: Accuracy) -> None:
        """Write a record, and look again: who took the night back meanwhile has removed what was there, not this."""
        lake = self._stores.lake
        key = layout.accuracy(record.model, record.night)
        lake.objects.put_record(key, record)
        for dataset in (Dataset.PREDICTIONS, Dataset.LABELS):
            if lake.published(self._spec.key(dataset, record.night)) is None:
                lake.objects.delete(key)


def _outcome(skill: NightSkill) -> NightOutcome:
    return NightOutcome(skill.rows, skill.outcome)
