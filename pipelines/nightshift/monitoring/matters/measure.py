"""What matters of a night: all parts together, each by what the version's reference holds."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from nightshift.contracts import Dataset, Pin
from nightshift.errors import DamagedFile, DataError, ModelError, UnreadableRecord
from nightshift.modelling.arrays import Floats
from nightshift.modelling.label_types import label_type
from nightshift.modelling.small_trees import can_fit
from nightshift.monitoring.accuracy import Accuracy
from nightshift.monitoring.drift import DriftResult
from nightshift.monitoring.matters import attribution, domain, estimate, slices
from nightshift.monitoring.matters.night_rows import night_rows
from nightshift.monitoring.matters.ranking import rank
from nightshift.monitoring.matters.record import (
    Attributions,
    DomainShift,
    LossEstimate,
    Matters,
    SliceAccuracy,
    SliceDrift,
)
from nightshift.monitoring.matters.reference import (
    LOSS,
    PREDICTION,
    MattersReference,
    background_of,
    load_reference,
    load_rows,
)
from nightshift.monitoring.matters.slice_accuracy import accuracies
from nightshift.scoring.graph import fetch
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.key_joins import join_by_keys
from nightshift.stores.manifest import Manifest

log = logging.getLogger("nightshift")
UNTOLD = (ModelError, DataError, UnreadableRecord, DamagedFile, pa.ArrowInvalid)
"""Why nothing is told: values that a column's former type cannot take are the last."""
NEEDS_TRAIN = "the domain classifier and a regression's estimate need scikit-learn, of the extra [train]"
NO_SAMPLE = "of this night no sample of rows is there: it was scored before there were any"

RETYPED = "of another type than when the version was trained, so all features together are not told from its rows"


def matters_of(
    spec: ModelSpec,
    validated: Manifest,
    predictions: Manifest,
    drift: DriftResult,
    accuracy: Sequence[Accuracy],
    stores: Stores,
) -> Matters | None:
    """What matters of a scored night; None for a version from before there were references.

    ``accuracy`` is of the nights whose labels arrived with it. What cannot be read is left out and logged: nothing
    here alarms, so nothing here stops a night. Raises ``LakeUnavailable``.
    """
    try:
        reference = load_reference(predictions.pin, stores.lake)
        if reference is None:
            return None
        return _Night(spec, reference, validated, predictions, stores).matters(drift, accuracy)
    except UNTOLD as error:
        log.warning("%s %s: not told what matters: %s", spec.name, predictions.partition, error)
        return None


