"""A trained scikit-learn pipeline as an ONNX graph that takes the same branches."""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nightshift.errors import ModelError
from nightshift.modelling.label_types import LabelType, label_type
from nightshift.scoring.graph import LABEL
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

OPSET = {"": 18, "ai.onnx.ml": 3}


def to_onnx(spec: ModelSpec, pipeline: "Pipeline") -> bytes:
    """Convert; one input (n, 1) per feature, output ``probabilities`` (n, classes) or ``variable`` (n, 1).

    Raises ``ModelError``.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    kinds = {name: FloatTensorType if spec.columns[name].numeric else StringTensorType for name in spec.features}
    try:
        model = convert_sklearn(
            float32_thresholds(pipeline),
            name=spec.name,
            initial_types=[(name, kind([None, 1])) for name, kind in kinds.items()],
            options={"zipmap": False} if hasattr(pipeline[-1], "predict_proba") else None,
            target_opset=OPSET,
        )
    except (RuntimeError, ValueError, NotImplementedError) as error:
        raise ModelError(
            f"{spec.name}: this pipeline has no ONNX form: {error}", fix="choose another trainer"
        ) from error
    return said(label_type(spec), bytes(model.SerializeToString()))


def said(task: LabelType, body: bytes) -> bytes:
    """The graph, saying for which label it was trained; that of a binary one says nothing."""
    import onnx

    if task.identity is None:
        return body
    model = onnx.load_model_from_string(body)
    if all(entry.key != LABEL for entry in model.metadata_props):
        model.metadata_props.append(onnx.StringStringEntryProto(key=LABEL, value=task.identity))
    return bytes(model.SerializeToString(deterministic=True))


def float32_thresholds(pipeline: "Pipeline") -> "Pipeline":
    """A copy whose trees split exactly where the trained ones do, in thresholds that float32 can hold.

    Features are float32, trained thresholds are float64, ONNX stores float32. For a float32 x,
    ``x <= t`` is ``x <= t'`` with t' the largest float32 not above t; rounding t to the nearest
    instead sends the rows on the boundary the other way.
    """
    changed = copy.deepcopy(pipeline)
    for predictor in _trees(changed[-1]):
        predictor.nodes["num_threshold"] = floor32(predictor.nodes["num_threshold"])
    return changed


def floor32(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest float32 not above each value, as float64."""
    nearest = values.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest.astype(np.float64) > values, below, nearest).astype(np.float64)


def split_values(pipeline: "Pipeline") -> dict[int, NDArray[np.float64]]:
    """The thresholds of each prepared column, by its position; empty for a model without trees."""
    found: dict[int, list[float]] = {}
    for predictor in _trees(pipeline[-1]):
        inner = predictor.nodes[~predictor.nodes["is_leaf"].astype(bool)]
        for feature, threshold in zip(inner["feature_idx"], inner["num_threshold"], strict=True):
            found.setdefault(int(feature), []).append(float(threshold))
    return {feature: np.unique(values) for feature, values in found.items()}


def _trees(classifier: Any) -> list[Any]:
    return [tree for stage in getattr(classifier, "_predictors", ()) for tree in stage]
