"""Out-of-fold scores in the lake: written once by ``optimize``, read by every gate that asks for them."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.contracts import Candidate, Evidence, GraphRef
from nightshift.errors import ModelError, UnsafeGraph
from nightshift.modelling.arrays import Booleans, Float32s, Int64s
from nightshift.modelling.folds import Fold, night_of
from nightshift.modelling.holdout import LabelledRows, Split, together
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, by_content, layout
from nightshift.training.trained_file import train_anew

NIGHT = "night"
SCORE = "score"


def store_evidence(
    spec: ModelSpec, folds: Sequence[Fold], scores: Sequence[Float32s], twin: bytes, graph: GraphRef, stores: Stores
) -> Evidence:
    """Keep the twin and the scores of all judged rows, oldest fold first; what a gate needs of them."""
    twin_sha256 = hashlib.sha256(twin).hexdigest()
    twin_key = layout.graph(spec.name, twin_sha256)
    stores.lake.objects.put(twin_key, twin)
    parts = [fold.judged for fold in folds]
    judged = together(parts)
    fit = TwinFit(twin_key, twin_sha256, folds[-1].fitted_through)
    return store_scores(spec, judged.nights, np.concatenate(scores), fit, graph, stores)


@dataclass(frozen=True)
class TwinFit:
    """The fit that gave the last scores: its graph, and the last night that it was fitted on."""

    key: str
    sha256: str
    fitted_through: str


def store_scores(
    spec: ModelSpec, nights: Int64s, scores: Float32s, twin: TwinFit, graph: GraphRef, stores: Stores
) -> Evidence:
    """Keep scores of judged rows, whose nights, day ordinals, are (n,)."""
    body = _written(nights, scores)
    sha256 = hashlib.sha256(body).hexdigest()
    key = layout.evidence(spec.name, graph.sha256, sha256)
    stores.lake.objects.put(key, body)
    different = np.unique(nights)
    return Evidence(
        key=key,
        sha256=sha256,
        first_night=night_of(different[0]),
        last_night=night_of(different[-1]),
        nights=len(different),
        twin_key=twin.key,
        twin_sha256=twin.sha256,
        twin_fitted_through=twin.fitted_through,
    )


def read_evidence(spec: ModelSpec, candidate: Candidate, rows: Split, stores: Stores) -> tuple[LabelledRows, Float32s]:
    """The judged rows of the classes that the candidate was taught, and its recipe's scores of them.

    Scores are (n,) or (n, k) for the spec's k classes, NaN for one that it was not taught.
    Raises ``ModelError`` for a candidate without evidence or with that of other rows, ``MissingPartition``,
    ``UnsafeGraph`` when it is not what was written.
    """
    evidence = candidate.evidence
    if evidence is None:
        raise _other(spec, candidate, "has no out-of-fold scores: it was trained by an earlier version")
    nights, scores = _read(spec, evidence, stores)
    taught = candidate.trained.classes
    labelled = _of_classes(spec, taught, rows.labelled)
    judged = labelled.only(np.isin(labelled.nights, nights))
    if not np.array_equal(judged.nights, nights):
        raise _other(spec, candidate, "has out-of-fold scores of other rows than its snapshot has")
    return judged, _for_all_classes(spec, taught, scores)


def _of_classes(spec: ModelSpec, classes: Sequence[str], rows: LabelledRows) -> LabelledRows:
    """The rows of these classes. Of one that had too few rows to be learnt the candidate says nothing."""
    of_spec = spec.label.classes
    places = [of_spec.index(name) for name in classes]
    if len(places) == len(of_spec):
        return rows
    label = label_type(spec)
    is_taught = np.ones(len(rows.labels), np.bool_)
    for place in set(range(len(of_spec))).difference(places):
        is_taught &= ~label.has_class(rows.labels, place)
    return rows.only(is_taught)


def _for_all_classes(spec: ModelSpec, taught: Sequence[str], scores: Float32s) -> Float32s:
    classes = spec.label.classes
    if len(taught) == len(classes):
        return scores
    places = [classes.index(name) for name in taught]
    shape = (len(scores), len(classes))
    spread = np.full(shape, np.nan, np.float32)
    spread[:, places] = scores
    return spread


def _other(spec: ModelSpec, candidate: Candidate, problem: str) -> ModelError:
    return ModelError(
        f"{spec.name}: version {candidate.version} {problem}",
        fix=train_anew(spec),
    )


def _written(nights: Int64s, scores: Float32s) -> bytes:
    rows = len(nights)
    days = nights.astype(np.int32)
    columns = {NIGHT: pa.array(days, pa.date32())}
    by_class = scores.reshape(rows, -1)
    for place, of_class in enumerate(by_class.T):
        name = f"{SCORE}_{place}"
        columns[name] = pa.array(of_class, pa.float32())
    table = pa.table(columns)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _read(spec: ModelSpec, evidence: Evidence, stores: Stores) -> tuple[Int64s, Float32s]:
    """Day ordinals (n,), and scores (n,) or (n, k)."""
    body = by_content.body_of(
        evidence.key,
        evidence.sha256,
        stores,
        fix=train_anew(spec),
        error=UnsafeGraph,
    )
    buffer = io.BytesIO(body)
    table = pq.read_table(buffer)
    days = table[NIGHT].cast(pa.int32())
    nights = days.to_numpy().astype(np.int64)
    names = [name for name in table.column_names if name != NIGHT]
    columns = [table[name].to_numpy() for name in names]
    scores = np.stack(columns, axis=1).astype(np.float32)
    of_label = label_type(spec).empty_scores(0)
    if scores.ndim == of_label.ndim:
        return nights, scores
    return nights, scores[:, 0]


def unfitted(nights: Int64s, fitted_through: str) -> Booleans:
    """Which of (n,) day ordinals are of nights after the last that somebody was fitted on."""
    last = np.datetime64(fitted_through, "D")
    ordinal = last.astype(np.int64)
    is_after = nights > ordinal
    return np.asarray(is_after)
