"""One labelled night measured by itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from nightshift.modelling.arrays import Booleans, Floats
from nightshift.modelling.forecaster import NightOutcome, forecast
from nightshift.modelling.label_types import label_type
from nightshift.modelling.night_skill import night_skill
from nightshift.monitoring.accuracy_record import Accuracy, CanaryAccuracy
from nightshift.monitoring.decided import as_decided, decided_from
from nightshift.monitoring.labelled import join, metrics, scored_columns
from nightshift.monitoring.limit import loss_limit
from nightshift.monitoring.own_rows import rows_by
from nightshift.profiles.profile import Profile
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.manifest import Manifest


def promised_rate(spec: ModelSpec) -> float:
    """How often labelled nights of a healthy model may open an alarm."""
    return spec.drift.rate


def measure_night(
    spec: ModelSpec,
    predictions: Manifest,
    labels: Manifest,
    profile: Profile,
    earlier: Mapping[str, NightOutcome],
    stores: Stores,
) -> Accuracy:
    """The record of a published night, without a verdict; ``earlier`` outcomes are what its forecaster knows.

    Raises ``LostRows``, ``SchemaMismatch``, ``LakeUnavailable``.
    """
    night = predictions.partition
    outcomes_of_night = stores.lake.read(labels)
    own = _joined(spec, predictions, predictions.pin.version, outcomes_of_night, stores)
    others = _of_canary(spec, predictions, outcomes_of_night, stores)
    matched_by_canary = others.matched if others else 0
    of_canary = others.accuracy(spec, predictions, profile.loss) if others else None
    labelled = int(own.known.sum())
    expected = forecast(spec, night, earlier)
    scores = own.scores[own.known]
    outcomes = own.outcomes[own.known]
    return Accuracy(
        model=spec.name,
        night=night,
        version=predictions.pin.version,
        measured_by="",
        predictions=predictions.digest,
        labels=labels.digest,
        rows=len(own.scores),
        labelled=labelled,
        without_label=len(own.scores) - labelled,
        labels_unscored=own.orphans - matched_by_canary,
        labels_not_taught=_not_taught(spec, own.taught, outcomes_of_night),
        metrics=metrics(as_decided(spec, predictions), profile.loss, scores, outcomes),
        limit=loss_limit(profile.holdout, labelled, promised_rate(spec)),
        lost=None,
        loss=profile.loss,
        skill=night_skill(spec, profile.loss, outcomes, scores, expected),
        canary=of_canary,
    )


@dataclass(frozen=True)
class _OwnRows:
    """The rows of one version with their outcomes: shapes (n,), scores of k classes (n, k).

    ``orphans`` of the night's outcomes met none of these rows, and ``matched`` did.
    """

    scores: Floats
    outcomes: Floats
    taught: Booleans
    orphans: int
    matched: int

    @property
    def known(self) -> Booleans:
        """Whether a row's outcome is known, and of a class that the version was taught."""
        known: Booleans = np.isfinite(self.outcomes) & self.taught
        return known

    def accuracy(self, spec: ModelSpec, predictions: Manifest, loss: str) -> CanaryAccuracy | None:
        """Of the canary's rows, by the loss that the champion's are measured by."""
        pinned = predictions.canary_pin
        if pinned is None:
            return None
        known = self.known
        return CanaryAccuracy(
            version=pinned.pin.version,
            rows=len(self.scores),
            labelled=int(known.sum()),
            metrics=metrics(decided_from(spec, pinned.threshold), loss, self.scores[known], self.outcomes[known]),
            loss=loss,
        )


def _joined(spec: ModelSpec, predictions: Manifest, version: str, labels: pa.Table, stores: Stores) -> _OwnRows:
    wanted = (*spec.keys, *scored_columns(spec))
    columns = [name for name in wanted if name in predictions.columns]
    scored = rows_by(version, predictions, columns, stores)
    scores, outcomes, orphans = join(spec, scored, labels)
    label = label_type(spec)
    matched = labels.num_rows - orphans
    return _OwnRows(
        scores=scores,
        outcomes=outcomes,
        taught=label.taught(outcomes, scores),
        orphans=orphans,
        matched=matched,
    )


def _of_canary(spec: ModelSpec, predictions: Manifest, labels: pa.Table, stores: Stores) -> _OwnRows | None:
    pinned = predictions.canary_pin
    if pinned is None:
        return None
    version = pinned.pin.version
    return _joined(spec, predictions, version, labels, stores)


def _not_taught(spec: ModelSpec, taught: Booleans, outcomes: pa.Table) -> int:
    """Labels of a class that the version does not know, and of those that the spec does not."""
    of_version = len(taught) - int(taught.sum())
    unknown = label_type(spec).unknown(outcomes[spec.label.column])
    return of_version + sum(unknown.values())
