"""A night by two groups of rows: what each version said of its own, and with labels, what it lost."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.contracts import CanaryPin
from nightshift.modelling.arrays import Booleans, Float64s, Floats
from nightshift.modelling.gate.differences import losses_of
from nightshift.modelling.label_types import label_type
from nightshift.monitoring.canary.record import (
    LOSS,
    PREDICTED,
    SCORE,
    CanaryNight,
    GroupOfRows,
    RowSums,
    digest_of_labels,
)
from nightshift.monitoring.decided import as_decided, decided_from
from nightshift.monitoring.labelled import join
from nightshift.monitoring.shadow.measure import summed_by
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.key_joins import join_by_keys
from nightshift.stores.manifest import Manifest

FIGURE = "figure of a row"
"""A column of a lake has no space in its name."""
BEFORE = " before"


@dataclass(frozen=True)
class CanaryPartition:
    """What the lake has of a night with a canary: predictions, the canary's pin in them, and labels where they are."""

    predictions: Manifest
    canary: CanaryPin
    labels: Manifest | None

    @property
    def digests(self) -> str:
        """Of both, as a later night names them."""
        return f"{self.predictions.digest} {digest_of_labels(self.labels)}"


@dataclass(frozen=True)
class VersionGroup:
    """The rows of one version in the order of their keys; ``spec`` decides as it did."""

    spec: ModelSpec
    table: pa.Table

    @property
    def scores(self) -> Floats:
        """Of each row: (n,) or (n, k)."""
        return label_type(self.spec).read_scores(self.table)

    def figures(self, metric: str, outcomes: pa.Table | None, known_classes: Floats) -> pa.Table:
        """Its keys, and what there is of figures of each row."""
        table = self.table.select(list(self.spec.keys))
        scores = self.scores
        kind = label_type(self.spec)
        has_one_score = scores.ndim == 1
        if has_one_score:
            table = table.append_column(SCORE, pa.array(scores.astype(np.float64), from_pandas=True))
        if has_one_score and kind.has_threshold:
            predicted = kind.decide(scores)
            table = table.append_column(PREDICTED, pa.array(predicted.astype(np.float64)))
        if outcomes is not None:
            table = table.append_column(LOSS, self._losses(metric, outcomes, known_classes))
        return table

    def _losses(self, metric: str, outcomes: pa.Table, known_classes: Floats) -> pa.Array:
        """Of each row; null without a label, and for a class that either version was not taught."""
        scores, labels, _ = join(self.spec, self.table, outcomes)
        known: Booleans = np.isfinite(labels)
        known &= label_type(self.spec).taught(labels, scores + known_classes)
        losses = np.full(len(labels), np.nan)
        losses[known] = losses_of(self.spec, metric, labels[known], scores[known])
        return pa.array(losses, from_pandas=True)


@dataclass(frozen=True)
class Groups:
    """Both groups of a night."""

    champion: VersionGroup
    canary: VersionGroup

    @classmethod
    def read(cls, spec: ModelSpec, night: CanaryPartition, stores: Stores) -> "Groups":
        """By which version each row names."""
        manifest = night.predictions
        order = [(key, "ascending") for key in spec.keys]
        columns = [name for name in manifest.columns if name != "run_id"]
        rows = stores.lake.read(manifest, columns).sort_by(order)
        is_canarys = pc.equal(rows["model_version"], night.canary.pin.version)
        own = rows.drop_columns(["model_version"])
        return cls(
            champion=VersionGroup(as_decided(spec, manifest), own.filter(pc.invert(is_canarys))),
            canary=VersionGroup(decided_from(spec, night.canary.threshold), own.filter(is_canarys)),
        )

    def figures(self, metric: str, labels: Manifest | None, stores: Stores) -> tuple[pa.Table, pa.Table]:
        """Of the champion's rows, and of the canary's."""
        outcomes = stores.lake.read(labels) if labels else None
        classes = _known_to_both(self.champion.scores, self.canary.scores)
        of_champion = self.champion.figures(metric, outcomes, classes)
        return of_champion, self.canary.figures(metric, outcomes, classes)


def _known_to_both(champion: Floats, canary: Floats) -> Float64s:
    """NaN for each class, of scores (n, k), that a version gives no score; zeros else."""
    if not (len(champion) and len(canary)):
        return np.zeros(champion.shape[1:], np.float64)
    is_unknown = np.isnan(champion).all(axis=0) | np.isnan(canary).all(axis=0)
    return np.where(is_unknown, np.nan, 0.0).astype(np.float64)


def measure_canary(
    spec: ModelSpec, night: CanaryPartition, before: CanaryPartition | None, stores: Stores
) -> CanaryNight:
    """The record of a night; ``before`` is the canary's night before it, where keys of this one may have been.

    Raises ``LostRows`` for labels whose keys are not unique, ``LakeUnavailable``.
    """
    metric = summed_by(spec)
    figures = Groups.read(spec, night, stores).figures(metric, night.labels, stores)
    earlier: tuple[pa.Table | None, pa.Table | None] = (None, None)
    if before is not None:
        earlier = Groups.read(spec, before, stores).figures(metric, before.labels, stores)
    of_champion, of_canary = map(partial(_group, spec), figures, earlier)
    return CanaryNight(
        model=spec.name,
        night=night.predictions.partition,
        version=night.canary.pin.version,
        champion=night.predictions.pin.version,
        number=night.canary.number,
        share=night.canary.share,
        predictions=night.predictions.digest,
        labels=digest_of_labels(night.labels),
        night_before=before.digests if before else "",
        metric=metric,
        of_champion=of_champion,
        of_canary=of_canary,
    )


def _group(spec: ModelSpec, figures: pa.Table, earlier: pa.Table | None) -> GroupOfRows:
    sums = {}
    for name in (LOSS, SCORE, PREDICTED):
        if name in figures.column_names:
            sums[name] = _sums(name, figures, earlier, list(spec.keys))
    return GroupOfRows(rows=figures.num_rows, figures=sums)


def _sums(name: str, figures: pa.Table, earlier: pa.Table | None, keys: list[str]) -> RowSums:
    known = _of_figure(name, figures, keys)
    sums = RowSums(rows=known.num_rows, total=pc.sum(known[FIGURE]).as_py() or 0.0)
    if earlier is None or name not in earlier.column_names:
        return sums
    known_before = _of_figure(name, earlier, keys)
    again = _again(known, known_before, keys)
    return sums.model_copy(update={"again": again, "before": known_before.num_rows})


def _of_figure(name: str, figures: pa.Table, keys: list[str]) -> pa.Table:
    """Keys and the figure of the rows that have it."""
    known = figures.filter(pc.is_valid(figures[name]))
    return known.select(keys).append_column(FIGURE, known[name])


def _again(figures: pa.Table, earlier: pa.Table, keys: list[str]) -> float:
    """Over keys that were in the group on both nights, the products of their figures less each night's mean."""
    if not figures.num_rows or not earlier.num_rows:
        return 0.0
    pairs = join_by_keys(_centred(figures), _centred(earlier), keys, "inner", right_suffix=BEFORE)
    products = pc.multiply(pairs[FIGURE], pairs[FIGURE + BEFORE])
    return float(pc.sum(products).as_py() or 0.0)


def _centred(figures: pa.Table) -> pa.Table:
    values = figures[FIGURE]
    place = figures.schema.get_field_index(FIGURE)
    return figures.set_column(place, FIGURE, pc.subtract(values, pc.mean(values)))
