"""What can be trained: scikit-learn pipelines with the preprocessing inside, so that ONNX carries it."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nightshift.errors import SpecError
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

# OpenMP threads that wait by spinning stall each other when other processes want the same cores: a fit
# of 3 CPU seconds was seen to take 5 minutes. Read when scikit-learn is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def fit(spec: ModelSpec, frame: "pd.DataFrame", labels: NDArray[Any]) -> "Pipeline":
    """A trained pipeline: features (n, k) in, P(label) or a number out. Raises ``SpecError``."""
    pipeline = build(spec)
    if spec.training.trainer == "neural_network" and pipeline[-1].loss == "squared_error":
        return _fit_scaled(pipeline, frame, labels)
    return pipeline.fit(frame, labels)


def build(spec: ModelSpec) -> "Pipeline":
    """An unfitted pipeline. Raises ``SpecError`` for parameters it has not."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    categories = [name for name in spec.features if not spec.columns[name].numeric]
    numbers = [name for name in spec.features if spec.columns[name].numeric]
    make = {
        "hist_gradient_boosting": _boosting,
        "logistic_regression": _logistic,
        "ridge": _ridge,
        "neural_network": _network,
    }[spec.training.trainer]
    try:
        for_categories, for_numbers, classifier = make(spec)
    except TypeError as error:
        raise SpecError(f"{spec.name}: training.parameters: {error}", fix="correct model.yaml") from error
    prepare = ColumnTransformer([("categories", for_categories, categories), ("numbers", for_numbers, numbers)])
    return Pipeline([("prepare", prepare), ("classify", classifier)])


def _fit_scaled(pipeline: "Pipeline", frame: "pd.DataFrame", labels: NDArray[Any]) -> "Pipeline":
    """Fit to standardised labels, since a network learns hardly anything else; then its last layer says label units.

    A wrapper that scales the label has no ONNX form. A last layer without activation needs none.
    """
    centre, width = float(labels.mean()), float(labels.std()) or 1.0
    network = pipeline.fit(frame, (labels - centre) / width)[-1]
    network.coefs_[-1] = network.coefs_[-1] * width
    network.intercepts_[-1] = network.intercepts_[-1] * width + centre
    return pipeline


def _boosting(spec: ModelSpec) -> tuple[Any, Any, Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)
    settings = {"early_stopping": False, **spec.training.parameters}
    trees = HistGradientBoostingRegressor if spec.label.type == "regression" else HistGradientBoostingClassifier
    return codes, "passthrough", trees(random_state=spec.training.seed, **settings)


def _logistic(spec: ModelSpec) -> tuple[Any, Any, Any]:
    from sklearn.linear_model import LogisticRegression

    settings = {"max_iter": 1000, **spec.training.parameters}
    return *_one_hot_and_scaled(), LogisticRegression(random_state=spec.training.seed, **settings)


def _ridge(spec: ModelSpec) -> tuple[Any, Any, Any]:
    from sklearn.linear_model import Ridge

    return *_one_hot_and_scaled(), Ridge(random_state=spec.training.seed, **spec.training.parameters)


def _network(spec: ModelSpec) -> tuple[Any, Any, Any]:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    settings: dict[str, Any] = {"early_stopping": True, **spec.training.parameters}
    # YAML has no tuples: one number is one layer, and "64-32" is two.
    sizes = [int(size) for size in str(settings.pop("hidden_layer_sizes", "64-32")).split("-")]
    network = MLPRegressor if spec.label.type == "regression" else MLPClassifier
    return *_one_hot_and_scaled(), network(hidden_layer_sizes=sizes, random_state=spec.training.seed, **settings)


def _one_hot_and_scaled() -> tuple[Any, Any]:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    return OneHotEncoder(handle_unknown="ignore"), numbers
