"""Small models of every kind of label, on the rows of the small one."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from nightshift.modelling.holdout import Split, split
from nightshift.spec import ModelSpec
from nightshift.training import recipe

CLASSES = ("on time", "Late", "late")
SMALL: dict[str, dict[str, Any]] = {
    "neural_network": {"hidden_layer_sizes": "12-6", "max_iter": 400, "early_stopping": False, "tol": 1e-3},
    "tabular_network": {"hidden_layer_sizes": "12-6", "max_iter": 30, "learning_rate_init": 0.01, "batch_size": 128},
}


@pytest.fixture
def networks() -> None:
    """A test that fits networks; a Python that torch is not installed for is tested without them."""
    if find_spec("torch") is None:
        pytest.skip("torch, of the extra [networks], is not installed")


class Fitted(NamedTuple):
    """A small model of one kind of label, and what it was fitted on."""

    spec: ModelSpec
    rows: Split
    pipeline: Any


def hours(table: pa.Table) -> np.ndarray:
    """How many hours late, far from 0: mostly a matter of the features; unknown where the small label is null."""
    frame = table.to_pandas()
    noise = np.random.default_rng(5).normal(0, 0.3, len(frame))
    found = 1000 + 3.0 * frame["items"] + 8.0 * (frame["kind"] == "shoe") - 6.0 * frame["express"] + noise
    return np.where(frame["late"].isna(), np.nan, found)


def relabelled(spec: ModelSpec, table: pa.Table) -> pa.Table:
    """The rows with labels of the spec's kind."""
    if spec.label.type == "binary":
        return table
    values = hours(table)
    labels: Any = pa.array(values, from_pandas=True)
    if spec.label.type == "multiclass":
        places = np.digitize(values, [1010, 1025])
        labels = pa.array([None if np.isnan(v) else CLASSES[p] for v, p in zip(values, places, strict=True)])
    if spec.label.type == "multilabel":
        labels = pa.array([None if np.isnan(value) else _passed(value) for value in values])
    return table.set_column(table.schema.get_field_index("late"), "late", labels)


def _passed(value: float) -> str:
    """The classes whose bound a value passes: none, some or all."""
    bounds = zip(CLASSES, (1005, 1015, 1025), strict=True)
    return "|".join(name for name, bound in bounds if value > bound)


@pytest.fixture
def of_kind(spec: ModelSpec, change: Callable[..., ModelSpec]) -> Callable[..., ModelSpec]:
    """``of_kind("regression", "ridge")``: the small spec with another kind of label."""

    def make(kind: str, trainer: str = "hist_gradient_boosting", **changes: Any) -> ModelSpec:
        has_classes = kind in ("multiclass", "multilabel")
        label = {"type": kind, "classes": list(CLASSES) if has_classes else []}
        label["quantiles"] = [0.1, 0.5, 0.9] if kind == "quantile" else []
        if trainer == "tabular_network":
            pytest.importorskip("torch", reason="torch, of the extra [networks], is not installed")
        parameters = spec.training.parameters if trainer == "hist_gradient_boosting" else SMALL.get(trainer, {})
        training = {"trainer": trainer, "parameters": parameters}
        return change(spec, label=label, training=training, **changes)

    return make


@pytest.fixture
def labelled(small_rows: Callable[..., pa.Table]) -> Callable[[ModelSpec], Split]:
    """``labelled(spec)``: the small one's rows, split, with labels of the spec's kind."""
    return lambda spec: split(spec, relabelled(spec, small_rows(spec)))


@pytest.fixture
def fitted(of_kind: Callable[..., ModelSpec], labelled: Callable[[ModelSpec], Split]) -> Callable[..., Fitted]:
    """``fitted("multiclass")``: a model of that kind, trained."""

    def make(kind: str, trainer: str = "hist_gradient_boosting", **changes: Any) -> Fitted:
        spec = of_kind(kind, trainer, **changes)
        rows = labelled(spec)
        return Fitted(spec, rows, recipe.fit(spec, rows.train))

    return make
