"""ONNX graphs: read, check, then open. The only thing that production loads.

Scoring never unpickles and never runs code that an artifact names. A file is taken by its sha256,
inspected, and only then given to ONNX Runtime.
"""

import json
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from nightshift.errors import ModelError, OtherLabel, UnsafeGraph
from nightshift.modelling.label_types import LabelType, label_type
from nightshift.scoring.codes import count_unknown
from nightshift.scoring.feeds import (
    COLUMNS,
    METADATA,
    Columns,
    Feeds,
    GraphInputs,
    InputNames,
    Matrix,
    one_array,
)
from nightshift.scoring.inspection import inspect
from nightshift.scoring.providers import cannot_run, open_session, run_errors
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, by_content

Stored = TypeVar("Stored", bound=BaseModel)
LABEL = "nightshift.label"
"""Metadata of a graph: the label it was trained for."""
LEAST_ROWS = 2
"""Of a call: a lone row is scored beside itself. Alone, some operators multiply it by another kernel, to other bits."""


class OnnxGraph:
    """An opened graph: features of n rows in, scores (n,) out, or (n, k) for k classes.

    One session of one thread, which any number of threads may call at once: rows are what is divided
    among cores, since an operator of a few thousand rows is too small to be. It runs on the spec's
    provider unless another is given. Raises ``UnsafeGraph``, ``OtherLabel``.
    """

    def __init__(self, spec: ModelSpec, body: bytes, provider: str | None = None) -> None:
        import onnxruntime as ort

        inspected = inspect(body, spec.name)
        # Before any thread calls it: all calls have to share the one that ends them.
        self._run_options = ort.RunOptions()
        metadata = inspected.metadata
        self._rows_per_call = inspected.rows_per_call
        self._spec = spec
        self._body = body
        self._provider = provider or spec.optimize.provider
        self.feeds = _feeds(spec, metadata)
        self._named_by_feature = not {METADATA, COLUMNS} & set(metadata)
        self._label = self._trained_label(metadata.get(LABEL))

    @property
    def features(self) -> tuple[str, ...]:
        """What it was trained on, whatever the spec says now."""
        if self._named_by_feature:
            return tuple(graph_input.name for graph_input in self._session.get_inputs())
        return self.feeds.columns

    def as_trained(self) -> "OnnxGraph":
        """The same graph, fed with the features that it was trained on."""
        spec = self._spec.with_features(self.features)
        return OnnxGraph(spec, self._body, self._provider)

    @cached_property
    def _session(self) -> Any:
        return open_session(self._body, self._provider, self._spec.name)

    def stop(self) -> None:
        """End the calls that run in other threads, after the operator that each is at; it scores nothing any more."""
        self._run_options.terminate = True

    def check_features(self) -> None:
        """Raises ``ModelError`` where model.yaml has other features by now than it was trained on."""
        trained_on = sorted(self.features)
        wanted = sorted(self._spec.features)
        if trained_on != wanted:
            raise ModelError(
                f"{self._spec.name}: the graph was trained on {', '.join(trained_on)};"
                f" the features of model.yaml are now {', '.join(wanted)}",
                fix=f"trigger {self._spec.name}.train, which loads what the nights lack; or, where a column only has"
                " another name in the data, keep its name in model.yaml and give it source:",
            )

    def _trained_label(self, trained_for: str | None) -> LabelType:
        """The label that it was trained for: the spec's, or one that lacks some of its classes."""
        # Columns of scores mean classes by their order, so a class moved in model.yaml is another label.
        label = label_type(self._spec)
        known = label_type(self._spec.with_classes(_classes(trained_for)))
        for candidate in (label, known):
            if candidate.identity == trained_for:
                return candidate
        raise OtherLabel(
            f"{self._spec.name}: the graph was trained for {trained_for or 'a binary label'};"
            f" label in model.yaml is now {label.identity or 'binary'}",
            fix=f"trigger {self._spec.name}.train, or take the change of model.yaml back",
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Those of the spec's classes that it was trained for."""
        return self._label.spec.label.classes

    def unseen(self, rows: pa.Table | pa.RecordBatch) -> dict[str, int] | None:
        """How many rows have a category that training has not seen, by column; those without any are left out.

        None for a graph of before, which does not say what its training has seen. A null is a category like any other.
        """
        if self._named_by_feature:
            return None
        counts = {}
        for name, known in self._seen.items():
            values = one_array(rows, name)
            strange = count_unknown(values, known)
            if strange:
                counts[name] = strange
        return counts

    @cached_property
    def _seen(self) -> dict[str, pa.Array]:
        return {name: pa.array(values, pa.string()) for name, values in self.feeds.categories.items()}

    def score(self, rows: pa.Table | pa.RecordBatch) -> NDArray[np.float32]:
        """Each row's P(label), or P(class) of every class, or predicted number: float32.

        NaN for a class that model.yaml names and the graph was not trained for.
        Raises ``ModelError`` for a score that is no probability, or no finite number.
        """
        self.check_features()
        return self.score_fed(self.fed(rows), rows.num_rows)

    def score_fed(self, inputs: GraphInputs, rows: int) -> NDArray[np.float32]:
        """The same of inputs as ``feeds`` makes them, of columns that were checked before."""
        return self._for_all_classes(self.run(inputs, rows))

    def fed(self, rows: pa.Table | pa.RecordBatch) -> GraphInputs:
        """The inputs. What a graph says of itself may not be true of the columns: then raises ``ModelError``."""
        try:
            return self.feeds(rows)
        except pa.ArrowException as error:
            raise ModelError(
                f"{self._spec.name}: the graph cannot be fed as it asks to be: {error}",
                fix=f"nightshift rollback {self._spec.name}",
            ) from error

    def _for_all_classes(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        classes = self._spec.label.classes
        if self.classes == classes:
            return scores
        places = [classes.index(name) for name in self.classes]
        spread = np.full((len(scores), len(classes)), np.nan, np.float32)
        spread[:, places] = scores
        return spread

    def score_once(self, inputs: GraphInputs, rows: int) -> NDArray[np.float32]:
        """The same of inputs that are one call: of ``rows`` lines, or of ``LEAST_ROWS`` where those are more.

        Nothing is divided: by day a request waits for it. Raises ``ModelError``.
        """
        try:
            (output,) = self._session.run(self._outputs, inputs, self._run_options)
        except run_errors() as error:
            raise cannot_run(self._spec.name, error) from error
        scores = self._label.empty_scores(rows)
        given = max(rows, LEAST_ROWS)
        scores[:] = self._scores(output, (given, *scores.shape[1:]))[:rows]
        return self._for_all_classes(self._good(scores))

    def run(self, inputs: GraphInputs, rows: int, least: int = LEAST_ROWS) -> NDArray[np.float32]:
        """Scores of inputs as ``feeds`` makes them, for the label that it was trained for.

        A call has at least ``least`` rows: where fewer are left, the last is given again, and its scores are dropped.
        """
        scores = self._label.empty_scores(rows)
        # Costs nothing where nothing is raised: a context manager would be a hundredth of a small network.
        try:
            for start in range(0, rows, self._rows_per_call):
                part = slice(start, start + self._rows_per_call)
                few = {name: _at_least(values[part], least) for name, values in inputs.items()}
                (output,) = self._session.run(self._outputs, few, self._run_options)
                wanted = scores[part]
                given = max(len(wanted), least)
                scores[part] = self._scores(output, (given, *wanted.shape[1:]))[: len(wanted)]
        except run_errors() as error:
            raise cannot_run(self._spec.name, error) from error
        return self._good(scores)

    def _good(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        fault = self._label.invalid(scores)
        if fault:
            raise ModelError(
                f"{self._spec.name}: {fault}",
                fix="look at the night's values: min and max of columns in model.yaml keep absurd ones out; if they are"
                f" right, nightshift rollback {self._spec.name}",
            )
        return scores

    def _scores(self, output: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """What a graph gives, in the shape in which scores are kept."""
        given = output.shape
        if len(shape) == 1 and len(given) == 2 and given[1]:
            output = output[:, -1]
        if output.shape == shape and output.dtype.kind == "f":
            return output
        name = self._spec.name
        raise ModelError(
            f"{name}: the graph gives {output.dtype} of shape {given}, which are no scores of {next(iter(shape))} rows",
            fix=f"nightshift rollback {name}",
        )

    @cached_property
    def _outputs(self) -> list[str]:
        if isinstance(self.feeds, Matrix):
            return ["score"]
        return [self._label.output]


def _at_least(values: NDArray[Any], rows: int) -> NDArray[Any]:
    """Lines of an input as they lie side by side in memory; of too few the last is repeated."""
    missing = rows - len(values)
    if missing <= 0:
        return np.ascontiguousarray(values)
    return np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])


def _classes(trained_for: str | None) -> list[str]:
    """The classes in a graph's label; none of what has none."""
    try:
        identity = json.loads(trained_for or "{}")
        return list(identity.get("classes", ()))
    except (AttributeError, TypeError, ValueError, RecursionError):
        return []


def _feeds(spec: ModelSpec, metadata: dict[str, str]) -> Feeds:
    if METADATA in metadata:
        return _said(spec, metadata, METADATA, Matrix)
    if COLUMNS in metadata:
        names = _said(spec, metadata, COLUMNS, InputNames)
        return Columns(spec, names)
    return Columns(spec)


def _said(spec: ModelSpec, metadata: dict[str, str], key: str, kind: type[Stored]) -> Stored:
    """An entry of the metadata. Raises ``UnsafeGraph`` for one that cannot be read."""
    stored = metadata[key]
    try:
        return kind.model_validate_json(stored)
    except ValidationError as error:
        first, *_ = error.errors()
        reason = first["msg"]
        raise UnsafeGraph(f"{spec.name}: the graph's {key} is not of format 1: {reason}") from error


def fetch(spec: ModelSpec, key: str, sha256: str, stores: Stores) -> OnnxGraph:
    """A graph from the lake.

    Raises ``MissingPartition``, ``UnsafeGraph`` when its bytes are not the pinned ones, ``OtherLabel``.
    """
    body = by_content.body_of(
        key,
        sha256,
        stores,
        fix=f"nightshift rollback {spec.name}",
        error=UnsafeGraph,
    )
    return OnnxGraph(spec, body)
