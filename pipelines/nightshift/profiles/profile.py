"""A model's compact reference: histograms of its drift features and scores, and how its own nights vary.

Written once per model version, beside its graph. It holds integer counts and the leave-one-night-out distances
of the reference's nights; the alarm lines are drawn from these at monitoring time (``monitoring/drift.py``,
``monitoring/accuracy.py``), so a new false-alarm rate in the spec needs no new training.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, model_validator

from nightshift.contracts import Pin
from nightshift.errors import ModelError, UnreadableRecord
from nightshift.modelling.arrays import Array, Booleans, Float64s, Int64s, Places
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import ArrowValues
from nightshift.modelling.metrics import row_losses
from nightshift.profiles import distance
from nightshift.profiles.bins import Bins, bins_of
from nightshift.spec import ModelSpec
from nightshift.stores import layout
from nightshift.stores.lake import Lake
from nightshift.stores.records import Record


class Feature(BaseModel):
    """One feature's reference. ``distances`` are per reference night; None where the night has no values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    bins: Bins
    counts: tuple[int, ...]
    distances: tuple[float | None, ...]


class HoldoutNight(BaseModel):
    """How well the model did on one night that it was not trained on: mean and variance of its rows' losses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    night: str
    rows: int
    loss: float
    variance: float

    @model_validator(mode="before")
    @classmethod
    def _of_format_1(cls, stored: Any) -> Any:
        """The first format knew one loss."""
        if not isinstance(stored, dict) or "log_loss" not in stored:
            return stored
        fields = dict(stored)
        fields["loss"] = fields.pop("log_loss")
        return fields


class Profile(Record):
    """The reference of one model version.

    ``rows`` is per night; ``features`` ends with the published column that is watched, if any: the score, the
    predicted number or the predicted class. ``loss`` is that of the holdout's nights, see ``metrics.row_losses``.
    """

    what = "a profile"
    remedy = "train the model again with this version of Nightshift, or install the version that wrote it"
    remedy_of_later = remedy

    format: Literal[1, 2] = 2
    model: str
    loss: str = "log_loss"
    nights: tuple[str, ...]
    rows: tuple[int, ...]
    features: tuple[Feature, ...]
    holdout: tuple[HoldoutNight, ...]

    def count(self, columns: Mapping[str, ArrowValues]) -> dict[str, Int64s]:
        """Each feature's rows per bin, from the values of a night or a part of one; counts of parts add up."""
        counts = {}
        for feature in self.features:
            name = feature.name
            values = columns[name]
            counts[name] = feature.bins.count(values)
        return counts


def build(
    spec: ModelSpec,
    table: pa.Table,
    nights: Sequence[str] | Array,
    scores: Array,
    labels: Array,
) -> Profile:
    """The profile of a model from the rows of its training window.

    ``table`` holds the drift features (other columns are ignored); ``nights``, ``scores`` and ``labels``
    have one line per row: the partition key, the model's scores (NaN in sample), and the outcome as
    ``holdout.LabelledRows`` has it (NaN where there was none). Scores of rows that the model was trained on are too
    good to compare with, so only the holdout nights have any, and the score's reference is those nights alone. With
    fewer than ``drift.MIN_NIGHTS`` of them the score is shown but cannot alarm. Raises ``ModelError``
    when there are no rows.
    """
    if table.num_rows == 0:
        raise ModelError(f"{spec.name}: no rows to make a profile of", fix="train on a window that has data")
    keys, night = np.unique(np.asarray(nights, dtype=str), return_inverse=True)
    scores = np.asarray(scores, float)
    labels = np.asarray(labels, float)
    is_scored = _is_scored(scores)
    holdout = _holdout(
        spec.metric,
        keys,
        night[is_scored],
        scores[is_scored],
        labels[is_scored],
    )
    return Profile(
        model=spec.name,
        loss=spec.metric,
        nights=tuple(map(str, keys)),
        rows=tuple(np.bincount(night).tolist()),
        features=_features(spec, table, night, scores),
        holdout=holdout,
    )


def load_profile(pin: Pin, lake: Lake) -> Profile:
    """The profile of a pinned version, held against its digest where the pin has one.

    Raises ``ModelError`` when it is not there, ``UnreadableRecord``.
    """
    key = layout.profile(pin.model, pin.sha256, pin.profile_sha256)
    where = f"{lake.objects.uri}/{key}"
    stored = lake.objects.get_opened(key, lambda body: _opened(body, pin, where))
    if stored is None:
        raise ModelError(
            f"{pin.model} version {pin.version} has no profile at {where}",
            fix=f"trigger {pin.model}.train: a version gets its profile when it is trained",
        )
    profile, _ = stored
    return profile


def _opened(body: bytes, pin: Pin, where: str) -> Profile:
    sha256 = hashlib.sha256(body).hexdigest()
    if pin.profile_sha256 not in {"", sha256}:
        raise UnreadableRecord(
            f"{where} is not as it was written: it has sha256 {sha256}, pinned is {pin.profile_sha256}",
            fix=f"nightshift rollback {pin.model}; find out who wrote to models/ in the lake",
        )
    return Profile.from_json(body, where)


def _is_scored(scores: Float64s) -> Booleans:
    """Which rows have a score, or one of each class, shape (rows,)."""
    rows = len(scores)
    is_finite = np.isfinite(scores)
    by_row = is_finite.reshape(rows, -1)
    is_scored = by_row.all(axis=1)
    return np.asarray(is_scored)


def _features(spec: ModelSpec, table: pa.Table, night: Places, scores: Float64s) -> tuple[Feature, ...]:
    bins = spec.drift.bins
    nights = night.max() + 1
    features = []
    for name in spec.drift.features:
        feature = _feature(name, table[name], night, nights, bins)
        features.append(feature)
    scored_nights = night[_is_scored(scores)]
    rows = np.isin(night, scored_nights)
    if spec.drift.score and rows.any():
        label = label_type(spec)
        published = label.drift_values(scores[rows])
        feature = _feature(label.drift_column, published, night[rows], nights, bins)
        features.append(feature)
    return tuple(features)


def _feature(name: str, values: Any, night: Places, nights: int, bins: int) -> Feature:
    feature_bins = bins_of(values, night, bins)
    size = feature_bins.size
    # Each bin of each night has a place of its own, so that all are counted at once.
    places = night * size + feature_bins.codes(values)
    flat = np.bincount(places, minlength=nights * size)
    counts = flat.reshape(nights, size)
    total = counts.sum(axis=0)
    other_nights = total - counts
    distances = distance.between(counts, other_nights)
    return Feature(
        name=name,
        bins=feature_bins,
        counts=tuple(total.tolist()),
        distances=_none_for_nan(distances),
    )


def _none_for_nan(values: Float64s) -> tuple[float | None, ...]:
    numbers: list[float | None] = []
    for number in values.tolist():
        is_nan = math.isnan(number)
        numbers.append(None if is_nan else number)
    return tuple(numbers)


def _holdout(
    loss: str,
    keys: Array,
    night: Places,
    scores: Float64s,
    labels: Float64s,
) -> tuple[HoldoutNight, ...]:
    has_label = np.isfinite(labels)
    holdout = []
    for index in np.unique(night[has_label]):
        rows = has_label & (night == index)
        losses = row_losses(loss, labels[rows], scores[rows])
        holdout.append(_holdout_night(str(keys[index]), losses))
    return tuple(holdout)


def _holdout_night(night: str, losses: Float64s) -> HoldoutNight:
    return HoldoutNight(
        night=night,
        rows=losses.size,
        loss=float(losses.mean()),
        variance=float(losses.var()),
    )
