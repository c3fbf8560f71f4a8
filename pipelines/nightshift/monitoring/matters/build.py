"""A version's reference, from the rows of its window and what its recipe said of those that no fit of it saw."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from nightshift.modelling.arrays import Floats, Int64s, Places
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.modelling.small_trees import can_fit
from nightshift.monitoring.matters import attribution, domain, estimate, slices
from nightshift.monitoring.matters.ranking import BinLosses, bin_losses, importances
from nightshift.monitoring.matters.reference import LOSS, NIGHT, PREDICTION, MattersReference, as_parquet, background_of
from nightshift.profiles.profile import Profile
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

NIGHT_ROWS = 1_000
"""Of each night of the window, for the domain classifier's null."""
DOMAIN_ROWS = 4_000
LOSS_ROWS = 12_000
"""Judged rows that are kept for a regression, with what they lost."""


@dataclass(frozen=True)
class JudgedWindow:
    """Rows that no fit of the recipe saw, and its scores of them, (n,) or (n, k); ``twin`` gave the last of these."""

    rows: LabelledRows
    scores: Floats
    twin: OnnxGraph
    of_twin: LabelledRows


@dataclass(frozen=True)
class ReferenceFiles:
    """The record and its rows, as bytes."""

    record: bytes
    rows: bytes

    @property
    def sha256(self) -> str:
        """What a pin names it by."""
        return hashlib.sha256(self.record).hexdigest()

    @property
    def rows_sha256(self) -> str:
        """What the record names its rows by."""
        return hashlib.sha256(self.rows).hexdigest()


def build(
    spec: ModelSpec, profile: Profile, window: LabelledRows, judged: JudgedWindow, scoring: OnnxGraph
) -> ReferenceFiles:
    """Record and rows, which are the same whenever these are; ``scoring`` is the graph that will score."""
    label = label_type(spec)
    losses = label.row_losses(spec.metric, judged.rows.labels, judged.scores)
    columns = [name for name in dict.fromkeys([*spec.features, *spec.drift.features])]
    drawn = _drawn(window, NIGHT_ROWS, spec.training.seed)
    share = max(1, DOMAIN_ROWS // len(np.unique(window.nights)))
    kept = _drawn(window, share, spec.training.seed)
    of_reference = _rows(spec, columns, kept, judged, losses)
    rows = as_parquet(of_reference)
    _, places = np.unique(window.nights, return_inverse=True)
    record = MattersReference(
        model=spec.name,
        loss=spec.metric,
        classes=spec.label.classes,
        importances=importances(spec, judged.twin, judged.of_twin),
        bins=_bins(spec, profile, window.table, places, judged, losses),
        estimate=estimate.reference_of(
            spec.metric,
            columns,
            judged.rows,
            label.for_estimates(judged.scores),
            losses,
            by_odds=label.tells_its_odds,
        ),
        domain=_domain(columns, drawn, kept) if can_fit() else None,
        slices=slices.reference_of(
            profile,
            spec.gates.slices,
            window.table,
            places,
            judged.rows.table,
            judged.rows.nights,
            losses,
        ),
        attributions=attribution.reference_of(scoring, window.table, window.nights, background_of(of_reference)),
        rows_sha256=hashlib.sha256(rows).hexdigest(),
    )
    return ReferenceFiles(record.to_json(), rows)


def _domain(columns: list[str], drawn: LabelledRows, kept: LabelledRows) -> domain.DomainReference:
    return domain.reference_of(columns, drawn.table, drawn.nights, kept.table, kept.nights)


def _drawn(rows: LabelledRows, most: int, seed: int) -> LabelledRows:
    """At most so many rows of each night, in the order of the nights."""
    order = np.random.default_rng(seed).permutation(len(rows.nights))
    by_night = order[np.argsort(rows.nights[order], kind="stable")]
    nights = rows.nights[by_night]
    starts = np.flatnonzero(np.diff(nights, prepend=nights[0] - 1))
    sizes = np.diff(starts, append=len(nights))
    place_in_night = np.arange(len(nights)) - np.repeat(starts, sizes)
    chosen = by_night[place_in_night < most]
    return LabelledRows(
        table=rows.table.take(pa.array(chosen)),
        labels=rows.labels[chosen],
        nights=rows.nights[chosen],
    )


def _rows(spec: ModelSpec, columns: list[str], kept: LabelledRows, judged: JudgedWindow, losses: Floats) -> pa.Table:
    """Those of the window without a loss; of a regression also judged ones, with their prediction and loss."""
    nothing = np.full(kept.table.num_rows, np.nan)
    of_window = _named(kept.table.select(columns), kept.nights, nothing, nothing)
    if label_type(spec).tells_its_odds:
        return of_window
    chosen = np.random.default_rng(spec.training.seed).permutation(len(losses))[:LOSS_ROWS]
    table = judged.rows.table.select(columns).take(pa.array(chosen))
    of_judged = _named(
        table, judged.rows.nights[chosen], label_type(spec).points(judged.scores[chosen]), losses[chosen]
    )
    return pa.concat_tables([of_window, of_judged])


def _named(table: pa.Table, nights: Int64s, predictions: Floats, losses: Floats) -> pa.Table:
    table = table.append_column(NIGHT, pa.array(nights, pa.int64()))
    table = table.append_column(PREDICTION, _or_null(predictions))
    return table.append_column(LOSS, _or_null(losses))


def _or_null(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)


def _bins(
    spec: ModelSpec, profile: Profile, window: pa.Table, places: Places, judged: JudgedWindow, losses: Floats
) -> tuple[BinLosses, ...]:
    label = label_type(spec)
    published = label.drift_values(judged.scores)
    _, judged_places = np.unique(judged.rows.nights, return_inverse=True)
    measured = []
    for feature in profile.features:
        if feature.name == label.drift_column:
            measured.append(bin_losses(feature, published, judged_places, published, losses))
        else:
            values = judged.rows.table[feature.name]
            measured.append(bin_losses(feature, window[feature.name], places, values, losses))
    return tuple(measured)
