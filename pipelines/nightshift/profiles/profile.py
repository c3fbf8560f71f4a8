"""A model's compact reference: histograms of its drift features and scores, and how its own nights vary.

Written once per model version, beside its graph. It holds integer counts of each of the reference's nights; the
alarm lines are drawn from these at monitoring time (``monitoring/drift``, ``monitoring/accuracy.py``), so another
promise in the spec needs no new training.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, model_validator

from nightshift.contracts import Pin
from nightshift.errors import ModelError
from nightshift.modelling.arrays import Array, Booleans, Float64s, Int64s, Places
from nightshift.modelling.forecaster import NightOutcome, forecast
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import ArrowValues
from nightshift.modelling.night_skill import NightSkill, night_skill, outcome_of
from nightshift.profiles.bins import Bins, as_floats, bins_of
from nightshift.profiles.feature import Feature
from nightshift.profiles.known import seen_only_near
from nightshift.profiles.moments import Moments, is_text, of_numbers
from nightshift.profiles.numbers import Numbers
from nightshift.spec import ModelSpec
from nightshift.stores import by_content, layout
from nightshift.stores.lake import Lake
from nightshift.stores.records import Record

__all__ = ["Feature", "HoldoutNight", "Profile", "build", "load_profile"]

NEAR = 7
"""Nights that may depend on one another: trailing windows are a week long."""


class HoldoutNight(BaseModel):
    """How well the model did on one night that it was not trained on: mean and variance of its rows' losses.

    ``skill`` is None in what earlier versions wrote, and of a night before which no outcome was known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    night: str
    rows: int
    loss: float
    variance: float
    skill: NightSkill | None = None

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

    format: Literal[1, 2, 3] = 3
    model: str
    loss: str = "log_loss"
    nights: tuple[str, ...]
    rows: tuple[int, ...]
    features: tuple[Feature, ...]
    holdout: tuple[HoldoutNight, ...]

    @property
    def keeps_nights(self) -> bool:
        """Whether it has counts of each night, as all have from format 3 on."""
        nights = len(self.nights)
        return nights > 0 and all(len(feature.night_counts) == nights for feature in self.features)

    def count(self, columns: Mapping[str, ArrowValues]) -> dict[str, Int64s]:
        """Each feature's rows per bin, from the values of a night or a part of one; counts of parts add up."""
        counts, _ = self.tally(columns)
        return counts

    def moments(self, columns: Mapping[str, ArrowValues]) -> dict[str, Moments]:
        """Those of each feature that has any in the values of a night or a part of one; see ``moments.merged``."""
        _, moments = self.tally(columns)
        return moments

    def tally(self, columns: Mapping[str, ArrowValues]) -> tuple[dict[str, Int64s], dict[str, Moments]]:
        """Both of the same values, each of which is looked at once."""
        counts = {}
        moments = {}
        for feature in self.features:
            counted, of_values = feature.tally(columns[feature.name])
            counts[feature.name] = counted
            if of_values:
                moments[feature.name] = of_values
        return counts, moments


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
    outcomes = _outcomes(spec, keys, night, labels)
    holdout = _holdout(
        spec,
        keys,
        night[is_scored],
        scores[is_scored],
        labels[is_scored],
        outcomes,
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
    if pin.profile_sha256:
        require_pinned(body, pin.profile_sha256, pin, where)
    return Profile.from_json(body, where)


def require_pinned(body: bytes, sha256: str, pin: Pin, where: str) -> None:
    """Raises ``UnreadableRecord`` for what lies beside a version's graph and is not as it was written."""
    by_content.require_digest(
        body,
        sha256,
        where,
        fix=f"nightshift rollback {pin.model}; find out who wrote to models/ in the lake",
    )


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
    codes = _codes(feature_bins, values, night)
    # Each bin of each night has a place of its own, so that all are counted at once.
    places = night * size + codes
    flat = np.bincount(places, minlength=nights * size)
    counts = flat.reshape(nights, size)
    moments = _moments_by_night(values, night, nights)
    return Feature.of_nights(name, feature_bins, counts, moments)


def _codes(bins: Bins, values: Any, night: Places) -> Int64s:
    """As a night is counted, but what only nights nearby know is as new as it would be on a night to come."""
    codes = bins.codes(values)
    if bins.unseen is None or not bins.known:
        return codes
    is_new = seen_only_near(values, night, NEAR)
    is_other = codes == len(bins.categories)
    codes[is_new & is_other] = bins.unseen
    return codes


def _moments_by_night(values: Any, night: Places, nights: int) -> tuple[Moments | None, ...]:
    if is_text(values):
        return ()
    numbers = as_floats(values)
    order = np.argsort(night, kind="stable")
    ends = np.cumsum(np.bincount(night, minlength=nights))
    by_night = np.split(numbers[order], ends[:-1])
    return tuple(of_numbers(Numbers(of_night.size, of_night)) for of_night in by_night)


def _outcomes(spec: ModelSpec, keys: Array, night: Places, labels: Float64s) -> dict[str, NightOutcome]:
    """How each night of the window turned out, where anything is known of it."""
    outcomes = {}
    for index, rows in _labelled_by_night(night, labels):
        key = str(keys[index])
        outcomes[key] = outcome_of(spec, labels[rows])
    return outcomes


def _labelled_by_night(night: Places, labels: Float64s) -> Iterator[tuple[int, Places]]:
    """The places of each night's rows with an outcome."""
    labelled = np.flatnonzero(np.isfinite(labels))
    of_night = night[labelled]
    order = np.argsort(of_night, kind="stable")
    indices, firsts = np.unique(of_night[order], return_index=True)
    parts = np.split(labelled[order], firsts[1:])
    # Without any there is one part, an empty one.
    yield from zip(indices.tolist(), parts, strict=False)


def _holdout(
    spec: ModelSpec,
    keys: Array,
    night: Places,
    scores: Float64s,
    labels: Float64s,
    outcomes: Mapping[str, NightOutcome],
) -> tuple[HoldoutNight, ...]:
    holdout = []
    for index, rows in _labelled_by_night(night, labels):
        key = str(keys[index])
        expected = forecast(spec, key, outcomes)
        losses = label_type(spec).row_losses(spec.metric, labels[rows], scores[rows])
        skill = night_skill(spec, spec.metric, labels[rows], scores[rows], expected)
        holdout.append(_holdout_night(key, losses, skill))
    return tuple(holdout)


def _holdout_night(night: str, losses: Float64s, skill: NightSkill | None) -> HoldoutNight:
    return HoldoutNight(
        night=night,
        rows=losses.size,
        loss=float(losses.mean()),
        variance=float(losses.var()),
        skill=skill,
    )
