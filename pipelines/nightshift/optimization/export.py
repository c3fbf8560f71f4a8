"""A trained scikit-learn pipeline as an ONNX graph that takes the same branches."""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from nightshift.errors import ModelError
from nightshift.modelling.arrays import Float64s
from nightshift.modelling.label_types import LabelType, label_type
from nightshift.scoring.feeds import COLUMNS, InputNames, input_name
from nightshift.scoring.graph import LABEL
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

OPSET = {"": 18, "ai.onnx.ml": 3}


def to_onnx(spec: ModelSpec, pipeline: "Pipeline") -> bytes:
    """Convert; one input (n, 1) per feature, output ``probabilities`` (n, classes) or ``variable`` (n, 1).

    Inputs have names of ours: a feature called ``label`` would meet the graph's output of that name. Raises
    ``ModelError``.
    """
    from skl2onnx import convert_sklearn

    is_classifier = hasattr(pipeline[-1], "predict_proba")
    try:
        model = convert_sklearn(
            _with_input_names(spec, float32_thresholds(pipeline)),
            name=spec.name,
            initial_types=_input_types(spec),
            options={"zipmap": False} if is_classifier else None,
            target_opset=OPSET,
        )
    except (RuntimeError, ValueError, NotImplementedError, LookupError) as error:
        raise ModelError(
            f"{spec.name}: this pipeline has no ONNX form: {error}",
            fix="choose another trainer",
        ) from error
    _sort_opsets(model)
    names = InputNames(columns=spec.features, categories=seen_categories(spec, pipeline))
    _say(model, COLUMNS, names.model_dump_json())
    return with_label_identity(label_type(spec), serialized(model))


def serialized(model: Any) -> bytes:
    """Protobuf promises the same bytes for the same content only when asked."""
    return bytes(model.SerializeToString(deterministic=True))


def seen_categories(spec: ModelSpec, pipeline: "Pipeline") -> dict[str, tuple[str, ...]]:
    """The values that the trained encoder knows of each feature that is a string, in order of their codes."""
    texts = [name for name in spec.features if not spec.columns[name].numeric]
    if not texts:
        return {}
    encoder = pipeline["prepare"].named_transformers_["categories"]
    pairs = zip(texts, encoder.categories_, strict=True)
    return {name: tuple(map(str, values)) for name, values in pairs}


def _with_input_names(spec: ModelSpec, pipeline: "Pipeline") -> "Pipeline":
    """The pipeline, its columns called as the graph's inputs are; it is changed in place."""
    inputs = {name: input_name(place) for place, name in enumerate(spec.features)}
    prepare = pipeline["prepare"]
    renamed = []
    for part, transformer, columns in prepare.transformers_:
        names = [inputs[name] for name in columns]
        renamed.append((part, transformer, names))
    prepare.transformers_ = renamed
    return pipeline


def _sort_opsets(model: Any) -> None:
    """skl2onnx lists them in the order of a set, which differs from process to process: so would the file's sha256."""
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)
    del model.opset_import[:]
    model.opset_import.extend(opsets)


def _input_types(spec: ModelSpec) -> list[tuple[str, Any]]:
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types = []
    for place, name in enumerate(spec.features):
        tensor_type = FloatTensorType if spec.columns[name].numeric else StringTensorType
        types.append((input_name(place), tensor_type([None, 1])))
    return types


def with_label_identity(label: LabelType, body: bytes) -> bytes:
    """The graph, saying for which label it was trained; that of a binary one says nothing."""
    import onnx

    if label.identity is None:
        return body
    model = onnx.load_model_from_string(body)
    if all(entry.key != LABEL for entry in model.metadata_props):
        _say(model, LABEL, label.identity)
    return serialized(model)


def _say(model: Any, key: str, value: str) -> None:
    """One more entry of a graph's metadata."""
    import onnx

    entry = onnx.StringStringEntryProto(key=key, value=value)
    model.metadata_props.append(entry)


def float32_thresholds(pipeline: "Pipeline") -> "Pipeline":
    """A copy whose trees split exactly where the trained ones do, in thresholds that float32 can hold.

    Features are float32, trained thresholds are float64, ONNX stores float32. For a float32 x,
    ``x <= t`` is ``x <= t'`` with t' the largest float32 not above t; rounding t to the nearest
    instead sends the rows on the boundary the other way.
    """
    changed = copy.deepcopy(pipeline)
    for nodes in tree_nodes(changed[-1]):
        nodes["num_threshold"] = floor32(nodes["num_threshold"])
    return changed


def floor32(values: Float64s) -> Float64s:
    """The largest float32 not above each value, as float64."""
    nearest = values.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    too_large = nearest.astype(np.float64) > values
    floored = np.where(too_large, below, nearest)
    return floored.astype(np.float64)


def split_values(pipeline: "Pipeline") -> dict[int, Float64s]:
    """The thresholds of each prepared column, by its position; empty for a model without trees."""
    thresholds: dict[int, list[float]] = {}
    for nodes in tree_nodes(pipeline[-1]):
        leaf = nodes["is_leaf"].astype(bool)
        splits = nodes[~leaf]
        for feature, threshold in zip(splits["feature_idx"], splits["num_threshold"], strict=True):
            of_feature = thresholds.setdefault(int(feature), [])
            of_feature.append(float(threshold))
    return {feature: np.unique(values) for feature, values in thresholds.items()}


def tree_nodes(estimator: Any) -> list[Any]:
    """scikit-learn's array of nodes of each boosted tree, classes by turns; empty for an estimator without trees."""
    iterations = getattr(estimator, "_predictors", ())
    return [tree.nodes for trees in iterations for tree in trees]
