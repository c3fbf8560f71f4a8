"""The trained trees and the exported ones split at the same places, for every float32."""

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nightshift.errors import ModelError, UnsafeGraph
from nightshift.modelling.holdout import Split, split
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import float32_thresholds, split_values, to_onnx
from nightshift.optimization.forest_graph import floor32
from nightshift.scoring.feeds import COLUMNS
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.training import recipe
from nightshift.training.trainers import TRAINERS, trainer_of

BIG = float(np.finfo(np.float32).max) / 2


@given(st.floats(min_value=-BIG, max_value=BIG, allow_nan=False))
@example(0.0)
@example(-0.0)
@example(0.1)
@example(-0.1)
@example(1e-320)
@example(-1e-320)
@example(16_777_217.0)
def test_floor32_is_the_largest_float32_not_above(value: float) -> None:
    found = floor32(np.array([value]))[0]
    below = np.float32(found)
    assert float(below) == found
    assert found <= value
    assert float(np.nextafter(below, np.float32(np.inf))) > value


@given(st.floats(width=32, allow_nan=False, min_value=-(2.0**126)))
def test_floor32_leaves_a_float32_as_it_is(value: float) -> None:
    assert floor32(np.array([value]))[0] == value


@given(st.floats(width=32, allow_nan=False), st.floats(min_value=-1e30, max_value=1e30))
def test_a_float32_goes_the_same_way_at_the_floored_threshold(x: float, threshold: float) -> None:
    assert (x <= threshold) == (x <= floor32(np.array([threshold]))[0])


@pytest.fixture
def fitted_few(spec: ModelSpec, small_rows: Callable[..., pa.Table]) -> tuple[object, pa.Table]:
    # So few rows that the splits lie midway between two of them, where float32 cannot hold them all.
    rows = split(spec, small_rows(spec, nights=5)).train
    return trainer_of(spec).pipeline(spec).fit(model_inputs(spec, rows.table), rows.labels), rows.table


def near_splits(spec: ModelSpec, pipeline: object, table: pa.Table) -> object:
    """Rows of the table with weights on, just below and just above the trained splits."""
    frame = model_inputs(spec, table)
    position = 2 + list(frame.columns[2:]).index("weight")
    at = split_values(spec, pipeline)[position].astype(np.float32)
    edges = [at, np.nextafter(at, np.float32(1e9)), np.nextafter(at, np.float32(-1))]
    frame["weight"] = np.resize(np.concatenate(edges), len(frame))
    return frame


def test_float32_thresholds_score_float32_rows_alike(spec: ModelSpec, fitted_few: tuple[object, pa.Table]) -> None:
    pipeline, table = fitted_few
    changed = float32_thresholds(pipeline)
    for frame in (model_inputs(spec, table), near_splits(spec, pipeline, table)):
        assert np.array_equal(changed.predict_proba(frame), pipeline.predict_proba(frame))


def test_float32_thresholds_leave_the_original_alone(spec: ModelSpec, fitted_few: tuple[object, pa.Table]) -> None:
    pipeline, _ = fitted_few
    before = copy.deepcopy(split_values(spec, pipeline))
    changed = float32_thresholds(pipeline)
    after = split_values(spec, pipeline)
    assert {k: v.tolist() for k, v in after.items()} == {k: v.tolist() for k, v in before.items()}
    assert any((split_values(spec, changed)[k] != before[k]).any() for k in before)


def test_splits_are_known_by_column_of_trees_only(
    spec: ModelSpec, fitted_few: tuple[object, pa.Table], change: Callable[..., ModelSpec]
) -> None:
    pipeline, table = fitted_few
    found = split_values(spec, pipeline)
    assert set(found) <= set(range(len(spec.features)))
    assert all((np.diff(values) > 0).all() for values in found.values())
    linear = change(spec, training={"trainer": "logistic_regression", "parameters": {}})
    labels = np.arange(table.num_rows) % 2
    assert split_values(linear, trainer_of(linear).pipeline(linear).fit(model_inputs(linear, table), labels)) == {}


def test_the_same_model_gives_the_same_bytes(spec: ModelSpec, fitted_few: tuple[object, pa.Table]) -> None:
    pipeline, _ = fitted_few
    assert to_onnx(spec, pipeline) == to_onnx(spec, copy.deepcopy(pipeline))


PAIRS = [(kind, name) for name in TRAINERS for kind in sorted(TRAINERS[name].labels)]
# Names of outputs, of inputs and of nodes, ours and skl2onnx's.
TAKEN = {"kind": "label", "amount": "probabilities", "weight": "variable", "items": "output", "express": "f0"}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for name in TRAINERS for kind in sorted(TRAINERS[name].labels)]
)
def test_features_have_any_name(fitted: Callable[..., Any], kind: str, name: str) -> None:
    """They met the graph's outputs: it was trained on label1 then, and no training mended it."""
    made = fitted(kind, name)
    as_json = made.spec.model_dump(mode="json")
    columns = {TAKEN.get(column, column): rules for column, rules in as_json["columns"].items()}
    drift = {**as_json["drift"], "features": []}
    renamed = ModelSpec.model_validate({**as_json, "columns": columns, "drift": drift})
    table = made.rows.train.table
    table = table.rename_columns([TAKEN.get(column, column) for column in table.column_names])
    pipeline = recipe.fit(renamed, replace(made.rows.train, table=table))
    graph = OnnxGraph(renamed, to_onnx(renamed, pipeline))
    assert graph.features == renamed.features
    expected = label_type(renamed).predict(pipeline, model_inputs(renamed, table))
    assert graph.score(table) == pytest.approx(expected, rel=1e-5, abs=1e-6)
    # The same model by other names: names are no part of what is computed.
    plain = OnnxGraph(made.spec, to_onnx(made.spec, made.pipeline))
    assert np.array_equal(plain.score(made.rows.train.table), graph.score(table))


