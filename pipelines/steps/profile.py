"""A model's compact reference: histograms of its drift features and scores, and how its own nights vary.

Written once per model version as ``models/<model>/<onnx sha256>/profile.json``. It holds integer
counts and the leave-one-night-out distances of the reference's nights; the alarm lines are drawn
from these at monitoring time (``steps/drift.py``, ``steps/accuracy.py``), so a new false-alarm rate
in the spec needs no new training.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.contracts import Pin
from pipelines.errors import ModelError
from pipelines.spec import ModelSpec
from pipelines.steps.estimators import as_numbers
from pipelines.steps.metrics import row_losses
from pipelines.stores.lake import Lake

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_CATEGORIES = 100
# Nights that make the tail whose mean excess says how far beyond a record the next record lies.
TAIL_NIGHTS = 10
# A quiet night's record passes the outer edge with probability exp(-5) / nights if tails are exponential.
TAIL_SCALES = 5.0


class Bins(BaseModel):
    """How one feature is counted.

    Numbers: ``edges`` cut the line into bins closed on the left; the first and the last bin lie beyond
    everything the reference held. Strings: one bin per category, then one for any other. The null bin
    (null or NaN) is always last.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["numeric", "category"]
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of bins, the null bin included."""
        return (len(self.edges) + 1 if self.kind == "numeric" else len(self.categories) + 1) + 1

    def codes(self, values: pa.ChunkedArray | pa.Array) -> Counts:
        """The bin of each value, shape (rows,)."""
        if self.kind == "numeric":
            numbers = as_floats(values)
            found = np.searchsorted(np.asarray(self.edges), numbers, side="right")
            return np.where(np.isnan(numbers), self.size - 1, found).astype(np.int64)
        index = pc.index_in(values.cast(pa.string()), value_set=pa.array(self.categories, pa.string()))
        other = pc.fill_null(index, len(self.categories))
        return np.asarray(pc.if_else(pc.is_null(values), self.size - 1, other), dtype=np.int64)

    def count(self, values: pa.ChunkedArray | pa.Array) -> Counts:
        """Rows per bin, shape (size,); they sum to the number of values."""
        if self.kind == "numeric":
            return self._count_numbers(values)
        if pa.types.is_dictionary(values.type) and isinstance(values, pa.Array):
            indices = pc.fill_null(values.indices, len(values.dictionary)).to_numpy(zero_copy_only=False)
            of_each = np.bincount(indices, minlength=len(values.dictionary) + 1)
            bins = np.append(self.codes(values.dictionary), self.size - 1)
            return np.bincount(bins, weights=of_each, minlength=self.size).astype(np.int64)
        return np.bincount(self.codes(values), minlength=self.size)

    def _count_numbers(self, values: pa.ChunkedArray | pa.Array) -> Counts:
        """As ``codes``, by one comparison per edge: 5 times as fast as a search per value."""
        there = values.drop_null() if values.null_count else values
        numbers = as_numbers(there).to_numpy(zero_copy_only=False)
        known = numbers.size - (np.count_nonzero(np.isnan(numbers)) if numbers.dtype.kind == "f" else 0)
        from_edge = [np.count_nonzero(numbers >= edge) for edge in _native(self.edges, numbers.dtype)]
        inside = -np.diff([known, *from_edge, 0])
        return np.append(inside, len(values) - known)


class Feature(BaseModel):
    """One feature's reference. ``distances`` are per reference night; None where the night has no values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    bins: Bins
    counts: tuple[int, ...]
    distances: tuple[float | None, ...]


