"""An estimator by its path: from modules that the installation allows, and only what can be exported and read back."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nightshift.errors import SpecError
from nightshift.settings import settings
from nightshift.spec import ModelSpec
from nightshift.steps.check import try_training
from nightshift.training.trained_file import read_again
from nightshift.training.trainers import trainer_of
from tests.training import as_rows

OURS = """
from sklearn.linear_model import Ridge


class Held:
    pass


class Plain(Ridge):
    pass


class Strange(Ridge):
    def fit(self, X, y, sample_weight=None):
        self.held_ = Held()
        return super().fit(X, y, sample_weight)
"""


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module of the installation's own, ``ours_of_tests``, that it allows."""
    (tmp_path / "ours_of_tests.py").write_text(OURS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("NIGHTSHIFT_TRAINER_MODULES", "sklearn, ours_of_tests")
    settings.cache_clear()
    yield
    settings.cache_clear()
    sys.modules.pop("ours_of_tests", None)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("regression", "sklearn.linear_model.BayesianRidge"),
        ("regression", "sklearn.linear_model.PoissonRegressor"),
        ("binary", "sklearn.ensemble.ExtraTreesClassifier"),
        ("multiclass", "sklearn.discriminant_analysis.LinearDiscriminantAnalysis"),
    ],
)
def test_what_can_be_exported_is_trained_and_read_back(
    of_kind: Callable[..., ModelSpec], fitted: Callable[..., Any], kind: str, path: str
) -> None:
    try_training(of_kind(kind, path))
    made = fitted(kind, path)
    again = read_again(made.spec, made.pipeline)
    frame = made.pipeline[:-1].transform(as_rows_of(made).frame)
    assert again[-1].predict(frame).tolist() == made.pipeline[-1].predict(frame).tolist()


def as_rows_of(made: Any) -> Any:
    from nightshift.modelling.inputs import model_inputs

    return as_rows(model_inputs(made.spec, made.rows.train.table), made.rows.train.labels)


@pytest.mark.parametrize(
    ("kind", "path", "parameters", "reason"),
    [
        ("binary", "os.path", {}, "is of no module that this installation allows: sklearn"),
        ("binary", "sklearnish.linear_model.Ridge", {}, "is of no module that this installation allows"),
        ("binary", "sklearn.linear_model.Nothing", {}, "is not there: "),
        ("binary", "sklearn.nothing.Ridge", {}, "is not there: No module named"),
        ("binary", "sklearn.linear_model.BayesianRidge", {}, "is no classifier, which a binary label needs"),
        ("regression", "sklearn.preprocessing.StandardScaler", {}, "is no regressor"),
        ("regression", "sklearn.metrics.mean_squared_error", {}, "is no regressor"),
        ("binary", "sklearn.linear_model.RidgeClassifier", {}, "gives no probabilities"),
        ("binary", "sklearn.ensemble.HistGradientBoostingClassifier", {}, "is the trainer hist_gradient_boosting"),
        ("regression", "sklearn.linear_model.LassoCV", {}, "chooses by random rows of the nights that it learns"),
        ("regression", "sklearn.linear_model.SGDRegressor", {"early_stopping": True}, "stops early by random rows"),
        (
            "binary",
            "sklearn.ensemble.GradientBoostingClassifier",
            {"n_iter_no_change": 5},
            "stops early by random rows",
        ),
        ("regression", "sklearn.linear_model.BayesianRidge", {"alpha": 3}, "BayesianRidge has no alpha"),
        ("binary", "sklearn.naive_bayes.GaussianNB", {}, "has no ONNX form: operator .Pow is not allowed"),
        ("binary", "sklearn.dummy.DummyClassifier", {}, "has no ONNX form: Unable to find a shape calculator"),
        ("binary", "sklearn.discriminant_analysis.LinearDiscriminantAnalysis", {}, "has no ONNX form: its graph is "),
        ("binary", "sklearn.neighbors.RadiusNeighborsClassifier", {}, "has no ONNX form: No neighbors found"),
        ("regression", "sklearn.ensemble.VotingRegressor", {}, "missing 1 required positional argument: 'estimators'"),
    ],
)
def test_everything_else_is_refused_by_check_in_one_line(
    of_kind: Callable[..., ModelSpec],
    change: Callable[..., ModelSpec],
    kind: str,
    path: str,
    parameters: dict[str, Any],
    reason: str,
) -> None:
    spec = change(of_kind(kind, path), training={"parameters": parameters})
    with pytest.raises(SpecError) as error:
        try_training(spec)
    assert error.value.message.startswith(f"{spec.name}: training.")
    assert reason in error.value.message
    assert "\n" not in error.value.message


@pytest.mark.usefixtures("ours")
def test_an_installation_allows_modules_of_its_own_whose_files_hold_known_types(
    of_kind: Callable[..., ModelSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ours_of_tests
    from skl2onnx import update_registered_converter
    from skl2onnx.operator_converters.linear_regressor import convert_sklearn_linear_regressor
    from skl2onnx.shape_calculators.linear_regressor import calculate_linear_regressor_output_shapes

    for estimator in (ours_of_tests.Plain, ours_of_tests.Strange):
        update_registered_converter(
            estimator,
            f"Ours{estimator.__name__}",
            calculate_linear_regressor_output_shapes,
            convert_sklearn_linear_regressor,
        )
    try_training(of_kind("regression", "ours_of_tests.Plain"))
    with pytest.raises(SpecError, match=r"is made of types that ours_of_tests.Strange has not: .*Held"):
        try_training(of_kind("regression", "ours_of_tests.Strange"))
    monkeypatch.delenv("NIGHTSHIFT_TRAINER_MODULES")
    settings.cache_clear()
    with pytest.raises(SpecError, match="is of no module that this installation allows: sklearn"):
        try_training(of_kind("regression", "ours_of_tests.Plain"))


def test_a_module_that_is_not_allowed_is_not_even_imported(
    of_kind: Callable[..., ModelSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trap_of_tests.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    spec = of_kind("binary", "trap_of_tests.Estimator")
    with pytest.raises(SpecError, match="is of no module"):
        trainer_of(spec)
