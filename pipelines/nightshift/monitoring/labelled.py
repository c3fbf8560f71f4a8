"""A night's scores and outcomes side by side, and how good the scores were."""

from collections.abc import Mapping

import pyarrow as pa

from nightshift.errors import LostRows
from nightshift.modelling.arrays import Floats
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.stores.key_joins import join_by_keys

# What predictions say besides keys and scores.
OF_THE_MODEL = ("model_version", "run_id")


def of_this_label(spec: ModelSpec, predictions: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a night's columns, types by name, are what the spec's kind of label publishes and keeps."""
    kept = labels.get(spec.label.column)
    return published_as(spec, predictions) and kept == str(label_type(spec).arrow_type)


def published_as(spec: ModelSpec, predictions: Mapping[str, str]) -> bool:
    """Whether a night's columns, types by name, are what the spec publishes.

    Of a label with classes some may be missing: the spec did not name them yet.
    """
    label = label_type(spec)
    known = {*spec.keys, *OF_THE_MODEL}
    for field in label.published_fields():
        published = predictions.get(field.name)
        known.add(field.name)
        is_later_class = published is None and field.name in spec.scores and bool(spec.label.classes)
        if published != str(field.type) and not is_later_class:
            return False
    return known.issuperset(predictions) and not set(scored_columns(spec)).isdisjoint(predictions)


def scored_columns(spec: ModelSpec) -> list[str]:
    """The published columns that an outcome is held against."""
    if spec.scores:
        return list(spec.scores)
    return [spec.predict.prediction]


def join(spec: ModelSpec, predictions: pa.Table, labels: pa.Table) -> tuple[Floats, Floats, int]:
    """Scores and outcomes (NaN where unknown) of all predictions, and how many outcomes met no prediction.

    Shapes (predictions,), scores of k classes (predictions, k). Raises ``LostRows`` when the keys of either side
    are not unique, ``SchemaMismatch`` for labels of another kind.
    """
    keys = list(spec.keys)
    label = label_type(spec)
    published = [name for name in scored_columns(spec) if name in predictions.column_names]
    scored = predictions.select([*keys, *published])
    outcomes = labels.select([*keys, spec.label.column])
    joined = join_by_keys(scored, outcomes, keys, "left outer")
    orphans = _count_orphans(outcomes, scored, keys)
    matched = outcomes.num_rows - orphans
    if joined.num_rows != scored.num_rows or matched > scored.num_rows:
        raise LostRows(
            f"{spec.name}: {scored.num_rows} predictions became {joined.num_rows} rows when joined with their labels",
            fix=f"look for duplicate keys in labels/{spec.name}",
        )
    ordered = joined.sort_by([(key, "ascending") for key in keys])
    scores = label.read_scores(ordered)
    targets = label.as_targets(ordered[spec.label.column])
    return scores, targets, orphans


def _count_orphans(outcomes: pa.Table, scored: pa.Table, keys: list[str]) -> int:
    """How many outcomes met no prediction."""
    keys_of_outcomes = outcomes.select(keys)
    orphans = join_by_keys(
        keys_of_outcomes,
        scored.select(keys),
        keys,
        "left anti",
    )
    return int(orphans.num_rows)


def metrics(spec: ModelSpec, loss: str, scores: Floats, labels: Floats) -> dict[str, float | None]:
    """All metrics of labelled rows, and their mean ``loss``; None where undefined. Shapes as in ``LabelledRows``."""
    label = label_type(spec)
    measured: dict[str, float | None] = {loss: None}
    defined: Mapping[str, float] = {}
    if labels.size:
        losses = label.row_losses(loss, labels, scores)
        measured[loss] = float(losses.mean())
        defined = label.metrics(labels, scores)
    for name in label.metrics_kept:
        measured.setdefault(name, defined.get(name))
    return measured
