"""What a calibration promises of scores, on data whose probabilities are known."""

import numpy as np
import pytest

from nightshift.modelling.classification import roc_auc
from nightshift.modelling.metrics import row_losses
from nightshift.optimization.calibrated import calibrated
from nightshift.training.calibration import Calibration, calibration_of
from nightshift.training.calibration.learn import SAME, STEEPEST_BETWEEN_KNOTS
from nightshift.training.calibration.maps import Isotonic, Platt

METHODS = ["platt", "isotonic"]
DISTORTED = {
    "far too sure": (3.0, 0.0),
    "far too unsure": (0.3, 0.0),
    "weighted as if yes were frequent": (1.0, 3.0),
    "rare": (1.0, 0.0),
}


def world(case: str, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and scores, (rows,), of a model whose log odds are off by a line."""
    slope, shift = DISTORTED[case]
    random = np.random.default_rng(seed)
    odds = random.normal(-5.0 if case == "rare" else -1.0, 1.5, rows)
    outcomes = random.random(rows) < 1 / (1 + np.exp(-odds))
    scores = 1 / (1 + np.exp(-(slope * odds + shift)))
    return outcomes.astype(float), scores


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", DISTORTED)
def test_scores_that_are_off_by_a_line_come_to_hold_on_other_rows(case: str, method: str) -> None:
    outcomes, scores = world(case, 6_000, seed=1)
    calibration = calibration_of(method, outcomes[:, None], scores)
    others, of_others = world(case, 40_000, seed=2)
    mapped = calibration(of_others)
    error = np.sqrt(others.mean() * (1 - others.mean()) * (1 / 6_000 + 1 / 40_000))
    assert abs(mapped.mean() - others.mean()) < 4 * error
    true = 1 / (1 + np.exp(-((np.log(of_others / (1 - of_others)) - DISTORTED[case][1]) / DISTORTED[case][0])))
    best = row_losses("log_loss", others, true).mean()
    assert row_losses("log_loss", others, mapped).mean() < best + 0.01


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", DISTORTED)
def test_no_two_rows_change_places(case: str, method: str) -> None:
    outcomes, scores = world(case, 3_000, seed=3)
    mapped = calibration_of(method, outcomes[:, None], scores)(np.sort(scores))
    assert (np.diff(mapped) >= 0).all()
    assert mapped.min() >= 0
    assert mapped.max() <= 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", DISTORTED)
def test_what_float32_rounds_stays_within_what_parity_allows(case: str, method: str) -> None:
    outcomes, scores = world(case, 20_000, seed=4)
    calibration = calibration_of(method, outcomes[:, None], scores)
    exact = calibration(scores)
    given = np.nextafter(scores.astype(np.float32), np.float32(1))
    assert np.abs(run(calibration, given) - exact).max() < 1e-5


def test_a_score_says_nothing_new_where_few_outcomes_are_known() -> None:
    outcomes = np.zeros(2_000)
    outcomes[:4] = 1
    scores = np.linspace(0.01, 0.9, 2_000)
    assert calibration_of("isotonic", outcomes[:, None], scores).maps == (SAME,)


def test_few_rows_are_calibrated_by_a_line() -> None:
    outcomes, scores = world("far too sure", 900, seed=5)
    (line,) = calibration_of("isotonic", outcomes[:, None], scores).maps
    assert isinstance(line, Platt)


def test_knots_are_never_steeper_than_float32_can_follow() -> None:
    random = np.random.default_rng(6)
    scores = 0.5 + 1e-6 * random.random(5_000)
    outcomes = (random.random(5_000) < (scores - 0.5) * 1e6).astype(float)
    (lines,) = calibration_of("isotonic", outcomes[:, None], scores).maps
    assert isinstance(lines, Isotonic)
    slopes = np.diff(lines.shares) / np.diff(lines.scores)
    assert (slopes[1:-1] * lines.scores[2:-1] <= STEEPEST_BETWEEN_KNOTS).all()


def test_classes_go_on_to_sum_to_one() -> None:
    random = np.random.default_rng(7)
    raw = random.dirichlet([1, 2, 3], 3_000)
    outcomes = np.eye(3)[[random.choice(3, p=row) for row in raw]]
    sharp = raw**3 / (raw**3).sum(axis=1, keepdims=True)
    mapped = calibration_of("isotonic", outcomes, sharp, sums_to_one=True)(sharp)
    assert np.allclose(mapped.sum(axis=1), 1)
    assert np.abs(mapped.mean(axis=0) - outcomes.mean(axis=0)).max() < 0.02


def run(calibration: Calibration, scores: np.ndarray) -> np.ndarray:
    """A graph of nothing but a calibration."""
    import onnxruntime as ort
    from onnx import TensorProto, helper

    given = helper.make_tensor_value_info("given", TensorProto.FLOAT, [None, 1])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])
    node = helper.make_node("Identity", ["given"], ["score"], name="score")
    graph = helper.make_graph([node], "a", [given], [score])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    body = calibrated(model.SerializeToString(), calibration)
    (mapped,) = ort.InferenceSession(body).run(["score"], {"given": scores.astype(np.float32)[:, None]})
    return np.asarray(mapped[:, 0], np.float64)


def rare_and_weighted(base: float, weight: float, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes as rare as ``base``, about, and scores as if each had ``weight`` rows."""
    random = np.random.default_rng(8)
    odds = 1.5 * random.normal(size=60_000) + np.log(base) - 1
    outcomes = random.random(60_000) < 1 / (1 + np.exp(-odds))
    scores = 1 / (1 + np.exp(-(odds * slope + np.log(weight))))
    return outcomes.astype(float), scores


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("slope", [0.8, 1.1])
@pytest.mark.parametrize(("base", "weight"), [(0.005, 500), (0.05, 20)])
def test_a_calibration_orders_rows_as_scores_do(base: float, weight: float, slope: float, method: str) -> None:
    outcomes, scores = rare_and_weighted(base, weight, slope)
    mapped = calibration_of(method, outcomes[:, None], scores)(scores)
    assert roc_auc(outcomes == 1, mapped) == pytest.approx(roc_auc(outcomes == 1, scores), abs=1e-3)
    # The likeliest rows are told apart from those that are merely likely.
    highest = np.quantile(scores, 0.999)
    assert len(np.unique(mapped[scores > highest])) > 30
    assert mapped.max() > 1.5 * np.quantile(mapped, 0.98)


def test_scores_stay_as_they_are_where_a_line_would_make_many_of_them_one(caplog: pytest.LogCaptureFixture) -> None:
    random = np.random.default_rng(9)
    odds = random.normal(0, 3, 5_000)
    outcomes = random.random(5_000) < 1 / (1 + np.exp(-odds))
    scores = 1 / (1 + np.exp(-10 * odds))
    assert calibration_of("platt", outcomes[:, None].astype(float), scores).maps == (SAME,)
    assert "scores stay as they are" in caplog.text
