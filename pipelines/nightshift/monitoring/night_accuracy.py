"""One labelled night measured by itself."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from nightshift.modelling.arrays import Booleans
from nightshift.modelling.forecaster import NightOutcome, forecast
from nightshift.modelling.label_types import label_type
from nightshift.modelling.night_skill import night_skill
from nightshift.monitoring.accuracy_record import Accuracy
from nightshift.monitoring.decided import as_decided
from nightshift.monitoring.labelled import join, metrics, scored_columns
from nightshift.monitoring.limit import loss_limit
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
    columns = [name for name in (*spec.keys, *scored_columns(spec)) if name in predictions.columns]
    scored = stores.lake.read(predictions, columns)
    outcomes_of_night = stores.lake.read(labels)
    scores, outcomes, orphans = join(spec, scored, outcomes_of_night)
    taught = label_type(spec).taught(outcomes, scores)
    known = np.isfinite(outcomes) & taught
    labelled = int(known.sum())
    expected = forecast(spec, night, earlier)
    return Accuracy(
        model=spec.name,
        night=night,
        version=predictions.pin.version,
        measured_by="",
        predictions=predictions.digest,
        labels=labels.digest,
        rows=len(scores),
        labelled=labelled,
        without_label=len(scores) - labelled,
        labels_unscored=orphans,
        labels_not_taught=_not_taught(spec, taught, outcomes_of_night),
        metrics=metrics(as_decided(spec, predictions), profile.loss, scores[known], outcomes[known]),
        limit=loss_limit(profile.holdout, labelled, promised_rate(spec)),
        lost=None,
        loss=profile.loss,
        skill=night_skill(spec, profile.loss, outcomes[known], scores[known], expected),
    )


def _not_taught(spec: ModelSpec, taught: Booleans, outcomes: pa.Table) -> int:
    """Labels of a class that the version does not know, and of those that the spec does not."""
    of_version = len(taught) - int(taught.sum())
    unknown = label_type(spec).unknown(outcomes[spec.label.column])
    return of_version + sum(unknown.values())