def test_a_graph_of_before_is_fed_by_the_names_of_its_features(fitted: Callable[..., Any]) -> None:
    """Its inputs are named after them, and it says nothing of its columns."""
    made = fitted("binary")
    model = onnx.load_model_from_string(to_onnx(made.spec, made.pipeline))
    names = {f"f{place}": name for place, name in enumerate(made.spec.features)}
    for graph_input in model.graph.input:
        graph_input.name = names[graph_input.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    del model.metadata_props[:]
    before = OnnxGraph(made.spec, model.SerializeToString())
    assert sorted(before.features) == sorted(made.spec.features)
    assert before.feeds.categories == {}
    table = made.rows.holdout.table
    assert np.array_equal(before.score(table), OnnxGraph(made.spec, to_onnx(made.spec, made.pipeline)).score(table))


def test_what_a_graph_says_of_its_columns_is_checked(fitted: Callable[..., Any]) -> None:
    made = fitted("binary")
    model = onnx.load_model_from_string(to_onnx(made.spec, made.pipeline))
    (entry,) = model.metadata_props
    assert entry.key == COLUMNS
    entry.value = '{"format": 2}'
    with pytest.raises(UnsafeGraph, match=r"nightshift\.columns is not of format 1"):
        OnnxGraph(made.spec, model.SerializeToString())


def test_what_has_no_onnx_form_is_a_model_error(
    spec: ModelSpec, fitted_few: tuple[object, pa.Table], change: Callable[..., ModelSpec]
) -> None:
    from sklearn.pipeline import Pipeline
    from sklearn.semi_supervised import LabelPropagation

    rng = np.random.default_rng(0)
    pipeline, _ = fitted_few
    strange = Pipeline([
        ("prepare", pipeline["prepare"]),
        ("classify", LabelPropagation().fit(rng.random((30, 6)), rng.integers(0, 2, 30))),
    ])
    with pytest.raises(ModelError, match="has no ONNX form") as error:
        to_onnx(change(spec, training={"trainer": "logistic_regression", "parameters": {}}), strange)
    assert error.value.fix == "choose another trainer"


FIT_AND_PRINT_DIGESTS = """
import hashlib, sys, warnings
from pathlib import Path
import numpy as np
import pyarrow.parquet as pq
warnings.simplefilter("ignore")
from nightshift.modelling.inputs import model_inputs
from nightshift.training.trainers import trainer_of
from nightshift.training.training_rows import TrainingRows
from nightshift.optimization.export import to_onnx
from nightshift.spec import ModelSpec
for file in sorted(Path(sys.argv[1]).glob("*.json")):
    spec = ModelSpec.model_validate_json(file.read_text())
    table = pq.read_table(file.with_suffix(".parquet"))
    labels = np.load(file.with_suffix(".npy"))
    rows = TrainingRows(model_inputs(spec, table), labels, np.arange(len(labels)))
    pipeline = trainer_of(spec).fit(spec, rows)
    print(file.stem, hashlib.sha256(to_onnx(spec, pipeline)).hexdigest())
"""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def test_every_process_trains_and_exports_the_same_bytes(
    of_kind: Callable[..., ModelSpec],
    change: Callable[..., ModelSpec],
    labelled: Callable[[ModelSpec], Split],
    tmp_path: Path,
) -> None:
    """A graph is known by its sha256: a gate sees by it that a model is the champion, and reproduce that it is again.

    The order of a set of strings differs between seeds, and that of a sum might between numbers of threads.
    """
    one_kind = {name: sorted(trainer.labels)[0] for name, trainer in TRAINERS.items()}
    for name, kind in one_kind.items():
        spec = of_kind(kind, name)
        if name == "neural_network":
            spec = change(spec, training={"parameters": {**spec.training.parameters, "max_iter": 10}})
        rows = labelled(spec).train
        file = tmp_path / f"{kind}-{name}"
        file.with_suffix(".json").write_text(spec.model_dump_json())
        pq.write_table(rows.table, file.with_suffix(".parquet"))
        np.save(file.with_suffix(".npy"), rows.labels)
    command = [sys.executable, "-c", FIT_AND_PRINT_DIGESTS, str(tmp_path)]
    digests = set()
    for seed, threads in (("0", "1"), ("1", "4"), ("2", "2")):
        env = {**os.environ, "PYTHONHASHSEED": seed, **dict.fromkeys(THREADS, threads)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        digests.add(done.stdout)
    (printed,) = digests
    assert len(printed.splitlines()) == len(TRAINERS)