class HoldoutNight(BaseModel):
    """How well the model did on one night that it was not trained on; losses in nats per row."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    night: str
    rows: int
    log_loss: float
    variance: float


class Profile(BaseModel):
    """The reference of one model version. ``rows`` is per night; ``features`` ends with the score, if any."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    model: str
    nights: tuple[str, ...]
    rows: tuple[int, ...]
    features: tuple[Feature, ...]
    holdout: tuple[HoldoutNight, ...]

    def count(self, columns: Mapping[str, pa.ChunkedArray | pa.Array]) -> dict[str, Counts]:
        """Each feature's rows per bin, from the values of a night or a part of one; counts of parts add up."""
        return {feature.name: feature.bins.count(columns[feature.name]) for feature in self.features}

    def to_json(self) -> bytes:
        """Canonical JSON."""
        return (self.model_dump_json(indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Read ``to_json``. Raises ``ModelError`` for another format version or anything malformed."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ModelError(
                f"this profile is not of format 1: {where}: {first['msg']}, got {str(first['input'])[:60]!r}",
                fix="train the model again with this version of Nightshift, or install the version that wrote it",
            ) from error


def build(
    spec: ModelSpec,
    table: pa.Table,
    nights: Sequence[str] | npt.NDArray[Any],
    scores: npt.NDArray[Any],
    labels: npt.NDArray[Any],
) -> Profile:
    """The profile of a model from the rows of its training window.

    ``table`` holds the drift features (other columns are ignored); ``nights``, ``scores`` and ``labels``
    have one value per row: the partition key, the model's score (NaN in sample), and the outcome 0 or 1
    (NaN where there was none). Scores of rows that the model was trained on are too good to compare
    with, so only the holdout nights have any, and the score's reference is those nights alone. With
    fewer than ``drift.MIN_NIGHTS`` of them the score is shown but cannot alarm. Raises ``ModelError``
    when there are no rows.
    """
    if table.num_rows == 0:
        raise ModelError(f"{spec.name}: no rows to make a profile of", fix="train on a window that has data")
    keys, night = np.unique(np.asarray(nights, dtype=str), return_inverse=True)
    features = [_feature(name, table[name], night, len(keys), spec.drift.bins) for name in spec.drift.features]
    scored = np.isin(night, np.unique(night[np.isfinite(scores)]))
    if spec.drift.score and scored.any():
        values = pa.array(scores[scored], from_pandas=True)
        features.append(_feature(spec.predict.score, values, night[scored], len(keys), spec.drift.bins))
    return Profile(
        model=spec.name,
        nights=tuple(map(str, keys)),
        rows=tuple(np.bincount(night).tolist()),
        features=tuple(features),
        holdout=_holdout(keys, night, np.asarray(scores, float), np.asarray(labels, float)),
    )


def profile_key(pin: Pin) -> str:
    """Where the lake keeps the profile of a version, beside its graph."""
    return f"models/{pin.model}/{pin.sha256}/profile.json"


def load_profile(pin: Pin, lake: Lake) -> Profile:
    """The profile of a pinned version. Raises ``ModelError`` when it is not there or of another format."""
    found = lake.objects.get(profile_key(pin))
    if found is None:
        raise ModelError(
            f"{pin.model} version {pin.version} has no profile at {lake.objects.uri}/{profile_key(pin)}",
            fix=f"trigger {pin.model}.train: a version gets its profile when it is trained",
        )
    return Profile.from_json(found[0])


def js_distance(left: npt.ArrayLike, right: npt.ArrayLike) -> Floats:
    """Jensen-Shannon distance of histograms along the last axis, base 2, in [0, 1].

    The square root of the divergence, which is a metric (Endres and Schindelin, 2003, IEEE Trans. Inf.
    Theory 49). Arguments are counts; an empty histogram gives NaN.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        p, q = (np.asarray(c, float) / np.sum(c, axis=-1, keepdims=True) for c in (left, right))
        middle = (p + q) / 2
        terms = [np.where(share > 0, share * np.log2(share / middle), 0.0) for share in (p, q)]
        divergence = (terms[0] + terms[1]).sum(axis=-1) / 2
    empty = (np.sum(left, axis=-1) == 0) | (np.sum(right, axis=-1) == 0)
    return np.where(empty, np.nan, np.sqrt(np.clip(divergence, 0.0, 1.0)))


def as_floats(values: pa.ChunkedArray | pa.Array) -> Floats:
    """Numbers, booleans or dates as float64 with NaN for null, shape (rows,)."""
    return np.asarray(pc.fill_null(as_numbers(values).cast(pa.float64()), np.nan), dtype=np.float64)


def _native(edges: tuple[float, ...], kind: npt.DTypeLike) -> list[Any]:
    """The smallest value of a type that is not below each edge: ``x >= edge`` without widening x."""
    if np.dtype(kind).kind != "f":
        return [math.ceil(edge) for edge in edges]
    with np.errstate(over="ignore"):
        nearest = np.asarray(edges, np.float64).astype(kind)
    return list(np.where(nearest < np.asarray(edges), np.nextafter(nearest, nearest.dtype.type(np.inf)), nearest))


def _feature(name: str, values: Any, night: npt.NDArray[np.intp], nights: int, bins: int) -> Feature:
    text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
    found = _categories(values) if text else _edges(as_floats(values), night, bins)
    flat = np.bincount(night * found.size + found.codes(values), minlength=nights * found.size)
    counts = flat.reshape(nights, found.size)
    total = counts.sum(axis=0)
    distances = js_distance(counts, total - counts)
    return Feature(
        name=name,
        bins=found,
        counts=tuple(total.tolist()),
        distances=tuple(None if np.isnan(d) else d for d in distances.tolist()),
    )


def _categories(values: Any) -> Bins:
    counted = pc.value_counts(values.drop_null()).to_pylist()
    counted.sort(key=lambda item: (-item["counts"], item["values"]))
    return Bins(kind="category", categories=tuple(item["values"] for item in counted[:MAX_CATEGORIES]))


def _edges(values: Floats, night: npt.NDArray[np.intp], bins: int) -> Bins:
    there = np.isfinite(values)
    values, night = values[there], night[there]
    if values.size == 0:
        return Bins(kind="numeric")
    inner = _quantiles(values, bins)
    heavy = np.unique(inner[:-1][inner[:-1] == inner[1:]])
    rest = values[~np.isin(values, heavy)]
    inner = _quantiles(rest, max(bins - len(heavy), 2)) if rest.size else heavy
    top = _beyond(_per_night(np.maximum, values, night))
    bottom = -_beyond(_per_night(np.maximum, -values, night))
    # A value that many rows share has a bin of its own: [value, the next float).
    edges = np.unique([bottom, *inner, *heavy, *np.nextafter(heavy, np.inf), np.nextafter(top, np.inf)])
    return Bins(kind="numeric", edges=tuple(edges.tolist()))


def _quantiles(values: Floats, bins: int) -> Floats:
    return np.quantile(values, np.arange(1, bins) / bins, method="inverted_cdf")


def _per_night(reduce: np.ufunc, values: Floats, night: npt.NDArray[np.intp]) -> Floats:
    found = np.full(night.max() + 1, -np.inf)
    reduce.at(found, night, values)
    return found[np.isfinite(found)]


def _beyond(maxima: Floats) -> float:
    """An edge above the largest of the nights' maxima that a quiet night seldom passes.

    Nights, not rows, are what is exchangeable: weather is the same for all rows of a night, so one
    night in N sets a record without any drift. Excesses over a high level are about exponential
    (Pickands, 1975, Annals of Statistics 3), with the mean excess of the top nights as their scale.
    """
    ordered = np.sort(maxima)
    level = ordered[-min(TAIL_NIGHTS + 1, len(ordered))]
    return float(ordered[-1] + TAIL_SCALES * (ordered[-TAIL_NIGHTS:] - level).mean())


def _holdout(keys: npt.NDArray[Any], night: npt.NDArray[np.intp], scores: Floats, labels: Floats) -> tuple[Any, ...]:
    usable = np.isfinite(scores) & np.isfinite(labels)
    found = []
    for index in np.unique(night[usable]):
        of_night = usable & (night == index)
        losses = row_losses("log_loss", labels[of_night], scores[of_night])
        found.append(
            HoldoutNight(
                night=str(keys[index]), rows=losses.size, log_loss=float(losses.mean()), variance=float(losses.var())
            )
        )
    return tuple(found)
