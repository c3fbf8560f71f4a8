"""What is trained for each kind of label, that labels of any size can be learnt, and that a trainer is one file."""

import ast
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nightshift.errors import DataError, SpecError
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import to_onnx
from nightshift.spec import ModelSpec
from nightshift.spec.trainers import NAMED
from nightshift.training.trained_file import trusted_types
from nightshift.training.trainers import TRAINERS, trainer_of
from tests.training import as_rows

PAIRS = [(kind, name) for name in TRAINERS for kind in sorted(TRAINERS[name].labels)]


def test_the_trainers_are_those_that_a_spec_may_name() -> None:
    assert set(TRAINERS) == set(NAMED)


def test_a_trainer_is_in_one_file_and_elsewhere_only_where_the_spec_allows_it(repository: Path) -> None:
    package = repository / "pipelines" / "nightshift"
    naming = set()
    for file in package.rglob("*.py"):
        texts = {node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)}
        if texts & set(TRAINERS):
            naming.add(file.relative_to(package).as_posix())
    files = {f"training/trainers/{file.name}" for file in (package / "training/trainers").glob("[!_]*.py")}
    assert len(files) == len(TRAINERS)
    # The second knows the ranges that a search usually tries, the third has libraries, one named like a trainer.
    assert naming == {*files, "spec/trainers.py", "training/search/space.py", "training/machine.py"}


@pytest.mark.parametrize(
    ("kind", "trainer", "name"),
    [
        ("binary", "hist_gradient_boosting", "HistGradientBoostingClassifier"),
        ("multiclass", "logistic_regression", "LogisticRegression"),
        ("multiclass", "neural_network", "MLPClassifier"),
        ("regression", "hist_gradient_boosting", "HistGradientBoostingRegressor"),
        ("regression", "ridge", "Ridge"),
        ("regression", "neural_network", "MLPRegressor"),
        ("multiclass", "tabular_network", "NetworkClassifier"),
        ("regression", "tabular_network", "NetworkRegressor"),
    ],
)
def test_the_estimator_follows_the_label(of_kind: Callable[..., ModelSpec], kind: str, trainer: str, name: str) -> None:
    spec = of_kind(kind, trainer)
    assert type(trainer_of(spec).pipeline(spec)[-1]).__name__ == name


@pytest.mark.parametrize("name", TRAINERS)
def test_parameters_that_an_estimator_lacks_are_an_error_of_the_spec(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec], name: str
) -> None:
    kind = sorted(TRAINERS[name].labels)[0]
    spec = change(of_kind(kind, name), training={"parameters": {"no_such_thing": 3}})
    with pytest.raises(SpecError, match=r"training\.parameters: .*no_such_thing"):
        trainer_of(spec).pipeline(spec)


@pytest.mark.parametrize("trainer", [name for name, trainer in TRAINERS.items() if "regression" in trainer.labels])
def test_labels_far_from_zero_are_learnt(fitted: Callable[..., Any], trainer: str) -> None:
    """A network fitted to labels around 1000 as they are never gets there."""
    made = fitted("regression", trainer)
    label, holdout = label_type(made.spec), made.rows.holdout
    found = label.metrics(holdout.labels, label.predict(made.pipeline, model_inputs(made.spec, holdout.table)))
    assert found["r2"] > 0.9
    assert found["rmse"] < 3


@pytest.mark.parametrize(
    ("kind", "trainer", "parameters", "reason"),
    [
        ("binary", "hist_gradient_boosting", {"max_iter": 0}, r"max_iter must be an int .*Got 0 instead"),
        ("regression", "hist_gradient_boosting", {"max_features": "sqrt"}, "max_features must be a float"),
        ("regression", "hist_gradient_boosting", {"loss": "poisson"}, "loss='poisson' requires non-negative y"),
        ("binary", "logistic_regression", {"C": -1.0}, "C must be a float"),
        ("regression", "neural_network", {"hidden_layer_sizes": "64-x"}, "hidden_layer_sizes must be whole numbers"),
        ("regression", "neural_network", {"activation": "gelu"}, "activation must be a str among"),
        ("regression", "ridge", {"solver": "magic"}, "solver must be a str among"),
        ("binary", "tabular_network", {"dropout": 2}, "dropout must be a number from 0 to 0.9. Got 2"),
        ("regression", "tabular_network", {"hidden_layer_sizes": "64-x"}, "hidden_layer_sizes must be one or more"),
    ],
)
def test_values_that_scikit_learn_refuses_are_one_line_about_the_key(
    fitted: Callable[..., Any],
    change: Callable[..., ModelSpec],
    kind: str,
    trainer: str,
    parameters: dict[str, Any],
    reason: str,
) -> None:
    made = fitted(kind, trainer)
    spec = change(made.spec, training={"parameters": parameters})
    frame = model_inputs(spec, made.rows.train.table)
    # Around 0, so that some are negative.
    targets = made.rows.train.labels - made.rows.train.labels.mean() if kind == "regression" else made.rows.train.labels
    with pytest.raises(SpecError, match=rf"training\.parameters: (\S+ cannot be trained so: )?{reason}") as error:
        trainer_of(spec).fit(spec, as_rows(frame, targets))
    assert "\n" not in error.value.message


