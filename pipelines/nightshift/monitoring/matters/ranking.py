"""Which drift matters: importance times drift, and by how much the expected loss moves with one feature."""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from nightshift.modelling.arrays import Float64s, Floats, Int64s, Places
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import ArrowValues
from nightshift.monitoring.drift import DriftResult, FeatureDrift
from nightshift.monitoring.matters.record import FeatureRank, Matters
from nightshift.profiles.bins import Bins
from nightshift.profiles.profile import Feature
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

IMPORTANCE_ROWS = 2_000
REPEATS = 2
SHRUNK_BY = 50
"""A bin's mean loss is taken together with so many rows of the mean of all."""


class Importance(BaseModel):
    """The loss of a row that is added when a column is shuffled, and its standard error over rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    loss_added: float
    error: float


class BinLosses(BaseModel):
    """The mean loss of judged rows in each of a watched column's bins, and how far nights move what follows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    losses: tuple[float, ...]
    moves_usually: float

    def moved(self, counts: Int64s, reference: Int64s) -> float:
        """The expected loss by the bins of a night less that by those of the reference."""
        shift = _shares(counts) - _shares(reference)
        return float(shift @ np.array(self.losses))


def importances(spec: ModelSpec, graph: OnnxGraph, rows: LabelledRows) -> tuple[Importance, ...]:
    """Of each feature of a graph, on rows that it was not fitted on; at most ``IMPORTANCE_ROWS``.

    Permutation importance (Breiman, 2001, Machine Learning 45). The published column that is watched stands for all
    features: it is what the scores are worth.
    """
    random = np.random.default_rng(spec.training.seed)
    order = random.permutation(len(rows.labels))
    chosen = order[:IMPORTANCE_ROWS]
    table = rows.table.take(pa.array(chosen))
    labels = rows.labels[chosen]
    scores = graph.score(table)
    label = label_type(spec)
    usual = label.row_losses(spec.metric, labels, scores)
    measured = []
    for name in graph.features:
        added = np.zeros(len(usual))
        for _ in range(REPEATS):
            shuffled = _shuffled(table, name, random.permutation(len(usual)))
            losses = label.row_losses(spec.metric, labels, graph.score(shuffled))
            added += (losses - usual) / REPEATS
        measured.append(_importance(name, added))
    of_others = scores[random.permutation(len(usual))]
    added = label.row_losses(spec.metric, labels, of_others) - usual
    measured.append(_importance(label.drift_column, added))
    return tuple(measured)


def bin_losses(
    feature: Feature,
    values: ArrowValues,
    nights: Places,
    judged: ArrowValues,
    losses: Floats,
) -> BinLosses:
    """Of a watched column, from its values in the reference, of ``nights`` (rows,), and in judged rows."""
    bins = feature.bins
    codes = bins.codes(judged)
    of_bins = _means(codes, losses, bins.size)
    counts = _by_night(bins, values, nights)
    known = counts[counts.sum(axis=1) > 0]
    shifts = _shares(known) - _shares(known.sum(axis=0))
    moves = shifts @ of_bins
    return BinLosses(
        name=feature.name,
        losses=tuple(of_bins.tolist()),
        moves_usually=float(moves.std()),
    )


def rank(drift: DriftResult, importance: Iterable[Importance], bins: Iterable[BinLosses]) -> list[FeatureRank]:
    """The night's watched columns, the heaviest first."""
    by_name = {one.name: one for one in importance}
    losses = {one.name: one for one in bins}
    ranks = []
    for feature in drift.features:
        name = feature.feature
        unused = Importance(name=name, loss_added=0.0, error=0.0)
        one = _rank(feature, by_name.get(name, unused), losses.get(name))
        ranks.append(one)
    return sorted(ranks, key=_place)


def ranked_anew(matters: Matters, drift: DriftResult) -> Matters:
    """What matters of a night whose drift was judged anew: its rows are the same."""
    ratios = {feature.feature: feature.ratio for feature in drift.features}
    ranks = []
    for one in matters.features:
        ratio = ratios[one.feature]
        importance = max(one.importance, 0.0)
        anew = replace(
            one,
            drift=ratio,
            weight=importance * ratio,
        )
        ranks.append(anew)
    ranks.sort(key=_place)
    return replace(matters, features=ranks)


def _place(one: FeatureRank) -> tuple[float, float, str]:
    """The heaviest first."""
    return (
        -one.weight,
        -one.drift,
        one.feature,
    )


def _rank(feature: FeatureDrift, importance: Importance, bins: BinLosses | None) -> FeatureRank:
    moved = None
    usually = None
    if bins and len(bins.losses) == len(feature.counts):
        moved = bins.moved(np.array(feature.counts), np.array(feature.reference))
        usually = bins.moves_usually
    return FeatureRank(
        feature=feature.feature,
        weight=max(importance.loss_added, 0.0) * feature.ratio,
        importance=importance.loss_added,
        importance_error=importance.error,
        drift=feature.ratio,
        loss_moved=moved,
        loss_moves_usually=usually,
    )


def _shuffled(table: pa.Table, name: str, order: Places) -> pa.Table:
    place = table.schema.get_field_index(name)
    values = table[name].take(pa.array(order))
    return table.set_column(place, name, values)


def _importance(name: str, added: Floats) -> Importance:
    error = float(added.std()) / math.sqrt(len(added))
    return Importance(name=name, loss_added=float(added.mean()), error=error)


def _means(codes: Int64s, losses: Floats, size: int) -> Float64s:
    rows = np.bincount(codes, minlength=size)
    sums = np.bincount(codes, weights=losses, minlength=size)
    of_all = SHRUNK_BY * losses.mean()
    return np.asarray((sums + of_all) / (rows + SHRUNK_BY))


def _by_night(bins: Bins, values: ArrowValues, nights: Places) -> Int64s:
    """Rows by night and bin, (nights, bins)."""
    size = bins.size
    places = nights * size + bins.codes(values)
    number = int(nights.max()) + 1
    flat = np.bincount(places, minlength=number * size)
    return flat.reshape(number, size)


def _shares(counts: Int64s) -> Float64s:
    rows = counts.sum(axis=-1, keepdims=True)
    return np.asarray(counts / np.maximum(rows, 1))
