"""A model of each trainer, fitted once on the small rows."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from nightshift.modelling.holdout import Split, split
from nightshift.modelling.inputs import model_inputs
from nightshift.optimization.export import to_onnx
from nightshift.optimization.parity import ParityRows, parity_rows
from nightshift.optimization.variants.inputs import VariantInputs
from nightshift.optimization.variants.preprocessing import Prepared
from nightshift.spec import ModelSpec
from nightshift.training import recipe
from nightshift.training.unseen import UNSEEN

PARAMETERS: dict[str, dict[str, Any]] = {
    "logistic_regression": {},
    "neural_network": {"hidden_layer_sizes": "12-6", "max_iter": 400, "early_stopping": False, "tol": 1e-3},
    "tabular_network": {"hidden_layer_sizes": "12-6", "max_iter": 30, "learning_rate_init": 0.01, "batch_size": 128},
}


class Fitted(NamedTuple):
    spec: ModelSpec
    pipeline: Any
    rows: Split

    @property
    def prepared(self) -> Prepared:
        return Prepared(self.spec, self.pipeline)

    @property
    def parity_rows(self) -> ParityRows:
        """Holdout, edge rows, and training rows with nulls and strange categories anywhere."""
        held = parity_rows(self.spec, self.pipeline, self.rows.holdout.table)
        rng, train = np.random.default_rng(1), self.rows.train.table
        columns = {}
        for name in self.spec.features:
            values = train[name].combine_chunks().take(pa.array(rng.permutation(train.num_rows)))
            if self.spec.columns[name].nullable:
                values = pa.array(values.to_pylist(), values.type, mask=rng.random(train.num_rows) < 0.3)
            if not self.spec.columns[name].numeric:
                mask = rng.random(train.num_rows) < 0.2
                values = pa.array([UNSEEN if m else v for v, m in zip(values.to_pylist(), mask, strict=True)])
            columns[name] = values
        rows = pa.concat_tables([held.rows, pa.table(columns, schema=held.rows.schema)])
        return ParityRows(self.spec, rows, self.pipeline.predict_proba(model_inputs(self.spec, rows))[:, 1])

    @property
    def inputs(self) -> VariantInputs:
        return VariantInputs(self.spec, self.pipeline, self.rows.train, to_onnx(self.spec, self.pipeline))


@pytest.fixture
def fit(
    spec: ModelSpec, change: Callable[..., ModelSpec], small_rows: Callable[..., pa.Table]
) -> Callable[..., Fitted]:
    """``fit("neural_network", optimize={...})``: the small spec so changed, and its model."""

    def fitted(trainer: str = "hist_gradient_boosting", **changes: Any) -> Fitted:
        if trainer == "tabular_network":
            pytest.importorskip("torch", reason="torch, of the extra [networks], is not installed")
        parameters = PARAMETERS.get(trainer, spec.training.parameters)
        changed = change(spec, training={"trainer": trainer, "parameters": parameters}, **changes)
        rows = split(changed, small_rows(changed))
        pipeline = recipe.fit(changed, rows.train)
        return Fitted(changed, pipeline, rows)

    return fitted