def test_numbers_beyond_float32_are_an_error_of_the_data_that_names_their_column(fitted: Callable[..., Any]) -> None:
    made = fitted("regression", "ridge")
    frame = model_inputs(made.spec, made.rows.train.table)
    frame.loc[3, "weight"] = np.float32(np.inf)
    with pytest.raises(DataError, match="weight has numbers that float32 cannot hold, and ridge"):
        trainer_of(made.spec).fit(made.spec, as_rows(frame, made.rows.train.labels))


@pytest.mark.parametrize(("kind", "name"), PAIRS)
@pytest.mark.parametrize("value", [None, 5.0])
def test_a_column_that_says_nothing_yet_is_trained_on_and_counts_for_nothing(
    fitted: Callable[..., Any], kind: str, name: str, value: float | None
) -> None:
    """Null in every training night, or the same in all of them; filled later. It was a traceback."""
    made = fitted(kind, name)
    frame = model_inputs(made.spec, made.rows.train.table)
    frame["amount"] = np.float32(np.nan if value is None else value)
    pipeline = trainer_of(made.spec).fit(made.spec, as_rows(frame, made.rows.train.labels))
    filled = frame.assign(amount=np.linspace(-1e3, 1e3, len(frame), dtype=np.float32))
    label = label_type(made.spec)
    before = label.predict(pipeline, frame)
    assert label.predict(pipeline, filled) == pytest.approx(before, rel=1e-3, abs=1e-3)


def test_a_column_with_a_value_in_one_row_of_many_is_trained_on(
    fitted: Callable[..., Any], change: Callable[..., ModelSpec]
) -> None:
    """Of many rows scikit-learn draws some to cut bins from, and none of those may have a value."""
    from nightshift.training.trainers import boosting

    made = fitted("binary")
    frame = model_inputs(made.spec, made.rows.train.table)
    rows = 250_000
    many = frame.loc[np.resize(np.arange(len(frame)), rows)].reset_index(drop=True)
    labels = np.resize(made.rows.train.labels, rows)
    for row, column in enumerate(["amount", "weight", "items", "express"]):
        many[column] = np.float32(np.nan)
        many.loc[row, column] = np.float32(1)
    assert rows > boosting.BINNED_ROWS
    spec = made.spec.model_copy(
        update={"training": made.spec.training.model_copy(update={"parameters": {"max_iter": 1}})}
    )
    pipeline = trainer_of(spec).fit(spec, as_rows(many, labels))
    assert pipeline.predict(frame).shape == (len(frame),)


@pytest.mark.parametrize(("kind", "name"), PAIRS)
def test_what_was_trained_is_read_back_with_the_trainer_s_own_trust(
    fitted: Callable[..., Any], kind: str, name: str
) -> None:
    """Nothing is pickled, and no trainer needs what only another one may construct."""
    from skops.io import dumps, loads

    made = fitted(kind, name)
    frame = model_inputs(made.spec, made.rows.holdout.table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = loads(dumps(made.pipeline), trusted=list(trusted_types(made.spec)))
    assert again.predict(frame).tolist() == made.pipeline.predict(frame).tolist()
    assert to_onnx(made.spec, again) == to_onnx(made.spec, made.pipeline)


def test_importing_the_trainers_changes_no_environment_and_loads_no_training_library() -> None:
    """Scoring may import what is beside them: the setting belongs to the training, not to the import."""
    script = (
        "import os, sys\n"
        "import nightshift.training.trainers, nightshift.scoring.engine\n"
        "assert 'OMP_WAIT_POLICY' not in os.environ\n"
        "assert not {'sklearn', 'torch', 'matplotlib'} & set(sys.modules)\n"
    )
    env = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    subprocess.run([sys.executable, "-c", script], env=env, check=True)


def test_a_training_lets_openmp_threads_sleep(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    trainer_of(spec).pipeline(spec)
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
