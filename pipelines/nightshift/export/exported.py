"""The champion made ready for any target: its graph over plain columns, what it is, and golden rows with their bits."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from nightshift.contracts import Pin
from nightshift.errors import ModelError, ParityFailed
from nightshift.export.columns_graph import with_columns
from nightshift.export.golden import as_written, golden_rows
from nightshift.export.graph_facts import inputs_of, kind_of, output_of, parsed
from nightshift.export.record import ExportedColumn, ExportedLabel, ExportRecord, GoldenRows
from nightshift.export.tensors import as_tensors, rows_of_bits
from nightshift.modelling.arrays import Float32s
from nightshift.modelling.label_types import LabelType, label_type
from nightshift.scoring.feeds import Matrix
from nightshift.scoring.graph import OnnxGraph
from nightshift.scoring.machine import cpu_kernels
from nightshift.spec import ModelSpec

CPU = "cpu"


@dataclass(frozen=True)
class Export:
    """What a target makes its artefact of.

    ``graph`` takes an input per column; ``facts`` are the record's, of which the target says which file holds the
    graph. ``address`` is where the folder will lie, and ``python`` which Python has the target's own library, if
    somebody said so.
    """

    graph: bytes
    facts: ExportRecord
    address: str = ""
    python: str = ""

    @property
    def model(self) -> str:
        """The model's name."""
        return self.facts.model

    @property
    def version(self) -> str:
        """The version's number."""
        return self.facts.version


def exported(spec: ModelSpec, pin: Pin, variant: str, body: bytes, kept: pa.Table) -> Export:
    """A pinned version with its golden rows, which are made of rows that it kept.

    ``spec`` decides from the version's threshold on, ``body`` is the graph that scores at night. Raises ``ModelError``
    for a version that cannot be exported, ``UnsafeGraph``, ``ParityFailed`` where the exported graph has other bits.
    """
    champion = OnnxGraph(spec, body, CPU).as_trained()
    _require_columns(spec, champion)
    spec = spec.with_features(champion.features).with_classes(champion.classes)
    label = label_type(spec)
    rows = golden_rows(spec, kept)
    inputs = champion.fed(rows)
    scores = champion.run(inputs, rows.num_rows)
    plain = with_columns(body, champion.feeds, label) if isinstance(champion.feeds, Matrix) else body
    graph = OnnxGraph(spec, plain, CPU)
    _require_same_bits(pin, graph, rows, scores)
    golden = GoldenRows(
        columns=as_written(rows),
        inputs=as_tensors(graph.fed(rows)),
        champion_inputs={} if plain is body else as_tensors(inputs),
        scores=rows_of_bits(scores),
    )
    return Export(plain, _record(pin, variant, body, graph, plain, label, golden, scores))


def _record(
    pin: Pin,
    variant: str,
    body: bytes,
    graph: OnnxGraph,
    plain: bytes,
    label: LabelType,
    golden: GoldenRows,
    scores: Float32s,
) -> ExportRecord:
    import onnxruntime

    parts = parsed(plain)
    return ExportRecord(
        model=pin.model,
        version=pin.version,
        graph_sha256=hashlib.sha256(plain).hexdigest(),
        champion_sha256=pin.sha256,
        variant=variant,
        graph_kind=kind_of(parsed(body)),
        snapshot_md5=pin.snapshot_md5,
        trained_through=pin.trained_through,
        inputs=inputs_of(parts, graph.feeds.inputs),
        output=output_of(parts, label.output, _published(label)),
        columns=_columns(label.spec, graph),
        label=_label(label),
        onnxruntime=onnxruntime.__version__,
        cpu=cpu_kernels(),
        tolerance=_tolerance(label, scores),
        golden=golden,
    )


def _published(label: LabelType) -> tuple[str, ...]:
    """The published columns of the scores; a regression publishes its score as the prediction."""
    predict = label.spec.predict
    return label.spec.scores or (predict.prediction,)


def _columns(spec: ModelSpec, graph: OnnxGraph) -> dict[str, ExportedColumn]:
    columns = {}
    for name in graph.feeds.columns:
        column = spec.columns[name]
        columns[name] = ExportedColumn(
            type=column.type,
            nullable=column.nullable,
            categories=graph.feeds.categories.get(name, ()),
        )
    return columns


def _label(label: LabelType) -> ExportedLabel:
    spec = label.spec
    decides = label.has_threshold
    return ExportedLabel(
        type=spec.label.type,
        column=spec.label.column,
        classes=spec.label.classes,
        quantiles=spec.label.quantiles,
        threshold=spec.predict.decides_from if decides else None,
    )


def _tolerance(label: LabelType, scores: Float32s) -> float:
    """What optimize allows an exact graph, in the unit of these scores, and the rounding of float32."""
    allowed = label.spec.optimize.max_abs_difference * label.difference_scale(scores)
    return float(allowed + np.max(label.rounding(scores)))


def _require_columns(spec: ModelSpec, graph: OnnxGraph) -> None:
    missing = [name for name in graph.features if name not in spec.columns]
    if missing:
        raise ModelError(
            f"{spec.name}: the graph was trained on {', '.join(missing)}, which model.yaml has no more",
            fix=f"nightshift train {spec.name} NIGHT, or export another version: --version N",
        )


def _require_same_bits(pin: Pin, graph: OnnxGraph, rows: pa.Table, scores: Float32s) -> None:
    """Raises ``ParityFailed`` where texts as they are lead to other bits than the codes that scored at night."""
    again = graph.run(graph.fed(rows), rows.num_rows)
    if again.tobytes() != scores.tobytes():
        raise ParityFailed(
            f"{pin.model} version {pin.version}: with its categories looked up in the graph it gives other bits than"
            " the graph that scores at night",
            fix=f"export another version: nightshift export {pin.model} --version N",
        )
