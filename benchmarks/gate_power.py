"""``gate.power``: the whole gate with every question on, on graphs that score rows.

World: two logistic scorers of one truth, each a graph of its own in ONNX Runtime. Both know what is late but for an
error that is drawn anew for each row, and the champion's is larger, by as much as makes the challenger better by so
many standard errors of the mean of 28 nights. Asked are the test on nights, floors, calibration, ten slices,
robustness, bytes, and seconds in alternating rounds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
from onnx import TensorProto, helper
from onnxruntime import InferenceSession

from benchmarks.gate import SEED, Share
from benchmarks.world import World
from nightshift.modelling.arrays import Float64s, Floats
from nightshift.modelling.gate import Behaviour, floors, judge, judge_behaviour
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import row_losses
from nightshift.spec import ModelSpec

RUNS = 600
NIGHTS = 28
ROWS = 200
SLICES = 10
PILOT_NIGHTS = 1_500
MISSING = 0.1
ERROR = 0.3
"""Of the challenger, in log odds."""
INPUTS = ("known", "rest", "error_of_challenger", "error_of_champion")
NUMBER = {"type": "float32"}
SPEC: dict[str, Any] = {
    "name": "judged",
    "description": "Pairs of models, made up.",
    "source": {"callable": "benchmarks.gate_power:nothing"},
    "partition": {"column": "day", "start": "2024-01-01"},
    "keys": ["row"],
    "columns": {
        "row": {"type": "int32", "feature": False},
        "site": {"type": "string"},
        "known": {**NUMBER, "nullable": True},
        **{name: NUMBER for name in INPUTS[1:]},
    },
    "label": {"column": "late", "delay_days": 1},
    "training": {"window_days": 76, "holdout_days": 28, "trainer": "logistic_regression"},
    "gates": {
        "slices": ["site"],
        "calibration": 0.05,
        "at_least": {"roc_auc": 0.55},
        "robustness": 0.01,
        "size_ratio": 1.5,
        "speed_ratio": 2.0,
        "resamples": 100,
    },
}


@dataclass(frozen=True)
class Scorer:
    """A graph that knows the odds but for ``error`` times one of the errors."""

    weights: tuple[float, float, float, float]

    def behaviour(self) -> Behaviour:
        """As the gate takes it: bytes, and scores of a table (n,), where nothing is known of what is missing."""
        graph = self._graph()
        session = InferenceSession(graph)

        def score(table: pa.Table) -> Floats:
            columns = [table[name].fill_null(0.0).to_numpy() for name in INPUTS]
            rows = np.column_stack(columns).astype(np.float32)
            (scores,) = session.run(None, {"rows": rows})
            return np.asarray(scores)

        return Behaviour(score, len(graph))

    def _graph(self) -> bytes:
        weights = helper.make_tensor("weights", TensorProto.FLOAT, [len(INPUTS)], self.weights)
        nodes = [
            helper.make_node("MatMul", ["rows", "weights"], ["odds"]),
            helper.make_node("Sigmoid", ["odds"], ["scores"]),
        ]
        graph = helper.make_graph(
            nodes,
            "scorer",
            [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", len(INPUTS)])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n"])],
            [weights],
        )
        opset = helper.make_opsetid("", 17)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


def figures(world: World) -> dict[str, float]:
    """Power at four and at three standard errors, with the lower bounds."""
    spec = ModelSpec.model_validate(SPEC)
    measured = {"gate.power_runs": float(RUNS)}
    for errors, name in ((4, "gate.power"), (3, "gate.power_at_3")):
        share = power(spec, errors, RUNS)
        world.console.print(f"{name}: {share.value:.1%} of {share.runs} are promoted")
        measured[name] = share.value
        measured[f"{name}_low"] = share.low
    return measured


def power(spec: ModelSpec, errors: int, runs: int) -> Share:
    """How often a challenger that is better by so many standard errors is promoted."""
    challenger = Scorer((1.0, 1.0, ERROR, 0.0)).behaviour()
    champion = _champion(_error_of_champion(errors))
    return Share(f"{errors} standard errors", _promoted(spec, challenger, champion, errors, runs), runs)


def _promoted(spec: ModelSpec, challenger: Behaviour, champion: Behaviour, errors: int, runs: int) -> int:
    promoted = 0
    for run in range(runs):
        rows = _rows(np.random.default_rng([SEED, errors, run]), NIGHTS)
        scores = challenger.score(rows.table)
        comparison = judge(spec, rows, scores, champion.score(rows.table))
        behaviour = judge_behaviour(spec, rows, challenger, champion)
        objections = comparison.with_answer(behaviour).objections
        missed = floors(spec, label_type(spec).metrics(rows.labels, scores))
        promoted += not objections and not missed
    return promoted


def _champion(error: float) -> Behaviour:
    return Scorer((1.0, 1.0, 0.0, error)).behaviour()


def _rows(random: np.random.Generator, nights: int) -> LabelledRows:
    count = nights * ROWS
    night = np.repeat(np.arange(nights), ROWS)
    weather = random.normal(0, 0.3, nights)[night]
    known = random.normal(0, 0.6, count)
    rest = random.normal(0, 1.0, count) + weather
    odds = known + rest
    labels = (random.random(count) < _probability(odds)).astype(np.float32)
    is_missing = random.random(count) < MISSING
    table = pa.table({
        "site": np.char.add("s", random.integers(0, SLICES, count).astype(str)),
        "known": pa.array(known.astype(np.float32), mask=is_missing),
        "rest": rest.astype(np.float32),
        "error_of_challenger": random.normal(size=count).astype(np.float32),
        "error_of_champion": random.normal(size=count).astype(np.float32),
    })
    return LabelledRows(table, labels, night)


def _probability(odds: Float64s) -> Float64s:
    return np.asarray(1 / (1 + np.exp(-odds)))


def _error_of_champion(errors: int) -> float:
    """By bisection, on nights that no run sees."""
    rows = _rows(np.random.default_rng([SEED, 1]), PILOT_NIGHTS)
    challenger = Scorer((1.0, 1.0, ERROR, 0.0)).behaviour()
    of_challenger = row_losses("log_loss", rows.labels, challenger.score(rows.table))
    low, high = ERROR, 3.0
    for _ in range(12):
        middle = (low + high) / 2
        better_by = _better_by(rows, of_challenger, _champion(middle).score)
        low, high = (middle, high) if better_by < errors else (low, middle)
    return (low + high) / 2


def _better_by(rows: LabelledRows, of_challenger: Floats, score: Callable[[pa.Table], Floats]) -> float:
    """In standard errors of the mean of 28 nights."""
    of_rows = of_challenger - row_losses("log_loss", rows.labels, score(rows.table))
    by_night = of_rows.reshape(PILOT_NIGHTS, ROWS).mean(axis=1)
    error = by_night.std() / NIGHTS**0.5
    return float(-by_night.mean() / error)
