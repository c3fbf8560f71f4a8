"""The drift of a scored night: of the champion's rows by its profile, and of a canary's by its own."""

import logging
from collections.abc import Mapping
from typing import Any

from nightshift.contracts import Pin
from nightshift.errors import DataError, ModelError, SchemaMismatch, UnreadableRecord
from nightshift.modelling.label_types import label_type
from nightshift.monitoring.drift import DriftResult, NightValues, measure
from nightshift.monitoring.history import read_canary_history, read_history
from nightshift.monitoring.night_record import CanaryDrift
from nightshift.profiles.moments import of_values
from nightshift.profiles.profile import Profile, load_profile
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.manifest import Manifest

log = logging.getLogger("nightshift")


def champion_drift(spec: ModelSpec, validated: Manifest, predictions: Manifest, stores: Stores) -> DriftResult:
    """Of the rows that the champion scored: all, but for those of a canary.

    Raises ``SchemaMismatch`` for a night that lacks what the version watches, ``ModelError`` for one without profile.
    """
    pin = predictions.pin
    profile = _profile(spec, pin, validated, stores)
    if predictions.counts:
        of_canary = predictions.canary.rows if predictions.canary else 0
        own = validated.rows - of_canary
        night = _counted(
            validated.partition,
            own,
            predictions.counts,
            predictions.moments,
        )
    else:
        night = _from_rows(spec, profile, validated, predictions, stores)
    history = read_history(spec, validated.partition, pin, stores)
    return measure(spec, profile, night, history)


def canary_drift(spec: ModelSpec, validated: Manifest, predictions: Manifest, stores: Stores) -> CanaryDrift | None:
    """Of the rows that a canary scored; None of a night without any.

    It informs, so a canary whose profile cannot be read is left out, and the log says so.
    """
    canary = predictions.canary
    try:
        pinned = predictions.canary_pin
        if canary is None or pinned is None or not canary.rows:
            return None
        profile = _profile(spec, pinned.pin, validated, stores)
        night = _counted(
            validated.partition,
            canary.rows,
            canary.counts,
            canary.moments,
        )
        history = read_canary_history(spec, validated.partition, pinned.pin, stores)
        drift = measure(spec, profile, night, history)
    except (DataError, ModelError, UnreadableRecord) as error:
        log.warning("%s %s: not told how the canary's rows have drifted: %s", spec.name, validated.partition, error)
        return None
    return CanaryDrift(pinned.pin, pinned.share, canary.rows, drift)


def _profile(spec: ModelSpec, pin: Pin, validated: Manifest, stores: Stores) -> Profile:
    """A version's profile, of which the night has all that is watched."""
    profile = load_profile(pin, stores.lake)
    missing = [name for name in _watched(spec, profile) if name not in validated.columns]
    if missing:
        raise SchemaMismatch(
            f"{spec.name} version {pin.version} watches {', '.join(missing)}, which {validated.partition} lacks",
            fix=f"trigger {spec.name}.train: a version watches what the spec said when it was trained;"
            " or keep the column's name of before in model.yaml, with source: for its name in the data",
        )
    return profile


def _watched(spec: ModelSpec, profile: Profile) -> list[str]:
    """The columns of the input that a profile counts."""
    score = label_type(spec).drift_column
    return [feature.name for feature in profile.features if feature.name != score]


def _counted(
    partition: str, rows: int, counts: Mapping[str, list[int]], moments: Mapping[str, list[float]]
) -> NightValues:
    """As scoring counted them."""
    return NightValues(
        partition=partition,
        rows=rows,
        counts=dict(counts),
        moments={name: of_values(values) for name, values in moments.items()},
    )


def _from_rows(
    spec: ModelSpec, profile: Profile, validated: Manifest, predictions: Manifest, stores: Stores
) -> NightValues:
    """Of a night that was published before scoring counted, and so before there were canaries."""
    columns = _columns(spec, profile, validated, predictions, stores)
    return NightValues(
        partition=validated.partition,
        rows=validated.rows,
        counts=dict(profile.count(columns)),
        moments=profile.moments(columns),
    )


def _columns(
    spec: ModelSpec, profile: Profile, validated: Manifest, predictions: Manifest, stores: Stores
) -> dict[str, Any]:
    score = label_type(spec).drift_column
    of_input = _watched(spec, profile)
    features = stores.lake.read(validated, of_input)
    columns = {name: features[name] for name in of_input}
    if any(feature.name == score for feature in profile.features):
        scores = stores.lake.read(predictions, [score])
        columns[score] = scores[score]
    return columns
