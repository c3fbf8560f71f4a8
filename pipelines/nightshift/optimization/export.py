"""A trained scikit-learn pipeline as an ONNX graph that takes the same branches."""

import copy
from typing import TYPE_CHECKING, Any

from nightshift.errors import ModelError
from nightshift.modelling.arrays import Float64s
from nightshift.modelling.label_types import LabelType, label_type
from nightshift.optimization.finish import finished
from nightshift.optimization.forest_graph import exp_nodes, floor32, forest_node, plain_scores
from nightshift.optimization.variants.onnx_file import OPSET, serialized
from nightshift.optimization.variants.tabular import plain_graph
from nightshift.scoring.feeds import COLUMNS, InputNames, input_name
from nightshift.scoring.graph import LABEL
from nightshift.spec import ModelSpec
from nightshift.training.calibration.pipeline import without_calibration
from nightshift.training.forest import Forest, NoTable
from nightshift.training.networks.estimator import TabularNetwork
from nightshift.training.trainers import trainer_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

PREPARED = "prepared_"
"""What names of values begin with that the preprocessing makes."""


def to_onnx(spec: ModelSpec, pipeline: "Pipeline") -> bytes:
    """Convert; one input (n, 1) per feature, output ``probabilities`` (n, classes) or ``variable`` (n, 1).

    Inputs have names of ours: a feature called ``label`` would meet the graph's output of that name. Raises
    ``ModelError``.
    """
    fitted = without_calibration(pipeline)
    categories = seen_categories(spec, pipeline)
    try:
        model = _plain(spec, fitted, categories)
    except (ArithmeticError, LookupError, MemoryError, RuntimeError, ValueError) as error:
        raise _no_form(spec, error) from error
    _sort_opsets(model)
    names = InputNames(columns=spec.features, categories=categories)
    _say(model, COLUMNS, names.model_dump_json())
    body = with_label_identity(label_type(spec), serialized(model))
    return finished(spec, pipeline, body)


def _plain(spec: ModelSpec, pipeline: "Pipeline", categories: dict[str, tuple[str, ...]]) -> Any:
    estimator = pipeline[-1]
    if isinstance(estimator, TabularNetwork):
        return plain_graph(spec, estimator, categories)
    forest = trained_forest(spec, pipeline)
    if forest and _has_no_converter(pipeline, forest):
        return _with_forest(spec, pipeline, forest)
    if has_log_link(estimator):
        return _with_exponential(spec, pipeline)
    return _converted(spec, float32_thresholds(pipeline))


def trained_forest(spec: ModelSpec, pipeline: "Pipeline") -> Forest | None:
    """The boosted trees of a trained pipeline; None where it has none. Raises ``ModelError``."""
    trainer = trainer_of(spec)
    try:
        return trainer.trees(pipeline[-1])
    except (ArithmeticError, NoTable) as error:
        raise _no_form(spec, error) from error


def _no_form(spec: ModelSpec, error: Exception) -> ModelError:
    return ModelError(
        f"{spec.name}: this pipeline has no ONNX form: {error}",
        fix="choose another trainer",
    )


def _has_no_converter(pipeline: "Pipeline", forest: Forest) -> bool:
    """Whether skl2onnx knows not the estimator, rounds more than need be, or leaves out what makes scores."""
    return not hasattr(pipeline[-1], "_predictors") or forest.link == "Exp"


def _converted(spec: ModelSpec, pipeline: "Pipeline") -> Any:
    """As skl2onnx does it; the pipeline is changed."""
    from skl2onnx import convert_sklearn

    has_options = hasattr(pipeline[-1], "predict_proba")
    return convert_sklearn(
        _with_input_names(spec, pipeline),
        name=spec.name,
        initial_types=_input_types(spec),
        options={"zipmap": False} if has_options else None,
        target_opset=OPSET,
    )


def _with_forest(spec: ModelSpec, pipeline: "Pipeline", forest: Forest) -> Any:
    """The preprocessing as skl2onnx converts it, and the forest behind it."""
    label = label_type(spec)
    model = _converted(spec, copy.deepcopy(pipeline[:-1]))
    graph = model.graph
    (matrix,) = graph.output
    _rename_inner_values(graph)
    nodes, constants = plain_scores(label, forest, "raw")
    graph.node.append(forest_node(forest, PREPARED + matrix.name, "raw"))
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    del graph.output[:]
    graph.output.append(_scores(label.output, 2 if label.has_threshold else len(forest.base)))
    return model


def has_log_link(estimator: Any) -> bool:
    """Whether a linear model's predictions are the exponential of its sums."""
    loss = getattr(estimator, "_base_loss", None)
    return loss is not None and type(loss.link).__name__ == "LogLink"


def _with_exponential(spec: ModelSpec, pipeline: "Pipeline") -> Any:
    """The sums as skl2onnx converts them, without the intercept, and the exponential of both behind them."""
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import Pipeline

    label = label_type(spec)
    estimator = pipeline[-1]
    sums = LinearRegression()
    sums.coef_ = estimator.coef_
    sums.intercept_ = 0.0
    model = _converted(spec, Pipeline([*copy.deepcopy(pipeline.steps[:-1]), ("sums", sums)]))
    graph = model.graph
    (raw,) = graph.output
    _rename_inner_values(graph)
    nodes, constants = exp_nodes([estimator.intercept_], PREPARED + raw.name, label.output)
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    return model


def _rename_inner_values(graph: Any) -> None:
    """Of what skl2onnx calls as it likes, nothing may meet a name of ours."""
    inputs = {value.name for value in graph.input}
    for node in graph.node:
        for values in (node.input, node.output):
            renamed = [value if value in inputs else PREPARED + value for value in values]
            values[:] = renamed
    for constant in graph.initializer:
        constant.name = PREPARED + constant.name


def _scores(name: str, width: int) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])


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
    """A copy whose trees split exactly where the trained ones do, in thresholds that float32 can hold."""
    changed = copy.deepcopy(pipeline)
    for nodes in tree_nodes(changed[-1]):
        nodes["num_threshold"] = floor32(nodes["num_threshold"])
    return changed


def split_values(spec: ModelSpec, pipeline: "Pipeline") -> dict[int, Float64s]:
    """The thresholds of each prepared column, by its position; empty for a model without trees."""
    forest = trained_forest(spec, pipeline)
    return forest.splits() if forest else {}


def tree_nodes(estimator: Any) -> list[Any]:
    """scikit-learn's array of nodes of each boosted tree, classes by turns; empty for an estimator without trees."""
    iterations = getattr(estimator, "_predictors", ())
    return [tree.nodes for trees in iterations for tree in trees]
