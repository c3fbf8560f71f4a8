"""A model's compact reference: histograms of its drift features and scores, and how its own nights vary.

Written once per model version, beside its graph. It holds integer counts and the leave-one-night-out distances
of the reference's nights; the alarm lines are drawn from these at monitoring time (``monitoring/drift.py``,
``monitoring/accuracy.py``), so a new false-alarm rate in the spec needs no new training.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, model_validator

from nightshift.contracts import Pin
from nightshift.errors import ModelError
from nightshift.modelling.arrays import Array, Float64s, Int64s, Places
from nightshift.modelling.label_types import label_type
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
    def _of_format_1(cls, content: Any) -> Any:
        """The first format knew one loss."""
        if isinstance(content, dict) and "log_loss" in content:
            rest = {name: value for name, value in content.items() if name != "log_loss"}
            return {**rest, "loss": content["log_loss"]}
        return content


class Profile(Record):
    """The reference of one model version.

    ``rows`` is per night; ``features`` ends with the published column that is watched, if any: the score, the
    predicted number or the predicted class. ``loss`` is that of the holdout's nights, see ``metrics.row_losses``.
    """

    what = "a profile"
    remedy = "train the model again with this version of Nightshift, or install the version that wrote it"

    format: Literal[1, 2] = 2
    model: str
    loss: str = "log_loss"
    nights: tuple[str, ...]
    rows: tuple[int, ...]
    features: tuple[Feature, ...]
    holdout: tuple[HoldoutNight, ...]

    def count(self, columns: Mapping[str, pa.ChunkedArray | pa.Array]) -> dict[str, Int64s]:
        """Each feature's rows per bin, from the values of a night or a part of one; counts of parts add up."""
        counts = {}
        for feature in self.features:
            values = columns[feature.name]
            counts[feature.name] = feature.bins.count(values)
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
    features = [_feature(name, table[name], night, len(keys), spec.drift.bins) for name in spec.drift.features]
    known = np.isfinite(scores).reshape(len(scores), -1).all(axis=1)
    scored = np.isin(night, np.unique(night[known]))
    if spec.drift.score and scored.any():
        label = label_type(spec)
        values = label.drift_values(scores[scored])
        features.append(_feature(label.drift_column, values, night[scored], len(keys), spec.drift.bins))
    return Profile(
        model=spec.name,
        loss=spec.metric,
        nights=tuple(map(str, keys)),
        rows=tuple(np.bincount(night).tolist()),
        features=tuple(features),
        holdout=_holdout(spec.metric, keys, night[known], scores[known], labels[known]),
    )


def load_profile(pin: Pin, lake: Lake) -> Profile:
    """The profile of a pinned version. Raises ``ModelError`` when it is not there, ``UnreadableRecord``."""
    key = layout.profile(pin.model, pin.sha256)
    profile = lake.objects.get_record(key, Profile)
    if profile is None:
        raise ModelError(
            f"{pin.model} version {pin.version} has no profile at {lake.objects.uri}/{key}",
            fix=f"trigger {pin.model}.train: a version gets its profile when it is trained",
        )
    return profile


def _feature(name: str, values: Any, night: Places, nights: int, inner_bins: int) -> Feature:
    """Values (rows,), and the night of each, counted from 0."""
    bins = bins_of(values, night, inner_bins)
    bin_of_night = night * bins.size + bins.codes(values)
    flat = np.bincount(bin_of_night, minlength=nights * bins.size)
    counts = flat.reshape(nights, bins.size)
    total = counts.sum(axis=0)
    distances = distance.between(counts, total - counts)
    return Feature(
        name=name,
        bins=bins,
        counts=tuple(total.tolist()),
        distances=tuple(map(_known, distances.tolist())),
    )


def _known(distance: float) -> float | None:
    return None if math.isnan(distance) else distance


def _holdout(loss: str, keys: Array, night: Places, scores: Float64s, labels: Float64s) -> tuple[HoldoutNight, ...]:
    labelled = np.isfinite(labels)
    holdout = []
    for index in np.unique(night[labelled]):
        of_night = labelled & (night == index)
        losses = row_losses(loss, labels[of_night], scores[of_night])
        measured = HoldoutNight(
            night=str(keys[index]),
            rows=losses.size,
            loss=float(losses.mean()),
            variance=float(losses.var()),
        )
        holdout.append(measured)
    return tuple(holdout)