@dataclass(frozen=True)
class _Night:
    spec: ModelSpec
    reference: MattersReference
    validated: Manifest
    predictions: Manifest
    stores: Stores
    notes: list[str] = field(default_factory=list)

    @property
    def _taught(self) -> ModelSpec:
        """The spec with the classes that the version knows."""
        return self.spec.with_classes(self.reference.classes)

    @property
    def _pin(self) -> Pin:
        return self.predictions.pin

    def matters(self, drift: DriftResult, accuracy: Sequence[Accuracy]) -> Matters:
        reference = self.reference
        rows = self._rows(self.validated, self.predictions)
        features = rank(drift, reference.importances, reference.bins)
        if rows is None or rows.num_rows == 0:
            return Matters(features=features, notes=[NO_SAMPLE])
        if not can_fit():
            self.notes.append(NEEDS_TRAIN)
        return Matters(
            features=features,
            rows=rows.num_rows,
            estimate=self._estimate(rows),
            domain=self._domain(rows),
            slices=self._slices(rows),
            slice_accuracy=self._slice_accuracy(accuracy),
            attributions=self._attributions(rows),
            notes=self.notes,
        )

    def _rows(self, validated: Manifest, predictions: Manifest) -> pa.Table | None:
        spec = self.spec
        watched = [feature.name for feature in self.reference.slices.features]
        columns = [*spec.features, *spec.drift.features, *watched, *spec.gates.slices]
        return night_rows(spec, columns, validated, predictions, self.stores)

    def _estimate(self, rows: pa.Table) -> LossEstimate | None:
        known = self.reference.estimate
        if known is None or not self._has_scores(rows):
            return None
        label = label_type(self._taught)
        scores = label.for_estimates(label.read_scores(rows))
        expect = self._expect(known, rows)
        return None if expect is None else estimate.estimate(known, expect(rows, scores))

    def _expect(self, known: estimate.EstimateReference, rows: pa.Table) -> estimate.ExpectedLosses | None:
        if known.calibrations:
            return estimate.by_classes(known)
        kept = load_rows(self._pin, self.reference, self.stores.lake)
        columns = [name for name in kept.column_names if name in rows.column_names]
        learnt = kept.filter(kept[LOSS].is_valid())
        losses = learnt[LOSS].to_numpy()
        if not can_fit() or len(losses) == 0:
            return None
        return estimate.by_rows(columns, learnt, learnt[PREDICTION].to_numpy(), losses)

    def _has_scores(self, rows: pa.Table) -> bool:
        label = label_type(self._taught)
        names = [column.name for column in label.published_fields()]
        return set(names) <= set(rows.column_names)

    def _domain(self, rows: pa.Table) -> DomainShift | None:
        known = self.reference.domain
        if known is None or not can_fit() or not set(known.columns) <= set(rows.column_names):
            return None
        kept = load_rows(self._pin, self.reference, self.stores.lake)
        retyped = domain.retyped(known, rows, kept)
        if retyped:
            self.notes.append(f"{', '.join(retyped)}: {RETYPED}")
        return domain.shift(known, rows, kept.filter(kept[LOSS].is_null()))

    def _attributions(self, rows: pa.Table) -> Attributions | None:
        known = self.reference.attributions
        if known is None or not set(known.features) <= set(rows.column_names) & set(self.spec.columns):
            return None
        kept = load_rows(self._pin, self.reference, self.stores.lake)
        try:
            graph = fetch(self.spec, self._pin.key, self._pin.sha256, self.stores).as_trained()
            return attribution.attributions(known, graph, rows, background_of(kept))
        except (ModelError, DataError) as error:
            self.notes.append(f"what carried the scores is not told: {error}")
            return None

    def _slices(self, rows: pa.Table) -> list[SliceDrift]:
        known = self.reference.slices
        names = {feature.name for feature in known.features}
        return slices.drifts(known, rows) if names <= set(rows.column_names) else []

    def _slice_accuracy(self, accuracy: Sequence[Accuracy]) -> list[SliceAccuracy]:
        measured: list[SliceAccuracy] = []
        if not self.reference.slices.slices:
            return measured
        for of_night in accuracy:
            if of_night.version == self._pin.version:
                measured += self._accuracy_of_night(of_night.night)
        return measured

    def _accuracy_of_night(self, night: str) -> list[SliceAccuracy]:
        lake = self.stores.lake
        spec = self._taught
        labels = lake.readable(spec.key(Dataset.LABELS, night))
        validated = lake.readable(spec.key(Dataset.VALIDATED, night))
        predictions = lake.readable(spec.key(Dataset.PREDICTIONS, night))
        if labels is None or validated is None or predictions is None:
            return []
        rows = self._rows(validated, predictions)
        if rows is None or not self._has_scores(rows):
            return []
        joined = join_by_keys(rows, lake.read(labels), spec.keys, "inner")
        return accuracies(self.reference.slices, night, *_with_losses(spec, self.reference.loss, joined))


def _with_losses(spec: ModelSpec, loss: str, rows: pa.Table) -> tuple[pa.Table, Floats]:
    """The rows whose outcome is known, and what these lost."""
    label = label_type(spec)
    outcomes = label.as_targets(rows[spec.label.column])
    known = np.isfinite(outcomes)
    labelled = rows.filter(pa.array(known))
    losses = label.row_losses(loss, outcomes[known], label.read_scores(labelled))
    return labelled, losses
